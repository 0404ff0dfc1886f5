"""genbench score RUN: old samples get the scores they lack; nothing is trained and nothing that was there is lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from run_directories import files_of, folder_of
from sessions import DOTS, play, write_plugin

from genbench.cli.main import main
from genbench.plan.cell import REAL
from genbench.record.store import read_records
from genbench.record.validation import validate

SPREAD = """
@dataclass(frozen=True)
class Config:
    power: float = 1.0

def spread(evidence, config):
    return Score(float(evidence.fake.std() ** config.power))

@hookimpl
def genbench_register():
    return [MetricSpec("spread", spread, Config, "how wide", version=VERSION)]
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin of the dataset and a run of two models, scored by one metric."""
    folder = tmp_path_factory.mktemp("trained")
    play(folder, metrics="gap")
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return tmp_path


def plugin(folder: Path, version: int = 1) -> list[str]:
    path = write_plugin(folder / f"spread{version}.py", SPREAD.replace("VERSION", str(version)))
    return ["--plugin", str(folder / "dots.py"), "--plugin", str(path)]


def records(run: Path) -> dict[str, dict]:
    return {record["label"]: record for record in read_records(run)}


def values(record: dict) -> dict[str, float]:
    return {score["metric"]: score["value"] for score in record["scores"]}


def test_a_new_metric_is_added_to_the_old_scores(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, before = folder / "run", records(folder / "run")
    kept = {name: content for name, content in files_of(run).items() if name.endswith(("1.json", "samples.npz"))}
    assert main(["score", str(run), *plugin(folder), "--metrics", "spread"]) == 0
    out, _ = capsys.readouterr()
    assert "spread" in out
    assert {name: files_of(run)[name] for name in kept} == kept, "no attempt and no samples were touched"
    after = records(run)
    assert after.keys() == before.keys() == {REAL, "good", "exact"}
    for label, record in after.items():
        samples = np.load(folder_of(run, record) / "samples.npz")["samples"]
        assert (record["attempt"], record["status"], record["rescored"]) == (2, "ok", True)
        assert values(record)["gap"] == values(before[label])["gap"]
        assert values(record).keys() == {"gap", "spread"}
        assert values(record)["spread"] > 0
        assert len(samples)
        assert set(record["metrics"]) == {"gap", "spread"}
        for name in ("model_config", "dataset_config", "seed", "budget", "device", "identity", "provenance", "machine",
                     "fingerprint", "session", "density", "label", "dataset_label"):  # fmt: skip
            assert record.get(name) == before[label].get(name), name
        old = {name: value for name, value in before[label]["timings"].items() if name != "score_s"}
        assert {name: value for name, value in record["timings"].items() if name != "score_s"} == old
        assert record["trained"]["ended"] == before[label]["ended"]
    good = next(score for score in after["good"]["scores"] if score["metric"] == "spread")
    assert good["floor"] == values(after[REAL])["spread"]
    assert validate(run).problems == []


def test_what_is_there_is_not_made_again_and_what_changed_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = folder / "run"

    def score(*arguments: str) -> dict[str, int]:
        assert main(["score", str(run), *arguments, "--json"]) == 0
        capsys.readouterr()
        return {label: record["attempt"] for label, record in records(run).items()}

    assert set(score(*plugin(folder), "--metrics", "spread").values()) == {2}
    assert set(score(*plugin(folder), "--metrics", "spread").values()) == {2}, "nothing to do"
    assert set(score(*plugin(folder, 2), "--metrics", "spread").values()) == {3}, "another version"
    assert [s["version"] for s in records(run)["good"]["scores"] if s["metric"] == "spread"] == [2]
    before = values(records(run)["good"])["spread"]
    assert set(score(*plugin(folder, 2), "--metrics", "spread", "--set", "spread.power=2").values()) == {4}
    assert values(records(run)["good"])["spread"] == pytest.approx(before**2)
    play(folder, metrics="gap")
    assert set(score(*plugin(folder, 2), "--metrics", "gap").values()) == {4}, "resumed and scored alike"


def test_the_models_plugin_may_be_gone_and_the_datasets_may_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folder / "run"
    only_data = DOTS.replace('        ModelSpec("good"', '        # ModelSpec("good"')
    (folder / "dots.py").write_text(only_data.replace('        ModelSpec("exact"', '        # ModelSpec("exact"'))
    assert main(["score", str(run), *plugin(folder), "--metrics", "spread"]) == 0
    assert "spread" in values(records(run)["good"])
    capsys.readouterr()
    assert main(["score", str(run), "--metrics", "energy"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "dataset 'dots'" in err
    assert "is not installed; install it, or name its file with --plugin" in err


def test_samples_that_are_missing_are_named_and_the_others_scored(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folder / "run"
    (folder_of(run, records(run)["exact"]) / "samples.npz").unlink()
    assert main(["score", str(run), *plugin(folder), "--metrics", "spread"]) == 3
    _, err = capsys.readouterr()
    assert "1 cells are not scored: their samples.npz is missing" in err
    assert "exact x dots seed 0" in err
    assert "spread" in values(records(run)["good"])
    assert "spread" not in values(records(run)["exact"])
    for record in records(run).values():
        (folder_of(run, record) / "samples.npz").unlink(missing_ok=True)
    assert main(["score", str(run), *plugin(folder), "--metrics", "spread"]) == 2
    assert "nothing can be scored" in capsys.readouterr().err


def test_data_that_are_no_longer_those_are_not_scored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, before = folder / "run", records(folder / "run")
    (folder / "dots.py").write_text(DOTS.replace("rng.normal(3, 2,", "rng.normal(3, 4,"))
    assert main(["score", str(run), *plugin(folder), "--metrics", "spread"]) == 3
    assert "gives other data than the model was trained on" in capsys.readouterr().err
    assert records(run) == before, "the scores of before still count"


class Evil:
    def __reduce__(self) -> tuple:
        return Path.touch, (Path("/tmp/genbench-was-here"),)


def test_samples_that_are_a_pickle_are_never_opened(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, before = folder / "run", records(folder / "run")
    np.savez(folder_of(run, before["good"]) / "samples.npz", samples=np.array([Evil()], dtype=object))
    assert main(["score", str(run), *plugin(folder), "--metrics", "spread"]) == 3
    assert "their samples.npz is damaged" in capsys.readouterr().err
    assert not Path("/tmp/genbench-was-here").exists()
    assert records(run)["good"] == before["good"]
    assert "spread" in values(records(run)["exact"])


def test_a_metric_that_failed_is_tried_again(folder: Path) -> None:
    run = folder / "run"
    broken = SPREAD.replace("VERSION", "1").replace("return Score(", "1 / 0; return Score(")
    path = write_plugin(folder / "spread1.py", broken)
    given = ["--plugin", str(folder / "dots.py"), "--plugin", str(path), "--metrics", "spread", "--json"]
    assert main(["score", str(run), *given]) == 3
    assert values(records(run)["good"])["spread"] is None
    (folder / "other").mkdir()
    mended = write_plugin(folder / "other" / "spread1.py", SPREAD.replace("VERSION", "1"))
    given[3] = str(mended)
    assert main(["score", str(run), *given]) == 0
    assert values(records(run)["good"])["spread"] > 0


def test_scores_may_go_into_a_new_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files_of(folder / "run")
    out = folder / "scored"
    assert main(["score", str(folder / "run"), *plugin(folder), "--metrics", "spread", "--out", str(out)]) == 0
    assert files_of(folder / "run") == before
    assert values(records(out)["good"]).keys() == {"gap", "spread"}
    told = capsys.readouterr().out
    assert str(out) in told


def test_a_file_of_the_users_is_found_again_by_its_contents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = np.random.default_rng(0).normal(size=(80, 2))
    data = tmp_path / "mine.npy"
    np.save(data, rows)
    run = tmp_path / "run"
    given = ["-m", "gaussian", "--data", str(data), "--preset", "smoke", "--metrics", "w1_marginal"]
    assert main(["run", *given, "--out", str(run)]) == 0
    assert main(["score", str(run), "--metrics", "frechet", "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out[out.index('{\n  "runs"') :])["runs"][0]["new"] == ["frechet"]
    assert values(records(run)["gaussian"]).keys() == {"w1_marginal", "frechet"}
    data.unlink()
    assert main(["score", str(run), "--metrics", "energy"]) == 2
    assert "mine.npy of dataset 'mine.npy' does not exist any more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["RUN", "--real", "a.npy"], "--real applies to files"),
        (["RUN", "--columns", "a"], "--columns applies to files"),
        (["--real", "a.npy", "--fake", "b.npy", "--jobs", "2"], "--jobs applies to runs"),
        (["--real", "a.npy", "--fake", "b.npy", "--timeout", "9s"], "--timeout applies to runs"),
        (["RUN", "--metrics", "enrgy"], "did you mean 'energy'?"),
        (["RUN", "--jobs", "0"], "--jobs 0: expected at least 1"),
        (["RUN", "--timeout", "5"], "--timeout 5: expected a time"),
        (["RUN/absent"], "no run here"),
        (["--fake", "b.npy"], "missing option '--real', or the directory of a run"),
        ([], "missing option '--real', or the directory of a run"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], said: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_of(trained)
    assert main(["score", *(argument.replace("RUN", str(trained / "run")) for argument in arguments)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert said in err
    assert files_of(trained) == before

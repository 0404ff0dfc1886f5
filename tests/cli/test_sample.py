"""``genbench sample``: from a run on a user's file to a file of samples like it, and errors of one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import genbench
from genbench.cli.main import main
from genbench.record.store import MODEL_FILE


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a csv file with an integer, a category and an energy that is a condition; two seeds."""
    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    energy, kind = rng.uniform(10, 100, 600), rng.choice(["e", "mu"], 600)
    pt = energy * np.where(kind == "e", 0.4, 0.8) + rng.normal(0, 1, 600)
    frame = pd.DataFrame({"njet": rng.integers(1, 6, 600), "pt": pt.round(3), "energy": energy.round(3), "kind": kind})
    frame.to_csv(folder / "events.csv", index=False)
    arguments = ["-m", "gaussian,memoriser", "--preset", "smoke", "--seeds", "2", "--metrics", "energy,c2st"]
    data = ["--data", str(folder / "events.csv"), "--given", "energy,kind"]
    assert main(["run", *arguments, *data, "--out", str(folder / "run")]) == 0
    return folder / "run"


def sample(run: Path, model: str, out: Path, *options: str) -> int:
    return main(["sample", str(run), model, "-o", str(out), *options])


def test_the_model_of_the_best_seed_is_kept(run: Path) -> None:
    assert len(list(run.glob(f"cells/*/*/{MODEL_FILE}"))) == 2  # of 2 models, 2 seeds each


def test_samples_look_like_the_file(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sample(run, "gaussian", tmp_path / "new", "-n", "300", "--given", "energy=50,kind=mu") == 0
    out, err = capsys.readouterr()
    assert "300 samples of gaussian on events.csv" in out
    assert "restored as trained by genbench" in err
    frame = pd.read_csv(tmp_path / "new.csv")  # the suffix of the file of the data
    assert list(frame) == ["njet", "pt", "energy", "kind"]
    assert frame["njet"].dtype == np.int64
    assert (frame["energy"] == 50).all()
    assert (frame["kind"] == "mu").all()
    assert abs(frame["pt"].mean() - 40) < 3


def test_without_values_conditions_are_those_of_the_data(run: Path, tmp_path: Path) -> None:
    assert sample(run, "memoriser", tmp_path / "new.parquet", "-n", "50") == 0
    frame = pd.read_parquet(tmp_path / "new.parquet")
    assert frame["kind"].nunique() == 2
    assert frame["energy"].nunique() > 20


def test_a_seed_gives_the_same_samples_and_another_others(run: Path, tmp_path: Path) -> None:
    given = ("--given", "energy=50", "--given", "kind=e")
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert sample(run, "gaussian", tmp_path / f"{name}.csv", "--seed", seed, *given) == 0
    a, b, c = ((tmp_path / f"{name}.csv").read_text() for name in "abc")
    assert a == b != c


def test_json_says_what_was_drawn(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sample(run, "gaussian", tmp_path / "a.npy", "-n", "7", "--given", "energy=50,kind=e", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["samples"], facts["model"], facts["given"]) == (7, "gaussian", {"energy": "50", "kind": "e"})
    assert facts["samples_per_s"] > 0


def test_from_python_the_same_model_is_at_hand(run: Path) -> None:
    model = genbench.load(run).model("gaussian")
    assert model.sample(5, {"energy": 20, "kind": "e"}).shape == (5, 2)
    assert [column.name for column in model.columns] == ["njet", "pt"]


def test_a_file_that_is_there_stays_unless_asked(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("mine")
    given = ("--given", "energy=50,kind=e")
    assert sample(run, "gaussian", tmp_path / "a.csv", *given) == 2
    assert "is there already; --overwrite replaces it" in capsys.readouterr().err
    assert (tmp_path / "a.csv").read_text() == "mine"
    assert sample(run, "gaussian", tmp_path / "a.csv", *given, "--overwrite") == 0


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("gausian", (), "no trained model 'gausian' in this run, did you mean 'gaussian'"),
        ("gaussian", ("--given", "energy"), "--given 'energy': expected NAME=VALUE"),
        ("gaussian", ("--given", "energy=1,energy=2"), "'energy' is named twice"),
        ("gaussian", ("--given", "energy=1"), "kind is missing"),
        ("gaussian", ("-d", "moons"), "gaussian was not trained on 'moons'"),
        ("gaussian", ("-n", "0"), "0 samples: expected at least 1"),
        ("gaussian", ("--model-seed", "7"), "it was with 0, 1"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str, options: tuple[str, ...], message: str
) -> None:
    assert sample(run, model, tmp_path / "a.csv", *options) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error
    assert not (tmp_path / "a.csv").exists()


def test_a_damaged_file_is_refused(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in run.glob(f"cells/*/*/{MODEL_FILE}"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    assert sample(run, "gaussian", tmp_path / "a.csv", "--given", "energy=50,kind=e") != 0
    assert "damaged" in capsys.readouterr().err

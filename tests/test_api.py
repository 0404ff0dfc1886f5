"""genbench from Python: runs from a plain script, scores of arrays and files, results read back."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sessions import DOTS

import genbench
from genbench.errors import ConfigError, UnknownName, UserError

SCRIPT = """
print("started")
import genbench
results = genbench.run(
    models=["good", "exact"], datasets="dots", metrics="gap", preset="smoke", budget="5steps", device="cpu", seeds=2,
    plugins=["dots.py"], settings={{"good.rate": 0.5}}, out="run", jobs=2,
)
table = results.table()
print(sorted(set(table["label"])), len(results.records), len(results.failures))
"""


@pytest.fixture
def dots(tmp_path: Path) -> Path:
    (tmp_path / "dots.py").write_text(DOTS)
    return tmp_path / "dots.py"


def few(dots: Path, **said):
    known = {"models": "good,-gaussian,-memoriser", "datasets": "dots", "metrics": "gap", "preset": "smoke",
             "budget": "5steps", "device": "cpu", "plugins": [dots], "out": dots.parent / "run", "jobs": 2}  # fmt: skip
    return genbench.run(**known | said)


def test_a_plain_script_without_a_main_guard_runs_once(dots: Path) -> None:
    (dots.parent / "script.py").write_text(SCRIPT.format())
    ran = subprocess.run(
        [sys.executable, "script.py"], cwd=dots.parent, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "started", "['exact', 'gaussian', 'good[rate=0.5]', 'memoriser', 'real'] 10 0",
    ]  # fmt: skip
    assert ran.stderr == ""  # quiet where there is no terminal
    assert genbench.load(dots.parent / "run").table().equals(genbench.load(str(dots.parent / "run")).table())


def test_results_are_a_table_and_can_be_read_back(dots: Path) -> None:
    results = few(dots)
    table = results.table()
    assert isinstance(table, pd.DataFrame)
    assert set(table["label"]) == {"good", "real"}
    loaded = genbench.load(dots.parent / "run")
    assert [r["key"] for r in loaded.records] == [r["key"] for r in results.records]
    pd.testing.assert_frame_equal(loaded.table(), table)


def test_names_may_be_text_or_a_list(dots: Path) -> None:
    text = few(dots, models="good,exact,-gaussian,-memoriser")
    several = few(dots, models=["good", "exact", "-gaussian", "-memoriser"], datasets=["dots"], plugins=str(dots))
    assert [r["key"] for r in text.records] == [r["key"] for r in several.records]


def test_data_of_ones_own_is_a_dataset(dots: Path, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).lognormal(size=(60, 2))
    path = tmp_path / "mine.csv"
    pd.DataFrame(rows, columns=["mass", "width"]).to_csv(path, index=False)
    results = few(dots, datasets=(), data=path, data_options={"log": ["mass"]})
    [record] = [record for record in results.records if record["label"] == "good"]
    assert (record["status"], record["dataset"]) == ("ok", "mine.csv")
    assert record["sizes"] == {"train": 42, "test": 9, "reference": 9}


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ({"models": "goood"}, UnknownName, "did you mean 'good'"),
        ({"settings": {"good.rat": 1}}, ConfigError, "did you mean 'rate'"),
        ({"settings": {"good": 1}}, ConfigError, "settings"),
        ({"settings": {"good.rate": "fast"}}, ConfigError, "expected float"),
        ({"device": "gpu"}, UserError, "expected auto, cpu"),
        ({"device": "cuda:99"}, UserError, "cuda:99"),
        ({"budget": "1"}, UserError, "--budget 1"),
        ({"jobs": 0}, UserError, "--jobs 0"),
        ({"jobs": -3}, UserError, "--jobs -3"),
        ({"timeout": 0}, UserError, "timeout"),
        ({"seeds": 0}, UserError, "--seeds 0"),
        ({"data": "absent.csv"}, UserError, "absent.csv"),
        ({"data_options": {"log": ["x"]}}, UserError, "--log"),
        ({"plugins": ["absent.py"]}, UserError, "no such file"),
    ],
)
def test_what_cannot_be_meant_is_told_and_nothing_is_written(dots: Path, said: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        few(dots, **said)
    assert not (dots.parent / "run").exists()


# --------------------------------------------------------------------------------------------------------------- scores


@pytest.fixture
def rows() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(0, 3, (400, 2)) for name in ("real", "fake", "train", "reference")}


def by_metric(scores: list[dict]) -> dict[str, dict]:
    return {score["metric"]: score for score in scores}


def test_arrays_and_files_score_alike(rows: dict[str, np.ndarray], tmp_path: Path) -> None:
    metrics = ["energy", "wasserstein"] if "wasserstein" in _metrics() else ["energy"]
    from_arrays = genbench.score(**rows, metrics=metrics)
    paths = {}
    for name, values in rows.items():
        paths[name] = tmp_path / f"{name}.npy"
        np.save(paths[name], values)
    from_files = genbench.score(**paths, metrics=metrics)
    assert [s["metric"] for s in from_arrays] == metrics
    for a, b in zip(from_arrays, from_files, strict=True):
        assert {k: v for k, v in a.items() if k != "seconds"} == {k: v for k, v in b.items() if k != "seconds"}
        assert (a["n_real"], a["n_fake"], a["space"]) == (400, 400, "standardised")
        assert a["floor"] is not None


def _metrics() -> set[str]:
    from genbench.registry.registry import Registry

    return set(Registry.discover().metrics)


def test_standardised_scores_do_not_depend_on_the_units_and_raw_ones_do(rows: dict[str, np.ndarray]) -> None:
    larger = {name: 10 * values + 5 for name, values in rows.items()}

    def energy(given: dict[str, np.ndarray], space: str) -> float:
        return by_metric(genbench.score(**given, metrics="energy", space=space))["energy"]["value"]

    assert energy(larger, "standardised") == pytest.approx(energy(rows, "standardised"), rel=1e-9)
    assert energy(larger, "raw") == pytest.approx(10 * energy(rows, "raw"), rel=1e-9)


def test_worse_samples_score_worse_than_the_floor(rows: dict[str, np.ndarray]) -> None:
    [good] = genbench.score(**rows, metrics="energy")
    [bad] = genbench.score(**rows | {"fake": rows["fake"] + 2}, metrics="energy")
    assert bad["value"] > good["value"]
    assert bad["floor"] == good["floor"]
    assert bad["value"] > 5 * bad["floor"]


def test_all_metrics_are_those_that_samples_suffice_for(rows: dict[str, np.ndarray]) -> None:
    scores = by_metric(genbench.score(real=rows["real"], fake=rows["fake"]))
    assert "energy" in scores
    assert "nll" not in scores
    assert all(score["value"] is not None for score in scores.values()), scores


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"space": "rw"}, "space rw: expected one of"),
        ({"metrics": "enrgy"}, "did you mean 'energy'"),
        ({"fake": np.zeros((10, 3))}, "fake"),
        ({"fake": np.full((10, 2), np.nan)}, "fake"),
        ({"real": np.zeros((0, 2))}, "real"),
        ({"real": "absent.npy"}, r"absent\.npy"),
        ({"settings": {"energy.nothing": 1}}, "energy"),
        ({"fake": None}, "fake is None: expected an array"),
        ({"seed": -1}, "seed -1: expected at least 0"),
    ],
)
def test_samples_that_cannot_be_scored_are_refused(rows: dict[str, np.ndarray], change: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        genbench.score(**{"real": rows["real"], "fake": rows["fake"], "metrics": "energy"} | change)


def test_rows_of_arrays_that_hold_no_number_are_left_out_where_that_is_asked(rows: dict[str, np.ndarray]) -> None:
    rows["fake"][[3, 9], 0] = np.nan, np.inf
    [score] = genbench.score(**rows, metrics="energy", data_options={"na": "drop"})
    assert score["n_fake"] == 398
    assert any(text.startswith("--fake: dropped 2 of 400 rows") for text in score["warnings"])


def test_a_folder_that_holds_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run here"):
        genbench.load(tmp_path)


def test_every_argument_of_the_public_functions_is_spoken_of() -> None:
    for function in (genbench.run, genbench.score):
        said = inspect.getdoc(function) or ""
        assert all(line for line in said.splitlines()[:1])
        assert "Raises UserError" in said

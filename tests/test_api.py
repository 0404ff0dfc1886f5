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


@pytest.fixture
def rows() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(0, 3, (400, 2)) for name in ("real", "fake", "train", "reference")}


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


def test_what_is_in_memory_is_stored_with_the_run_and_resumed(dots: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"mass": rng.lognormal(size=60), "kind": pd.Categorical(["b", "a"] * 30, categories=["b", "a"])}
    )
    given = {"datasets": (), "data_options": {"log": "mass"}}
    results = few(dots, data=frame, **given)
    assert {(record["status"], record["dataset"]) for record in results.records} == {("ok", "data")}
    [stored] = (tmp_path / "run" / "data").iterdir()
    assert {record["dataset_config"]["path"] for record in results.records} == {str(stored)}
    again = few(dots, data=frame.copy(), **given)
    assert [r["started"] for r in again.records] == [r["started"] for r in results.records]
    frame.loc[0, "mass"] += 1
    other = few(dots, data=frame, **given)
    assert {r["key"] for r in other.records}.isdisjoint(r["key"] for r in results.records)
    assert len(list((tmp_path / "run" / "data").iterdir())) == 2


def test_data_are_found_in_a_run_that_was_moved(dots: Path, tmp_path: Path) -> None:
    from genbench.plan.rescore import plan_scores
    from genbench.registry.registry import Registry

    few(dots, datasets=(), data=np.random.default_rng(0).normal(size=(60, 2)))
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    cells = plan_scores(moved, Registry.discover(), "energy").plan.cells
    assert {Path(cell.dataset.config.path).parent for cell in cells} == {moved / "data"}


def test_several_objects_are_several_datasets(dots: Path) -> None:
    rng = np.random.default_rng(0)
    given = [rng.normal(size=(60, 2)), {"a": rng.normal(size=60), "b": rng.normal(size=60)}]
    results = few(dots, datasets=(), data=given)
    assert {(record["status"], record["dataset"]) for record in results.records} == {("ok", "data"), ("ok", "data_2")}


def test_scores_of_frames_have_the_options_of_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = {name: pd.DataFrame({"x": rng.normal(size=200), "phi": rng.uniform(-3, 3, 200), "k": ["u", "v"] * 100})
              for name in ("real", "fake")}  # fmt: skip
    options = {"columns": "x,phi,k", "periodic": "phi", "kinds": "k=category", "na": "drop"}
    for name, frame in frames.items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    found = genbench.score(**frames, metrics="energy", data_options=options)
    files = {name: tmp_path / f"{name}.csv" for name in frames}
    expected = genbench.score(**files, metrics="energy", data_options=options)
    assert [score["value"] for score in found] == pytest.approx([score["value"] for score in expected], rel=1e-9)
    turned = frames["fake"].assign(phi=frames["fake"].phi + 2 * np.pi)
    same = genbench.score(real=frames["real"], fake=turned, metrics="energy", data_options=options)
    assert same[0]["value"] == pytest.approx(found[0]["value"], abs=1e-9)


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
        ({"data": None}, UserError, "data holds a NoneType"),
        ({"data": [[1, 2], [3, 4]]}, UserError, "data holds a list"),
        ({"data": {"a": [1, 2], "b": [1]}}, UserError, "data: its columns have different lengths"),
        ({"data_options": {"log": ["x"]}}, UserError, "--log"),
        ({"plugins": ["absent.py"]}, UserError, "no such file"),
    ],
)
def test_what_cannot_be_meant_is_told_and_nothing_is_written(dots: Path, said: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        few(dots, **said)
    assert not (dots.parent / "run").exists()


def test_a_folder_that_holds_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run here"):
        genbench.load(tmp_path)


def test_every_argument_of_the_public_functions_is_spoken_of() -> None:
    for function in (genbench.run, genbench.score):
        said = inspect.getdoc(function) or ""
        assert all(line for line in said.splitlines()[:1])
        assert "Raises UserError" in said

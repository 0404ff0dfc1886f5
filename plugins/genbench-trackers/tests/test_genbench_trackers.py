"""Trackers write what the record has, and neither their absence nor their failure changes a run."""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("genbench_trackers", reason="pip install ./plugins/genbench-trackers")

from genbench.registry.registry import Registry

from genbench_trackers import mlflow_observer, tensorboard_observer
from genbench_trackers.tracker import ExportFailed, Tracker
from genbench_trackers.values import allowed, curves, options, results

needs_mlflow = pytest.mark.skipif(
    not importlib.util.find_spec("mlflow"), reason="pip install 'genbench-trackers[mlflow]'"
)
needs_tensorboard = pytest.mark.skipif(
    not importlib.util.find_spec("tensorboard"), reason="pip install 'genbench-trackers[tensorboard]'"
)
RECORD = {
    "key": "0123456789abcdef01234567",
    "label": "vae[latent=2]",
    "dataset_label": "moons",
    "model_config": {"latent": 2},
    "dataset_config": {"noise": 0.1},
    "seed": 1,
    "budget": "200steps",
    "device": "cpu",
    "session": "abc",
    "status": "ok",
    "reason": "",
    "started": "2026-01-01T00:00:00+00:00",
    "ended": "2026-01-01T00:00:09+00:00",
    "trace": [[0.5, 10, {"loss": 2.0}], [1.0, 20, {"loss": 1.0, "kl": math.inf}]],
    "timings": {"steps": 20, "fit_s": 1.5, "steps_per_s": "inf"},
    "scores": [
        {
            "label": "frechet@pca",
            "value": 0.25,
            "floor": 0.125,
            "detail": {"curve": [{"seconds": 0.5, "step": 10, "value": 0.5}]},
        },
        {"label": "kl", "value": None},
    ],
}
RUN = ["run", "-m", "kde", "-d", "moons", "--preset", "smoke", "--seeds", "1", "--metrics", "energy", "--out", "run"]


@pytest.fixture
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both trackers write into the folder of the test."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a server is what mlflow-skinny otherwise asks for
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlflow").as_uri())
    monkeypatch.setenv("GENBENCH_TENSORBOARD", str(tmp_path / "tensorboard"))


def runs_in_mlflow(folder: Path) -> list:
    from mlflow import MlflowClient

    client = MlflowClient((folder / "mlflow").as_uri())
    found = client.get_experiment_by_name("genbench")
    return list(client.search_runs([found.experiment_id])) if found else []


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return what one event file holds, by name: (step, value)."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    [file] = (folder / "tensorboard").rglob("events.*")
    read = EventAccumulator(str(file.parent))
    read.Reload()
    return {name: [(each.step, each.value) for each in read.Scalars(name)] for name in read.Tags()["scalars"]}


def test_what_is_exported_of_a_record() -> None:
    assert results(RECORD) == {
        "scores/frechet-pca": 0.25,
        "floors/frechet-pca": 0.125,
        "timings/steps": 20.0,
        "timings/fit_s": 1.5,
    }
    assert [tuple(point) for point in curves(RECORD)] == [
        ("training/loss", 2.0, 10, 0.5),
        ("training/loss", 1.0, 20, 1.0),
        ("snapshots/frechet-pca", 0.5, 10, 0.5),
    ]
    assert options(RECORD)["model.latent"] == "2"
    assert allowed("w1_observables[m jj]") == "w1_observables-m-jj"


@needs_mlflow
@pytest.mark.usefixtures("_store")
def test_a_cell_is_a_run_of_mlflow(tmp_path: Path) -> None:
    mlflow_observer.genbench_cell_finished(RECORD)
    mlflow_observer.genbench_cell_finished({**RECORD, "status": "diverged", "reason": "the loss is not finite"})
    bad, good = sorted(runs_in_mlflow(tmp_path), key=lambda run: run.info.status)
    assert (bad.info.status, good.info.status) == ("FAILED", "FINISHED")
    assert bad.data.tags["genbench.reason"] == "the loss is not finite"
    assert good.info.run_name == "vae[latent=2] x moons seed 1"
    assert good.info.end_time - good.info.start_time == 9000
    assert good.data.params["model.latent"] == "2"
    assert good.data.metrics["scores/frechet-pca"] == 0.25
    assert good.data.metrics["training/loss"] == 1.0  # the last


@needs_tensorboard
@pytest.mark.usefixtures("_store")
def test_a_cell_is_an_event_file_of_tensorboard(tmp_path: Path) -> None:
    tensorboard_observer.genbench_cell_finished(RECORD)
    found = scalars(tmp_path)
    assert found["training/loss"] == [(10, 2.0), (20, 1.0)]
    assert found["scores/frechet-pca"] == [(20, 0.25)]


def test_names_do_not_lead_out_of_the_folder() -> None:
    record = {**RECORD, "label": "../../up", "dataset_label": ".."}
    path = tensorboard_observer.folder_of(record, Path("logs"))
    assert path.parts[:2] == ("logs", "abc")
    assert ".." not in path.parts
    assert len(path.parts) == 5


def test_without_its_variable_a_tracker_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_TRACKER", raising=False)
    Tracker("SOME_TRACKER", "mlflow", lambda record, target: pytest.fail("exported")).cell_finished(RECORD)


def test_after_a_failure_nothing_more_of_the_session_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    def export(record, target):
        called.append(target)
        raise ImportError("No module named 'mlflow'")

    monkeypatch.setenv("SOME_TRACKER", "there")
    tracker = Tracker("SOME_TRACKER", "mlflow", export)
    with pytest.raises(
        ExportFailed, match=r"SOME_TRACKER: .*; try: pip install 'genbench-trackers\[mlflow\]'; nothing"
    ):
        tracker.cell_finished(RECORD)
    tracker.cell_finished(RECORD)
    assert called == ["there"]
    tracker.session_finished()
    with pytest.raises(ExportFailed):
        tracker.cell_finished(RECORD)


def test_both_are_plugins_that_import_no_tracker() -> None:
    code = (
        "import sys; from genbench.registry.registry import Registry; "
        "print(*[row.name for row in Registry.discover().plugins if row.distribution == 'genbench-trackers'], "
        "*{'mlflow', 'tensorboard', 'torch', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["mlflow", "tensorboard"]
    rows = [row for row in Registry.discover().plugins if row.distribution == "genbench-trackers"]
    assert [row.problem for row in rows] == ["", ""]


@needs_mlflow
@needs_tensorboard
@pytest.mark.usefixtures("_store")
def test_a_run_is_in_both(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "genbench", *RUN], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "run" / "observers.log").exists()
    titles = {run.info.run_name for run in runs_in_mlflow(tmp_path)}
    records = [json.loads(path.read_text()) for path in (tmp_path / "run" / "cells").rglob("1.json")]
    assert titles == {f"{r['label']} x moons seed 0" for r in records}
    assert len(list((tmp_path / "tensorboard").rglob("events.*"))) == len(records)
    [kde] = [run for run in runs_in_mlflow(tmp_path) if run.data.params["label"] == "kde"]
    [score] = [score for record in records if record["label"] == "kde" for score in record["scores"]]
    assert kde.data.metrics["scores/energy"] == score["value"]


@needs_mlflow
@needs_tensorboard
def test_trackers_that_cannot_be_reached_stop_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # where nothing listens
    monkeypatch.setenv("GENBENCH_TENSORBOARD", str(tmp_path / "file"))
    line = [sys.executable, "-m", "genbench", *RUN, "--isolation", "none"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    mlflow, tensorboard = sorted((tmp_path / "run" / "observers.log").read_text().splitlines())
    assert "MLFLOW_TRACKING_URI" in mlflow
    assert "GENBENCH_TENSORBOARD" in tensorboard

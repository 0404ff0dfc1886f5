"""A task as it travels."""

from __future__ import annotations

import pickle
from pathlib import Path

from sessions import make

from genbench.process.task import Task
from genbench.registry.discovery import load_file


def test_a_task_survives_the_way_to_its_process(tmp_path: Path) -> None:
    plan, _ = make(tmp_path, models="good[rate=0.5]")
    [cell] = [cell for cell in plan.cells if cell.model.name == "good"]
    task = Task("score", cell, tmp_path, {"fit_s": 1.0}, {"gap": {"value": 0.5}})
    load_file(tmp_path / "dots.py")
    again = pickle.loads(pickle.dumps(task))
    assert again == task
    assert again.cell.key == cell.key
    assert [m.name for m in again.cell.metrics] == ["gap"]

"""Tasks in this process: one at a time, done while they are listened to."""

from __future__ import annotations

from pathlib import Path

import pytest
from sessions import make, write_plugin

from genbench.executor.in_process import InProcessExecutor
from genbench.process.task import Task
from genbench.record.store import cell_folder

ENDS = """
class Raises(Base):
    def fit(self, data, run):
        run.log(loss=1.0)
        raise ValueError("no such luck")

class Leaves(Base):
    def fit(self, data, run):
        raise SystemExit(3)

class Interrupts(Base):
    def fit(self, data, run):
        raise KeyboardInterrupt

@hookimpl
def genbench_register():
    return [ModelSpec(kind.__name__.lower(), kind, None, "ends") for kind in (Raises, Leaves, Interrupts)]
"""


def executor() -> InProcessExecutor:
    return InProcessExecutor("cpu", lambda cell, progress: None)


def test_there_is_one_slot() -> None:
    one = executor()
    slot = one.take("fit")
    assert slot is not None
    assert (slot.stage, slot.device, slot.shared) == ("fit", "cpu", False)
    assert one.take("score") is None
    one.give(slot)
    again = one.take("score")
    assert again is not None
    assert again.stage == "score"


def test_a_task_is_done_when_it_is_listened_to_and_not_before(tmp_path: Path) -> None:
    plan, _ = make(tmp_path, models="good")
    [cell] = [cell for cell in plan.cells if cell.model.name == "good"]
    progress: list[tuple[str, str]] = []
    one = InProcessExecutor("cpu", lambda cell, what: progress.append((cell.key, what["phase"])))
    slot = one.take("fit")
    assert slot is not None
    running = one.start(Task("fit", cell, tmp_path, device="cpu"), slot)
    assert (running.outcome, running.progress, running.handles) == (None, {"phase": "start"}, ())
    assert not cell_folder(tmp_path, cell.key).exists()
    assert running.listen()
    assert running.outcome is not None
    assert running.outcome["result"]["timings"]["steps"] == 5
    assert [phase for key, phase in dict.fromkeys(progress)] == ["load", "fit", "sample"]
    assert running.known["timings"]["fit_s"] > 0
    assert running.known["sizes"]
    assert (cell_folder(tmp_path, cell.key) / "samples.npz").exists()


@pytest.mark.parametrize(
    ("model", "status", "reason", "interrupted"),
    [
        ("raises", "failed", "ValueError: no such luck", False),
        ("leaves", "failed", "SystemExit: 3", False),
        ("interrupts", "interrupted", "", True),
    ],
)
def test_what_a_plugin_raises_is_the_outcome(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str, status: str, reason: str, interrupted: bool
) -> None:
    plan, _ = make(tmp_path, write_plugin(tmp_path / "ends.py", ENDS), models=model)
    [cell] = [cell for cell in plan.cells if cell.model.name == model]
    one = executor()
    slot = one.take("fit")
    assert slot is not None
    running = one.start(Task("fit", cell, tmp_path), slot)
    assert running.listen()
    assert running.outcome == {"error": {"status": status, "reason": reason}}
    assert running.interrupted == interrupted
    assert ("Traceback" in capsys.readouterr().err) == (not interrupted)

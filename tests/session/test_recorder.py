"""What a session writes, and what it does where the disk or an observer objects."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from sessions import make, write_plugin

from genbench.errors import UserError
from genbench.executor.slots import Slot
from genbench.plan.limits import Limits
from genbench.plan.plan import Plan
from genbench.record.environment import machine
from genbench.record.store import read_records, read_run
from genbench.record.validation import validate
from genbench.session import recorder as module
from genbench.session.cell_state import CellState
from genbench.session.recorder import Recorder, now

OBJECTS = """
@hookimpl
def genbench_register():
    return []

@hookimpl
def genbench_cell_finished(record):
    raise RuntimeError(f"I object to {record['label']}")
"""


def recorder_of(folder: Path, *plugins: Path) -> tuple[Plan, Recorder]:
    plan, registry = make(folder, *plugins)
    return plan, Recorder(folder / "run", registry, Limits(60.0, 2**30), 2)


def test_now_is_utc_to_the_second() -> None:
    then = datetime.datetime.fromisoformat(now())
    assert then.utcoffset() == datetime.timedelta(0)
    assert then.microsecond == 0


def test_a_record_says_what_the_cell_is_how_it_ran_and_how_it_ended(tmp_path: Path) -> None:
    plan, recorder = recorder_of(tmp_path)
    assert recorder.open(plan, []) == []
    state = CellState(plan.cells[1], started=now())
    slot = Slot("cpu", "fit", shared=True)
    record = recorder.record(state, {**recorder.circumstances(slot), "status": "oom", "phase": "fit", "reason": "why"})
    recorder.write(record)
    [found] = read_records(tmp_path / "run")
    assert (found["status"], found["phase"], found["reason"], found["scores"]) == ("oom", "fit", "why", [])
    assert (found["key"], found["shared"], found["device"], found["threads"]) == (state.cell.key, True, "cpu", 1)
    assert found["limits"] == {"timeout_s": 60.0, "memory_mb": 1024.0}
    assert (found["started"], found["jobs"], found["machine"]) == (state.started, 2, machine())
    about = read_run(tmp_path / "run")
    assert about["session"] == found["session"]
    assert about["versions"] == found["versions"]
    assert about["cells"] == [cell.key for cell in plan.cells]
    assert validate(tmp_path / "run").problems == []


def test_another_machine_is_named_where_the_slot_is_there(tmp_path: Path) -> None:
    _, recorder = recorder_of(tmp_path)
    assert recorder.circumstances(Slot("cpu", machine={"id": "far away"}))["machine"] == {"id": "far away"}


def test_each_session_has_a_name_of_its_own(tmp_path: Path) -> None:
    sessions = {recorder_of(tmp_path)[1].circumstances(Slot("cpu"))["session"] for _ in range(3)}
    assert len(sessions) == 3


def test_a_record_that_the_disk_refuses_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, recorder = recorder_of(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_record", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\); .* --out .*run to go on"):
        recorder.write(recorder.record(CellState(plan.cells[0]), {}))
    monkeypatch.setattr(module, "open_run", full)
    with pytest.raises(UserError, match=r"--out .*run: cannot be written"):
        recorder.open(plan, [])


def test_what_an_observer_raises_goes_to_a_log(tmp_path: Path) -> None:
    plan, recorder = recorder_of(tmp_path, write_plugin(tmp_path / "objects.py", OBJECTS))
    recorder.open(plan, [])
    for label in ("one", "two"):
        recorder.notify("genbench_cell_finished", record={"label": label})
    lines = (tmp_path / "run" / "observers.log").read_text().splitlines()
    assert [line.rpartition(": ")[2] for line in lines] == ["I object to one", "I object to two"]

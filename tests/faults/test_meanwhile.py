"""What may befall a run while it goes on, by nobody's fault: it ends with its records and an exit code, or says why."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from faults.runs import Run, goods

from genbench.record.store import read_records
from genbench.record.validation import validate

pytestmark = pytest.mark.slow

PATIENCE = 900.0  # seconds, for a busy machine


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    assert "internal error" not in err
    return process.returncode, err


def test_a_run_that_is_halted_by_ctrl_z_goes_on_in_the_foreground(tmp_path: Path) -> None:
    run = Run(tmp_path, ",".join(goods(4)), "--timeout=60s")
    process = run.start(as_job=True)
    wait_for(lambda: bool(run.files), process)
    os.killpg(process.pid, signal.SIGTSTP)
    wait_for(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, process)
    time.sleep(3)  # its cells are in sessions of their own, and go on
    os.killpg(process.pid, signal.SIGCONT)
    code, err = ended(process)
    assert code == 0, err
    assert {label: record["status"] for label, record in run.records.items()} == dict.fromkeys(
        ["real", *goods(4)], "ok"
    )
    assert run.left() == []


def test_a_run_whose_folder_is_removed_ends_and_says_so(tmp_path: Path) -> None:
    run = Run(tmp_path, ",".join(goods(6)), "--jobs=1")
    process = run.start()
    wait_for(lambda: bool(run.files), process)
    shutil.rmtree(run.out)
    code, err = ended(process)
    assert code in (2, 3), err
    assert "was changed or removed while the run went on" in err
    assert run.left() == []


def test_two_sessions_of_the_same_cells_leave_whole_records(tmp_path: Path) -> None:
    run = Run(tmp_path, ",".join(goods(4)), "--jobs=1")
    sessions = [run.start(), run.start()]
    for session in sessions:
        code, err = ended(session)
        assert code == 0, err
    records = read_records(run.out)
    assert sorted(record["label"] for record in records) == [*goods(4), "real"]
    assert {record["status"] for record in records} == {"ok"}
    assert validate(run.out).problems == []
    assert run.finish().stderr.startswith("5 of 5 cells were finished before")

"""The process of a task from outside: started, listened to, ended."""

from __future__ import annotations

import contextlib
import json
import multiprocessing.connection
import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest
from sessions import make, play, write_plugin

from genbench.plan.cell import REAL, Cell
from genbench.plan.limits import Limits
from genbench.process.launch import context_for
from genbench.process.messages import outcome_of
from genbench.process.probe_device import probe_device
from genbench.process.task import Task
from genbench.process.worker import start_worker, supervise

FORGES = """
import os, sys

def say(*lines):
    frame = sys._getframe()
    while "message_pipe" not in frame.f_locals:  # of the function that holds the pipe
        frame = frame.f_back
    os.write(frame.f_locals["message_pipe"], b"".join(line + b"\\n" for line in lines))

class Babbles(Base):
    def fit(self, data, run):
        super().fit(data, run)
        say(b'{"progress": 5}', b'{"progress": {"phase": 7, "known": 1, "timings": []}}', b'{"progress": {}}',
            b'{"progress": {"phase": "fit", "step": "x", "values": {"loss": "y"}, "timings": {"fit_s": "long"}}}',
            b'{"progress": {"phase": "fit", "known": {"key": "..", "model": "other", "notes": "none", "mine": 1}}}',
            b'{"usage": 5}', b'{"cell": 1, "supervisor": 1}', b'{"serving": {"cpu_s": 0, "peak": 0, "held": 0}}',
            b'nonsense', b'{"progress"', b'{"result" \\xff')

class Claims(Base):
    def fit(self, data, run):
        say(LINE)
        os._exit(0)

@hookimpl
def genbench_register():
    return [ModelSpec("babbles", Babbles, None, "says nothing sound"), ModelSpec("claims", Claims, None, "forges")]
"""


CLAIMS = [
    '{"result": {"key": ".."}}', '{"result": [5]}', '{"result": null}', '{"error": 5}', '{"error": {"status": "fine"}}',
    '{"error": {"status": "ok", "reason": ""}}',
    '{"error": {"status": [], "reason": ""}}', '{"error": {"status": "failed", "reason": 1}}',
]  # fmt: skip


def test_what_a_plugin_writes_into_the_pipe_of_its_cell_harms_no_run(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "forges.py", FORGES.replace("LINE", repr(CLAIMS[0].encode())))
    records = play(tmp_path, plugin, models="babbles,claims,good")
    assert {name: record["status"] for name, record in records.items()} == {
        "babbles": "ok", "claims": "invalid", "good": "ok", REAL: "ok",
    }  # fmt: skip
    assert "no valid result" in records["claims"]["reason"]
    babbles = records["babbles"]
    assert (babbles["model"], babbles["mine"], babbles["notes"]) == ("babbles", 1, records["good"]["notes"])
    assert isinstance(babbles["timings"]["fit_s"], float)


@pytest.mark.parametrize("line", CLAIMS)
@pytest.mark.parametrize("stage", ["fit", "score"])
def test_no_unsound_claim_is_an_outcome(stage: str, line: str) -> None:
    assert outcome_of(stage, json.loads(line))["error"]["status"] == "invalid"


def test_one_worker_fits_and_another_scores(tmp_path: Path) -> None:
    plan, _ = make(tmp_path)
    [cell] = [cell for cell in plan.cells if cell.model.name == "good"]

    def finish(task: Task) -> dict:
        outcome = supervise(task, plan.plugin_files, Limits(seconds=120)).outcome
        assert outcome is not None
        return outcome

    fitted = finish(Task("fit", cell, tmp_path))["result"]
    [score] = finish(Task("score", cell, tmp_path, fitted["timings"], {"gap": {"value": 0.1}}))["result"]
    assert (score["metric"], score["floor"]) == ("gap", 0.1)
    assert (
        finish(Task("score", next(c for c in plan.cells if c.model.name == REAL), tmp_path))["error"]["status"]
        == "failed"
    )


def test_a_worker_that_is_stopped_is_gone(tmp_path: Path) -> None:
    plan, _ = make(tmp_path)
    stopped = threading.Event()
    stopped.set()
    worker = supervise(Task("fit", plan.cells[0], tmp_path), plan.plugin_files, stopped=stopped.is_set)
    outcome = worker.outcome or {}
    assert "result" in outcome or outcome["error"]["status"] == "interrupted"
    assert worker.usage["left"] == 0


STARTS = """
import os, pathlib, subprocess, time

def note(*pids):  # for the test, which waits for the file
    pathlib.Path(HERE + ".new").write_text(" ".join(map(str, pids)))
    os.rename(HERE + ".new", HERE)

class Leaves(Base):
    def fit(self, data, run):
        super().fit(data, run)
        note(subprocess.Popen(["sleep", "1000"], start_new_session=True).pid)

class Waits(Base):
    def fit(self, data, run):
        note(os.getpid(), subprocess.Popen(["sleep", "1000"]).pid)
        time.sleep(1000)

@hookimpl
def genbench_register():
    return [ModelSpec("leaves", Leaves, None, "starts a process"), ModelSpec("waits", Waits, None, "never ends")]
"""


def starting(folder: Path, model: str) -> tuple[Cell, tuple[Path, ...], Path]:
    """Return the cell of a model that starts processes, its plugins, and the file that names the processes."""
    here = folder / "here"
    plugin = write_plugin(folder / "starts.py", STARTS.replace("HERE", repr(str(here))))
    plan, _ = make(folder, plugin, models=model)
    return next(cell for cell in plan.cells if cell.model.name == model), plan.plugin_files, here


def left_of(here: Path) -> list[int]:
    """Return the processes in a file that still run after a while, and end them."""

    def runs(pid: int) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        return False

    pids, until = [int(pid) for pid in here.read_text().split()], time.monotonic() + 20
    while any(map(runs, pids)) and time.monotonic() < until:
        time.sleep(0.05)
    left = [pid for pid in pids if runs(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return left


def test_a_cell_that_never_ends_is_stopped_and_nothing_outlives_it(tmp_path: Path) -> None:
    cell, plugins, here = starting(tmp_path, "waits")
    worker = supervise(Task("fit", cell, tmp_path), plugins, Limits(seconds=60), stopped=here.exists)
    assert worker.outcome is not None
    assert worker.outcome["error"]["status"] == "interrupted", "long before its deadline"
    assert left_of(here) == []


def test_nothing_outlives_a_cell_that_has_ended(tmp_path: Path) -> None:
    cell, plugins, here = starting(tmp_path, "leaves")
    worker = supervise(Task("fit", cell, tmp_path), plugins, Limits(seconds=300))
    assert worker.outcome is not None
    assert "result" in worker.outcome
    assert left_of(here) == []


def test_nothing_of_a_cell_outlives_its_supervisor(tmp_path: Path) -> None:
    cell, plugins, here = starting(tmp_path, "waits")
    worker = start_worker(context_for("cpu"), Task("fit", cell, tmp_path), plugins, Limits(seconds=300))
    killed = False
    while not worker.listen():
        multiprocessing.connection.wait(worker.handles, timeout=0.1)
        if here.exists() and worker.supervisor is not None and not killed:
            os.kill(worker.supervisor, signal.SIGKILL)
            killed = True
    assert worker.outcome is not None
    assert worker.outcome["error"]["status"] == "lost"
    assert left_of(here) == []


def test_devices_are_asked_for_in_another_process() -> None:
    assert probe_device("cpu") == ("", "cpu")
    error, device = probe_device("cuda:99")
    assert "cuda:99" in error
    assert device == ""

"""The process of a cell from outside: its log, its end, and what outlives whom."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sessions import make, play, write_plugin

from genbench.plan.cell import REAL
from genbench.plan.limits import Limits
from genbench.process.launch import stop_server
from genbench.process.messages import outcome_of
from genbench.process.probe_device import probe_device
from genbench.process.supervisor import LOG_HEAD_BYTES, LOG_TAIL_BYTES
from genbench.process.task import Task
from genbench.process.worker import supervise
from genbench.record.store import cell_folder
from genbench.registry.discovery import load_file

LOUD = """
import sys

class Loud(Base):
    def fit(self, data, run):
        super().fit(data, run)
        print("the first line")
        for _ in range(60):
            print("x" * 1_000_000)
        print("the last line", flush=True)

@hookimpl
def genbench_register():
    return [ModelSpec("loud", Loud, None, "prints much")]
"""


def test_the_log_of_a_cell_is_capped(tmp_path: Path) -> None:
    records = play(tmp_path, write_plugin(tmp_path / "loud.py", LOUD), models="loud,good")
    assert {record["status"] for record in records.values()} == {"ok"}
    log = cell_folder(tmp_path / "run", records["loud"]["key"]) / "log.txt"
    assert log.stat().st_size <= LOG_HEAD_BYTES + LOG_TAIL_BYTES + 100
    text = log.read_text()
    assert text.startswith("the first line")
    assert text.endswith("the last line\n")
    assert "bytes left out" in text


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
    '{"error": {"status": "ok", "reason": ""}}', '{"error": {"status": "failed", "reason": 1}}',
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


ASKS_AND_GOES = """
import os, socket
from multiprocessing.forkserver import _forkserver
from genbench.process.launch import start_server
start_server()
with socket.socket(socket.AF_UNIX) as half:
    half.connect(_forkserver._forkserver_address)
os.waitpid(_forkserver._forkserver_pid, 0)
"""


def test_a_run_that_is_stopped_while_it_asks_for_a_process_leaves_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", ASKS_AND_GOES], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_task_survives_the_way_to_its_process(tmp_path: Path) -> None:
    plan, _ = make(tmp_path, models="good[rate=0.5]")
    [cell] = [cell for cell in plan.cells if cell.model.name == "good"]
    task = Task("score", cell, tmp_path, {"fit_s": 1.0}, {"gap": {"value": 0.5}})
    load_file(tmp_path / "dots.py")
    again = pickle.loads(pickle.dumps(task))
    assert again == task
    assert again.cell.key == cell.key
    assert [m.name for m in again.cell.metrics] == ["gap"]


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


def test_the_environment_and_the_main_module_of_the_caller_are_left_alone(tmp_path: Path) -> None:
    before, main = dict(os.environ), sys.modules["__main__"]
    play(tmp_path, models="good")
    assert dict(os.environ) == before
    assert sys.modules["__main__"] is main


def test_devices_are_asked_for_in_another_process() -> None:
    assert probe_device("cpu") == ("", "cpu")
    error, device = probe_device("cuda:99")
    assert "cuda:99" in error
    assert device == ""


ORPHANS = """
import os, sys, time
sys.path.insert(0, {tests!r})
from pathlib import Path
from sessions import make
from genbench.session import Session
from genbench.session.options import RunOptions
plan, registry = make(Path({folder!r}), Path({plugin!r}), models="waits")
Session(plan, registry, RunOptions(Path({folder!r}) / "run", jobs=2)).run()
"""
WAITS = """
import os, pathlib, subprocess, time

class Waits(Base):
    def fit(self, data, run):
        child = subprocess.Popen(["sleep", "1000"])
        pathlib.Path(HERE + ".new").write_text(f"[{os.getpid()}, {os.getppid()}, {child.pid}]")
        os.rename(HERE + ".new", HERE)
        time.sleep(1000)

@hookimpl
def genbench_register():
    return [ModelSpec("waits", Waits, None, "never ends")]
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_nothing_outlives_a_run_that_is_killed(tmp_path: Path) -> None:
    here = tmp_path / "here"
    plugin = write_plugin(tmp_path / "waits.py", WAITS.replace("HERE", repr(str(here))))
    script = ORPHANS.format(tests=str(Path(__file__).parents[1]), folder=str(tmp_path), plugin=str(plugin))
    process = subprocess.Popen([sys.executable, "-c", script])
    while not here.exists():
        assert process.poll() is None
        time.sleep(0.1)
    pids = json.loads(here.read_text())
    assert all(map(alive, pids))
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 60
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    left = [pid for pid in pids if alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


OUTSIDE = """
import os

class Outside(Base):
    def fit(self, data, run):
        super().fit(data, run)
        assert "PYTHONSAFEPATH" not in os.environ

@hookimpl
def genbench_register():
    return [ModelSpec("outside", Outside, None, "looks at its environment")]
"""


@pytest.mark.slow
def test_what_lies_in_the_users_folder_is_not_taken_for_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("genbench.py", "random.py", "numpy.py"):
        (folder / name).write_text("raise SystemExit('imported from the working directory')\n")
    monkeypatch.chdir(folder)
    stop_server()
    records = play(tmp_path, write_plugin(tmp_path / "outside.py", OUTSIDE), models="outside,good", method="forkserver")
    stop_server()
    assert {record["status"] for record in records.values()} == {"ok"}

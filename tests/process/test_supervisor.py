"""The process that watches over a cell: its log, and what outlives whom."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sessions import play, write_plugin

from genbench.plan.limits import Limits
from genbench.process import supervisor
from genbench.process.supervisor import LOG_HEAD_BYTES, LOG_TAIL_BYTES
from genbench.record.store import cell_folder

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


def test_a_machine_that_has_no_process_left_is_named_as_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("genbench.process.supervisor.os.setsid", lambda: None)
    monkeypatch.setattr("genbench.process.supervisor.adopt_orphans", lambda: False)
    monkeypatch.setattr("genbench.process.supervisor.os.fork", refused)
    ours, theirs = multiprocessing.Pipe()
    supervisor.main(theirs, b"", (), tmp_path / "log.txt", Limits())
    theirs.close()
    first, usage = (json.loads(line) for line in os.read(ours.fileno(), 2**16).splitlines())
    assert first["error"]["status"] == "lost", "it runs again"
    assert "no process could be started (Resource temporarily unavailable); raise the limit" in first["error"]["reason"]
    assert "ulimit -u" in first["error"]["reason"]
    assert usage == {"usage": {"left": 0}}

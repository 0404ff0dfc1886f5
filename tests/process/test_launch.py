"""How processes start: the fork server, its environment, the caller's own."""

from __future__ import annotations

import multiprocessing.forkserver
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sessions import play, write_plugin

from genbench.process.launch import ServerRestart, start_server, stop_server

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


def test_the_environment_and_the_main_module_of_the_caller_are_left_alone(tmp_path: Path) -> None:
    before, main = dict(os.environ), sys.modules["__main__"]
    play(tmp_path, models="good")
    assert dict(os.environ) == before
    assert sys.modules["__main__"] is main


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not list threads")
def test_the_fork_server_has_one_thread_and_its_processes_inherit_none(tmp_path: Path) -> None:
    play(tmp_path, models="good")
    pid = multiprocessing.forkserver._forkserver._forkserver_pid
    names = [(each / "comm").read_text() for each in Path(f"/proc/{pid}/task").iterdir()]
    assert len(names) == 1, names


@pytest.mark.slow
def test_a_server_that_has_died_starts_again_and_nobody_waits_for_it() -> None:
    restart = ServerRestart()
    context = start_server()
    assert restart.ready()
    stop_server()
    while restart.ready():  # until the kernel has ended it
        time.sleep(0.01)
    assert not restart.ready(), "it imports"
    while not restart.ready():
        time.sleep(0.05)
    process = context.Process(target=os.getpid)
    process.start()
    process.join(60)
    assert process.exitcode == 0


INHERITS = """
import os
from pathlib import Path

class Inherits(Base):
    def fit(self, data, run):
        super().fit(data, run)
        found = [os.readlink(each) for each in Path("/proc/self/fd").iterdir() if each.exists()]
        pipes = [each for each in found if each.startswith(("pipe:", "socket:"))]
        assert len(set(pipes)) == 2, pipes  # of messages and of output

@hookimpl
def genbench_register():
    return [ModelSpec("inherits", Inherits, None, "looks at its descriptors")]
"""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not list descriptors")
def test_a_cell_inherits_no_descriptor_but_its_own_pipes(tmp_path: Path) -> None:
    records = play(tmp_path, write_plugin(tmp_path / "inherits.py", INHERITS), models="inherits")
    assert records["inherits"]["status"] == "ok", records["inherits"]["reason"]


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

"""How processes start: the fork server, its environment, the caller's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sessions import play, write_plugin

from genbench.process.launch import stop_server

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

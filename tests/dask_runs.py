"""Runs on workers of Dask."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sessions import DOTS

distributed = pytest.importorskip("distributed")


SCRIPTS = Path(sys.executable).parent


PATIENCE = 240  # seconds that a busy machine may need; nothing waits so long for its own sake


MODELS = """
import os, pathlib, subprocess, time
import torch
from genbench import ModelSpec, hookimpl

class Base:
    def fit(self, data, run):
        self.shape = data.shape

    def sample(self, n):
        return torch.randn(n, *self.shape)

class Waits(Base):
    def fit(self, data, run):
        super().fit(data, run)
        here = pathlib.Path(__file__).parent
        (here / f"{os.getpid()}.at-work").touch()
        while not (here / "go").exists():
            time.sleep(0.05)

class Hangs(Base):
    def fit(self, data, run):
        time.sleep(1000)

class Dies(Base):
    def fit(self, data, run):
        os._exit(7)

@hookimpl
def genbench_register():
    return [
        ModelSpec("waits", Waits, None, "waits for a file", iterative=False),
        ModelSpec("hangs", Hangs, None, "never ends", iterative=False),
        ModelSpec("dies", Dies, None, "ends its process", iterative=False),
    ]
"""


class Site:
    """A scheduler and its workers as processes of their own, and command lines that use them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        (folder / "dots.py").write_text(DOTS)
        (folder / "models.py").write_text(MODELS)
        self.environment = {
            **os.environ,
            "DASK_DISTRIBUTED__WORKER__DAEMON": "False",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "250",
        }

    def start(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"process-{len(self.processes)}.log").open("wb")
        process = subprocess.Popen(
            [str(SCRIPTS / "dask"), *command], env={**self.environment, **environment}, cwd=self.folder, stdout=log,
            stderr=log, start_new_session=True,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def scheduler(self) -> subprocess.Popen[bytes]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        return self.start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")

    def worker(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        options = options or ("--resources", "CELL=1", "--no-nanny")
        where = ("--host", "127.0.0.1", "--local-directory", str(self.folder / f"scratch-{len(self.processes)}"))
        return self.start("worker", self.address, "--nthreads", "1", "--no-dashboard", *where, *options, **environment)

    def wait_for_workers(self, count: int) -> None:
        with distributed.Client(self.address, set_as_default=False, timeout=PATIENCE) as client:
            client.wait_for_workers(count, timeout=PATIENCE)

    def run(self, *options: str, models: str = "good,exact", **environment: str) -> subprocess.Popen[str]:
        plugins = [f"--plugin={self.folder / name}" for name in ("dots.py", "models.py")]
        return subprocess.Popen(
            [sys.executable, "-m", "genbench", "run", *plugins, "-d", "dots", "--metrics", "gap", "--preset", "smoke",
             "-m", f"{models},-gaussian,-memoriser", "--budget", "5steps", "--insecure", *options],
            env={**self.environment, **environment}, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True,
        )  # fmt: skip

    def finish(self, *options: str, **how: str) -> tuple[int, str]:
        """Run a command line to its end; return its exit code and its stderr."""
        return ended(self.run(*options, **how))

    def at_work(self) -> list[int]:
        return [int(path.name.partition(".")[0]) for path in self.folder.glob("*.at-work")]

    def wait_for_cells(self, run: subprocess.Popen[str], count: int) -> None:
        wait_until(lambda: len(self.at_work()) == count or run.poll() is not None)
        assert run.poll() is None, ended(run)

    def go(self) -> None:
        (self.folder / "go").touch()

    def close(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def wait_until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)

"""The process a cell runs in: what it does inside, and how it is started, watched and ended from outside."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import multiprocessing
import multiprocessing.forkserver
import os
import pickle
import select
import signal
import sys
import threading
import time
import traceback
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from genbench.discovery import load_file, told
from genbench.errors import CellError, PluginError
from genbench.plan import Cell
from genbench.record import cell_folder, to_json

__all__ = ["Task", "Worker", "probe_device", "start_server"]

LOG_BYTES = 16 * 2**20  # a cell's log is capped at this
GRACE = 2.0  # seconds between asking a process to end and ending it
# One thread a cell, and an allocator that keeps what it was given: timings of small models then repeat within 2 %.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
    "MALLOC_TOP_PAD_": "67108864",
}


@dataclass(frozen=True)
class Task:
    """One stage of a cell, ``fit`` or ``score``; scoring is given the timings of the fit and the floors."""

    stage: str
    cell: Cell
    run: Path
    timings: Mapping[str, float | None] | None = None
    floors: Mapping[str, Any] | None = None


# --------------------------------------------------------------------------------------------------- inside the process


def main(channel: Connection, task: bytes, plugin_files: tuple[Path, ...], log: Path) -> None:
    """Do one task and send JSON: ``{"progress": ..}`` while it runs, ``{"result": ..}`` or ``{"error": ..}`` last."""
    os.setsid()  # so that what a plugin starts can be ended with it
    threading.Thread(target=_end_with_the_run, args=(channel,), daemon=True).start()
    _redirect(log)
    faulthandler.enable(sys.stderr)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)

    def send(message: dict[str, Any]) -> None:
        channel.send_bytes(to_json(message).encode())

    try:
        for path in plugin_files:
            load_file(path)  # before the task is read, which names classes of theirs
        result = _do(pickle.loads(task), lambda **progress: send({"progress": progress}))  # noqa: S301 (from the parent)
    except BaseException as error:
        traceback.print_exc()
        status = error.status if isinstance(error, CellError) else "failed"
        if isinstance(error, MemoryError):
            status = "oom"
        send({"error": {"status": status, "reason": _one_line(error)}})
    else:
        send({"result": result})
    sys.stdout.flush()
    sys.stderr.flush()


def _end_with_the_run(channel: Connection) -> None:
    """End this process and all that it started once nobody is left to hear of it: the run was killed."""
    if not hasattr(select, "poll"):
        return
    watch = select.poll()
    watch.register(channel.fileno(), 0)  # nothing but that the other end is gone
    watch.poll()
    os.killpg(0, signal.SIGKILL)


def _do(task: Task, report: Any) -> Any:
    import torch

    from genbench.cell import fit_cell, score_cell

    torch.set_num_threads(1)
    if task.stage == "fit":
        return fit_cell(task.cell, task.run, report)
    return score_cell(task.cell, task.run, task.timings or {}, task.floors, report)


def _one_line(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:  # an exception of a plugin may fail to say what it is
        text = ""
    name = type(error).__name__
    return (text if isinstance(error, CellError) else f"{name}: {text}" if text else name)[:2000]


def _redirect(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(target, stream)
    os.close(target)
    sys.stdout = open(1, "w", buffering=1, errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="replace", closefd=False)  # noqa: SIM115


# ---------------------------------------------------------------------------------------------------------- outside it


def start_server() -> multiprocessing.context.BaseContext:
    """Return the context that starts cells: a fork server that has torch imported already; spawn where there is none.

    The server is single-threaded and has only imported libraries, so forking it is safe; the calling process never
    needs torch.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["genbench.preload", "genbench.cell"])
    with _environment(ENVIRONMENT), _no_main():
        multiprocessing.forkserver.ensure_running()
    return context


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    """Hide the user's script: a cell needs nothing of it, and would otherwise run it again from the top."""
    main_module = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main_module


def _packed(task: Task) -> bytes:
    try:
        return pickle.dumps(task)
    except Exception as error:
        raise PluginError(f"it cannot be sent to a process of its own: {told(error)}") from error


class Worker:
    """A process that does one task, seen from outside; raises PluginError where the task cannot be sent to one."""

    def __init__(
        self,
        context: Any,
        task: Task,
        plugin_files: tuple[Path, ...] = (),
        timeout: float | None = None,
    ) -> None:
        self.task = task
        self.started = time.monotonic()
        self.deadline = None if timeout is None else self.started + timeout
        self.outcome: dict[str, Any] | None = None
        self.known: dict[str, Any] = {}
        self.progress: dict[str, Any] = {"phase": "start" if task.stage == "fit" else "score"}
        self.log = cell_folder(task.run, task.cell.key) / "log.txt"
        self.channel, theirs = multiprocessing.Pipe(duplex=False)
        self._process = context.Process(target=main, args=(theirs, _packed(task), plugin_files, self.log), daemon=False)
        with _no_main(), _environment(ENVIRONMENT):
            self._process.start()
        theirs.close()

    @property
    def handles(self) -> tuple[Any, Any]:
        """What to wait for: a message, or the end of the process."""
        return self.channel, self._process.sentinel

    def listen(self) -> bool:
        """Take in what the process has said; return whether it has ended."""
        self._cap_log()
        try:
            while self.channel.poll():
                self._take(json.loads(self.channel.recv_bytes(maxlength=2**28)))
        except (EOFError, OSError, ValueError):
            self._process.join(GRACE)
        if self._process.is_alive() and self.outcome is None:
            if self.deadline is None or time.monotonic() < self.deadline:
                return False
            limit = (self.deadline or 0) - self.started
            self.outcome = {"error": {"status": "timeout", "reason": f"ran longer than {limit:g} s"}}
        self.end()
        return True

    def _cap_log(self) -> None:
        with contextlib.suppress(OSError):
            if self.log.stat().st_size > LOG_BYTES:
                os.truncate(self.log, LOG_BYTES // 2)  # what comes next is appended there

    def _take(self, message: dict[str, Any]) -> None:
        if "progress" in message:
            news = message["progress"]
            self.known.update(news.pop("known", {}))
            if "timings" in news:
                self.known["timings"] = news.pop("timings")
            self.progress = news
        else:
            self.outcome = message

    def end(self) -> None:
        """Make sure that nothing of the process is left, and that it has an outcome."""
        if self.outcome is not None and "result" in self.outcome:
            self._process.join(GRACE)
        if self._process.is_alive():
            self._signal(signal.SIGTERM)
            self._process.join(GRACE)
        self._signal(signal.SIGKILL)  # the group: also what the process left behind
        self._process.join(GRACE)
        self._cap_log()
        self.channel.close()
        if self.outcome is None:
            self.outcome = {"error": {"status": "crashed", "reason": _how_it_died(self._process.exitcode)}}

    def _signal(self, number: int) -> None:
        pid = self._process.pid
        assert pid is not None
        try:
            os.killpg(pid, number)  # the process leads a group, which outlives it if it left something behind
        except (ProcessLookupError, PermissionError):
            with contextlib.suppress(ProcessLookupError):
                if self._process.is_alive():  # it has not come so far as to lead one
                    os.kill(pid, number)


def _how_it_died(code: int | None) -> str:
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"the process ended with exit code {code} and no result"


def probe_device(context: Any, name: str) -> tuple[str, str]:
    """Return (error, device) for a device's name, asked in another process so that this one stays clear of CUDA."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = context.Process(target=_probe, args=(theirs, name))
    with _no_main():
        process.start()
    theirs.close()
    try:
        answer: list[str] = json.loads(ours.recv_bytes())
    except EOFError:
        answer = [f"--device {name}: the process that asked for it died", ""]
    process.join()
    return answer[0], answer[1]


def _probe(channel: Connection, name: str) -> None:
    from genbench.device import Device

    try:
        answer = ["", str(Device(name).torch)]
    except Exception as error:
        answer = [str(error), ""]
    channel.send_bytes(json.dumps(answer).encode())

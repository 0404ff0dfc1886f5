"""The process of a cell from outside: started, listened to, told to stop. ``supervise`` does one task, begin to end."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import multiprocessing.connection
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import pickle
import signal
import socket
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from genbench import supervisor
from genbench.errors import PluginError, describe
from genbench.hearsay import known_of, outcome_of, progress_of
from genbench.inside import Packed, Task, do, explain
from genbench.plan.limits import Limits
from genbench.record.store import cell_folder

__all__ = [
    "InProcess",
    "Limits",
    "Task",
    "Worker",
    "context_for",
    "pack",
    "quietly",
    "start_server",
    "stop_server",
    "supervise",
]

LATE = 5.0  # seconds after which a supervisor that should have ended a cell is ended itself
TRIES = 5  # to reach the fork server, which somebody may have killed and which is then started again
# One thread a cell, and an allocator that keeps what it was given: timings of small models then repeat within 2 %.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
    "MALLOC_TOP_PAD_": "67108864",
}
# A process begins with `python -c`, which would look for modules where the user happens to be: a random.py, say.
SAFE_PATH = {"PYTHONSAFEPATH": "genbench"}
STARTING = threading.Lock()
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def context_for(device: str = "cpu", method: str | None = None) -> multiprocessing.context.BaseContext:
    """Return what starts the process of a cell: the fork server on the processor, else a fresh interpreter.

    The server is single-threaded and has only imported libraries, so forking it is safe; nothing may be forked after
    CUDA or Metal was touched, and a process of its own for each cell makes sure of that. Same numbers either way.
    """
    methods = multiprocessing.get_all_start_methods()
    method = method or ("forkserver" if device.partition(":")[0] == "cpu" and "forkserver" in methods else "spawn")
    return start_server() if method == "forkserver" else multiprocessing.get_context(method)


def start_server() -> multiprocessing.context.BaseContext:
    """Return the context of the fork server, which has imported torch already; the calling process never needs it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["genbench.preload"])
    with quietly():
        multiprocessing.forkserver.ensure_running()  # also when somebody has killed it meanwhile
    return context


def stop_server() -> None:
    """End the fork server, also one that is still importing; what it has started is left to its supervisors."""
    if (pid := _server_pid()) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _server_pid() -> int | None:
    pid: int | None = getattr(multiprocessing.forkserver._forkserver, "_forkserver_pid", None)
    return pid


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Start processes with the environment of cells, without the user's script, and deaf to the terminal's signals."""
    with STARTING, _environment({**SAFE_PATH, **ENVIRONMENT}), _no_main():
        multiprocessing.resource_tracker.ensure_running()  # which would unblock them, were it started later
        # inherited by the server: Ctrl-C is this process's affair
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, () if _server_pid() else STOPPING)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


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


class Worker:
    """A task in a process of its own; raises PluginError where the task cannot be sent to one.

    ``listen`` until it returns True: ``outcome`` then has ``result`` or ``error``, and ``usage`` what it took.
    ``known`` is the part of the record that was told so far, ``progress`` the phase. With ``stays`` its process may
    remain as a host, ``serving`` until ``end``, and take requests through ``door``.
    """

    def __init__(
        self,
        context: Any,
        task: Task,
        plugin_files: tuple[Path, ...] = (),
        limits: Limits | None = None,
        *,
        stays: bool = False,
    ) -> None:
        self.task = task
        self.limits = replace(limits or Limits(), spent=task.spent)
        self.outcome: dict[str, Any] | None = None
        self.usage: dict[str, Any] = {}
        self.known: dict[str, Any] = {}
        self.progress: dict[str, Any] = {"phase": "start" if task.stage == "fit" else "score"}
        self.serving: dict[str, Any] | None = None  # what it said when it stayed as a host
        self.door: socket.socket | None = None  # where a host takes requests
        self._process: Any = None  # None where a host has begun it
        self._supervisor: int | None = None
        self._cell: int | None = None
        self._stays = stays
        self._lines = bytearray()
        log = cell_folder(task.run, task.cell.key) / "log.txt"
        self._start(context, (_packed(task), plugin_files, log, self.limits))
        left = self.limits.left
        self._too_late = None if left is None else time.monotonic() + left + supervisor.GRACE + LATE

    def _start(self, context: Any, arguments: tuple[Any, ...]) -> None:
        for attempt in range(TRIES):
            channel, theirs = multiprocessing.Pipe(duplex=True)
            doors = socket.socketpair() if self._stays else ()
            given = (theirs, *arguments, *doors[1:])
            self._process = context.Process(target=supervisor.main, args=given, daemon=False)
            try:
                with quietly():
                    self._process.start()
                break
            except (OSError, EOFError):  # the fork server is gone: the next attempt starts another
                channel.close()
                for door in doors[:1]:
                    door.close()
                if attempt == TRIES - 1:
                    raise
                time.sleep(0.05)
            finally:
                theirs.close()
                for door in doors[1:]:
                    door.close()
        if doors:
            self.door = doors[0]
        self._supervisor = self._process.pid
        self._own(os.dup(channel.fileno()))
        channel.close()

    def _own(self, channel: int) -> None:
        """Listen to this end of the socket whose other end the supervisor has."""
        os.set_blocking(channel, False)
        self.channel = multiprocessing.connection.Connection(channel)

    @property
    def handles(self) -> tuple[Any, ...]:
        """What to wait for: a message, or the end."""
        return (self.channel,)

    def listen(self) -> bool:
        """Take in what was said; return whether it is over and nothing of the task is left."""
        if self.channel.closed:
            return True
        try:
            while data := os.read(self.channel.fileno(), 2**16):
                self._hear(data)
        except BlockingIOError:
            if self._too_late is not None and time.monotonic() > self._too_late:
                self._put_down()
            return self.serving is not None
        except OSError:
            pass
        self._close()
        return True

    def _hear(self, data: bytes) -> None:
        self._lines += data
        if b"\n" not in data:
            return
        *whole, rest = self._lines.split(b"\n")
        self._lines = bytearray(rest)
        for line in whole:
            try:
                message = json.loads(line)
            except ValueError:  # a plugin wrote where only genbench does
                continue
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if "progress" in message:
            self.known.update(known_of(message["progress"]))
            self.progress = progress_of(message["progress"]) or self.progress
        elif "cell" in message:
            self._cell, self._supervisor = message["cell"], message["supervisor"]
        elif "serving" in message:
            self.serving, self._too_late = message["serving"], None
        elif "usage" in message:
            self.usage = message["usage"]
        else:
            self.outcome = outcome_of(self.task.stage, message)

    def stop(self, *, at_once: bool = False) -> None:
        """Have the task ended, asked first unless ``at_once``; ``listen`` tells when it is."""
        with contextlib.suppress(OSError):
            os.write(self.channel.fileno(), supervisor.KILL if at_once else supervisor.STOP)

    def _put_down(self) -> None:
        """End a supervisor that does not do its work; the kernel ends the cell with it."""
        self.outcome = self.outcome or {"error": {"status": "timeout", "reason": "could not be ended in time"}}
        if self._supervisor is None:
            self._close()
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._supervisor, signal.SIGKILL)

    def end(self) -> None:
        """End a host, and wait until nothing of it is left."""
        self.stop(at_once=True)
        self._too_late = time.monotonic() + LATE
        while not self.channel.closed:
            multiprocessing.connection.wait([self.channel], timeout=0.2)
            self.serving = None
            self.listen()

    def _close(self) -> None:
        self.channel.close()
        if self._cell is not None and not self.usage:  # the supervisor was killed: it had no time to tidy up
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._cell, signal.SIGKILL)
        if self.outcome is None:
            self.outcome = {"error": {"status": "lost", "reason": "the process that watches over the cell was killed"}}
        if self.door is not None:
            self.door.close()
        if self._process is None:
            return
        self._process.join(LATE)  # it has closed its end: nothing is left to do for it
        with contextlib.suppress(ValueError):
            self._process.close()


class InProcess:
    """A task in this process, as a worker, for debuggers: what it does wrong is not contained, its limits not kept."""

    def __init__(self, task: Task, tell: Callable[[Mapping[str, Any]], None] = lambda _: None) -> None:
        self.task = task
        self.outcome: dict[str, Any] | None = None
        self.usage: dict[str, Any] = {}
        self.known: dict[str, Any] = {}
        self.progress: dict[str, Any] = {"phase": "start" if task.stage == "fit" else "score"}
        self.handles: tuple[Any, ...] = ()
        self.interrupted = False  # by Ctrl-C, or by a plugin that raises KeyboardInterrupt: here they are the same
        self._tell = tell

    def listen(self) -> bool:
        """Do the task; an exception is shown with its traceback and becomes the outcome."""
        try:
            self.outcome = {"result": do(self.task, self._report)}
        except (Exception, SystemExit) as error:
            import traceback

            traceback.print_exc()
            self.outcome = {"error": explain(error)}
        except KeyboardInterrupt:
            self.interrupted = True
            self.outcome = {"error": {"status": "interrupted", "reason": ""}}
        return True

    def _report(self, **news: Any) -> None:
        self.known.update(news.pop("known", {}))
        if "timings" in news:
            self.known["timings"] = dict(news.pop("timings"))
        self.progress = news
        self._tell(news)

    def stop(self, *, at_once: bool = False) -> None:
        """Do nothing: it runs only while it is listened to."""


def supervise(
    task: Task,
    plugin_files: tuple[Path, ...] = (),
    limits: Limits | None = None,
    *,
    report: Callable[[Worker], object] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
    method: str | None = None,
) -> Worker:
    """Do a task in a process of its own, wait for its end and return its worker, whose ``outcome`` is then known.

    For schedulers that bring the slot: ``report`` is given the worker when there is progress, ``stopped`` is asked
    often whether to end the task. May be called from any thread.
    """
    worker = Worker(context_for(task.device or task.cell.device, method), task, plugin_files, limits)
    told_of = None
    while not worker.listen():
        multiprocessing.connection.wait(worker.handles, timeout=0.2)
        if worker.progress is not told_of:
            told_of = worker.progress
            report(worker)
        if stopped():
            worker.stop()
    return worker


def pack(task: Task) -> Packed:
    """Return a task that others may pass on; raises PluginError where it cannot be sent."""
    stub: Any = types.SimpleNamespace(key=task.cell.key, device=task.cell.device)
    return Packed(task.stage, stub, task.run, device=task.device, spent=task.spent, content=_packed(task))


def _packed(task: Task) -> bytes:
    if isinstance(task, Packed):
        return task.content
    try:
        return pickle.dumps(task)
    except Exception as error:
        raise PluginError(f"it cannot be sent to a process of its own: {describe(error)}") from error

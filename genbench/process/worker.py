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
import time
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from genbench.errors import PluginError, describe
from genbench.plan.limits import Limits
from genbench.process import supervisor
from genbench.process.launch import context_for, quietly
from genbench.process.messages import known_of, outcome_of, progress_of
from genbench.process.task import Packed, Task
from genbench.record.store import cell_folder

__all__ = ["Limits", "Task", "Worker", "pack", "supervise"]

LATE = 5.0  # seconds after which a supervisor that should have ended a cell is ended itself
TRIES = 5  # to reach the fork server, which somebody may have killed and which is then started again


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

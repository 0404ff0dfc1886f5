"""Start the process of a task, read its messages and end it; ``supervise`` does so for one task."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import multiprocessing.connection
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
from genbench.process.clocks import ClockCheck
from genbench.process.launch import context_for, launch_environment
from genbench.process.messages import known_of, outcome_of, progress_of, score_of
from genbench.process.process_tree import kill_descendants
from genbench.process.task import PackedTask, RunningTask, Task
from genbench.record.encoding import is_deep
from genbench.record.status import Status
from genbench.record.store import cell_folder

SUPERVISOR_GRACE_S = 5.0  # after which a supervisor that should have ended its cell is killed
MAX_START_ATTEMPTS = 5  # where somebody has killed the fork server, which is then started again


class Worker(RunningTask):
    """A task in a process of its own, from which messages arrive on ``channel``.

    Call ``listen`` until it returns True: ``outcome`` then has ``result`` or ``error``, and ``usage`` what it used.
    ``known`` is the part of the record that was reported so far, ``progress`` the phase. A process that stays as a
    zygote is ``serving`` after its result, until ``end``, and forks others on ``requests``. ``process`` is None for a
    task that a zygote forks: it is lost if it has not begun after ``start_timeout`` seconds.
    """

    def __init__(
        self,
        task: Task,
        limits: Limits,
        channel: int,
        process: Any = None,
        requests: socket.socket | None = None,
        start_timeout: float | None = None,
    ) -> None:
        super().__init__(task)
        self.serving: dict[str, Any] | None = None  # its message when it stayed as a zygote
        self.requests = requests
        self._process = process
        self._supervisor: int | None = None if process is None else process.pid
        self._cell: int | None = None
        self._lines = bytearray()
        self._clocks = ClockCheck()
        os.set_blocking(channel, False)
        self.channel = multiprocessing.connection.Connection(channel)
        now, left = time.monotonic(), limits.left
        self._must_begin_by = None if start_timeout is None else now + start_timeout
        self._must_end_by = None if left is None else now + left + supervisor.STOP_GRACE_S + SUPERVISOR_GRACE_S

    @property
    def forked(self) -> bool:
        """Whether a zygote forks it."""
        return self._process is None

    @property
    def supervisor(self) -> int | None:
        """The id of its supervisor, once that is known."""
        return self._supervisor

    @property
    def handles(self) -> tuple[Any, ...]:
        """What becomes readable with a message, or at the end."""
        return (self.channel,)

    def listen(self) -> bool:
        """Read the messages that have arrived; return whether the task is over and no process of it is left."""
        if self.channel.closed:
            return True
        try:
            while data := os.read(self.channel.fileno(), 2**16):
                self._read(data)
        except BlockingIOError:
            now = time.monotonic()
            if self._cell is None and self._must_begin_by is not None and now > self._must_begin_by:
                self._close()
                return True
            if self._must_end_by is not None and now > self._must_end_by:
                self._kill_supervisor()
            return self.serving is not None
        except OSError:
            pass
        self._close()
        return True

    def _read(self, data: bytes) -> None:
        self._lines += data
        if b"\n" not in data:
            return
        *lines, rest = self._lines.split(b"\n")
        self._lines = bytearray(rest)
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:  # written by a plugin
                continue
            except RecursionError:
                message = {"result": None}
            self._take({"result": None} if is_deep(message) else message)

    def _take(self, message: dict[str, Any]) -> None:
        self._clocks.take(message.get("clocks"), message.get("arrived"))
        self.clock_problem = self._clocks.problem
        if "progress" in message:
            fields = known_of(message["progress"])
            if "samples_sha256" in self.known:  # that of before the held-out rows were there
                fields.pop("samples_sha256", None)
            self.known.update(fields)
            self.progress = progress_of(message["progress"]) or self.progress
            if (score := score_of(message["progress"])) is not None:
                self.scores.append(score)
        elif "cell" in message:
            self._cell, self._supervisor = message["cell"], message["supervisor"]
        elif "serving" in message:
            self.serving, self._must_end_by = message["serving"], None
        elif "usage" in message:
            self.usage = message["usage"]
        else:
            self.outcome = outcome_of(self.task.stage, message)

    def stop(self, *, at_once: bool = False) -> None:
        """Have the task ended, with a grace period unless ``at_once``; ``listen`` returns True when it has ended."""
        with contextlib.suppress(OSError):
            os.write(self.channel.fileno(), supervisor.KILL if at_once else supervisor.STOP)

    def _kill_supervisor(self) -> None:
        """Kill a supervisor that has not ended its cell in time; the kernel ends the cell with it."""
        self.outcome = self.outcome or {"error": {"status": Status.TIMEOUT, "reason": "could not be ended in time"}}
        if self._supervisor is None:
            self._close()
            return
        kill_descendants(self._supervisor)  # while they can be found by it
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._supervisor, signal.SIGKILL)

    def end(self) -> None:
        """End a zygote, and wait until no process of it is left."""
        self.stop(at_once=True)
        self._must_end_by = time.monotonic() + SUPERVISOR_GRACE_S
        while not self.channel.closed:
            multiprocessing.connection.wait([self.channel], timeout=0.2)
            self.serving = None
            self.listen()

    def _close(self) -> None:
        self.channel.close()
        if self._cell is not None and not self.usage:  # the supervisor was killed before it could clean up
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._cell, signal.SIGKILL)
        if self.outcome is None:
            reason = "the supervisor of the cell was killed"
            self.outcome = {"error": {"status": Status.LOST, "reason": reason}}
        if self.requests is not None:
            self.requests.close()
        if self._process is None:
            return
        self._process.join(SUPERVISOR_GRACE_S)  # it has closed its end and is about to exit
        with contextlib.suppress(ValueError):
            self._process.close()


def start_worker(
    context: Any,
    task: Task,
    plugin_files: tuple[Path, ...] = (),
    limits: Limits | None = None,
    *,
    may_serve: bool = False,
) -> Worker:
    """Start a task in a process of its own, which with ``may_serve`` may stay as a zygote.

    Raises PluginError where the task cannot be sent, and ChildProcessError where the machine starts no process.
    """
    limits = replace(limits or Limits(), spent=task.spent)
    arguments = (pickle_task(task), plugin_files, log_of(task), limits)
    for attempt in range(MAX_START_ATTEMPTS):
        ours, theirs = multiprocessing.Pipe(duplex=True)
        sockets = socket.socketpair() if may_serve else ()
        process = context.Process(target=supervisor.main, args=(theirs, *arguments, *sockets[1:]), daemon=False)
        try:
            with launch_environment():
                process.start()
            break
        except (OSError, EOFError) as error:  # the fork server is gone: the next attempt starts another
            ours.close()
            for each in sockets[:1]:
                each.close()
            if attempt == MAX_START_ATTEMPTS - 1:
                raise ChildProcessError(
                    f"no process could be started ({describe(error)}); {supervisor.PROCESS_REMEDY}"
                ) from None
            time.sleep(0.05)
        finally:
            theirs.close()
            for each in sockets[1:]:
                each.close()
    channel = os.dup(ours.fileno())
    ours.close()
    return Worker(task, limits, channel, process, sockets[0] if sockets else None)


def supervise(
    task: Task,
    plugin_files: tuple[Path, ...] = (),
    limits: Limits | None = None,
    *,
    report: Callable[[Worker], object] = lambda _: None,
    stopped: Callable[[], bool] = lambda: False,
    method: str | None = None,
) -> Worker:
    """Do a task in a process of its own, wait for its end, and return its worker, whose ``outcome`` is then known.

    ``report`` is called with the worker whenever there is progress, ``stopped`` a few times a second for whether to end
    the task. May be called from any thread.
    """
    worker = start_worker(context_for(task.device or task.cell.device, method), task, plugin_files, limits)
    reported = None
    while not worker.listen():
        multiprocessing.connection.wait(worker.handles, timeout=0.2)
        if worker.progress is not reported:
            reported = worker.progress
            report(worker)
        if stopped():
            worker.stop()
    return worker


def log_of(task: Task) -> Path:
    """Return the file for the output of a task's cell."""
    return cell_folder(task.run, task.cell.key) / "log.txt"


def pack(task: Task) -> PackedTask:
    """Return a task in pickled form, to be passed on; raises PluginError where it cannot be pickled."""
    stub: Any = types.SimpleNamespace(key=task.cell.key, device=task.cell.device)
    return PackedTask(task.stage, stub, task.run, device=task.device, spent=task.spent, content=pickle_task(task))


def pickle_task(task: Task) -> bytes:
    """Return a task as bytes; raises PluginError where it cannot be pickled."""
    if isinstance(task, PackedTask):
        return task.content
    try:
        return pickle.dumps(task)
    except Exception as error:
        raise PluginError(f"it cannot be sent to a process of its own: {describe(error)}") from error

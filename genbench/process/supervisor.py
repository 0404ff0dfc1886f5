"""The process between a run and one cell: it forks the cell, holds it to its limits, and leaves nothing of it behind.

It runs no code of a plugin, so nothing that a cell does (a loop that holds the GIL, ``os._exit``, a segfault) can keep
it from its work. When the run is gone, however that ended, its end of the connection closes, and the cell is ended;
when the supervisor itself is killed, the kernel kills the cell. On Linux it adopts what the cell leaves behind, also in
sessions of their own. What escapes: a process that another service was asked to start (cron, systemd, docker), and one
that a hostile cell moved to its own session before it killed its supervisor. This is for reliability; it is no sandbox.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from genbench.plan.limits import Limits
from genbench.process import child
from genbench.process.process_tree import TreeMemory, adopt_orphans, end_all, kernel_kills, signal_all
from genbench.process.zygote import serve
from genbench.record.encoding import to_json

__all__ = ["KILL", "LOG_HEAD", "LOG_TAIL", "STOP", "STOP_GRACE_S", "main"]

STOP_GRACE_S = 2.0  # seconds between asking a cell to end and ending it, when it is late
HURRY = 0.3  # the same when the user stops the run
LOOK = 0.05  # seconds between two looks at a cell's memory, where it is limited
LOG_HEAD, LOG_TAIL = 8 * 2**20, 2**20  # bytes of a cell's output that are kept: its begin and its end
ROUNDS = 64  # of reading before the clock is looked at again
LONGEST = 64 * 2**20  # bytes of one message from a cell
PENDING = 2**20  # bytes that may wait for the run; progress beyond that is dropped
STOP, KILL = b"s", b"k"  # what the run may say


def main(
    run: Connection,
    task: bytes,
    plugin_files: tuple[Path, ...],
    log: Path,
    limits: Limits,
    door: socket.socket | None = None,
    real: Any = None,
) -> None:
    """Do one task in a child; relay what it says to ``run``, an end of a socket, and add what became of it.

    Lines of JSON: first ``{"cell": process id, "supervisor": process id}``, then the cell's own, ``{"error": ..}``
    unless it said how it ended, and ``{"usage": ..}`` last. A child that was given a ``door`` may stay, as a host for
    others: then ``{"serving": ..}`` is last, and it has no more limits. ``real`` is what a host holds for the child.
    """
    os.setsid()
    adopt_orphans()
    said, talk = os.pipe()
    printed, output = os.pipe()
    supervisor = os.getpid()
    pid = os.fork()
    if pid == 0:
        stay = None if door is None else functools.partial(serve, door, main)
        for end in (said, printed, run.fileno()):
            os.close(end)
        child.main(supervisor, talk, output, task, plugin_files, limits, stay, real)
    if door is not None:
        door.close()
    os.close(talk)
    os.close(output)
    _Supervisor(run.fileno(), pid, said, printed, log, limits, stays=door is not None).watch()


class _Supervisor:
    def __init__(
        self, run: int, pid: int, said: int, printed: int, log: Path, limits: Limits, *, stays: bool = False
    ) -> None:
        self.pid, self.said, self.printed, self.limits, self.stays = pid, said, printed, limits, stays
        self.started = time.monotonic()
        self.status: int | None = None  # of the cell, as waitpid has it, once it has ended
        self.cpu = 0.0
        self.verdict: dict[str, str] | None = None  # why it is ended from here
        self.kill_at = float("inf")
        self.told = False  # whether the cell said how it ended
        self.serving = False  # whether it then stayed as a host
        self.memory = TreeMemory(pid)
        self.kills = kernel_kills()
        self.outbox = _Outbox(run)
        self.lines = bytearray()
        self.log = _CappedLog(log)
        for end in (run, said, printed):
            os.set_blocking(end, False)

    def watch(self) -> None:
        self.outbox.put(_line({"cell": self.pid, "supervisor": os.getpid()}))
        with _child_signals() as wake:
            poll = select.poll()
            for end in (self.said, self.printed, wake):
                poll.register(end, select.POLLIN)
            while self._running():
                poll.register(self.outbox.run, select.POLLIN | (select.POLLOUT if self.outbox.waiting else 0))
                for end, event in poll.poll(self._patience() * 1000):
                    if event & ~(select.POLLIN | select.POLLOUT) and end in (self.said, self.printed):
                        poll.unregister(end)  # the cell has closed it; what it holds is read at the end
                    self._hear(end)
                self._judge()
        self._finish()

    def _patience(self) -> float:
        until = min(self.kill_at, self._deadline() if self.verdict is None else float("inf"))
        longest = LOOK if self.limits.memory is not None else 1.0
        return min(longest, max(0.0, until - time.monotonic()) + 0.001)

    def _deadline(self) -> float:
        return float("inf") if self.limits.left is None else self.started + self.limits.left

    def _hear(self, end: int) -> None:
        if end == self.said:
            self._relay()
        elif end == self.printed:
            self.log.read(self.printed)
        elif end == self.outbox.run:
            self._obey()
            self.outbox.flush()
        else:
            _read(end)

    def _obey(self) -> None:
        command = _read(self.outbox.run)
        if command is None:
            return
        if command == b"" or KILL in command:  # the run is gone, or in a hurry
            self.outbox.gone = command == b""
            self._end({"status": "interrupted", "reason": "the run was stopped"}, 0)
        elif STOP in command:
            self._end({"status": "interrupted", "reason": "the run was stopped"}, HURRY)

    def _relay(self) -> None:
        for _ in range(ROUNDS):
            data = _read(self.said)
            if not data:
                return
            self.lines += data
            if b"\n" not in data and len(self.lines) <= LONGEST:
                continue
            *whole, rest = self.lines.split(b"\n")
            self.lines = bytearray(rest)
            for line in whole:
                if line.startswith(b'{"serving"') and self.stays and self.told and not self.serving:
                    self._serve(json.loads(line)["serving"])
                    continue
                outcome = not line.startswith(b'{"progress"')
                if outcome and not line.startswith((b'{"result"', b'{"error"')):
                    continue  # not ours: a plugin has found the pipe
                if self.verdict is None or not outcome:
                    self.told |= outcome
                    self.outbox.put(bytes(line) + b"\n", droppable=not outcome and b'"known"' not in line)
            if len(self.lines) > LONGEST:
                self.lines.clear()
                self._end({"status": "invalid", "reason": f"its result is larger than {LONGEST // 2**20} MiB"}, 0)

    def _serve(self, took: dict[str, Any]) -> None:
        """Let the cell stay when its task is done: what was limited is over."""
        self.serving, self.limits = True, Limits()
        self.cpu, self.memory.peak = took["cpu_s"], max(self.memory.peak, took["peak"])
        self.outbox.put(_line({"usage": self._usage(0)}))
        self.outbox.put(_line({"serving": {"held": took["held"]}}))

    def _judge(self) -> None:
        now, memory = time.monotonic(), self.limits.memory
        if now >= self._deadline():
            spent = f", {self.limits.spent:.3g} s of them before it was scored" if self.limits.spent else ""
            self._end(
                {"status": "timeout", "reason": f"ran longer than {self.limits.seconds:g} s{spent}"}, STOP_GRACE_S
            )
        if memory is not None and self.status is None and self.memory.exceeds(memory):
            peak = f"held {self.memory.peak / 2**20:.0f} MiB, more than its {memory / 2**20:.0f} MiB"
            self._end({"status": "oom", "reason": peak}, 0)
        if now >= self.kill_at:
            self.kill_at = now + 0.1  # again: what it starts while it dies dies too
            signal_all(signal.SIGKILL, [self.pid])

    def _end(self, verdict: dict[str, str], grace: float) -> None:
        """Decide once why the cell is ended, ask it to end, and set when it has to be gone: never later than before."""
        if self.verdict is None and not self.told:
            self.verdict = verdict
        if grace and self.kill_at == float("inf"):
            signal_all(signal.SIGTERM, [self.pid])
        self.kill_at = min(self.kill_at, time.monotonic() + grace)

    def _running(self) -> bool:
        """Bury what has ended, the cell or what it left behind, and return whether the cell is still there."""
        while self.status is None:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return True
            if pid == self.pid:
                self.status, self.cpu = status, usage.ru_utime + usage.ru_stime
                self.memory.peak = max(self.memory.peak, usage.ru_maxrss * _RSS_UNIT)
        return False

    def _finish(self) -> None:
        """End what the cell left behind, take in its last words, and say what became of it."""
        left = end_all([self.pid])
        self._relay()
        self.log.read(self.printed)
        self.log.close()
        if not self.told:
            self.outbox.put(_line({"error": self.verdict or self._how_it_died()}))
        if not self.serving:
            self.outbox.put(_line({"usage": self._usage(left)}))
        self.outbox.drain()

    def _usage(self, left: int) -> dict[str, Any]:
        return {
            "wall_s": round(time.monotonic() - self.started, 3),
            "memory_mb": round(self.memory.peak / 2**20, 1),
            "cpu_s": round(self.cpu, 3),
            "left": left,
        }

    def _how_it_died(self) -> dict[str, str]:
        assert self.status is not None
        code = os.waitstatus_to_exitcode(self.status)
        if code >= 0:
            return {"status": "crashed", "reason": f"the process ended with exit code {code} and no result"}
        reason = f"killed by {_signal_name(-code)}"
        if code == -signal.SIGKILL and kernel_kills() > self.kills:
            return {"status": "oom", "reason": f"{reason}: the kernel says that memory ran out"}
        return {"status": "crashed", "reason": reason}


_RSS_UNIT = 1 if os.uname().sysname == "Darwin" else 1024  # of ru_maxrss


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _line(message: dict[str, Any]) -> bytes:
    return to_json(message).encode() + b"\n"


def _read(end: int) -> bytes | None:
    """Return what can be read now: None for nothing yet, an empty text where the other end is closed."""
    try:
        return os.read(end, 2**16)
    except BlockingIOError:
        return None
    except OSError:
        return b""


@contextlib.contextmanager
def _child_signals() -> Iterator[int]:
    """Yield what becomes readable when a child ends; other signals are the run's affair."""
    wake, woken = os.pipe()
    for end in (wake, woken):
        os.set_blocking(end, False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    yield wake
    signal.set_wakeup_fd(-1)


class _Outbox:
    """What the run has still to be told: a run that is stopped must not stop the clock of a cell."""

    def __init__(self, run: int) -> None:
        self.run = run
        self.gone = False
        self.waiting = bytearray()

    def put(self, line: bytes, *, droppable: bool = False) -> None:
        if not (droppable and len(self.waiting) > PENDING):
            self.waiting += line
            self.flush()

    def flush(self) -> None:
        try:
            while self.waiting and not self.gone:
                del self.waiting[: os.write(self.run, self.waiting)]
        except BlockingIOError:
            return
        except OSError:
            self.gone = True

    def drain(self) -> None:
        """Wait until the run has heard everything, or is gone."""
        poll = select.poll()
        poll.register(self.run, select.POLLOUT)
        while self.waiting and not self.gone:
            poll.poll()
            self.flush()


class _CappedLog:
    """A file that holds the begin and the end of what a cell printed, however much that was."""

    def __init__(self, path: Path) -> None:
        self._left, self._skipped, self._tail = LOG_HEAD, 0, bytearray()
        self._file: int | None = None
        with contextlib.suppress(OSError):  # a full disk is told by the record, which cannot be written either
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            self._left -= min(LOG_HEAD, os.fstat(self._file).st_size)

    def read(self, end: int) -> None:
        """Take in what is there now, but not for ever: there are clocks to watch."""
        for _ in range(ROUNDS):
            data = _read(end)
            if not data:
                return
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        head, rest = data[: self._left], data[self._left :]
        self._left -= len(head)
        self._write(head)
        self._tail += rest
        if len(self._tail) > 2 * LOG_TAIL:
            self._skipped += len(self._tail) - LOG_TAIL
            del self._tail[:-LOG_TAIL]

    def close(self) -> None:
        """Write the end of what was printed, and say how much was left out."""
        self._skipped += max(0, len(self._tail) - LOG_TAIL)
        if self._skipped:
            self._write(f"\n[... {self._skipped} bytes left out ...]\n".encode())
        self._write(bytes(self._tail[-LOG_TAIL:]))

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            while data and self._file is not None:
                data = data[os.write(self._file, data) :]

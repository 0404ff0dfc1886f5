"""The supervisor: a process between the run and one cell, which forks the cell, enforces its limits and cleans up.

It runs no code of a plugin, so nothing that a cell does (a loop that holds the GIL, ``os._exit``, a segfault) disturbs
it. When the run ends, in whatever way, its end of the connection closes, and the supervisor ends the cell; when the
supervisor itself is killed, the kernel kills the cell. On Linux it adopts orphans of the cell, also in sessions of
their own. What escapes: a process that another service was asked to start (cron, systemd, docker), and one that a
hostile cell moved to its own session before it killed its supervisor. This is for reliability; it is not a sandbox.
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
from genbench.process.machine_load import MachineLoad
from genbench.process.process_tree import TreeMemory, adopt_orphans, end_all, kernel_kills, signal_all
from genbench.process.zygote import serve
from genbench.record.encoding import to_json
from genbench.record.regular_file import NO_LINK, NO_WAIT

STOP_GRACE_S = 2.0  # between SIGTERM and SIGKILL for a cell that has reached its deadline
USER_STOP_GRACE_S = 0.3  # the same when the user stops the run
MEMORY_POLL_S = 0.05  # between two measurements of a cell's memory, where it is limited
LOG_HEAD_BYTES, LOG_TAIL_BYTES = 8 * 2**20, 2**20  # of a cell's output that are kept: its beginning and its end
MAX_READS = 64  # of a pipe before the limits are checked again
MAX_MESSAGE_BYTES = 64 * 2**20
MAX_PENDING_BYTES = 2**20  # that wait for the run; progress beyond that is dropped
MAXRSS_UNIT_BYTES = 1 if os.uname().sysname == "Darwin" else 1024
PROCESS_REMEDY = "raise the limit of processes (ulimit -u), or run fewer at a time with --jobs"
STOP, KILL = b"s", b"k"  # commands of the run


def main(
    run: Connection,
    task: bytes,
    plugin_files: tuple[Path, ...],
    log: Path,
    limits: Limits,
    requests: socket.socket | None = None,
    real: Any = None,
) -> None:
    """Do one task in a child process, and relay its messages to ``run``, a connection, as lines of JSON.

    First ``{"cell": process id, "supervisor": process id}``, then the messages of the cell, each with the time at which
    it ``arrived``, ``{"error": ..}`` unless the cell reported its outcome, and ``{"usage": ..}`` last. With
    ``requests`` the cell may stay as a zygote, without limits: then ``{"serving": ..}`` is last. ``real`` is the
    ``RealSideCache`` of the zygote that forked this process.
    """
    os.setsid()
    adopt_orphans()
    messages, message_pipe = os.pipe()
    output, output_pipe = os.pipe()
    supervisor = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        reason = f"no process could be started ({error.strerror}); {PROCESS_REMEDY}"
        _send_all(run, {"error": {"status": "lost", "reason": reason}}, {"usage": {"left": 0}})
        return
    if pid == 0:
        serve_requests = None if requests is None else functools.partial(serve, requests, main)
        if real is None:
            kept = () if requests is None else (requests.fileno(),)
            child.close_inherited({message_pipe, output_pipe, *kept})
        else:  # whose data may have files open
            for end in (messages, output, run.fileno()):
                os.close(end)
        child.main(supervisor, message_pipe, output_pipe, task, plugin_files, limits, serve_requests, real)
    if requests is not None:
        requests.close()
    os.close(message_pipe)
    os.close(output_pipe)
    _Supervisor(run.fileno(), pid, messages, output, log, limits, may_serve=requests is not None).watch()


def _send_all(run: Connection, *messages: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        for message in messages:
            os.write(run.fileno(), _line(message))


class _Supervisor:
    def __init__(
        self, run: int, pid: int, messages: int, output: int, log: Path, limits: Limits, *, may_serve: bool = False
    ) -> None:
        self.pid, self.messages, self.output, self.limits, self.may_serve = pid, messages, output, limits, may_serve
        self.started = time.monotonic()
        self.status: int | None = None  # of the cell, as waitpid returns it, once it has ended
        self.cpu = 0.0
        self.error: dict[str, str] | None = None  # status and reason, where the supervisor ends the cell
        self.kill_at = float("inf")
        self.reported = False  # whether the cell reported its outcome
        self.serving = False  # whether it then stayed as a zygote
        self.memory = TreeMemory(pid)
        self.load = MachineLoad(pid)
        self.kills = kernel_kills()
        self.outbox = _Outbox(run)
        self.lines = bytearray()
        self.log = _CappedLog(log)
        for end in (run, messages, output):
            os.set_blocking(end, False)

    def watch(self) -> None:
        self.outbox.put(_line({"cell": self.pid, "supervisor": os.getpid()}))
        with _child_signals() as wake:
            poll = select.poll()
            for end in (self.messages, self.output, wake):
                poll.register(end, select.POLLIN)
            while self._running():
                poll.register(self.outbox.run, select.POLLIN | (select.POLLOUT if self.outbox.waiting else 0))
                for end, event in poll.poll(self._poll_timeout() * 1000):
                    if event & ~(select.POLLIN | select.POLLOUT) and end in (self.messages, self.output):
                        poll.unregister(end)  # the cell has closed it; the rest is read in the end
                    self._read_from(end)
                self._check_limits()
        self._finish()

    def _poll_timeout(self) -> float:
        until = min(self.kill_at, self._deadline() if self.error is None else float("inf"))
        longest = MEMORY_POLL_S if self.limits.memory is not None else 1.0
        return min(longest, max(0.0, until - time.monotonic()) + 0.001)

    def _deadline(self) -> float:
        return float("inf") if self.limits.left is None else self.started + self.limits.left

    def _read_from(self, end: int) -> None:
        if end == self.messages:
            self._relay()
        elif end == self.output:
            self.log.read(self.output)
        elif end == self.outbox.run:
            self._read_command()
            self.outbox.flush()
        else:
            _read(end)

    def _read_command(self) -> None:
        command = _read(self.outbox.run)
        if command is None:
            return
        if command == b"" or KILL in command:
            self.outbox.closed = command == b""
            self._end({"status": "interrupted", "reason": "the run was stopped"}, 0)
        elif STOP in command:
            self._end({"status": "interrupted", "reason": "the run was stopped"}, USER_STOP_GRACE_S)

    def _relay(self) -> None:
        for _ in range(MAX_READS):
            data = _read(self.messages)
            if not data:
                return
            self.lines += data
            if b"\n" not in data and len(self.lines) <= MAX_MESSAGE_BYTES:
                continue
            *complete, rest = self.lines.split(b"\n")
            self.lines = bytearray(rest)
            arrived = b', "arrived": %.6f}\n' % time.monotonic()
            for line in complete:
                if line.startswith(b'{"serving"') and self.may_serve and self.reported and not self.serving:
                    self._serve(json.loads(line)["serving"])
                    continue
                outcome = not line.startswith(b'{"progress"')
                if outcome and not line.startswith((b'{"result"', b'{"error"')):
                    continue  # written by a plugin
                if self.error is None or not outcome:
                    self.reported |= outcome
                    self.outbox.put(bytes(line[:-1]) + arrived, droppable=not outcome and b'"known"' not in line)
            if len(self.lines) > MAX_MESSAGE_BYTES:
                self.lines.clear()
                reason = f"its result is larger than {MAX_MESSAGE_BYTES // 2**20} MiB"
                self._end({"status": "invalid", "reason": reason}, 0)

    def _serve(self, usage: dict[str, Any]) -> None:
        """Let the cell stay as a zygote, without limits, now that its task is done."""
        self.serving, self.limits = True, Limits()
        self.cpu, self.memory.peak = usage["cpu_s"], max(self.memory.peak, usage["peak"])
        self.outbox.put(_line({"usage": self._usage(0)}))
        self.outbox.put(_line({"serving": {"held": usage["held"]}}))

    def _check_limits(self) -> None:
        now, memory = time.monotonic(), self.limits.memory
        if not self.serving:
            self.load.sample(now)
        if now >= self._deadline():
            spent = f", {self.limits.spent:.3g} s of them before it was scored" if self.limits.spent else ""
            reason = f"ran longer than {self.limits.seconds:g} s{spent}"
            self._end({"status": "timeout", "reason": reason}, STOP_GRACE_S)
        if memory is not None and self.status is None and self.memory.exceeds(memory):
            peak = f"held {self.memory.peak / 2**20:.0f} MiB, more than its {memory / 2**20:.0f} MiB"
            self._end({"status": "oom", "reason": peak}, 0)
        if now >= self.kill_at:
            self.kill_at = now + 0.1  # repeated, for processes that it starts meanwhile
            signal_all(signal.SIGKILL, [self.pid])

    def _end(self, error: dict[str, str], grace: float) -> None:
        """Send SIGTERM to the cell, and SIGKILL after ``grace`` seconds; only the first ``error`` counts."""
        if self.error is None and not self.reported:
            self.error = error
        if grace and self.kill_at == float("inf"):
            signal_all(signal.SIGTERM, [self.pid])
        self.kill_at = min(self.kill_at, time.monotonic() + grace)

    def _running(self) -> bool:
        """Reap processes that have ended, the cell or its orphans, and return whether the cell still runs."""
        while self.status is None:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return True
            if pid == self.pid:
                self.status, self.cpu = status, usage.ru_utime + usage.ru_stime
                self.memory.peak = max(self.memory.peak, usage.ru_maxrss * MAXRSS_UNIT_BYTES)
        return False

    def _finish(self) -> None:
        """End processes that the cell left behind, relay its last messages, and report its outcome."""
        left = end_all([self.pid])
        self._relay()
        self.log.read(self.output)
        self.log.close()
        if not self.reported:
            self.outbox.put(_line({"error": self.error or self._error_of_exit()}))
        if not self.serving:
            self.outbox.put(_line({"usage": self._usage(left)}))
        self.outbox.drain()

    def _usage(self, left: int) -> dict[str, Any]:
        return {
            "wall_s": round(time.monotonic() - self.started, 3),
            "memory_mb": round(self.memory.peak / 2**20, 1),
            "cpu_s": round(self.cpu, 3),
            "left": left,
            **self.load.usage(),
        }

    def _error_of_exit(self) -> dict[str, str]:
        assert self.status is not None
        code = os.waitstatus_to_exitcode(self.status)
        if code >= 0:
            return {"status": "crashed", "reason": f"the process ended with exit code {code} and no result"}
        reason = f"killed by {_signal_name(-code)}"
        if code == -signal.SIGKILL and kernel_kills() > self.kills:
            return {"status": "oom", "reason": f"{reason}: the kernel says that memory ran out"}
        return {"status": "crashed", "reason": reason}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _line(message: dict[str, Any]) -> bytes:
    return to_json(message).encode() + b"\n"


def _read(end: int) -> bytes | None:
    """Return the bytes that can be read now: None if there are none yet, empty if the other end is closed."""
    try:
        return os.read(end, 2**16)
    except BlockingIOError:
        return None
    except OSError:
        return b""


@contextlib.contextmanager
def _child_signals() -> Iterator[int]:
    """Yield a descriptor that becomes readable when a child ends; ignore signals that the run handles."""
    wake, wake_writer = os.pipe()
    for end in (wake, wake_writer):
        os.set_blocking(end, False)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_writer, warn_on_full_buffer=False)
    yield wake
    signal.set_wakeup_fd(-1)


class _Outbox:
    """Messages that wait for the run: a run that does not read must not delay the supervisor."""

    def __init__(self, run: int) -> None:
        self.run = run
        self.closed = False
        self.waiting = bytearray()

    def put(self, line: bytes, *, droppable: bool = False) -> None:
        if not (droppable and len(self.waiting) > MAX_PENDING_BYTES):
            self.waiting += line
            self.flush()

    def flush(self) -> None:
        try:
            while self.waiting and not self.closed:
                del self.waiting[: os.write(self.run, self.waiting)]
        except BlockingIOError:
            return
        except OSError:
            self.closed = True

    def drain(self) -> None:
        """Wait until the run has read everything, or has ended."""
        poll = select.poll()
        poll.register(self.run, select.POLLOUT)
        while self.waiting and not self.closed:
            poll.poll()
            self.flush()


class _CappedLog:
    """A file of bounded size that holds the beginning and the end of a cell's output."""

    def __init__(self, path: Path) -> None:
        self._left, self._skipped, self._tail = LOG_HEAD_BYTES, 0, bytearray()
        self._file: int | None = None
        with contextlib.suppress(OSError):  # a full disk is reported when the record cannot be written either
            path.parent.mkdir(parents=True, exist_ok=True)
            # neither a pipe is waited for, nor a link followed
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | NO_WAIT | NO_LINK, 0o644)
            self._left -= min(LOG_HEAD_BYTES, os.fstat(self._file).st_size)

    def read(self, end: int) -> None:
        """Read what is there now, within bounds: limits must be checked in between."""
        for _ in range(MAX_READS):
            data = _read(end)
            if not data:
                return
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        head, rest = data[: self._left], data[self._left :]
        self._left -= len(head)
        self._write(head)
        self._tail += rest
        if len(self._tail) > 2 * LOG_TAIL_BYTES:
            self._skipped += len(self._tail) - LOG_TAIL_BYTES
            del self._tail[:-LOG_TAIL_BYTES]

    def close(self) -> None:
        """Write the end of the output, after a line that says how much was left out."""
        self._skipped += max(0, len(self._tail) - LOG_TAIL_BYTES)
        if self._skipped:
            self._write(f"\n[... {self._skipped} bytes left out ...]\n".encode())
        self._write(bytes(self._tail[-LOG_TAIL_BYTES:]))

    def _write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            while data and self._file is not None:
                data = data[os.write(self._file, data) :]

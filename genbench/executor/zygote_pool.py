"""Hosts from outside: which process holds the real side of which data, who is scored there, and when it is ended."""

from __future__ import annotations

import collections
import contextlib
import pickle
import socket
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from genbench.plan.cell import REAL, Cell, data_of
from genbench.plan.limits import Limits
from genbench.process.task import Task
from genbench.process.worker import Worker

__all__ = ["Forked", "ZygotePool"]

MOST = 8  # hosts at a time
SHARE = 0.25  # of the machine's memory that they may hold together, each at most what it said
START = 30.0  # seconds until a cell that its host did not begin is given up there


class Forked(Worker):
    """A task in a process that a host forks; where the host is gone, its end is ``lost``."""

    def __init__(self, door: socket.socket, task: Task, limits: Limits) -> None:
        self._given_up = time.monotonic() + START
        super().__init__(door, task, (), limits)

    def _start(self, context: Any, arguments: tuple[Any, ...]) -> None:
        packed, _, log, limits = arguments
        mine, theirs = socket.socketpair()
        with theirs, tempfile.TemporaryFile() as file:
            pickle.dump((packed, log, limits), file)
            file.flush()
            with contextlib.suppress(OSError):  # it is gone: nobody holds the other end, which is told as the end
                socket.send_fds(context, [b"1"], [theirs.fileno(), file.fileno()])
        self._own(mine.detach())

    def listen(self) -> bool:
        """Take in what was said; return whether it is over."""
        if self._cell is None and time.monotonic() > self._given_up:
            self._close()
        return super().listen()


class ZygotePool:
    """The hosts of a session: real rows begin them, the last score of their data ends them."""

    def __init__(self, plugin_files: tuple[Path, ...], limits: Limits) -> None:
        self._plugin_files = plugin_files
        self._limits = limits
        self._hosts: dict[tuple[Any, ...], Worker] = {}
        self._left: collections.Counter[tuple[Any, ...]] = collections.Counter()  # cells to be scored yet
        self._held = 0.0  # bytes

    def expect(self, cells: Iterable[Cell]) -> None:
        """Hear which cells are to be scored."""
        self._left.update(data_of(cell) for cell in cells)

    def start(self, context: Any, task: Task) -> Worker:
        """Return the worker of a task, forked by the host of its data where there is one; raises as Worker."""
        data = data_of(task.cell)
        if task.stage == "score" and (host := self._hosts.get(data)) is not None:
            assert host.door is not None
            return Forked(host.door, task, self._limits)
        first = task.stage == "score" and task.cell.model.name == REAL
        stays = (
            first and self._left[data] > 1 and len(self._hosts) < MOST and context.get_start_method() == "forkserver"
        )
        return Worker(context, task, self._plugin_files, self._limits, stays=stays)

    def ended(self, worker: Any) -> bool:
        """Hear that a task is over; return whether it is to be done again, since its host was lost and not the task."""
        data = data_of(worker.task.cell)
        if getattr(worker, "serving", None) is not None:
            held = worker.serving["held"]
            if self._held + held <= SHARE * psutil.virtual_memory().total:
                self._held += held
                self._hosts[data] = worker
            else:
                worker.end()
        lost = isinstance(worker, Forked) and (worker.outcome or {}).get("error", {}).get("status") == "lost"
        if lost:
            self._end(data)
        return lost

    def done(self, cell: Cell) -> None:
        """Hear that a cell has its record; the last one of its data ends their host."""
        data = data_of(cell)
        self._left[data] -= 1
        if self._left[data] <= 0:
            self._end(data)

    def _end(self, data: tuple[Any, ...]) -> None:
        if (host := self._hosts.pop(data, None)) is not None:
            self._held -= (host.serving or {}).get("held", 0)
            host.end()

    def close(self) -> None:
        """End them all."""
        for data in list(self._hosts):
            self._end(data)

"""The zygotes of a session: processes that hold the real side of some data, and fork those that score against it.

The process that scores the real rows of a dataset and seed becomes their zygote; it ends after their last score.
"""

from __future__ import annotations

import collections
import contextlib
import pickle
import socket
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from genbench.plan.cell import REAL, Cell, data_of
from genbench.plan.limits import Limits
from genbench.process.task import Task
from genbench.process.worker import Worker, log_of, pickle_task, start_worker
from genbench.record.status import Status

MAX_ZYGOTES = 8
MAX_MEMORY_SHARE = 0.25  # of the machine's memory, for all zygotes together
FORK_TIMEOUT_S = 30.0  # after which a task that its zygote has not forked is lost


class ZygotePool:
    """Starts tasks, forked by the zygote of their data where there is one."""

    def __init__(self, plugin_files: tuple[Path, ...], limits: Limits) -> None:
        self._plugin_files = plugin_files
        self._limits = limits
        self._zygotes: dict[tuple[Any, ...], Worker] = {}
        self._unscored: collections.Counter[tuple[Any, ...]] = collections.Counter()  # cells of each data
        self._held_bytes = 0.0

    def expect(self, cells: Iterable[Cell]) -> None:
        """Count the cells that will be scored on each dataset and seed."""
        self._unscored.update(data_of(cell) for cell in cells)

    def start(self, context: Any, task: Task) -> Worker:
        """Start a task, forked by the zygote of its data if there is one; raises PluginError as ``start_worker``."""
        data, scores = data_of(task.cell), task.stage == "score"
        if scores and (zygote := self._zygotes.get(data)) is not None:
            assert zygote.requests is not None
            return _fork(zygote.requests, task, replace(self._limits, spent=task.spent))
        may_serve = (
            scores
            and task.cell.model.name == REAL
            and self._unscored[data] > 1
            and len(self._zygotes) < MAX_ZYGOTES
            and context.get_start_method() == "forkserver"
        )
        return start_worker(context, task, self._plugin_files, self._limits, may_serve=may_serve)

    def take_back(self, worker: Worker) -> bool:
        """Keep a worker that stays as a zygote; return whether its task must run again, because its zygote was lost."""
        data = data_of(worker.task.cell)
        if worker.serving is not None:
            held = worker.serving["held"]
            if self._held_bytes + held <= MAX_MEMORY_SHARE * psutil.virtual_memory().total:
                self._held_bytes += held
                self._zygotes[data] = worker
            else:
                worker.end()
        lost = worker.forked and (worker.outcome or {}).get("error", {}).get("status") == Status.LOST
        if lost:
            self._end(data)
        return lost

    def release(self, cell: Cell) -> None:
        """End the zygote of a cell's data if the cell was the last of them to get its record."""
        data = data_of(cell)
        self._unscored[data] -= 1
        if self._unscored[data] <= 0:
            self._end(data)

    def _end(self, data: tuple[Any, ...]) -> None:
        if (zygote := self._zygotes.pop(data, None)) is not None:
            self._held_bytes -= (zygote.serving or {}).get("held", 0)
            zygote.end()

    @property
    def supervisors(self) -> list[int]:
        """The ids of the supervisors of all zygotes."""
        return [worker.supervisor for worker in self._zygotes.values() if worker.supervisor is not None]

    def close(self) -> None:
        """End all zygotes."""
        for data in list(self._zygotes):
            self._end(data)


def _fork(requests: socket.socket, task: Task, limits: Limits) -> Worker:
    """Return the worker of a task that a zygote forks; if the zygote has ended, the task is ``lost``."""
    ours, theirs = socket.socketpair()
    with theirs, tempfile.TemporaryFile() as file:
        pickle.dump((pickle_task(task), log_of(task), limits), file)
        file.flush()
        with contextlib.suppress(OSError):  # the other end is closed then, and the worker reads the end of the task
            socket.send_fds(requests, [b"1"], [theirs.fileno(), file.fileno()])
    return Worker(task, limits, ours.detach(), start_timeout=FORK_TIMEOUT_S)

"""Run tasks in processes of this machine: slots, the fork server, and zygotes that hold the real side of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from genbench.executor.base import Executor
from genbench.executor.slots import Slot, Slots
from genbench.executor.zygote_pool import ZygotePool
from genbench.plan.cell import Cell
from genbench.plan.limits import Limits
from genbench.process.launch import ServerRestart, context_for, end_orphans, stop_server
from genbench.process.task import Task
from genbench.process.worker import Worker
from genbench.record.environment import cores
from genbench.record.status import Status


class LocalExecutor(Executor):
    """An executor with ``jobs`` slots on devices of this machine, each task in a process of its own.

    ``method`` is how processes start: by default ``forkserver`` on the CPU, else ``spawn``.
    """

    def __init__(
        self,
        devices: Sequence[str],
        jobs: int,
        limits: Limits,
        plugin_files: tuple[Path, ...] = (),
        method: str | None = None,
    ) -> None:
        self.jobs: int | None = jobs
        self._device = devices[0]
        self._method = method
        self._slots = Slots(devices, jobs, cores())
        self._zygotes = ZygotePool(plugin_files, limits)
        self._taken: dict[Slot, Worker] = {}
        self._restart = ServerRestart()

    def open(self, cells: Iterable[Cell]) -> None:
        """Start the fork server, which then imports libraries for seconds."""
        self._zygotes.expect(cells)
        context_for(self._device, self._method)

    def take(self, stage: str) -> Slot | None:
        """Return a slot for a ``fit`` or a ``score`` task; None where all are taken, or processes cannot start yet."""
        return self._slots.take(stage) if self._restart.ready() else None

    def start(self, task: Task, slot: Slot) -> Worker:
        """Start a task in a process of its own; raises PluginError where it cannot be pickled."""
        worker = self._zygotes.start(context_for(task.device or task.cell.device, self._method), task)
        self._taken[slot] = worker
        return worker

    def give(self, slot: Slot) -> None:
        """Take back a slot; set ``rerun`` of its task where the zygote that forked it was lost."""
        self._slots.give(slot)
        if (worker := self._taken.pop(slot, None)) is not None:
            worker.rerun = self._zygotes.take_back(worker)
            if (worker.outcome or {}).get("error", {}).get("status") == Status.LOST:
                self._end_orphans()

    def _end_orphans(self) -> None:
        running = [worker.supervisor for worker in self._taken.values() if worker.supervisor is not None]
        end_orphans([*running, *self._zygotes.supervisors])

    def release(self, cell: Cell) -> None:
        """End the zygote of a cell's data once all their cells have records."""
        self._zygotes.release(cell)

    def close(self, *, at_once: bool = False) -> None:
        """End the zygotes, and the fork server too where the run was stopped."""
        self._zygotes.close()
        self._end_orphans()
        if at_once:
            stop_server()

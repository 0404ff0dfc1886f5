"""Tasks in processes of this machine: slots, the fork server, and zygotes that hold the real side of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from genbench.executor.slots import Slot, Slots
from genbench.executor.zygote_pool import ZygotePool
from genbench.plan.cell import Cell
from genbench.plan.limits import Limits
from genbench.process.launch import context_for, stop_server
from genbench.process.task import Task
from genbench.process.worker import Worker
from genbench.record.environment import cores

__all__ = ["LocalExecutor"]


class LocalExecutor:
    """An executor with ``jobs`` slots on devices of this machine, each task in a process of its own.

    ``method`` starts the processes: by default ``forkserver`` on the processor, else ``spawn``.
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

    def open(self, cells: Iterable[Cell]) -> None:
        """Have the fork server begin to import, which takes seconds."""
        self._zygotes.expect(cells)
        context_for(self._device, self._method)

    def take(self, stage: str) -> Slot | None:
        """Return a slot for a ``fit`` or a ``score``; None where all are taken."""
        return self._slots.take(stage)

    def start(self, task: Task, slot: Slot) -> Worker:
        """Start a task in a process of its own; raises PluginError where it cannot be sent to one."""
        worker = self._zygotes.start(context_for(task.device, self._method), task)
        self._taken[slot] = worker
        return worker

    def give(self, slot: Slot) -> None:
        """Take a slot back; its task is to be done again where its zygote was lost."""
        self._slots.give(slot)
        if (worker := self._taken.pop(slot, None)) is not None:
            worker.again = self._zygotes.take_back(worker)

    def release(self, cell: Cell) -> None:
        """End the zygote of a cell's data after the last of them has its record."""
        self._zygotes.release(cell)

    def gone(self) -> str:
        """Return an empty text: this machine is there."""
        return ""

    def close(self, *, at_once: bool = False) -> None:
        """End the zygotes, and the fork server too where the run was stopped."""
        self._zygotes.close()
        if at_once:
            stop_server()

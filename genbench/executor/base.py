"""The interface by which a session runs tasks, wherever they run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from genbench.executor.slots import Slot
from genbench.plan.cell import Cell
from genbench.process.task import RunningTask, Task


class Executor(Protocol):
    """Slots, and tasks started in them; ``jobs`` is the largest number of tasks at a time, None without a limit.

    ``open``, ``release``, ``failure`` and ``close`` do nothing unless an executor has its own.
    """

    jobs: int | None

    def open(self, cells: Iterable[Cell]) -> None:  # noqa: ARG002
        """Prepare to run these cells, which may take long and be interrupted by KeyboardInterrupt.

        Raises UserError where that fails.
        """
        return

    def take(self, stage: str) -> Slot | None:
        """Return a slot for a ``fit`` or a ``score`` task; None where all are taken."""

    def start(self, task: Task, slot: Slot) -> RunningTask:
        """Start a task in a slot; raises PluginError where it cannot be sent."""

    def give(self, slot: Slot) -> None:
        """Take back a slot whose task is over, or was never started."""

    def release(self, cell: Cell) -> None:  # noqa: ARG002
        """Release what was kept for scoring a cell, which has its record now."""
        return

    def failure(self) -> str:
        """Return why the executor can run no more tasks, or an empty string."""
        return ""

    def close(self, *, at_once: bool = False) -> None:  # noqa: ARG002
        """End everything that was started; ``at_once`` where the run was stopped. May be called again."""
        return

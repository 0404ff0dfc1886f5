"""The protocol by which a session runs tasks, wherever they run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from genbench.executor.slots import Slot
from genbench.plan.cell import Cell
from genbench.process.task import Task

__all__ = ["Executor", "RunningTask"]


class RunningTask(Protocol):
    """A task that was started: call ``listen`` until it returns True; ``outcome`` then has ``result`` or ``error``.

    ``known`` is the part of the record that the task has reported so far, ``progress`` its phase, ``usage`` what it
    used. ``rerun`` is set when its slot is given back, if the task must be started again because the process that ran
    it was lost. ``interrupted`` is set when Ctrl-C ended a task that ran in the session's own process.
    """

    task: Task
    outcome: dict[str, Any] | None
    usage: dict[str, Any]
    known: dict[str, Any]
    progress: dict[str, Any]
    rerun: bool
    interrupted: bool

    @property
    def handles(self) -> tuple[Any, ...]:
        """What becomes readable with a message, or at the end."""
        ...

    def listen(self) -> bool:
        """Read the messages that have arrived; return whether the task is over."""
        ...

    def stop(self, *, at_once: bool = False) -> None:
        """Have the task ended; ``listen`` returns True when it has ended."""
        ...


class Executor(Protocol):
    """Slots, and tasks started in them; ``jobs`` is the largest number of tasks at a time, None without a limit."""

    jobs: int | None

    def open(self, cells: Iterable[Cell]) -> None:
        """Prepare to run these cells, which may take long and be interrupted by KeyboardInterrupt.

        Raises UserError where that fails.
        """
        ...

    def take(self, stage: str) -> Slot | None:
        """Return a slot for a ``fit`` or a ``score`` task; None where all are taken."""
        ...

    def start(self, task: Task, slot: Slot) -> RunningTask:
        """Start a task in a slot; raises PluginError where it cannot be sent."""
        ...

    def give(self, slot: Slot) -> None:
        """Take back a slot whose task is over, or was never started."""
        ...

    def release(self, cell: Cell) -> None:
        """Release what was kept for scoring a cell, which has its record now."""
        ...

    def failure(self) -> str:
        """Return why the executor can run no more tasks, or an empty string."""
        ...

    def close(self, *, at_once: bool = False) -> None:
        """End everything that was started; ``at_once`` where the run was stopped. May be called again."""
        ...

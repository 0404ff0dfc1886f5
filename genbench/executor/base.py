"""The one protocol by which a session runs tasks, wherever they run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from genbench.executor.slots import Slot
from genbench.plan.cell import Cell
from genbench.process.task import Task

__all__ = ["Executor", "Running"]


class Running(Protocol):
    """A task that was started: ``listen`` until it returns True; ``outcome`` then has ``result`` or ``error``.

    ``known`` is the part of the record that the task has reported so far, ``progress`` its phase, ``usage`` what it
    took. ``again`` says, once its slot was given back, that what ran the task was lost and not the task: do it again.
    ``interrupted`` says that Ctrl-C ended it, which only a task in this very process hears of.
    """

    task: Task
    outcome: dict[str, Any] | None
    usage: dict[str, Any]
    known: dict[str, Any]
    progress: dict[str, Any]
    again: bool
    interrupted: bool

    @property
    def handles(self) -> tuple[Any, ...]:
        """What to wait for: a message, or the end."""
        ...

    def listen(self) -> bool:
        """Read the messages that have come; return whether the task is over."""
        ...

    def stop(self, *, at_once: bool = False) -> None:
        """Have the task ended; ``listen`` returns True when it is."""
        ...


class Executor(Protocol):
    """Slots, and what starts a task in one; ``jobs`` is the most tasks at a time, None where there is no limit."""

    jobs: int | None

    def open(self, cells: Iterable[Cell]) -> None:
        """Make ready to run these cells, which may take long and be ended by KeyboardInterrupt.

        Raises UserError where it cannot be made ready.
        """
        ...

    def take(self, stage: str) -> Slot | None:
        """Return a slot for a ``fit`` or a ``score``; None where all are taken."""
        ...

    def start(self, task: Task, slot: Slot) -> Running:
        """Start a task in a slot; raises PluginError where it cannot be sent."""
        ...

    def give(self, slot: Slot) -> None:
        """Take a slot back whose task is over, or was never started."""
        ...

    def release(self, cell: Cell) -> None:
        """Let go of what was kept for the scores of a cell, which has its record now."""
        ...

    def gone(self) -> str:
        """Return why no task can run any more, an empty text while they can."""
        ...

    def close(self, *, at_once: bool = False) -> None:
        """Leave nothing of the session behind; ``at_once`` where the run was stopped. May be called again."""
        ...

"""What a session asks of the machines that run its cells, where these are not its own."""

from __future__ import annotations

from typing import Any, Protocol

from genbench.executor.slots import Slot
from genbench.process.task import Task

__all__ = ["Executor", "Places", "Running"]


class Running(Protocol):
    """A task that was started: ``listen`` until it returns True; ``outcome`` then has ``result`` or ``error``."""

    task: Task
    outcome: dict[str, Any] | None
    usage: dict[str, Any]
    known: dict[str, Any]
    progress: dict[str, Any]

    @property
    def handles(self) -> tuple[Any, ...]:
        """What to wait for: a message, or the end."""
        ...

    def listen(self) -> bool:
        """Take in what was said; return whether it is over."""
        ...

    def stop(self, *, at_once: bool = False) -> None:
        """Have the task ended; ``listen`` tells when it is."""
        ...


class Places(Protocol):
    """Slots for tasks."""

    def take(self, stage: str) -> Slot | None:
        """Return a place for a ``fit`` or a ``score``; None where all are taken."""
        ...

    def give(self, slot: Slot) -> None:
        """Take a place back."""
        ...


class Executor(Places, Protocol):
    """Slots on other machines, and what starts a task in one; ``jobs`` is a limit of them, where there is one."""

    jobs: int | None

    def open(self) -> None:
        """Make ready, which may take long and be ended by KeyboardInterrupt; raises UserError where it can't be."""
        ...

    def start(self, task: Task, slot: Slot) -> Running:
        """Start a task; raises PluginError where it cannot be sent."""
        ...

    def gone(self) -> str:
        """Return why no task can run any more, an empty text while they can."""
        ...

    def close(self) -> None:
        """Leave nothing of the session behind."""
        ...

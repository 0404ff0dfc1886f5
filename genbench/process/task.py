"""A task: one stage of a cell, to be done in a process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbench.plan.cell import Cell

THREADS = 1  # of each cell: sums have one order, and cells that run side by side do not wait for each other


@dataclass(frozen=True)
class Task:
    """One stage of a cell, ``fit`` or ``score``; scoring needs the timings of the fit and the floors.

    ``digests`` are the ``DIGEST_FIELDS`` of the samples that are scored, ``done`` the scores that an earlier process of
    the cell made, or why a metric ended it, by label. ``device`` is where the stage runs, such as ``cuda:1``; by
    default the device of the cell. ``spent`` are the seconds that earlier stages took, which count towards the deadline
    of the cell. ``keep`` has the trained model saved.
    """

    stage: str
    cell: Cell
    run: Path
    timings: Mapping[str, float | None] | None = None
    floors: Mapping[str, Any] | None = None
    device: str = ""
    spent: float = 0.0
    digests: Mapping[str, str] | None = None
    done: Mapping[str, Any] | None = None
    keep: bool = False


class RunningTask(ABC):
    """A task that was started: call ``listen`` until it returns True; ``outcome`` then has ``result`` or ``error``.

    ``known`` is the part of the record that was reported so far, ``progress`` the phase, ``usage`` what the task used,
    ``scores`` those that were made so far, ``clock_problem`` why its clocks cannot be right, if so. ``rerun`` is set
    when its slot is given back, if the task must be started again because the process that ran it was lost.
    ``interrupted`` is set if Ctrl-C ended it, which happens only to a task in the process of the session.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.outcome: dict[str, Any] | None = None
        self.usage: dict[str, Any] = {}
        self.known: dict[str, Any] = {}
        self.progress: dict[str, Any] = {"phase": "start" if task.stage == "fit" else "score"}
        self.scores: list[dict[str, Any]] = []
        self.clock_problem = ""
        self.rerun = False
        self.interrupted = False

    @property
    def handles(self) -> tuple[Any, ...]:
        """What becomes readable with a message, or at the end; nothing of a task that runs in ``listen``."""
        return ()

    @abstractmethod
    def listen(self) -> bool:
        """Read the messages that have arrived; return whether the task is over."""

    @abstractmethod
    def stop(self, *, at_once: bool = False) -> None:
        """Have the task ended; ``listen`` returns True when it has ended."""


@dataclass(frozen=True)
class PackedTask(Task):
    """A pickled task, which can be passed on without its plugins; its cell has only a ``key`` and a ``device``."""

    content: bytes = b""

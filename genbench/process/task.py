"""A task: one stage of a cell, to be done in a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbench.plan.cell import Cell

__all__ = ["THREADS", "PackedTask", "Task"]

THREADS = 1  # of each cell: sums have one order, and cells that run side by side do not wait for each other


@dataclass(frozen=True)
class Task:
    """One stage of a cell, ``fit`` or ``score``; scoring needs the timings of the fit and the floors.

    ``device`` is where the stage runs, such as ``cuda:1``; by default the device of the cell. ``spent`` are the seconds
    that earlier stages took, which count towards the deadline of the cell.
    """

    stage: str
    cell: Cell
    run: Path
    timings: Mapping[str, float | None] | None = None
    floors: Mapping[str, Any] | None = None
    device: str = ""
    spent: float = 0.0

    @property
    def first_progress(self) -> dict[str, Any]:
        """The progress of a task that has reported none yet."""
        return {"phase": "start" if self.stage == "fit" else "score"}


@dataclass(frozen=True)
class PackedTask(Task):
    """A pickled task, which can be passed on without its plugins; its cell has only a ``key`` and a ``device``."""

    content: bytes = b""

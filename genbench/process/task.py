"""One stage of a cell, as it is handed to a process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbench.plan.cell import Cell

__all__ = ["THREADS", "Packed", "Task"]

THREADS = 1  # of each cell, so that sums have one order and cells at work together do not wait for each other


@dataclass(frozen=True)
class Task:
    """One stage of a cell, ``fit`` or ``score``; scoring is given the timings of the fit and the floors.

    ``device`` is where the stage runs, as ``cuda:1``; by default what the cell says. ``spent`` are the seconds that the
    cell took before: its deadline is one for both stages.
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
class Packed(Task):
    """A task as it travels through others, who need nothing of a plugin's; its cell has a ``key`` and a ``device``."""

    content: bytes = b""

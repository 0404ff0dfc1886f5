"""Observers of a session: notified while it runs, without influence on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genbench.plan.cell import Cell
from genbench.plan.plan import Plan

Record = dict[str, Any]


class Observer:
    """Notified of the start of a session, the progress of its cells, and their ends; this one shows nothing."""

    def on_start(self, plan: Plan, reused: Sequence[Record], jobs: int | None = 1, folder: Path | None = None) -> None:
        """Receive the plan, the records that are reused, how many cells run at a time (None: no limit), and where."""

    def on_progress(self, cell: Cell, progress: Mapping[str, Any]) -> None:
        """Receive the ``phase`` of a cell and, where known, its ``step``, ``steps`` and ``values``."""

    def on_finish(self, record: Record) -> None:
        """Receive the record of a cell that ended, whatever its status."""

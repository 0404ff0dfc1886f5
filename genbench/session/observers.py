"""Who hears of a session while it runs, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from genbench.plan.cell import Cell
from genbench.plan.plan import Plan

__all__ = ["Observer", "Silent"]

Record = dict[str, Any]


class Observer(Protocol):
    """Who hears of a session while it runs."""

    def began(self, plan: Plan, reused: Sequence[Record]) -> None:
        """Hear of the plan, and of the records that were found and stand."""
        ...

    def progressed(self, cell: Cell, progress: Mapping[str, Any]) -> None:
        """Hear of the phase of a cell: ``phase``, and where there are any ``step``, ``steps``, ``values``."""
        ...

    def finished(self, record: Record) -> None:
        """Hear of a cell that ended, well or not."""
        ...


class Silent:
    """An observer that says nothing."""

    def began(self, plan: Plan, reused: Sequence[Record]) -> None:
        """Say nothing."""

    def progressed(self, cell: Cell, progress: Mapping[str, Any]) -> None:
        """Say nothing."""

    def finished(self, record: Record) -> None:
        """Say nothing."""

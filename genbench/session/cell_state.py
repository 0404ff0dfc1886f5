"""The state of one cell in a session."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from genbench.plan.cell import Cell

Record = dict[str, Any]


@dataclass
class CellState:
    """A cell of the plan, from ``planned`` to ``done``; a cell that only lacks scores begins as ``fitted``."""

    cell: Cell
    phase: Literal["planned", "fitting", "fitted", "scoring", "done"] = "planned"
    earlier: Record | None = None  # its latest record from an earlier session
    fit: Record = field(default_factory=dict)  # the part of its record that comes from training
    done: dict[str, Any] = field(
        default_factory=dict
    )  # scores that were made before a metric ended its process, and why
    spent: float = 0.0  # seconds of its deadline that training used
    started: str | None = None  # when its first task began
    record: Record | None = None  # once it is done

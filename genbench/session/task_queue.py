"""The queue of tasks: scoring before training, and the floor of a dataset before the models scored beside it."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from genbench.executor.slots import Slot
from genbench.plan.cell import REAL, Cell, data_of
from genbench.process.task import Task
from genbench.record.evidence_file import DIGEST_FIELDS
from genbench.record.score import column_of
from genbench.session.cell_state import CellState


class TaskQueue:
    """Cells that wait to be trained or scored, and the floors that are known; ``keep`` has trained models saved."""

    def __init__(self, cells: Iterable[Cell], directory: Path, *, keep: bool = False) -> None:
        self._directory, self._keep = directory, keep
        self._with_floor = {data_of(cell) for cell in cells if cell.model.name == REAL}
        self._floors: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        self._fits: collections.deque[CellState] = collections.deque()
        self._scores: list[CellState] = []

    def __bool__(self) -> bool:
        return bool(self._fits or self._scores)

    def put(self, state: CellState) -> None:
        """Queue a cell for training or, if it is ``fitted``, for scoring."""
        (self._scores if state.phase == "fitted" else self._fits).append(state)

    def put_fitted(self, state: CellState) -> None:
        """Queue a cell whose samples are there for its scores."""
        state.phase = "fitted"
        self.put(state)

    def put_floor(self, record: Mapping[str, Any], cell: Cell) -> None:
        """Store the scores of real rows: the floors of all models on the same data."""
        if cell.model.name == REAL:
            self._floors[data_of(cell)] = {column_of(score): score for score in record["scores"]}

    def take(self, slot_for: Callable[[str], Slot | None]) -> tuple[Task, Slot] | None:
        """Return a task that can begin now and its slot, or None; ``slot_for`` returns a free slot for a stage."""
        state = next((state for state in self._scores if self._floor_known(state.cell)), None)
        if state is not None and (slot := slot_for("score")):
            self._scores.remove(state)
            state.phase = "scoring"
            timings, floors = state.fit.get("timings", {}), self._floors.get(data_of(state.cell))
            digests = {name: state.fit[name] for name in DIGEST_FIELDS if name in state.fit}
            return Task(
                "score", state.cell, self._directory, timings, floors, "cpu", state.spent, digests, state.done
            ), slot
        if self._fits and (slot := slot_for("fit")):
            state = self._fits.popleft()
            state.phase = "fitting"
            return Task("fit", state.cell, self._directory, device=slot.device, keep=self._keep), slot
        return None

    def _floor_known(self, cell: Cell) -> bool:
        data = data_of(cell)
        return cell.model.name == REAL or data in self._floors or data not in self._with_floor

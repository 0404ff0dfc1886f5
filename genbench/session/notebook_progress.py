"""The display of a session in a notebook: the plan and a bar, in one cell output that is updated."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from html import escape
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console

from genbench.plan.cell import Cell
from genbench.plan.plan import Plan
from genbench.session.progress import PHASES, LineProgress, Record, cell_name
from genbench.text import duration, plain

MIN_UPDATE_S = 1.0  # between updates by progress within cells
MAX_SHOWN_CELLS = 4  # that run, and that failed


class NotebookProgress(LineProgress):
    """An observer for Jupyter: shows the plan, a bar with the time left, what runs, and what failed."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._display: Any = import_module("IPython.display")  # a notebook has it; genbench does not need it
        self._handle: Any = None
        self._plan: list[str] = []
        self._running: dict[str, str] = {}
        self._failures: list[str] = []
        self._updated = 0.0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Show the last state."""
        self._running.clear()
        if self._handle is not None:
            self._update()

    def on_start(self, plan: Plan, reused: Sequence[Record], jobs: int | None = 1, folder: Path | None = None) -> None:
        """Show the plan and an empty bar."""
        super().on_start(plan, reused, jobs, folder)
        if self.ended < self.total:
            self._handle = self._display.display(self._html(), display_id=True)

    def on_progress(self, cell: Cell, progress: Mapping[str, Any]) -> None:
        """Update what a cell does, at most once a second."""
        super().on_progress(cell, progress)
        phase, step, steps = (progress.get(name) for name in ("phase", "step", "steps"))
        position = f" {step}/{steps}" if step and steps else ""
        name = f"{cell.model.label} x {cell.dataset.label} seed {cell.seed}"
        self._running[cell.key] = plain(f"{name}: {PHASES.get(str(phase or ''), phase or '')}{position}")
        if time.monotonic() - self._updated >= MIN_UPDATE_S:
            self._update()

    def on_finish(self, record: Record) -> None:
        """Advance the bar."""
        self._running.pop(record["key"], None)
        self._count(record)
        if record["status"] != "ok":
            self._failures.append(f"{record['status']}: {cell_name(record)}: {plain(record['reason'])}")
        self._update()

    def _print(self, line: str, style: str = "") -> None:  # noqa: ARG002
        self._plan.append(line)

    def _update(self) -> None:
        self._updated = time.monotonic()
        if self._handle is not None:
            self._handle.update(self._html())

    def _html(self) -> Any:
        state = [f"{self.ended}/{self.total} cells", duration(self.remaining.elapsed), self.left]
        running = list(self._running.values())
        lines = [*self._plan, *_first(running), *_first(self._failures)]
        bar = f'<progress value="{self.ended}" max="{self.total}" style="width: 20em"></progress>'
        text = ", ".join(part for part in state if part)
        return self._display.HTML(f"<div>{bar} {escape(text)}</div>{''.join(f'<div>{escape(x)}</div>' for x in lines)}")


def _first(lines: Sequence[str]) -> list[str]:
    more = len(lines) - MAX_SHOWN_CELLS
    return [*lines[:MAX_SHOWN_CELLS], *([f"and {more} more"] if more > 0 else [])]

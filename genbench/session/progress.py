"""Show the progress of a session: its plan, then what runs and how long it will take, or a line for each cell."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.text import Text

from genbench.plan.cell import Cell
from genbench.plan.plan import Plan
from genbench.session.observers import Observer
from genbench.session.remaining_time import RemainingTime
from genbench.text import duration, plain

Record = dict[str, Any]
PHASES = {
    "start": "starting",
    "load": "loading",
    "fit": "training",
    "sample": "sampling",
    "density": "likelihood",
    "tasks": "other tasks",
    "score": "scoring",
}
TRAINED_SHARE = 0.9  # of a cell that is trained; the rest is sampled and scored


class PlainProgress(Observer):
    """An observer that prints how many cells are reused, and nothing else; also a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Show nothing more."""

    def on_start(self, plan: Plan, reused: Sequence[Record], jobs: int | None = 1, folder: Path | None = None) -> None:  # noqa: ARG002
        """Print how many cells are reused from an earlier run."""
        if not reused:
            return
        failed = sum(record["status"] != "ok" for record in reused)
        retry = f"; {failed} of them had failed: --retry failed runs them again" if failed else ""
        self._print(f"{len(reused)} of {len(plan.cells)} cells were finished before and are reused{retry}")

    def _print(self, line: str, style: str = "") -> None:
        self._console.print(Text(line, style=style), soft_wrap=not self._console.is_terminal)


class LineProgress(PlainProgress):
    """An observer for output that is not a terminal: prints the plan, and one line for each cell that ends."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.total = self.ended = self.failed = 0
        self.remaining = RemainingTime({})
        self._starts: dict[str, float] = {}

    def on_start(self, plan: Plan, reused: Sequence[Record], jobs: int | None = 1, folder: Path | None = None) -> None:
        """Print how many cells are reused, then what runs, the estimate of its time, and its folder."""
        super().on_start(plan, reused, jobs, folder)
        done = {record["key"] for record in reused}
        todo = [cell for cell in plan.cells if cell.key not in done]
        self.total, self.ended = len(plan.cells), len(reused)
        self.remaining = RemainingTime({cell.key: plan.seconds_of(cell) for cell in todo}, jobs or 1)
        for line in plan_lines(plan, todo, jobs, folder):
            self._print(line)

    def on_progress(self, cell: Cell, progress: Mapping[str, Any]) -> None:
        """Note how far a cell is."""
        self._starts.setdefault(cell.key, time.monotonic())
        self.remaining.progress(cell.key, _done_share(progress))

    def on_finish(self, record: Record) -> None:
        """Print a line: how many cells have ended, which one did and how, how long it took, and the time left."""
        seconds = self._count(record)
        left = f", {self.left}" if self.left else ""
        reason = "" if record["status"] == "ok" else f": {plain(record['reason'])}"
        count = f"[{self.ended:{len(str(self.total))}}/{self.total}]"
        self._print(f"{count} {record['status']}  {cell_name(record)}{seconds}{left}{reason}")

    @property
    def left(self) -> str:
        """How long the run will still take, as text; empty if that is not known."""
        seconds = self.remaining.seconds
        return f"about {duration(max(1.0, seconds))} left" if seconds else ""

    def _count(self, record: Record) -> str:
        """Count a cell that has ended; return how long it took, empty if it did not begin."""
        self.ended += 1
        self.failed += record["status"] != "ok"
        self.remaining.finish(record["key"])
        start = self._starts.pop(record["key"], None)
        return "" if start is None else f", {duration(time.monotonic() - start)}"


def plan_lines(plan: Plan, todo: Sequence[Cell], jobs: int | None, folder: Path | None) -> list[str]:
    """Return what runs, about how long it will take, and where its results are; nothing where no cell is to run."""
    if not todo:
        return []
    numbers = (
        (len({cell.model.label for cell in todo}), "model"),
        (len({cell.dataset.label for cell in todo}), "dataset"),
        (len({cell.seed for cell in todo}), "seed"),
    )
    what = ", ".join(f"{n} {name}{'s' * (n > 1)}" for n, name in numbers)
    seconds = [plan.seconds_of(cell) for cell in todo]
    cells = f"{len(todo)} cell{'s' * (len(todo) > 1)}"
    if jobs is None:
        time_text = f"on all workers, about {duration(sum(seconds))} of work"
    else:
        time_text = f"{jobs} at a time, about {duration(max(sum(seconds) / max(1, jobs), *seconds, 0.0))}"
    lines = [f"{cells}: {what}; {time_text}"]
    return lines if folder is None else [*lines, f"folder: {plain(folder)}"]


def cell_name(record: Record) -> str:
    """Return how a cell is called: ``vae x ring seed 0``."""
    return plain(f"{record['label']} x {record['dataset_label']} seed {record['seed']}")


def _done_share(progress: Mapping[str, Any]) -> float:
    """Return which share of a cell is done, about."""
    phase, step, steps = progress.get("phase", ""), progress.get("step"), progress.get("steps")
    if phase == "fit":
        return TRAINED_SHARE * step / steps if step and steps else 0.0
    return 0.0 if phase in ("start", "load") else TRAINED_SHARE

"""Show the progress of a session: a bar for the run, and a line for each running cell."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from genbench.plan.cell import Cell
from genbench.plan.plan import Plan
from genbench.session.observers import Observer
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


class PlainProgress(Observer):
    """An observer for output that is not a terminal: prints how many cells are reused, and nothing else."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def on_start(self, plan: Plan, reused: Sequence[Record]) -> None:
        """Print how many cells are reused from an earlier run."""
        if not reused:
            return
        failed = sum(record["status"] != "ok" for record in reused)
        retry = f"; {failed} of them had failed: --retry failed runs them again" if failed else ""
        line = f"{len(reused)} of {len(plan.cells)} cells were finished before and are reused{retry}"
        self._console.print(Text(line), soft_wrap=True)


class LiveProgress(PlainProgress):
    """An observer that draws on a console while entered; draws nothing where the console is not a terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
        )
        self._live = Live(self, console=console, refresh_per_second=4, transient=True)
        self._running: dict[str, tuple[Cell, Mapping[str, Any], float]] = {}  # with the start of its phase
        self._started = 0.0

    def __enter__(self) -> LiveProgress:
        if self._console.is_terminal or self._console.is_jupyter:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live.is_started:
            self._live.stop()

    def on_start(self, plan: Plan, reused: Sequence[Record]) -> None:
        """Draw the empty bar; print how many cells are reused from an earlier run."""
        self._started = time.monotonic()
        done = {record["key"] for record in reused}
        self._left = {cell.key: plan.seconds_of(cell) for cell in plan.cells if cell.key not in done}
        self._total_s = sum(self._left.values())
        self._task = self._bar.add_task("cells", total=len(plan.cells), completed=len(reused), left="")
        super().on_start(plan, reused)

    def on_progress(self, cell: Cell, progress: Mapping[str, Any]) -> None:
        """Update the line of a cell."""
        before = self._running.get(cell.key)
        same = before is not None and before[1].get("phase") == progress.get("phase")
        start = before[2] if before is not None and same else time.monotonic()
        self._running[cell.key] = (cell, progress, start)

    def on_finish(self, record: Record) -> None:
        """Advance the bar; print the reason of a cell that failed."""
        self._running.pop(record["key"], None)
        self._left.pop(record["key"], None)
        done = 1 - sum(self._left.values()) / self._total_s
        spent = time.monotonic() - self._started
        left = f"about {duration(spent * (1 - done) / done)} left" if done > 0.02 and self._left else ""
        self._bar.update(self._task, advance=1, left=left)
        if record["status"] != "ok":
            what = f"{record['label']} x {record['dataset_label']} seed {record['seed']}: {record['reason']}"
            self._console.print(Text(f"{record['status']}  {plain(what)}", style="red"))

    def __rich__(self) -> Group:
        lines = Table.grid(padding=(0, 2))
        for cell, progress, start in list(self._running.values()):
            lines.add_row(*_line(cell, progress, time.monotonic() - start))
        return Group(lines, self._bar)


def _line(cell: Cell, progress: Mapping[str, Any], seconds: float) -> list[Text]:
    phase, step, steps = progress.get("phase", ""), progress.get("step"), progress.get("steps")
    values = list((progress.get("values") or {}).items())[:2]
    position = f"{step}/{steps}" if steps else f"step {step}" if step else ""
    rate = f"{step / seconds:.0f} steps/s" if phase == "fit" and step and seconds > 0.5 else ""
    losses = " ".join(f"{plain(name)} {value:.4g}" for name, value in values if value is not None)
    name = f"{cell.model.label} x {cell.dataset.label} seed {cell.seed}"
    return [Text(part) for part in (name, PHASES.get(phase, phase), position, losses, rate, f"{seconds:.0f} s")]

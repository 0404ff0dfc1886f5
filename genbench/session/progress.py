"""What a session shows while it runs: a bar for the run, and a line for each cell that is at work."""

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
from genbench.text import duration, plain

__all__ = ["Announcement", "LiveProgress"]

Record = dict[str, Any]
PHASES = {
    "start": "starting",
    "load": "loading",
    "fit": "training",
    "sample": "sampling",
    "density": "likelihood",
    "score": "scoring",
}


class Announcement:
    """An observer of a session without a terminal: says what is reused, and else nothing."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def began(self, plan: Plan, reused: Sequence[Record]) -> None:
        """Say how many cells are taken from an earlier run."""
        _announce(self._console, plan, reused)

    def progressed(self, cell: Cell, progress: Mapping[str, Any]) -> None:
        """Say nothing."""

    def finished(self, record: Record) -> None:
        """Say nothing."""


def _announce(console: Console, plan: Plan, reused: Sequence[Record]) -> None:
    if not reused:
        return
    failed = sum(record["status"] != "ok" for record in reused)
    retry = f"; {failed} of them had failed: --retry failed runs them again" if failed else ""
    said = f"{len(reused)} of {len(plan.cells)} cells were finished before and are reused{retry}"
    console.print(Text(said), soft_wrap=True)


class LiveProgress:
    """An observer of a session that draws on a console until it is closed; draws nothing where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
        )
        self._live = Live(self, console=console, refresh_per_second=4, transient=True)
        self._running: dict[str, tuple[Cell, Mapping[str, Any], float, float]] = {}
        self._started = 0.0

    def __enter__(self) -> LiveProgress:
        if self._console.is_terminal or self._console.is_jupyter:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live.is_started:
            self._live.stop()

    def began(self, plan: Plan, reused: Sequence[Record]) -> None:
        """Draw the empty bar; say how many cells are taken from an earlier run."""
        self._started = time.monotonic()
        done = {record["key"] for record in reused}
        self._left = {cell.key: plan.seconds_of(cell) for cell in plan.cells if cell.key not in done}
        self._whole = sum(self._left.values())
        self._task = self._bar.add_task("cells", total=len(plan.cells), completed=len(reused), left="")
        _announce(self._console, plan, reused)

    def progressed(self, cell: Cell, progress: Mapping[str, Any]) -> None:
        """Update the line of a cell."""
        before = self._running.get(cell.key)
        same = before is not None and before[1].get("phase") == progress.get("phase")
        began = before[3] if before is not None and same else time.monotonic()
        self._running[cell.key] = (cell, progress, time.monotonic(), began)

    def finished(self, record: Record) -> None:
        """Move the bar on; say at once what went wrong."""
        self._running.pop(record["key"], None)
        self._left.pop(record["key"], None)
        done = 1 - sum(self._left.values()) / self._whole
        spent = time.monotonic() - self._started
        left = f"about {duration(spent * (1 - done) / done)} left" if done > 0.02 and self._left else ""
        self._bar.update(self._task, advance=1, left=left)
        if record["status"] != "ok":
            what = f"{record['label']} x {record['dataset_label']} seed {record['seed']}: {record['reason']}"
            self._console.print(Text(f"{record['status']}  {plain(what)}", style="red"))

    def __rich__(self) -> Group:
        lines = Table.grid(padding=(0, 2))
        for cell, progress, _, began in list(self._running.values()):
            lines.add_row(*_line(cell, progress, time.monotonic() - began))
        return Group(lines, self._bar)


def _line(cell: Cell, progress: Mapping[str, Any], seconds: float) -> list[Text]:
    phase, step, steps = progress.get("phase", ""), progress.get("step"), progress.get("steps")
    values = progress.get("values") or {}
    where = f"{step}/{steps}" if steps else f"step {step}" if step else ""
    rate = f"{step / seconds:.0f} steps/s" if phase == "fit" and step and seconds > 0.5 else ""
    said = " ".join(f"{plain(name)} {value:.4g}" for name, value in list(values.items())[:2] if value is not None)
    name = f"{cell.model.label} x {cell.dataset.label} seed {cell.seed}"
    return [Text(part) for part in (name, PHASES.get(phase, phase), where, said, rate, f"{seconds:.0f} s")]

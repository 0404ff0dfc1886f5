"""The display of a session in a terminal: a line for each running cell and a bar, as wide as the terminal."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from genbench.plan.cell import Cell
from genbench.plan.plan import Plan
from genbench.session.progress import PHASES, LineProgress, Record, cell_name
from genbench.text import plain

REFRESHES_PER_SECOND = 4
SPACING = 2  # blanks between columns
MIN_NAME_CHARS = 18  # of a cell, for which other columns are left out
MIN_BAR_CHARS, MAX_BAR_CHARS = 8, 40
LEAST_IMPORTANT = ("rate", "losses", "position")  # columns that a narrow terminal lacks, in this order
COLUMNS = ("name", "phase", "position", "losses", "rate", "seconds")
RIGHT = ("position", "rate", "seconds")
OTHER_LINES = 2  # of the display, beside those of running cells
MAX_LOSSES = 2


@dataclass(frozen=True)
class RunningCell:
    """A cell that runs, what it reported last, and when its phase began."""

    cell: Cell
    progress: Mapping[str, Any]
    start: float

    def columns(self) -> dict[str, str]:
        """Return the texts of its line by column."""
        phase, step, steps = (self.progress.get(name) for name in ("phase", "step", "steps"))
        seconds = time.monotonic() - self.start
        values = list((self.progress.get("values") or {}).items())[:MAX_LOSSES]
        return {
            "name": plain(f"{self.cell.model.label} x {self.cell.dataset.label} seed {self.cell.seed}"),
            "phase": PHASES.get(str(phase or ""), plain(phase or "")),
            "position": f"{step}/{steps}" if steps else f"step {step}" if step else "",
            "losses": " ".join(f"{plain(name)} {value:.4g}" for name, value in values if value is not None),
            "rate": f"{step / seconds:.0f} steps/s" if phase == "fit" and step and seconds > 0.5 else "",
            "seconds": f"{seconds:.0f} s",
        }


class LiveProgress(LineProgress):
    """An observer that draws on a terminal while entered: the plan above, running cells, and a bar with the time left.

    Columns that a narrow terminal has no room for are left out, and names are shortened.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(self, console=console, refresh_per_second=REFRESHES_PER_SECOND, transient=True)
        self._running: dict[str, RunningCell] = {}

    def __enter__(self) -> LiveProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove what is drawn."""
        if self._live.is_started:
            self._live.stop()

    def on_start(self, plan: Plan, reused: Sequence[Record], jobs: int | None = 1, folder: Path | None = None) -> None:
        """Print the plan, and begin to draw."""
        super().on_start(plan, reused, jobs, folder)
        if self._console.is_terminal and self.ended < self.total:
            self._live.start()

    def on_progress(self, cell: Cell, progress: Mapping[str, Any]) -> None:
        """Update the line of a cell."""
        super().on_progress(cell, progress)
        before = self._running.get(cell.key)
        same = before is not None and before.progress.get("phase") == progress.get("phase")
        start = before.start if before is not None and same else time.monotonic()
        self._running[cell.key] = RunningCell(cell, progress, start)

    def on_finish(self, record: Record) -> None:
        """Advance the bar; print the reason of a cell that failed."""
        self._running.pop(record["key"], None)
        self._count(record)
        if record["status"] != "ok":
            self._print(f"{record['status']}  {cell_name(record)}: {plain(record['reason'])}", "red")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        running = [each.columns() for each in list(self._running.values())]
        room = max(1, (options.height or console.height) - OTHER_LINES)
        if len(running) > room:
            running, more = running[: room - 1], len(running) - room + 1
        else:
            more = 0
        if not running and self.ended < self.total:
            yield Text("starting processes", "dim")
        yield from _cell_lines(running, options.max_width)
        if more:
            yield Text(f"and {more} more", "dim")
        if self.total:
            yield self._bar(options.max_width)

    def _bar(self, width: int) -> Table:
        elapsed = round(self.remaining.elapsed)
        hours, minutes = divmod(elapsed // 60, 60)
        clock = f"{hours}:{minutes:02}:{elapsed % 60:02}" if hours else f"{minutes}:{elapsed % 60:02}"
        texts = [Text(f"{self.ended}/{self.total} cells"), Text(clock), Text(self.left, "bold")]
        if self.failed:
            texts.append(Text(f"{self.failed} failed", "red"))
        texts = [text for text in texts if text.plain]
        while len(texts) > 1 and sum(text.cell_len + SPACING for text in texts) > width + SPACING:
            texts.pop(1)  # the clock first
        room = width - sum(text.cell_len + SPACING for text in texts)
        line = Table.grid(padding=(0, SPACING, 0, 0))
        bar = ProgressBar(total=self.total, completed=self.ended, width=min(room, MAX_BAR_CHARS))
        line.add_row(texts[0], *([bar] if room >= MIN_BAR_CHARS else []), *texts[1:])
        return line


def _cell_lines(running: Sequence[Mapping[str, str]], width: int) -> list[Text]:
    """Return a line for each running cell, at most ``width`` wide."""
    widths = {name: max((Text(each[name]).cell_len for each in running), default=0) for name in COLUMNS}
    shown = [name for name in COLUMNS if widths[name]]

    def room() -> int:
        return width - sum(widths[name] + SPACING for name in shown if name != "name")

    for name in LEAST_IMPORTANT:
        if name in shown and room() < min(widths["name"], max(MIN_NAME_CHARS, width // 3)):
            shown.remove(name)
    widths["name"] = max(1, min(widths["name"], room()))
    lines = []
    for each in running:
        line = Text(no_wrap=True, overflow="ellipsis", end="")
        for name in shown:
            text = Text(each[name])
            text.truncate(widths[name], overflow="ellipsis")
            blanks = " " * (widths[name] - text.cell_len)
            line.append_text(Text.assemble(blanks, text) if name in RIGHT else Text.assemble(text, blanks))
            line.append(" " * SPACING)
        line.rstrip()
        line.end = "\n"
        lines.append(line)
    return lines

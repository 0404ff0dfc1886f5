"""A table for the terminal: as many columns as fit its width, with marks that are readable without colour.

Where the core metrics and costs do not fit beside each other, intervals and units are on second lines.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from rich.box import Box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from genbench.report.text import clean
from genbench.report.view import COLUMN_PRIORITY, ShownCell, ShownRow, View
from genbench.table.columns import ColumnInfo

ARROWS = {"lower": "↓", "higher": "↑", None: ""}
MIN_LABEL_CHARS = 20  # characters of a label that are always shown
COLUMN_SPACING = 2  # blanks between columns
ROW_STYLES = {"reference": "dim italic", "published": "italic"}
TABLE_BOX = Box("    \n    \n ── \n    \n ── \n    \n    \n    \n")  # lines under the header and above the references


def terminal_text(views: Sequence[View], width: int = 100) -> str:
    """Return the tables as plain text, at most ``width`` columns wide."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False)
    for view in views:
        console.print(render_terminal(view, width))
    assert isinstance(console.file, io.StringIO)
    return "\n".join(row.rstrip() for row in console.file.getvalue().split("\n"))


def render_terminal(view: View, width: int) -> RenderableType:
    """Return one table and the text around it, to be printed by rich on a terminal ``width`` columns wide."""
    view = replace(view, rows=tuple(replace(row, label=_shorten(row.label, width)) for row in view.rows))
    layout = _Layout(_without_wide_intervals(_Layout(view), width))
    if len(layout.blocks(width)) > 1:
        layout = _Layout(_without_wide_intervals(_Layout(view, stacked=True), width), stacked=True)
    view, blocks = layout.view, layout.blocks(width)
    shown = {i for block in blocks for i in block}
    left_out = [column.name for i, column in enumerate(view.columns) if i not in shown] + list(view.hidden)
    parts: list[RenderableType] = [Text.assemble((view.title, "bold"), "  ", (view.caption, "dim"))]
    parts += [Text(sentence) for sentence in view.headline]
    for block in blocks:
        parts += [layout.table(block), Text()]
    failed = Table.grid(padding=(0, COLUMN_SPACING))
    for row in view.rows_of("failed"):
        failed.add_row(Text(row.label, "red"), Text(row.note, "red"), Text(row.reasons))
    parts += [Padding(failed, (0, 0, 1, 0))] if view.rows_of("failed") else []
    parts += _legend(view)
    words = list(view.remarks)
    if left_out:
        more = "--metrics all" if not view.chosen_by_user else f"--metrics {','.join(left_out)}"
        words.append(f"{len(left_out)} more column{'s' * (len(left_out) > 1)}: {more}")
    return Group(*parts, *(Text(text, "dim") for text in words if text), Text())


def _legend(view: View) -> list[RenderableType]:
    """Return the paragraphs below a table: ranks and marks, what each core metric measures, the references."""
    meanings = Table.grid(padding=(0, COLUMN_SPACING))
    for name, text in view.definitions:
        meanings.add_row(Text(name, "dim", no_wrap=True), Text(text, "dim"))
    paragraphs: list[RenderableType] = [Text(line.replace("{best}", "*"), "dim") for line in _marks_lines(view)]
    paragraphs += [Padding(meanings, (0, 0, 0, COLUMN_SPACING))] if view.definitions else []
    paragraphs += [Text(" · ".join(view.references), "dim")] if view.references else []
    return [*paragraphs, Text()] if paragraphs and view.remarks else paragraphs


def _marks_lines(view: View) -> list[str]:
    """Return how rows are ranked, if they are, and below it the meaning of all marks."""
    rank = [line for line in view.legend if line.startswith("rank: ")]
    marks = " · ".join(line for line in view.legend if line not in rank)
    return [*rank, *([marks] if marks else [])]


def _shorten(label: str, width: int) -> str:
    """Return a label that takes at most half of the width."""
    max_chars = max(width // 2, MIN_LABEL_CHARS)
    return label if len(label) <= max_chars else label[: max_chars - 1] + "…"


def _base_name(column: ColumnInfo) -> str:
    """Return the name of a column without its observable or feature space."""
    return column.name.partition("[" if column.observable else "@")[0]


def _wrapped(columns: Sequence[int], widths: Sequence[int], room: int) -> list[list[int]]:
    """Return columns in blocks of at most this width, each of one column at least."""
    blocks: list[list[int]] = []
    for i in columns:
        if blocks and sum(widths[j] for j in [*blocks[-1], i]) <= room:
            blocks[-1].append(i)
        else:
            blocks.append([i])
    return blocks


@dataclass(frozen=True)
class _Layout:
    """How a view is laid out: numbers beside their intervals, or ``stacked``: above them, units below names."""

    view: View
    stacked: bool = False

    @property
    def spacing(self) -> int:
        """Blanks between columns."""
        return 1 if self.stacked else COLUMN_SPACING

    @cached_property
    def rows(self) -> tuple[ShownRow, ...]:
        """The rows that have numbers, in their order."""
        return tuple(row for role in ("model", "published", "reference") for row in self.view.rows_of(role))

    @cached_property
    def labels_width(self) -> int:
        """Width of the labels and ranks."""
        labels = self.spacing + max((len(row.label) for row in self.view.rows if row.role != "failed"), default=0)
        ranks = self.spacing + max(len("rank"), *(len(row.ranks) for row in self.view.rows)) if self.view.ranked else 0
        return labels + ranks

    @cached_property
    def widths(self) -> list[int]:
        """Width of each column, and the blanks before it."""
        return [self.spacing + max(_width(self.header(i)), self.cells_width(i)) for i in range(len(self.view.columns))]

    def cells_width(self, i: int) -> int:
        """Return the width of the widest number of a column."""
        return max(map(_width, self.cells(i)), default=0)

    def header(self, i: int) -> Text:
        """Return the name of a column with an arrow to better values, and its unit below it where there is room."""
        column = self.view.columns[i]
        name, unit = f"{column.name} {ARROWS[column.better]}".rstrip(), clean(column.unit)
        if not self.stacked or not unit or len(unit) > max(len(name), self.cells_width(i)):
            return Text(name)
        return Text.assemble(name, (f"\n{unit}", "dim"))

    def cells(self, i: int) -> list[Text]:
        """Return a column's texts, with marks padded to one width so that the digits are aligned."""
        cells = [row.cells[i] for row in self.rows]
        marks_width = max((len(_marks(cell)) for cell in cells), default=0)
        return [_cell(cell, self.view.columns[i].timing, marks_width, stacked=self.stacked) for cell in cells]

    def blocks(self, width: int) -> list[list[int]]:
        """Return the columns of each block: core metrics and costs, and others that fit; all if the user chose them."""
        view, widths, room = self.view, self.widths, width - self.labels_width
        if view.chosen_by_user:
            return _wrapped(range(len(widths)), widths, room)
        always = [i for i, column in enumerate(view.columns) if column.name in view.always]
        blocks = _wrapped(always, widths, room)
        priority = {name: place for place, name in enumerate(COLUMN_PRIORITY.split())}
        others = [i for i in range(len(widths)) if i not in always]
        for i in sorted(others, key=lambda i: priority.get(_base_name(view.columns[i]), len(priority))):
            if not blocks:
                blocks = [[i]]
            elif sum(widths[j] for j in [*blocks[-1], i]) <= room:
                blocks[-1].append(i)
        return [sorted(block) for block in blocks]

    def table(self, block: Sequence[int]) -> Table:
        """Return the table of some columns."""
        ranked, padding = self.view.ranked, (0, self.spacing - 1, 0, 0)
        table = Table(box=TABLE_BOX, show_edge=False, pad_edge=False, padding=padding, header_style="bold")
        table.add_column("", no_wrap=True)
        if ranked:
            table.add_column("rank", justify="right", no_wrap=True)
        for i in block:
            table.add_column(self.header(i), justify="right", no_wrap=True)
        rows = list(zip(self.rows, *(self.cells(i) for i in block), strict=True))
        for role in ("model", "published", "reference"):
            table.add_section()
            for row, *cells in rows:
                without_value = role == "published" and all(row.cells[i].number is None for i in block)
                if row.role == role and not without_value:
                    first = [Text(row.label), *([Text(row.ranks)] if ranked else [])]
                    table.add_row(*first, *cells, style=ROW_STYLES.get(role, ""))
        return table


def _without_wide_intervals(layout: _Layout, width: int) -> View:
    """Return the view without the intervals of the columns that would not fit beside the labels."""
    view, room = layout.view, width - layout.labels_width
    wide = {i for i, column_width in enumerate(layout.widths) if column_width > room}
    rows = (
        replace(row, cells=tuple(replace(c, number=c.short) if i in wide else c for i, c in enumerate(row.cells)))
        for row in view.rows
    )
    return replace(view, rows=tuple(rows)) if wide else view


def _width(text: Text) -> int:
    return max(map(len, text.plain.split("\n")))


def _marks(cell: ShownCell) -> str:
    return ("*" if cell.best else "") + cell.marks


def _cell(cell: ShownCell, timing: bool, marks_width: int, *, stacked: bool = False) -> Text:
    if cell.number is None:
        return Text("–" + " " * marks_width)
    shown = cell.short if timing and cell.short is not None else cell.number
    number, interval = str(shown), ""
    if stacked and shown.interval:
        number, interval = f"{shown.value}{shown.scale}", f"\n{shown.interval.replace(', ', ',')}{shown.scale}"
    style = "bold green" if cell.best else "yellow" if cell.suspect else ""
    return Text.assemble(cell.kind, (number, style), _marks(cell).ljust(marks_width), (interval, "dim"))

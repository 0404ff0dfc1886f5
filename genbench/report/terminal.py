"""A table for the terminal: as many columns as fit its width, with marks that are readable without colour."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

from rich.box import Box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

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
    view = _without_wide_intervals(view, width)
    blocks = _blocks(view, width)
    shown = {i for block in blocks for i in block}
    left_out = [column.name for i, column in enumerate(view.columns) if i not in shown] + list(view.hidden)
    parts: list[RenderableType] = [Text.assemble((view.title, "bold"), "  ", (view.caption, "dim"))]
    parts += [Text(sentence) for sentence in view.headline]
    for block in blocks:
        parts += [_table(view, block), Text()]
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


def _blocks(view: View, width: int) -> list[list[int]]:
    """Return the columns of each block: core metrics and costs, and others that fit; all if the user chose them."""
    labels = _labels_width(view)
    widths = [_column_width(view, i) for i in range(len(view.columns))]
    if view.chosen_by_user:
        return _wrapped(range(len(widths)), widths, width - labels)
    always = [i for i, column in enumerate(view.columns) if column.name in view.always]
    blocks = _wrapped(always, widths, width - labels)
    priority = {name: place for place, name in enumerate(COLUMN_PRIORITY.split())}
    others = [i for i in range(len(widths)) if i not in always]
    for i in sorted(others, key=lambda i: priority.get(_base_name(view.columns[i]), len(priority))):
        if not blocks:
            blocks = [[i]]
        elif labels + sum(widths[j] for j in [*blocks[-1], i]) <= width:
            blocks[-1].append(i)
    return [sorted(block) for block in blocks]


def _without_wide_intervals(view: View, width: int) -> View:
    """Return the view without the intervals of the columns that would not fit beside the labels."""
    room = width - _labels_width(view)
    wide = {i for i in range(len(view.columns)) if _column_width(view, i) > room}
    rows = (
        replace(row, cells=tuple(replace(c, number=c.short) if i in wide else c for i, c in enumerate(row.cells)))
        for row in view.rows
    )
    return replace(view, rows=tuple(rows)) if wide else view


def _labels_width(view: View) -> int:
    labels = COLUMN_SPACING + max((len(row.label) for row in view.rows if row.role != "failed"), default=0)
    return labels + (COLUMN_SPACING + max(len("rank"), *(len(row.ranks) for row in view.rows)) if view.ranked else 0)


def _column_width(view: View, i: int) -> int:
    return COLUMN_SPACING + max(len(_header(view.columns[i])), _max_width(view, i))


def _wrapped(columns: Sequence[int], widths: Sequence[int], room: int) -> list[list[int]]:
    """Return columns in blocks of at most this width, each of one column at least."""
    blocks: list[list[int]] = []
    for i in columns:
        if blocks and sum(widths[j] for j in [*blocks[-1], i]) <= room:
            blocks[-1].append(i)
        else:
            blocks.append([i])
    return blocks


def _base_name(column: ColumnInfo) -> str:
    """Return the name of a column without its observable or feature space."""
    return column.name.partition("[" if column.observable else "@")[0]


def _header(column: ColumnInfo) -> str:
    return f"{column.name} {ARROWS[column.better]}".rstrip()


def _max_width(view: View, i: int) -> int:
    return max((len(text.plain) for text in _cells(view, i)), default=0)


def _table(view: View, block: Sequence[int]) -> Table:
    table = Table(
        box=TABLE_BOX, show_edge=False, pad_edge=False, padding=(0, COLUMN_SPACING - 1, 0, 0), header_style="bold"
    )
    table.add_column("", no_wrap=True)
    if view.ranked:
        table.add_column("rank", justify="right", no_wrap=True)
    for i in block:
        table.add_column(Text(_header(view.columns[i])), justify="right", no_wrap=True)
    rows = list(zip(_scored_rows(view), *(_cells(view, i) for i in block), strict=True))
    for role in ("model", "published", "reference"):
        table.add_section()
        for row, *cells in rows:
            without_value = role == "published" and all(row.cells[i].number is None for i in block)
            if row.role == role and not without_value:
                first = [Text(row.label), *([Text(row.ranks)] if view.ranked else [])]
                table.add_row(*first, *cells, style=ROW_STYLES.get(role, ""))
    return table


def _scored_rows(view: View) -> tuple[ShownRow, ...]:
    return (*view.rows_of("model"), *view.rows_of("published"), *view.rows_of("reference"))


def _cells(view: View, i: int) -> list[Text]:
    """Return a column's texts, with marks padded to one width so that the digits are aligned."""
    rows = _scored_rows(view)
    marks_width = max((len(_marks(row.cells[i])) for row in rows), default=0)
    return [_cell(row.cells[i], view.columns[i].timing, marks_width) for row in rows]


def _marks(cell: ShownCell) -> str:
    return ("*" if cell.best else "") + cell.marks


def _cell(cell: ShownCell, timing: bool, marks_width: int) -> Text:
    if cell.number is None:
        return Text("–" + " " * marks_width)
    number = str(cell.short if timing else cell.number)
    style = "bold green" if cell.best else "yellow" if cell.suspect else ""
    return Text.assemble(cell.kind, (number, style), _marks(cell).ljust(marks_width))

"""A table for the terminal: as many columns as fit its width, marks that survive without colour."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

from rich.box import Box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from genbench.report.view import PRIORITY, ShownCell, ShownRow, View
from genbench.table.columns import ColumnInfo

__all__ = ["render_terminal", "terminal_text"]

ARROWS = {"lower": "↓", "higher": "↑", None: ""}
SHORTEST = 20  # letters of a label that are always shown
GAP = 2  # blanks between columns
RULES = Box("    \n    \n ── \n    \n ── \n    \n    \n    \n")  # under the header and above the reference rows


def terminal_text(views: Sequence[View], width: int = 100) -> str:
    """Return the tables as plain text, at most ``width`` columns wide."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False)
    for view in views:
        console.print(render_terminal(view, width))
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().split("\n"))


def render_terminal(view: View, width: int) -> RenderableType:
    """Return one table and the words around it, to be printed by rich on a terminal ``width`` columns wide."""
    view = replace(view, lines=tuple(replace(line, label=_cut(line.label, width)) for line in view.lines))
    blocks = _blocks(view, width)
    shown = {i for block in blocks for i in block}
    left_out = [column.name for i, column in enumerate(view.columns) if i not in shown] + list(view.hidden)
    parts: list[RenderableType] = [Text.assemble((view.title, "bold"), "  ", (view.caption, "dim"))]
    parts += [Text(sentence) for sentence in view.headline]
    for block in blocks:
        parts += [_table(view, block), Text()]
    failed = Table.grid(padding=(0, GAP))
    for line in view.of("failed"):
        failed.add_row(Text(line.label, "red"), Text(line.note, "red"), Text(line.reasons))
    parts += [Padding(failed, (0, 0, 1, 0))] if view.of("failed") else []
    words = [" · ".join(view.legend).replace("{best}", "*"), *view.remarks]
    if left_out:
        more = "--metrics all" if not view.asked else f"--metrics {','.join(left_out)}"
        words.append(f"{len(left_out)} more column{'s' * (len(left_out) > 1)}: {more}")
    return Group(*parts, *(Text(text, "dim") for text in words if text), Text())


def _cut(label: str, width: int) -> str:
    """Return a label that leaves half of the width to the numbers."""
    room = max(width // 2, SHORTEST)
    return label if len(label) <= room else label[: room - 1] + "…"


def _blocks(view: View, width: int) -> list[list[int]]:
    """Return the columns of each block: the most telling ones that fit, or all that were asked for."""
    labels = GAP + max((len(line.label) for line in view.lines if line.role != "failed"), default=0)
    labels += GAP + max(len("rank"), *(len(line.ranks) for line in view.lines)) if view.ranked else 0
    widths = [GAP + max(len(_header(c)), _widest(view, i)) for i, c in enumerate(view.columns)]
    if view.asked:
        blocks: list[list[int]] = [[]]
        for i in range(len(widths)):
            if blocks[-1] and labels + sum(widths[j] for j in [*blocks[-1], i]) > width:
                blocks.append([])
            blocks[-1].append(i)
        return blocks
    rank = {name: place for place, name in enumerate(PRIORITY.split())}
    kept: list[int] = []
    for i in sorted(range(len(widths)), key=lambda i: rank.get(_stem(view.columns[i]), len(rank))):
        if not kept or labels + sum(widths[j] for j in [*kept, i]) <= width:
            kept.append(i)
    return [sorted(kept)]


def _stem(column: ColumnInfo) -> str:
    return column.name.partition("[" if column.observable else "@")[0]


def _header(column: ColumnInfo) -> str:
    return f"{column.name} {ARROWS[column.better]}".rstrip()


def _widest(view: View, i: int) -> int:
    return max((len(text.plain) for text in _cells(view, i)), default=0)


def _table(view: View, block: Sequence[int]) -> Table:
    table = Table(box=RULES, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0), header_style="bold")
    table.add_column("", no_wrap=True)
    if view.ranked:
        table.add_column("rank", justify="right", no_wrap=True)
    for i in block:
        table.add_column(Text(_header(view.columns[i])), justify="right", no_wrap=True)
    models = len(view.of("model"))
    rows = zip(_with_numbers(view), *(_cells(view, i) for i in block), strict=True)
    for number, (line, *cells) in enumerate(rows, 1):
        style = "dim italic" if line.role == "reference" else ""
        first = [Text(line.label), *([Text(line.ranks)] if view.ranked else [])]
        table.add_row(*first, *cells, style=style, end_section=number == models)
    return table


def _with_numbers(view: View) -> tuple[ShownRow, ...]:
    return (*view.of("model"), *view.of("reference"))


def _cells(view: View, i: int) -> list[Text]:
    """Return a column's texts, their marks padded to one width, so that the digits stay aligned."""
    lines = _with_numbers(view)
    room = max((len(_marks(line.cells[i])) for line in lines), default=0)
    return [_cell(line.cells[i], view.columns[i].timing, room) for line in lines]


def _marks(cell: ShownCell) -> str:
    return ("*" if cell.best else "") + cell.scale + ("?" if cell.doubt else "") + ("!" if cell.suspect else "")


def _cell(cell: ShownCell, timing: bool, room: int) -> Text:
    if cell.number is None:
        return Text("–" + " " * room)
    number = str(cell.short if timing else cell.number)
    style = "bold green" if cell.best else "yellow" if cell.suspect else ""
    return Text.assemble(cell.kind, (number, style), _marks(cell).ljust(room))

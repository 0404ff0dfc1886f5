"""Leaderboards for a page: the content of the text tables, and the keys that sort their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genbench.record.store import Record
from genbench.report.view import ShownCell, View, view_of
from genbench.table.columns import ColumnInfo
from genbench.table.suites import Suite
from genbench.table.summary import summarise

ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}
DIRECTIONS = {"lower": "lower is better", "higher": "higher is better", None: "not ranked"}
SORT_LAST = 10**6  # sort key of a cell without a number


@dataclass(frozen=True)
class Heading:
    """The heading of a column: its name, unit and better direction, and whether a click sorts the largest first."""

    name: str
    description: str
    largest_first: bool = False


@dataclass(frozen=True)
class Field:
    """One number as text, with its marks."""

    value: str
    kind: str = ""  # the mark before the number: ≤, ≥ or ≈
    marks: str = ""  # the marks after it
    best: bool = False
    suspect: bool = False
    detail: str = ""  # the small line below it: interval and z
    order: int = 0  # its sort key in the column
    screen_reader_text: str = ""


@dataclass(frozen=True)
class BoardRow:
    """One row: a model, its range of ranks and its numbers, or a note and the reasons why there are none."""

    label: str
    role: str
    ranks: str
    order: int  # its sort key in the column of ranks
    fields: tuple[Field, ...]
    note: str = ""
    reasons: str = ""


@dataclass(frozen=True)
class Board:
    """One table of a dataset."""

    title: str
    caption: str
    headline: tuple[str, ...]
    headings: tuple[Heading, ...]
    groups: tuple[tuple[str, tuple[BoardRow, ...]], ...]  # a role, and the rows that have it
    ranked: bool
    legend: tuple[str, ...]
    notes: tuple[str, ...]
    all_columns: Board | None = field(default=None, compare=False)  # the same table with every column


def leaderboard(records: Sequence[Record], suites: Sequence[Suite] = ()) -> list[Board]:
    """Return the tables of a dataset: one, or one for each of its configs; each holds a table of all columns.

    ``suites`` are those of the runs, whose published values are rows too.
    """
    summaries = summarise(records, suites=suites)
    return [_board(view_of(summary), _board(view_of(summary, ["all"]))) for summary in summaries]


def _board(view: View, all_columns: Board | None = None) -> Board:
    orders = [_orders([row.cells[i] for row in view.rows], column) for i, column in enumerate(view.columns)]
    by_role: dict[str, list[BoardRow]] = {"model": [], "failed": [], "published": [], "reference": []}
    for at, row in enumerate(view.rows):
        fields = tuple(_field(cell, orders[i][at]) for i, cell in enumerate(row.cells))
        order = int(row.ranks.partition("–")[0] or SORT_LAST)
        by_role[row.role].append(BoardRow(row.label, row.role, row.ranks, order, fields, row.note, row.reasons))
    headings = tuple(Heading(c.name + ARROWS[c.better], _description(c), c.better == "higher") for c in view.columns)
    legend = tuple(line.replace("{best}", "bold:") for line in view.legend_lines)
    groups = tuple((role, tuple(rows)) for role, rows in by_role.items() if rows)
    return Board(
        view.title, view.caption, view.headline, headings, groups, view.ranked, legend, view.notes, all_columns
    )


def _description(column: ColumnInfo) -> str:
    return ", ".join(part for part in (column.unit, DIRECTIONS[column.better]) if part)


def _orders(cells: Sequence[ShownCell], column: ColumnInfo) -> list[int]:
    """Return the sort key of each cell in its column: the place of its number, counted from the smallest."""
    means = [cell.entry.estimate.mean if cell.entry and cell.entry.estimate else _shown_value(cell) for cell in cells]
    known = sorted({mean for mean in means if mean is not None})
    missing = -1 if column.better == "higher" else SORT_LAST
    return [missing if mean is None else known.index(mean) for mean in means]


def _shown_value(cell: ShownCell) -> float | None:
    """Return the number that a cell shows, for a row that was made without records."""
    return None if cell.number is None else float(cell.number.value) * 10.0**cell.number.exponent


def _field(cell: ShownCell, order: int) -> Field:
    if cell.number is None:
        reason = cell.entry.missing if cell.entry else ""
        return Field("–", order=order, screen_reader_text=f"none: {reason}" if reason else "none")
    value = f"{cell.number.value}{cell.number.scale}"
    marks = cell.marks.replace("!", "")  # which has an explanation of its own
    return Field(value, cell.kind, marks, cell.best, cell.suspect, _detail(cell), order)


def _detail(cell: ShownCell) -> str:
    """Return the 95 % interval, and z, the distance from the floor as a quantile of the normal distribution."""
    entry, number = cell.entry, cell.number
    parts = [f"{number.interval}{number.scale}"] if number is not None and number.interval else []
    if entry is not None and entry.z is not None:
        parts.append(f"z {entry.z:+.1f}" if abs(entry.z) < 100 else f"z {entry.z:+.0f}")
    return " · ".join(parts)


def overview(datasets: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return a table of all models on all datasets, with the score that ranks them there; None for a single dataset."""
    columns = [(each["id"], each["name"], board) for each in datasets for board in each["boards"]]
    if len(columns) < 2:
        return None
    ranking = [0] * len(columns)  # the first column is the first core metric
    ranked = [group for _, _, board in columns for role, group in board.groups if role in ("model", "failed")]
    labels = list(dict.fromkeys(_model(row) for group in ranked for row in group))
    rows = []
    for label in labels:
        found = []
        for (_, _, board), at in zip(columns, ranking, strict=True):
            row = next((row for _, group in board.groups for row in group if _model(row) == label), None)
            found.append(None if row is None else (row, replace(row.fields[at], detail="") if row.fields else None))
        rows.append((label, found))
    heads = [(anchor, name, board.headings[at] if board.headings else Heading("", ""))
             for (anchor, name, board), at in zip(columns, ranking, strict=True)]  # fmt: skip
    return {"headings": heads, "rows": rows}


def _model(row: BoardRow) -> str:
    """Return the label of a row without the number of its seeds: ``vae`` of ``vae (2/3 seeds)``."""
    return row.label.partition(" (")[0]

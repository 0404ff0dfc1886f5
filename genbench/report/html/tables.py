"""Leaderboards for a page: what the text tables show, and what sorts their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genbench.record.store import Record
from genbench.report.numbers import rounded
from genbench.report.view import ShownCell, View, view_of
from genbench.table.aggregate import Aggregate
from genbench.table.columns import ColumnInfo
from genbench.table.summary import summarise

__all__ = ["Board", "Field", "Heading", "Place", "leaderboard", "overview"]

ARROWS = {"lower": " ↓", "higher": " ↑", None: ""}
WAYS = {"lower": "less is better", "higher": "more is better", None: "not ranked"}
LAST = 10**6  # where a column sorts what has no number


@dataclass(frozen=True)
class Heading:
    """A column: its name, which way is better, and whether a click begins with the largest."""

    name: str
    words: str
    falling: bool = False


@dataclass(frozen=True)
class Field:
    """One number: its text and its error, marks before and after, the line below it, and its place in the column."""

    value: str
    error: str = ""
    kind: str = ""
    marks: str = ""
    best: bool = False
    suspect: bool = False
    below: str = ""
    order: int = 0
    spoken: str = ""


@dataclass(frozen=True)
class Place:
    """One row: a model, the ranks that it may have, its numbers; or in their place why there are none."""

    label: str
    role: str
    ranks: str
    order: int
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
    groups: tuple[tuple[str, tuple[Place, ...]], ...]
    ranked: bool
    legend: tuple[str, ...]
    notes: tuple[str, ...]
    whole: Board | None = field(default=None, compare=False)  # the same with every column


def leaderboard(records: Sequence[Record]) -> list[Board]:
    """Return the tables of a dataset: one, or one for each of its configs, each with one of all columns inside."""
    boards = []
    for summary in summarise(records):
        every = _board(view_of(summary, ["all"]))
        boards.append(_board(view_of(summary), every))
    return boards


def _board(view: View, whole: Board | None = None) -> Board:
    orders = [_orders([line.cells[i] for line in view.lines], column) for i, column in enumerate(view.columns)]
    places: dict[str, list[Place]] = {"model": [], "failed": [], "reference": []}
    for at, line in enumerate(view.lines):
        fields = tuple(_field(cell, orders[i][at]) for i, cell in enumerate(line.cells))
        ranks = line.ranks.partition("–")[0]
        place = Place(line.label, line.role, line.ranks, int(ranks or LAST), fields, line.note, line.reasons)
        places[line.role].append(place)
    headings = tuple(Heading(c.name + ARROWS[c.better], _words(c), c.better == "higher") for c in view.columns)
    legend = tuple(words.replace("{best}", "bold:") for words in view.legend)
    groups = tuple((role, tuple(rows)) for role, rows in places.items() if rows)
    return Board(view.title, view.caption, view.headline, headings, groups, view.ranked, legend, view.notes, whole)


def _words(column: ColumnInfo) -> str:
    return ", ".join(part for part in (column.unit, WAYS[column.better]) if part)


def _orders(cells: Sequence[ShownCell], column: ColumnInfo) -> list[int]:
    """Return the place of each number in its column, counted from the smallest; what has none comes last."""
    means = [cell.entry.estimate.mean if cell.entry and cell.entry.estimate else _floor(cell) for cell in cells]
    known = sorted({mean for mean in means if mean is not None})
    missing = -1 if column.better == "higher" else LAST
    return [missing if mean is None else known.index(mean) for mean in means]


def _floor(cell: ShownCell) -> float | None:
    """Return the number of a row that no record made."""
    return None if cell.number is None else float(cell.number.value) * 10.0**cell.number.exponent


def _field(cell: ShownCell, order: int) -> Field:
    if cell.number is None:
        why = cell.entry.missing if cell.entry else ""
        return Field("–", order=order, spoken=f"none: {why}" if why else "none")
    value, _, error = str(cell.number).partition("±")
    if value.startswith("("):  # (1.9±1.3)e-4
        value, error, tail = value[1:], error.partition(")")[0], error.partition(")")[2]
        value, error = f"{value}{tail}", f"{error}{tail}"
    marks = f"{cell.scale}{' ?' if cell.doubt else ''}"
    return Field(value, error, cell.kind, marks, cell.best, cell.suspect, _below(cell.entry), order)


def _below(entry: Aggregate | None) -> str:
    """Return the interval at 95 % and how many standard errors the value is from its floor."""
    if entry is None or entry.estimate is None:
        return ""
    said = []
    if entry.interval and not entry.estimate.limit and entry.interval[0] < entry.interval[1]:
        said.append(f"[{rounded(entry.interval[0], digits=3)}, {rounded(entry.interval[1], digits=3)}]")
    if entry.z is not None:
        said.append(f"z {entry.z:+.1f}" if abs(entry.z) < 100 else f"z {entry.z:+.0f}")
    return " · ".join(said)


def overview(datasets: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return all models against all datasets, each number the one that ranks there; None for a single dataset."""
    columns = [(each["id"], each["name"], board) for each in datasets for board in each["boards"]]
    if len(columns) < 2:
        return None
    leading = [_leading(board) for _, _, board in columns]
    ranked = [places for _, _, board in columns for role, places in board.groups if role != "reference"]
    labels = list(dict.fromkeys(place.label.partition(" (")[0] for places in ranked for place in places))
    rows = []
    for label in labels:
        found = []
        for (_, _, board), at in zip(columns, leading, strict=True):
            place = next((p for _, places in board.groups for p in places if p.label.partition(" (")[0] == label), None)
            found.append(
                None if place is None else (place, replace(place.fields[at], below="") if place.fields else None)
            )
        rows.append((label, found))
    heads = [(where, name, board.headings[at] if board.headings else Heading("", ""))
             for (where, name, board), at in zip(columns, leading, strict=True)]  # fmt: skip
    return {"headings": heads, "rows": rows}


def _leading(board: Board) -> int:
    """Return which column ranks the rows: as ``view_of`` chooses it."""
    names = [heading.name.split(" ")[0] for heading in board.headings]
    return next((names.index(name) for name in ("equivalent", "energy") if name in names), 0)

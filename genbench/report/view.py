"""What a printed table shows, before any format: its columns and rows, their order, the marks and the legend."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from genbench.record.score import SUSPECT_STANDARD_ERRORS
from genbench.record.status import Status
from genbench.report.headline import headline
from genbench.report.legend import Scale, caption, legend, note, reasons, remarks, scale_marks
from genbench.report.numbers import Number, rounded
from genbench.report.text import clean
from genbench.table.aggregate import Aggregate
from genbench.table.columns import ColumnInfo
from genbench.table.columns import matching_columns as pick
from genbench.table.summary import REFERENCES, Row, Summary

__all__ = ["PRIORITY", "ShownCell", "ShownRow", "View", "view_of"]

HEADLINE = {  # what is worth a column when nothing is asked for, in the order of the table
    "vector": "equivalent kl nll energy sliced_w2 modes high_quality frechet density coverage",
    "image": "equivalent bits_per_dim frechet frechet@* energy density coverage",
}
LEADING = ("equivalent", "energy")  # what sorts and ranks the rows
FEW = 4  # observables that are shown unasked
MASSES = re.compile(r"m_?([a-z]{2,3})|m\d{2,4}")  # of several objects: m_jj, mll, m12
MASS = re.compile(rf"{MASSES.pattern}|m(ass)?(_?(\d|[a-z]))?")  # m_1, m2, mass
WIDEST = 40  # letters of a heading
COSTS = ("fit_s", "samples_per_s")
# what stays when the width is small
PRIORITY = (
    "equivalent kl bits_per_dim energy nll w1 fit_s samples_per_s coverage modes frechet sliced_w2 high_quality density"
)
MARKS = {("bound", "lower"): "≤", ("bound", "higher"): "≥"}


@dataclass(frozen=True)
class ShownCell:
    """One number of a line and its marks; ``number`` is None where there is none."""

    number: Number | None
    short: Number | None = None  # three digits without the error
    kind: str = ""  # ≤ or ≥: a bound; ≈: an estimate
    best: bool = False
    suspect: bool = False
    doubt: bool = False
    scale: str = ""  # † ‡ §: not comparable with the rest of its column
    entry: Aggregate | None = field(default=None, compare=False, repr=False)  # what it was made of


@dataclass(frozen=True)
class ShownRow:
    """One row as it is shown; a failed one has in the place of its cells a note and the reasons."""

    label: str
    role: str  # model, failed, reference
    cells: tuple[ShownCell, ...]
    ranks: str = ""  # 1–3: the ranks that it may truly have
    note: str = ""
    reasons: str = ""


@dataclass(frozen=True)
class View:
    """One table as it is shown, all text cleaned; ``asked`` says that its columns were chosen by the user."""

    title: str
    columns: tuple[ColumnInfo, ...]
    lines: tuple[ShownRow, ...]
    caption: str
    legend: tuple[str, ...]  # with {best} where a format names its mark of the best
    remarks: tuple[str, ...]  # on rows that have numbers
    hidden: tuple[str, ...]
    asked: bool
    headline: tuple[str, ...] = ()

    @property
    def ranked(self) -> bool:
        """Whether there are ranks to show."""
        return sum(bool(line.ranks) for line in self.lines) > 1

    @property
    def notes(self) -> tuple[str, ...]:
        """Why rows failed, and what is amiss with others: one line each."""
        failed = (f"{line.label}: {line.note} ({line.reasons})" for line in self.of("failed"))
        return (*failed, *self.remarks)

    def of(self, role: str) -> tuple[ShownRow, ...]:
        """Return the lines of a role: model, failed or reference."""
        return tuple(line for line in self.lines if line.role == role)


def view_of(summary: Summary, metrics: Sequence[str] = (), sort: str | None = None) -> View:
    """Return what to show of a summary: the columns named in ``metrics`` (``all`` for all), best first by ``sort``."""
    by_name = {column.name: column for column in summary.columns}
    names = _chosen(summary, metrics)
    columns = tuple(by_name[name] for name in names)
    leading = by_name.get(sort if sort and sort in by_name else _headline(names))
    rows = _sorted(summary, leading)
    marks = {name: scale_marks(summary, name) for name in names}
    lines = [_line(row, columns, marks, leading) for row in rows]
    said = legend(summary, names, SUSPECT_STANDARD_ERRORS)
    if leading and sum(bool(line.ranks) for line in lines) > 1:
        said = (f"rank: by {leading.name}, the ranks it may truly have (95 % for all at once)", *said)
    if not any(row.records[0]["model"] == "real" for row in rows) and (floor := _floor_line(rows, columns)):
        at = next((i for i, line in enumerate(lines) if line.role == "reference"), len(lines))
        lines.insert(at, floor)
    return View(
        clean(summary.dataset),
        tuple(replace(column, name=clean(column.name, WIDEST)) for column in columns),
        tuple(lines),
        caption(summary),
        tuple(clean(words) for words in said),
        remarks(summary, names),
        tuple(clean(name) for name in by_name if name not in names),
        bool(metrics),
        headline(rows) if summary.per == "model" else (),
    )


def _chosen(summary: Summary, metrics: Sequence[str]) -> list[str]:
    if metrics:
        return list(dict.fromkeys(name for names in pick(summary.columns, metrics).values() for name in names))
    filled = [c for c in summary.columns if any(r.entries[c.name].estimate for r in summary.rows)]
    scores = [c.name for c in filled if not c.timing and not c.observable]
    wanted = HEADLINE.get(summary.data_kind, HEADLINE["vector"])
    chosen = [name for pattern in wanted.split() for name in scores if fnmatchcase(name, pattern)]
    if "modes" in scores or "kl" in scores:
        chosen = [name for name in chosen if name not in ("frechet", "density")]
    if len(chosen) < 3:
        chosen += [name for name in scores if name not in chosen]
    chosen += _observables([c for c in filled if c.observable])
    return chosen + [name for name in COSTS if name in {c.name for c in filled if c.timing}]


def _observables(columns: Sequence[ColumnInfo]) -> list[str]:
    """Return the columns of the observables that are shown unasked: all of a few, of many the masses, else the first.

    Invariant masses of several objects come before those of one.
    """
    masses = [column for column in columns if MASS.fullmatch(column.observable)]
    some = columns if len(columns) <= FEW else masses or columns
    return [c.name for c in sorted(some, key=lambda c: not MASSES.fullmatch(c.observable))[:FEW]]


def _headline(names: Sequence[str]) -> str:
    return next((name for name in LEADING if name in names), names[0] if names else "")


def _sorted(summary: Summary, column: ColumnInfo | None) -> list[Row]:
    """Models best first, by kind of likelihood; then those without a value, those that failed, and the references."""
    order = ["exact", "bound", "estimate", None]

    def place(row: Row) -> tuple[object, ...]:
        model = row.records[0]["model"]
        if row.role == "reference":
            known = REFERENCES.index(model) if model in REFERENCES else len(REFERENCES)
            return 3, not row.scored, known, 0.0
        entry = row.entries[column.name] if column and row.scored else Aggregate(None)
        if column is None or entry.estimate is None:
            return (1 if row.scored else 2), not row.status.finished, 0, 0.0
        sign = -1.0 if column.better == "higher" else 1.0
        return 0, not entry.ranked, order.index(entry.kind), sign * entry.estimate.mean

    return sorted(summary.rows, key=place)


def _line(
    row: Row, columns: Sequence[ColumnInfo], marks: Mapping[str, Mapping[Scale, str]], leading: ColumnInfo | None
) -> ShownRow:
    label = clean(row.label)
    low, high = (row.entries[leading.name].ranks if leading else None) or (0, 0)
    ranks = f"{low}–{high}" if low < high else str(low or "")
    if not row.scored:
        return ShownRow(
            label, "failed", tuple(ShownCell(None) for _ in columns), ranks, note(row), "; ".join(reasons(row))
        )
    if row.counts[Status.OK] < len(row.records):
        label += f" ({row.counts[Status.OK]}/{len(row.records)} seeds)"
    cells = [_cell(row.entries[c.name], c, marks[c.name]) for c in columns]
    return ShownRow(label, row.role, tuple(cells), ranks)


def _cell(entry: Aggregate, column: ColumnInfo, scales: Mapping[Scale, str]) -> ShownCell:
    if entry.estimate is None:
        return ShownCell(None, entry=entry)
    number = rounded(entry.estimate.mean, entry.estimate.error, digits=3 if column.timing else 4)
    short = rounded(entry.estimate.mean, digits=3)
    kind = "≈" if entry.kind == "estimate" else MARKS.get((entry.kind or "", column.better or ""), "")
    if entry.estimate.limit:
        number, kind = short, "≥"  # the spread of a limit says nothing of the value
    return ShownCell(number, short, kind, entry.best, entry.suspect, entry.doubt, scales.get(entry.scale, ""), entry)


def _floor_line(rows: Sequence[Row], columns: Sequence[ColumnInfo]) -> ShownRow | None:
    """Return the floor as a row, from what the scores say of it, for records without the row ``real``."""
    cells = []
    for column in columns:
        floors = [(e.floor, e.floor_error) for r in rows if (e := r.entries[column.name]).floor is not None]
        cells.append(ShownCell(rounded(*floors[0]) if floors else None))
    return ShownRow("real", "reference", tuple(cells)) if any(cell.number for cell in cells) else None

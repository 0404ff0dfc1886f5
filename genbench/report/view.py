"""The content of a printed table in any format: its columns and rows, their order, the marks and the legend."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import MappingProxyType

from genbench.record.score import SUSPECT_STANDARD_ERRORS
from genbench.record.status import Status
from genbench.report.headline import headline
from genbench.report.legend import (
    Scale,
    caption,
    definitions,
    legend,
    note,
    reasons,
    reference_texts,
    remarks,
    scale_marks,
)
from genbench.report.numbers import Number, round_number
from genbench.report.text import clean
from genbench.table.aggregate import Aggregate
from genbench.table.columns import OBSERVABLES_SUFFIX, ColumnInfo
from genbench.table.columns import matching_columns as matching_columns
from genbench.table.estimate import quantile
from genbench.table.suites import metrics_of
from genbench.table.summary import REFERENCES, Row, Summary

DEFAULT_COLUMNS = {  # by kind of data, after the core metrics, in the order of the table; globs are allowed
    "vector": "equivalent nll sliced_w2 modes high_quality frechet density",
    "image": "equivalent bits_per_dim frechet@* frechet energy density",
}
MAX_OBSERVABLES = 4  # observables that are shown by default
INVARIANT_MASS = re.compile(r"m_?([a-z]{2,3})|m\d{2,4}")  # of several objects: m_jj, mll, m12
MASS = re.compile(rf"{INVARIANT_MASS.pattern}|m(ass)?(_?(\d|[a-z]))?")  # also of one object: m_1, m2, mass
MAX_HEADING_CHARS = 40
CPU_SECONDS = "fit_cpu_s"  # shown beside the time of a busy machine
COST_COLUMNS = ("fit_s", CPU_SECONDS, "samples_per_s")
NORMAL_QUANTILE = 1.96  # of half a 95 % interval
# the columns that stay when the terminal is narrow, after the core metrics and the costs, most important first
COLUMN_PRIORITY = "equivalent bits_per_dim nll w1 modes frechet sliced_w2 high_quality density"
BOUND_MARKS = {("bound", "lower"): "≤", ("bound", "higher"): "≥"}


@dataclass(frozen=True)
class ShownCell:
    """One number of a row and its marks; ``number`` is None if there is none."""

    number: Number | None  # with its interval
    short: Number | None = None  # three digits, without the interval
    kind: str = ""  # ≤ or ≥: a bound; ≈: an estimate
    best: bool = False
    suspect: bool = False  # better than real data
    unstable: bool = False  # its seeds disagree
    doubt: bool = False  # a likelihood that failed a check
    busy: bool = False  # a time of a busy machine
    scale: str = ""  # † ‡ §: not comparable with the rest of its column
    entry: Aggregate | None = field(default=None, compare=False, repr=False)  # where the number comes from

    @property
    def marks(self) -> str:
        """The marks behind the number, but for that of the best: † ~ # ? !."""
        flags = (("~", self.unstable), ("#", self.busy), ("?", self.doubt), ("!", self.suspect))
        return self.scale + "".join(mark for mark, given in flags if given)


@dataclass(frozen=True)
class ShownRow:
    """One row as it is shown; a failed row shows a note and the reasons in place of its cells."""

    label: str
    role: str  # model, failed, published, reference
    cells: tuple[ShownCell, ...]
    ranks: str = ""  # the range of ranks consistent with the scores: 1–3
    note: str = ""
    reasons: str = ""


@dataclass(frozen=True)
class View:
    """One table as it is shown; all its text is printable."""

    title: str
    columns: tuple[ColumnInfo, ...]
    rows: tuple[ShownRow, ...]
    caption: str
    legend: tuple[str, ...]  # how rows are ranked and what marks mean; {best} stands for the mark of the best
    remarks: tuple[str, ...]  # on rows that have numbers
    hidden: tuple[str, ...]  # columns that are not shown
    chosen_by_user: bool  # whether the user chose the columns
    headline: tuple[str, ...] = ()
    always: tuple[str, ...] = ()  # the columns that are shown at every width: core metrics and costs
    definitions: tuple[tuple[str, str], ...] = ()  # each core metric that is shown, and what it measures
    references: tuple[str, ...] = ()  # what each row of reference is

    @property
    def ranked(self) -> bool:
        """Whether there are ranks to show."""
        return sum(bool(row.ranks) for row in self.rows) > 1

    @property
    def legend_lines(self) -> tuple[str, ...]:
        """The whole legend, one line for each entry."""
        return (*self.legend, *(f"{name}: {text}" for name, text in self.definitions), *self.references)

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each failed row, with its reasons, and the remarks on the others."""
        failed = (f"{row.label}: {row.note} ({row.reasons})" for row in self.rows_of("failed"))
        return (*failed, *self.remarks)

    def rows_of(self, role: str) -> tuple[ShownRow, ...]:
        """Return the rows of a role: model, failed, published or reference."""
        return tuple(row for row in self.rows if row.role == role)


def view_of(summary: Summary, metrics: Sequence[str] = (), sort: str | None = None) -> View:
    """Return a summary as a table: with the columns named in ``metrics`` (``all`` for all), sorted by ``sort``."""
    by_name = {column.name: column for column in summary.columns}
    names = _column_names(summary, metrics)
    always = {*summary.core, *COST_COLUMNS, *_suite_columns(summary)}
    columns = tuple(by_name[name] for name in names)
    rows = sort_rows(summary, by_name.get(sort or ""))
    marks = {name: scale_marks(summary, name) for name in names}
    shown = [_shown_row(row, columns, marks) for row in rows]
    explained = list(legend(summary, names, SUSPECT_STANDARD_ERRORS))
    if sum(bool(row.ranks) for row in shown) > 1 and summary.core:
        explained.insert(0, f"rank: by {', '.join(summary.core)}; better in one and worse in none, beyond chance (5 %)")
    if not any(row.records[0]["model"] == "real" for row in rows) and (floor := _floor_row(rows, columns)):
        at = next((i for i, row in enumerate(shown) if row.role == "reference"), len(shown))
        shown.insert(at, floor)
    return View(
        clean(summary.dataset),
        tuple(replace(column, name=clean(column.name, MAX_HEADING_CHARS)) for column in columns),
        tuple(shown),
        caption(summary),
        tuple(clean(line) for line in explained),
        remarks(summary, names),
        tuple(clean(name) for name in by_name if name not in names),
        bool(metrics),
        headline(summary, rows) if summary.per == "model" else (),
        tuple(clean(name, MAX_HEADING_CHARS) for name in names if name in always),
        tuple((clean(name, MAX_HEADING_CHARS), text) for name, text in definitions(summary, names)),
        reference_texts(summary),
    )


def _column_names(summary: Summary, metrics: Sequence[str]) -> list[str]:
    if metrics:
        matches = matching_columns(summary.columns, metrics).values()
        return list(dict.fromkeys(name for names in matches for name in names))
    filled = [c for c in summary.columns if any(r.entries[c.name].estimate for r in summary.rows)]
    scores = [c.name for c in filled if not c.timing and not c.observable and not c.fact]
    wanted = DEFAULT_COLUMNS.get(summary.data_kind, DEFAULT_COLUMNS["vector"])
    chosen = [name for name in summary.core if name in scores]
    chosen += [name for name in _suite_columns(summary) if name not in chosen]
    others = [name for pattern in wanted.split() for name in scores if fnmatchcase(name, pattern)]
    if "modes" in scores or "kl" in scores:
        others = [name for name in others if name not in ("frechet", "density")]
    chosen += [name for name in dict.fromkeys(others) if name not in chosen]
    if len(chosen) < 3:
        chosen += [name for name in scores if name not in chosen]
    observables = [c for c in filled if c.observable]
    default = _default_observables([c for c in observables if c.metric.endswith(OBSERVABLES_SUFFIX)])
    chosen += [name for name in default if name not in chosen]
    costs = {c.name for c in filled if c.timing}
    if not any(row.entries[name].busy for row in summary.rows for name in costs):
        costs.discard(CPU_SECONDS)
    facts = [c.name for c in filled if c.fact] if summary.per == "seed" else []
    return chosen + [name for name in COST_COLUMNS if name in costs] + facts


def _suite_columns(summary: Summary) -> list[str]:
    """Return the columns with a value of the metrics of the suite, and of the observables of those metrics."""
    wanted = metrics_of(summary.suites)
    return [
        c.name
        for c in summary.columns
        if (c.name in wanted or (c.observable and c.metric in wanted))
        and any(row.entries[c.name].estimate for row in summary.rows)
    ]


def _default_observables(columns: Sequence[ColumnInfo]) -> list[str]:
    """Return the columns of the observables shown by default: all if they are few, else masses, else the first.

    Invariant masses of several objects come before masses of one.
    """
    masses = [column for column in columns if MASS.fullmatch(column.observable)]
    chosen = columns if len(columns) <= MAX_OBSERVABLES else masses or columns
    return [c.name for c in sorted(chosen, key=lambda c: not INVARIANT_MASS.fullmatch(c.observable))[:MAX_OBSERVABLES]]


def sort_rows(summary: Summary, column: ColumnInfo | None = None) -> list[Row]:
    """Sort models by rank and then by the first core metric, or by a column; then failed and published, references."""
    by_name = {c.name: c for c in summary.columns}
    ranked = (*summary.core, *(c.name for c in summary.columns if c.better and not c.timing))
    first = column or next((by_name[name] for name in ranked), None)
    order = ["exact", "bound", "estimate", None]

    def sort_key(row: Row) -> tuple[object, ...]:
        model = row.records[0]["model"]
        if row.role == "reference":
            known = REFERENCES.index(model) if model in REFERENCES else len(REFERENCES)
            return 4, not row.scored, known, 0, 0.0
        if row.role == "published":
            return 3, 0, 0, 0, 0.0
        rank = row.ranks[0] + row.ranks[1] if row.ranks and column is None else 0
        entry = row.entries[first.name] if first and row.scored else Aggregate(None)
        if first is None or entry.estimate is None:
            return (1 if row.scored else 2), not row.status.finished, rank, 0, 0.0
        return 0, not entry.ranked, rank, order.index(entry.kind), _badness(entry.estimate.mean, first)

    return sorted(summary.rows, key=sort_key)


def _badness(value: float, column: ColumnInfo) -> float:
    if column.best:
        return abs(value - column.best)
    return -value if column.better == "higher" else value


def _shown_row(row: Row, columns: Sequence[ColumnInfo], marks: Mapping[str, Mapping[Scale, str]]) -> ShownRow:
    label = clean(row.label)
    low, high = row.ranks or (0, 0)
    ranks = f"{low}–{high}" if low < high else str(low or "")
    if not row.scored:
        return ShownRow(
            label, "failed", tuple(ShownCell(None) for _ in columns), ranks, note(row), "; ".join(reasons(row))
        )
    if row.counts[Status.OK] < len(row.records):
        label += f" ({row.counts[Status.OK]}/{len(row.records)} seeds)"
    cells = [shown_cell(row.entries[c.name], c, marks[c.name]) for c in columns]
    return ShownRow(label, row.role, tuple(cells), ranks)


def shown_cell(entry: Aggregate, column: ColumnInfo, scales: Mapping[Scale, str] = MappingProxyType({})) -> ShownCell:
    """Return a number as it is shown in a column; ``scales`` are the marks of scales other than the main one."""
    if entry.estimate is None:
        return ShownCell(None, entry=entry)
    short = round_number(entry.estimate.mean, digits=3)
    number = round_number(entry.estimate.mean, entry.interval, digits=3 if column.timing or column.fact else 4)
    kind = "≈" if entry.kind == "estimate" else BOUND_MARKS.get((entry.kind or "", column.better or ""), "")
    if entry.estimate.limit:
        number, kind = short, "≥"  # its interval has no upper end
    return ShownCell(
        number, short, kind, entry.best, entry.suspect, entry.unstable, entry.doubt, entry.busy,
        scales.get(entry.scale, ""), entry,
    )  # fmt: skip


def _floor_cell(entry: Aggregate) -> ShownCell:
    assert entry.floor is not None
    interval = None
    if entry.floor_error is not None:
        seeds = len(entry.values.raw)
        factor = quantile(seeds - 1) if seeds > 1 else NORMAL_QUANTILE
        half = factor * entry.floor_error
        interval = entry.floor - half, entry.floor + half
    return ShownCell(round_number(entry.floor, interval, digits=3), round_number(entry.floor, digits=3))


def _floor_row(rows: Sequence[Row], columns: Sequence[ColumnInfo]) -> ShownRow | None:
    """Return the floors that are stored with the scores as a row, for records without the row ``real``."""
    cells = []
    for column in columns:
        floors = [e for r in rows if (e := r.entries[column.name]).floor is not None]
        cells.append(_floor_cell(floors[0]) if floors else ShownCell(None))
    return ShownRow("real", "reference", tuple(cells)) if any(cell.number for cell in cells) else None

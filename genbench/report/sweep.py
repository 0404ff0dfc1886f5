"""A sweep as a table: a row for each value of the option, a column for each metric and model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from genbench.errors import DataError
from genbench.record.score import SUSPECT_STANDARD_ERRORS
from genbench.record.store import Record
from genbench.report.legend import caption, legend
from genbench.report.text import clean
from genbench.report.view import ShownCell, ShownRow, View, shown_cell
from genbench.table.suites import Suite, suite_notes
from genbench.table.summary import Summary, summarise
from genbench.table.sweep import Sweep, sweeps_of

MAX_HEADING_CHARS = 40
MARKS = ("[ ]", "↓", "↑", "≤", "≈ ", "≥", "!")  # of a whole table that occur here too


def sweep_views(
    records: Iterable[Record], option: str = "", metrics: Sequence[str] = (), suites: Sequence[Suite] = ()
) -> list[View]:
    """Return a table of each sweep: of ``option``, by default of the first that has several values.

    Raises UnknownName for an option without several values, and DataError if there is no sweep.
    """
    summaries = summarise(records, suites=suites)
    sweeps = sweeps_of(summaries, option)
    if not sweeps:
        raise DataError("no numeric option has several values in these runs, as in 'gaussian[dim=2|8]'")
    return [_view(sweep, summaries[0], metrics) for sweep in sweeps]


def _view(sweep: Sweep, summary: Summary, metrics: Sequence[str]) -> View:
    pairs = [
        (column, line)
        for column in sweep.chosen(metrics)
        for line in sweep.lines
        if any(row.entries[column.name].estimate for row in line.every if column.name in row.entries)
    ]
    rows = []
    for value in sweep.values:
        cells = []
        for column, line in pairs:
            row = line.at(value)
            entry = row.entries.get(column.name) if row is not None and row.scored else None
            cells.append(ShownCell(None) if entry is None else replace(shown_cell(entry, column), best=False))
        rows.append(ShownRow(f"{sweep.option}={value:g}", "model", tuple(cells)))
    columns = tuple(replace(c, name=clean(f"{c.name} {line.label}", MAX_HEADING_CHARS)) for c, line in pairs)
    lines = legend(summary, [column.name for column, _ in pairs], SUSPECT_STANDARD_ERRORS)
    return View(
        clean(sweep.title),
        columns,
        tuple(rows),
        caption(summary),
        tuple(clean(line) for line in lines if line.startswith(MARKS)),
        tuple(clean(line) for line in suite_notes(summary.suites)),
        (),
        True,
        always=tuple(column.name for column in columns),
    )

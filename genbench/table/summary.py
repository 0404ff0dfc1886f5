"""Summaries of records, one for each dataset: means over seeds with uncertainty, ranks with ties, failures as rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genbench.plan.device_names import kind_of
from genbench.plan.precision import FP32
from genbench.record.status import Status
from genbench.record.store import Record
from genbench.table.aggregate import Aggregate, fact_aggregate, score_aggregate, scores_by_column, timing_aggregate
from genbench.table.column_statistics import with_intervals, with_ranks
from genbench.table.columns import TIMING_METRICS, ColumnInfo, columns_of
from genbench.table.core_metrics import core_columns
from genbench.table.ranking import Order, order_of
from genbench.table.suites import Suite, published_records, suites_with

ROLES = ("model", "published", "reference")
# in which records of one label are rows of their own
ROW_FIELDS = ("model_config", "budget", "device", "precision", "train_rows")
REFERENCES = ("real", "gaussian", "memoriser")  # in the order in which they are shown


@dataclass(frozen=True)
class Row:
    """One row of a summary: a model, or a cell."""

    label: str
    role: str  # one of ROLES
    records: tuple[Record, ...]
    entries: Mapping[str, Aggregate] = field(default_factory=dict)
    ranks: tuple[int, int] | None = None  # that a model may have by the core metrics
    unstable: tuple[str, ...] = ()  # the core metrics in which its seeds disagree far more than those of other models

    @property
    def counts(self) -> Counter[Status]:
        """The number of its cells that ended in each status."""
        return Counter(Status(r["status"]) for r in self.records)

    @property
    def failed(self) -> int:
        """The number of its cells that ran and failed to give scores."""
        return sum(n for status, n in self.counts.items() if status.failed)

    @property
    def scored(self) -> bool:
        """Whether its means may be shown: at least one cell is ok, and none failed."""
        return self.counts[Status.OK] > 0 and self.failed == 0

    @property
    def status(self) -> Status:
        """``ok`` if the row is scored, else the most frequent status of its failures, or of its unfinished cells."""
        if self.scored:
            return Status.OK
        counted = {s: n for s, n in self.counts.items() if (s.failed if self.failed else s is not Status.OK)}
        return Counter(counted).most_common(1)[0][0]

    @property
    def reason(self) -> str:
        """The reason of the first cell with this ``status``; empty for ``ok``."""
        return next((r.get("reason") or "" for r in self.records if r["status"] == self.status != Status.OK), "")

    @property
    def copying(self) -> tuple[str, ...]:
        """The metrics of copying that say that its samples repeat training rows."""
        return tuple(name for name, entry in self.entries.items() if entry.copying)

    @property
    def recipe_share(self) -> float | None:
        """The smallest share of its recipe's steps that a cell was trained for; None where that is not known."""
        shares = []
        for record in self.records:
            steps, recipe = (record.get("timings") or {}).get("steps"), record.get("recipe_steps")
            if steps is not None and recipe:
                shares.append(float(steps) / float(recipe))
        return min(shares, default=None)

    @property
    def undertrained(self) -> bool:
        """Whether it got less than half of the steps of its recipe."""
        return self.recipe_share is not None and self.recipe_share < 0.5

    @property
    def failed_checks(self) -> list[Mapping[str, Any]]:
        """The checks of its likelihood that failed in any cell, each once."""
        checks = (c for r in self.records for c in r.get("checks") or () if c.get("passed") is False)
        return list({str(check.get("name")): check for check in checks}.values())


@dataclass(frozen=True)
class Summary:
    """All rows of one dataset.

    ``comparable`` is False if the rows were not scored against equally many test rows, ``one_clock`` is False if the
    models were timed in several sessions, or on several machines or devices.
    """

    dataset: str
    data_kind: str
    columns: tuple[ColumnInfo, ...]
    rows: tuple[Row, ...]
    comparable: bool = True
    one_clock: bool = True
    per: str = "model"  # model, seed: what a row is
    core: tuple[str, ...] = ()  # the columns that rank the models
    suites: tuple[Suite, ...] = ()  # those that have this dataset
    order: Order | None = None  # of the models; None of rows that may not be compared

    @property
    def records(self) -> list[Record]:
        """The records of all rows."""
        return [record for row in self.rows for record in row.records]


def role_of(record: Record) -> str:
    """Return ``published`` for a published value, ``reference`` for real data and baselines, else ``model``."""
    if record.get("published"):
        return "published"
    return "reference" if record.get("baseline") or record["model"] == "real" else "model"


def requested_rows(record: Record) -> int | None:
    """Return the number of training rows that were requested for a cell; None where its record does not hold it."""
    sizes = (record.get("identity") or {}).get("sizes")
    rows = sizes.get("train") if isinstance(sizes, Mapping) else None
    return rows if isinstance(rows, int) else None


def deduplicate(records: Iterable[Record]) -> list[Record]:
    """Return one record for each cell: that of the highest attempt, and of equal attempts the last."""
    latest: dict[str, Record] = {}
    for record in records:
        known = latest.get(record["key"])
        if known is None or record.get("attempt", 1) >= known.get("attempt", 1):
            latest[record["key"]] = record
    return list(latest.values())


def summarise(records: Iterable[Record], per: str = "model", suites: Sequence[Suite] = ()) -> list[Summary]:
    """Return one summary for each dataset; its rows are models (``per="model"``) or cells (``"seed"``, without ranks).

    ``suites`` are those of the runs: their published values are rows of the role ``published``, without ranks, beside
    models. Raises ValueError for another ``per``.
    """
    if per not in ("model", "seed"):
        raise ValueError(f"per must be 'model' or 'seed', got {per!r}")
    groups = _group(deduplicate(records), lambda r: _label(r, "dataset"), ("dataset_config",))
    return [_summary(name, group, per, suites_with(suites, group)) for name, group in groups.items()]


def _label(record: Record, of: str) -> str:
    return str(record.get("label" if of == "model" else "dataset_label") or record[of])


def _group(records: Sequence[Record], label: Any, fields: Sequence[str]) -> dict[str, list[Record]]:
    """Group records by label and fields; to equal labels the fields are added in which the groups differ."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        groups.setdefault((label(record), *(_value(record, f) for f in fields)), []).append(record)
    by_name: dict[str, list[Record]] = {}
    for identity, group in groups.items():
        namesakes = [other for other in groups if other[0] == identity[0]]
        extra = [_difference(identity[i], [n[i] for n in namesakes]) for i in range(1, len(identity))]
        suffix = ", ".join(text for text in extra if text)
        by_name.setdefault(f"{identity[0]} ({suffix})" if suffix else identity[0], []).extend(group)
    return by_name


def _value(record: Record, name: str) -> str:
    value = record.get(name)
    if name == "device":
        return kind_of(value)  # cuda:0 and cuda:1 give the same results
    if name == "precision":
        return str(value or FP32)
    if name == "train_rows":
        return f"{rows} training rows" if (rows := requested_rows(record)) else ""
    return json.dumps(value or {}, sort_keys=True, default=str) if name.endswith("_config") else str(value or "")


def _difference(value: str, all_values: Sequence[str]) -> str:
    """Return how a value differs from the others: the options that differ if it is JSON, else the value itself."""
    if len(set(all_values)) == 1:
        return ""
    if not value.startswith("{"):
        return value
    own, options = json.loads(value), [json.loads(each) for each in all_values]
    names = [name for name in own if len({json.dumps(o.get(name)) for o in options}) > 1]
    return ", ".join(f"{name}={own[name]}" for name in names)


def _summary(dataset: str, records: Sequence[Record], per: str, suites: Sequence[Suite]) -> Summary:
    records = [*records, *(published_records(suites, records) if per == "model" else ())]
    columns = columns_of(records)
    rows = []
    for name, group in _group(records, lambda r: _label(r, "model"), ROW_FIELDS).items():
        rows_by_label = _split_repeated_seeds(name, group)
        if per == "seed":
            rows_by_label = {f"{label} seed {r.get('seed')}": [r] for label, rs in rows_by_label.items() for r in rs}
        rows += [_row(label, row_records, columns) for label, row_records in rows_by_label.items()]
    tests = [r["sizes"]["test"] for r in records if (r.get("sizes") or {}).get("test")]
    summary = Summary(
        dataset,
        next((str(r["data_kind"]) for r in records if r.get("data_kind")), "vector"),
        columns,
        _with_own_labels(rows),
        comparable=not tests or max(tests) <= 1.05 * min(tests),
        one_clock=len({_timing_conditions(r) for r in records if r.get("timings") and role_of(r) == "model"}) <= 1,
        per=per,
        suites=tuple(suites),
    )
    return _with_statistics(summary)


def _with_own_labels(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Return rows of which no two have the same label: a second ``a`` is called ``a (2)``."""
    found: dict[str, Row] = {}
    for row in rows:
        number, label = 1, row.label
        while label in found:
            number += 1
            label = f"{row.label} ({number})"
        found[label] = replace(row, label=label)
    return tuple(found.values())


def _split_repeated_seeds(label: str, records: Sequence[Record]) -> dict[str, list[Record]]:
    """Return one row, or one for each run if seeds occur twice; in one run, the last record of a seed counts."""
    if len({r.get("seed") for r in records}) == len(records):
        return {label: list(records)}
    groups: dict[str, dict[Any, Record]] = {}
    for record in records:
        groups.setdefault(str(record.get("run") or ""), {})[record.get("seed")] = record
    return {f"{label} ({run})" if len(groups) > 1 else label: list(group.values()) for run, group in groups.items()}


def _timing_conditions(record: Record) -> tuple[Any, ...]:
    """Return what two cells must have in common for their timings to be compared."""
    machine = record.get("machine") or {}
    return record.get("run"), record.get("session"), machine.get("id"), record.get("threads"), _value(record, "device")


def _row(label: str, records: Sequence[Record], columns: Sequence[ColumnInfo]) -> Row:
    row = Row(label, role_of(records[0]), tuple(sorted(records, key=lambda r: r.get("seed") or 0)))
    ok = [record for record in row.records if record["status"] == Status.OK]
    missing = "" if row.scored else row.status
    density = records[0].get("density")
    doubt, scores = bool(row.failed_checks), scores_by_column(ok)

    def entry(column: ColumnInfo) -> Aggregate:
        if column.timing or column.fact:
            return (fact_aggregate if column.fact else timing_aggregate)(ok, column, missing)
        return score_aggregate(ok, column, missing, density, doubt, scores.get(column.name, {}))

    return replace(row, entries={column.name: entry(column) for column in columns})


def _with_statistics(summary: Summary) -> Summary:
    """Return the summary with intervals, and with the ranks and the best of each column if its rows are models."""
    entries = {row.label: dict(row.entries) for row in summary.rows}
    models = [row for row in summary.rows if row.role == "model"]
    failed = [row.label for row in models if row.failed]
    for column in summary.columns:
        of_role = {role: [row.label for row in summary.rows if row.role == role] for role in ROLES}
        for labels in of_role.values():
            found = with_intervals({label: entries[label][column.name] for label in labels}, column)
            for label, entry in found.items():
                entries[label][column.name] = entry
        if summary.per == "seed" or not _may_rank(summary, column):
            continue
        ranked = with_ranks({row.label: entries[row.label][column.name] for row in models}, failed, column)
        for label, entry in ranked.items():
            entries[label][column.name] = entry
    rows = tuple(replace(row, entries=entries[row.label]) for row in summary.rows)
    summary = replace(summary, rows=rows, core=core_columns(summary.columns, summary.data_kind))
    return summary if summary.per == "seed" or not summary.comparable else _with_order(summary)


def _may_rank(summary: Summary, column: ColumnInfo) -> bool:
    timed = column.timing or column.metric in TIMING_METRICS
    return column.better is not None and summary.comparable and (summary.one_clock or not timed)


def _with_order(summary: Summary) -> Summary:
    """Return the summary with the partial order of its models, and their ranks."""
    models = {row.label: row for row in summary.rows if row.role == "model"}
    scored = [label for label, row in models.items() if row.scored]
    failed = [label for label, row in models.items() if row.failed]
    columns = {
        column: {label: models[label].entries[column.name] for label in scored}
        for column in summary.columns
        if column.name in summary.core
    }
    order = order_of(scored, failed, columns)
    rows = [
        replace(
            row,
            ranks=order.ranks.get(row.label) if columns else None,
            unstable=tuple(name for name in summary.core if row.entries[name].unstable),
        )
        if row.label in models
        else row
        for row in summary.rows
    ]
    return replace(summary, rows=tuple(rows), order=order)

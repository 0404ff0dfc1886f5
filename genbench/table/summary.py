"""Summaries of records, one for each dataset: means over seeds with uncertainty, ranks with ties, failures as rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genbench.plan.device_names import kind_of
from genbench.record.status import Status
from genbench.record.store import Record
from genbench.table.aggregate import Aggregate, score_aggregate, timing_aggregate
from genbench.table.columns import TIMING_METRICS, ColumnInfo, columns_of
from genbench.table.significance import rank_intervals

__all__ = ["REFERENCES", "Aggregate", "ColumnInfo", "Record", "Row", "Summary", "deduplicate", "role_of", "summarise"]

REFERENCES = ("real", "gaussian", "memoriser")  # in the order in which they are shown


@dataclass(frozen=True)
class Row:
    """One row of a summary: a model, or a cell."""

    label: str
    role: str  # model, reference
    records: tuple[Record, ...]
    entries: Mapping[str, Aggregate] = field(default_factory=dict)

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

    @property
    def records(self) -> list[Record]:
        """The records of all rows."""
        return [record for row in self.rows for record in row.records]


def role_of(record: Record) -> str:
    """Return ``reference`` for real data and baselines, else ``model``."""
    return "reference" if record.get("baseline") or record["model"] == "real" else "model"


def deduplicate(records: Iterable[Record]) -> list[Record]:
    """Return one record for each cell: that of the highest attempt, and of equal attempts the last."""
    latest: dict[str, Record] = {}
    for record in records:
        known = latest.get(record["key"])
        if known is None or record.get("attempt", 1) >= known.get("attempt", 1):
            latest[record["key"]] = record
    return list(latest.values())


def summarise(records: Iterable[Record], per: str = "model") -> list[Summary]:
    """Return one summary for each dataset; its rows are models (``per="model"``) or cells (``"seed"``, without ranks).

    Raises ValueError for another ``per``.
    """
    if per not in ("model", "seed"):
        raise ValueError(f"per must be 'model' or 'seed', got {per!r}")
    groups = _group(deduplicate(records), lambda r: _label(r, "dataset"), ("dataset_config",))
    return [_summary(name, group, per) for name, group in groups.items()]


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


def _summary(dataset: str, records: Sequence[Record], per: str) -> Summary:
    columns = columns_of(records)
    rows = []
    for name, group in _group(records, lambda r: _label(r, "model"), ("model_config", "budget", "device")).items():
        rows_by_label = _split_repeated_seeds(name, group)
        if per == "seed":
            rows_by_label = {f"{label} seed {r.get('seed')}": [r] for label, rs in rows_by_label.items() for r in rs}
        rows += [_row(label, row_records, columns) for label, row_records in rows_by_label.items()]
    tests = [r["sizes"]["test"] for r in records if (r.get("sizes") or {}).get("test")]
    summary = Summary(
        dataset,
        next((str(r["data_kind"]) for r in records if r.get("data_kind")), "vector"),
        columns,
        tuple(rows),
        comparable=not tests or max(tests) <= 1.05 * min(tests),
        one_clock=len({_timing_conditions(r) for r in records if r.get("timings") and role_of(r) == "model"}) <= 1,
        per=per,
    )
    return summary if per == "seed" else _add_ranks(summary)


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
    doubt = bool(row.failed_checks)
    entries = {
        c.name: timing_aggregate(ok, c, missing) if c.timing else score_aggregate(ok, c, missing, density, doubt)
        for c in columns
    }
    return replace(row, entries=entries)


def _add_ranks(summary: Summary) -> Summary:
    """Return the summary with ranks and ties in each column; kinds of likelihood are ranked separately."""
    rows = list(summary.rows)
    for column in summary.columns:
        timed = column.timing or column.metric in TIMING_METRICS
        if column.better is None or not summary.comparable or (timed and not summary.one_clock):
            continue
        models = {i: row for i, row in enumerate(rows) if row.role == "model"}
        aggregates = {i: row.entries[column.name] for i, row in models.items()}
        several_kinds = len({a.kind for a in aggregates.values() if a.estimate}) > 1
        for kind in {a.kind for a in aggregates.values()}:
            group = {i: row for i, row in models.items() if aggregates[i].kind == kind}
            for i, aggregate in _rank(group, column).items():
                if several_kinds:  # the best of one kind may be worse than a value of another kind
                    aggregate = replace(aggregate, best=False)
                rows[i] = replace(rows[i], entries={**rows[i].entries, column.name: aggregate})
    return replace(summary, rows=tuple(rows))


def _rank(rows: Mapping[int, Row], column: ColumnInfo) -> dict[int, Aggregate]:
    """Return the aggregates of a column that have a rank: each among those on the same scale, failures last."""
    aggregates = {i: row.entries[column.name] for i, row in rows.items()}
    ranked: dict[int, Aggregate] = {}
    for scale in {a.scale for a in aggregates.values() if a.ranked}:
        group = {i: a for i, a in aggregates.items() if a.estimate and a.ranked and a.scale == scale}
        estimates = {str(i): a.estimate for i, a in group.items() if a.estimate}
        intervals = rank_intervals(estimates, column.better or "lower")
        for i, aggregate in group.items():
            found = intervals[str(i)]
            best = found.tied and not aggregate.suspect
            ranked[i] = replace(aggregate, rank=found.rank, ranks=(found.low, found.high), best=best)
    failed = {i: aggregates[i] for i, row in rows.items() if row.failed}
    last = 1 + max((a.ranks[1] for a in ranked.values() if a.ranks), default=0)
    ranks = (last, last - 1 + len(failed))
    return ranked | ({i: replace(a, rank=last, ranks=ranks) for i, a in failed.items()} if ranked else {})

"""Records -> one summary a dataset: means over seeds with their uncertainty, ranks with ties, failures kept as rows."""

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
from genbench.table.significance import places

__all__ = ["REFERENCES", "Aggregate", "ColumnInfo", "Record", "Row", "Summary", "deduplicated", "role_of", "summarise"]

REFERENCES = ("real", "gaussian", "memoriser")  # in the order in which they are shown


@dataclass(frozen=True)
class Row:
    """One model (or one cell) of a summary."""

    label: str
    role: str  # model, reference
    records: tuple[Record, ...]
    entries: Mapping[str, Aggregate] = field(default_factory=dict)

    @property
    def counts(self) -> Counter[Status]:
        """How many of its cells ended in each status."""
        return Counter(Status(r["status"]) for r in self.records)

    @property
    def failed(self) -> int:
        """How many cells ran and gave no scores."""
        return sum(n for status, n in self.counts.items() if status.failed)

    @property
    def scored(self) -> bool:
        """Whether its means stand for all of its seeds: some are ok and none failed."""
        return self.counts[Status.OK] > 0 and self.failed == 0

    @property
    def status(self) -> Status:
        """``ok``, or the status most of the other cells ended in; of its failures, where there are any."""
        if self.scored:
            return Status.OK
        counted = {s: n for s, n in self.counts.items() if (s.failed if self.failed else s is not Status.OK)}
        return Counter(counted).most_common(1)[0][0]

    @property
    def reason(self) -> str:
        """Why the first of the cells that share ``status`` ended so; empty for ``ok``."""
        return next((r.get("reason") or "" for r in self.records if r["status"] == self.status != Status.OK), "")

    @property
    def failed_checks(self) -> list[Mapping[str, Any]]:
        """The checks of its likelihood that failed, each once."""
        checks = (c for r in self.records for c in r.get("checks") or () if c.get("passed") is False)
        return list({str(check.get("name")): check for check in checks}.values())


@dataclass(frozen=True)
class Summary:
    """All rows on one dataset.

    ``comparable`` is False where the rows were not scored against equally many, ``one_clock`` where the models were
    timed in several sessions, on several machines or devices.
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
    """Return ``reference`` for rows that no model made (``real`` and the baselines), else ``model``."""
    return "reference" if record.get("baseline") or record["model"] == "real" else "model"


def deduplicated(records: Iterable[Record]) -> list[Record]:
    """Return one record a cell: the highest attempt, and of equal ones the last."""
    latest: dict[str, Record] = {}
    for record in records:
        known = latest.get(record["key"])
        if known is None or record.get("attempt", 1) >= known.get("attempt", 1):
            latest[record["key"]] = record
    return list(latest.values())


def summarise(records: Iterable[Record], per: str = "model") -> list[Summary]:
    """Return one summary a dataset, its rows models (``per="model"``) or cells (``per="seed"``, without ranks)."""
    if per not in ("model", "seed"):
        raise ValueError(f"per must be 'model' or 'seed', got {per!r}")
    groups = _named(deduplicated(records), lambda r: _label(r, "dataset"), ("dataset_config",))
    return [_summary(name, group, per) for name, group in groups.items()]


def _label(record: Record, of: str) -> str:
    return str(record.get("label" if of == "model" else "dataset_label") or record[of])


def _named(records: Sequence[Record], label: Any, fields: Sequence[str]) -> dict[str, list[Record]]:
    """Group records by label and fields; equal labels are told apart by the fields in which they differ."""
    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        groups.setdefault((label(record), *(_value(record, f) for f in fields)), []).append(record)
    named: dict[str, list[Record]] = {}
    for identity, group in groups.items():
        peers = [other for other in groups if other[0] == identity[0]]
        extra = [_difference(identity[i], [p[i] for p in peers]) for i in range(1, len(identity))]
        suffix = ", ".join(text for text in extra if text)
        named.setdefault(f"{identity[0]} ({suffix})" if suffix else identity[0], []).extend(group)
    return named


def _value(record: Record, name: str) -> str:
    value = record.get(name)
    if name == "device":
        return kind_of(value)  # cuda:0 and cuda:1 do the same work
    return json.dumps(value or {}, sort_keys=True, default=str) if name.endswith("_config") else str(value or "")


def _difference(mine: str, all_values: Sequence[str]) -> str:
    """Return what tells ``mine`` from its peers: the options that differ, or the value itself."""
    if len(set(all_values)) == 1:
        return ""
    if not mine.startswith("{"):
        return mine
    options = [json.loads(value) for value in all_values]
    names = [name for name in json.loads(mine) if len({json.dumps(o.get(name)) for o in options}) > 1]
    return ", ".join(f"{name}={json.loads(mine)[name]}" for name in names)


def _summary(dataset: str, records: Sequence[Record], per: str) -> Summary:
    columns = columns_of(records)
    rows = []
    for name, group in _named(records, lambda r: _label(r, "model"), ("model_config", "budget", "device")).items():
        cells = _by_run_where_seeds_repeat(name, group)
        if per == "seed":
            cells = {f"{label} seed {r.get('seed')}": [r] for label, group in cells.items() for r in group}
        rows += [_row(label, group, columns) for label, group in cells.items()]
    tests = [r["sizes"]["test"] for r in records if (r.get("sizes") or {}).get("test")]
    summary = Summary(
        dataset,
        next((str(r["data_kind"]) for r in records if r.get("data_kind")), "vector"),
        columns,
        tuple(rows),
        comparable=not tests or max(tests) <= 1.05 * min(tests),
        one_clock=len({_clock(r) for r in records if r.get("timings") and role_of(r) == "model"}) <= 1,
        per=per,
    )
    return summary if per == "seed" else _ranked(summary)


def _by_run_where_seeds_repeat(label: str, records: Sequence[Record]) -> dict[str, list[Record]]:
    """Two runs of the same seed are two rows, not two seeds; without a run to tell them apart, the last one counts."""
    if len({r.get("seed") for r in records}) == len(records):
        return {label: list(records)}
    groups: dict[str, dict[Any, Record]] = {}
    for record in records:
        groups.setdefault(str(record.get("run") or ""), {})[record.get("seed")] = record
    return {f"{label} ({run})" if len(groups) > 1 else label: list(group.values()) for run, group in groups.items()}


def _clock(record: Record) -> tuple[Any, ...]:
    """Return what the timings of two cells must share to be compared."""
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


def _ranked(summary: Summary) -> Summary:
    """Return the summary with ranks and ties a column, within each kind of likelihood; references take no part."""
    rows = list(summary.rows)
    for column in summary.columns:
        timed = column.timing or column.metric in TIMING_METRICS
        if column.better is None or not summary.comparable or (timed and not summary.one_clock):
            continue
        kinds = {row.entries[column.name].kind for row in rows}
        mixed = len({_of(r, column).kind for r in rows if r.role == "model" and _of(r, column).estimate}) > 1
        for kind in kinds:
            group = {i: r for i, r in enumerate(rows) if r.role == "model" and r.entries[column.name].kind == kind}
            for i, entry in _ranks(group, column).items():
                if mixed:  # the best of one kind may be worse than what another kind states
                    entry = replace(entry, best=False)
                rows[i] = replace(rows[i], entries={**rows[i].entries, column.name: entry})
    return replace(summary, rows=tuple(rows))


def _of(row: Row, column: ColumnInfo) -> Aggregate:
    return row.entries[column.name]


def _ranks(rows: Mapping[int, Row], column: ColumnInfo) -> dict[int, Aggregate]:
    """Return the entries of one column that get a rank: those of one scale among themselves, failures last."""
    entries = {i: row.entries[column.name] for i, row in rows.items()}
    ranked: dict[int, Aggregate] = {}
    for scale in {entry.scale for entry in entries.values() if entry.ranked}:
        group = {i: e for i, e in entries.items() if e.estimate and e.ranked and e.scale == scale}
        found = places({str(i): e.estimate for i, e in group.items() if e.estimate}, column.better or "lower")
        for i, entry in group.items():
            place = found[str(i)]
            ranked[i] = replace(
                entry, rank=place.rank, ranks=(place.low, place.high), best=place.tied and not entry.suspect
            )
    failed = {i: entries[i] for i, row in rows.items() if row.failed}
    last = 1 + max((entry.ranks[1] for entry in ranked.values() if entry.ranks), default=0)
    worst = (last, last - 1 + len(failed))
    return ranked | ({i: replace(e, rank=last, ranks=worst) for i, e in failed.items()} if ranked else {})

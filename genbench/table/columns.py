"""The columns of a table: their names and directions, and the columns that a name or a glob matches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from genbench.record.score import column_of
from genbench.record.store import Record

OBSERVABLES_SUFFIX = "_observables"  # of the names of metrics whose detail holds the distance of each observable
TIMING_METRICS = ("speedup", "break_even")  # metrics that are computed from timings
TIMINGS: Mapping[str, str | None] = {  # name -> which direction is better, None if neither
    "fit_s": "lower",
    "fit_cpu_s": "lower",
    "steps": None,
    "steps_per_s": None,
    "first_sample_s": "lower",
    "samples_per_s": "higher",
    "log_prob_s": "lower",
    "reconstruct_s": "lower",
    "encode_s": "lower",
    "anomaly_score_s": "lower",
    "peak_mb": "lower",
    "parameters": None,
    "score_s": None,
}


@dataclass(frozen=True)
class ColumnInfo:
    """A metric in a space, a timing or a fact: its name, which direction is better (None: not ranked), and its unit."""

    name: str  # frechet, frechet@pca, fit_s
    better: str | None
    unit: str = ""
    timing: bool = False
    metric: str = ""
    space: str = ""
    observable: str = ""  # if the column is of one derived observable: m_jj for w1[m_jj]
    fact: str = ""  # if the column is of what a model reported of itself: its name there
    best: float | None = None  # the value of a perfect model, where it does not depend on the data


def scores_of(record: Record) -> Iterator[Record]:
    """Yield the scores of a record, each score of several observables followed by one for each of them.

    After ``w1_observables`` comes ``w1[m_jj]``, and after ``separation`` comes ``separation[m_jj]``, for example. It is
    made from the ``detail`` of the former, which holds a value for each name in ``observables``, and optionally an
    interval for each in ``intervals``.
    """
    for score in record.get("scores") or ():
        yield score
        detail = score.get("detail") or {}
        observables = detail.get("observables")
        if not isinstance(observables, Mapping):
            continue
        name, at, space = column_of(score).partition("@")
        distance, space = name.removesuffix(OBSERVABLES_SUFFIX), at + space
        without_floor = dict.fromkeys(("floor", "floor_sd", "floor_from", "z", "replicates")) | {
            "suspect": False, "copying": False, "warnings": [],
        }  # fmt: skip
        for name, value in observables.items():
            low, high = (detail.get("intervals") or {}).get(name) or (None, None)
            own = {"label": f"{distance}[{name}]{space}", "value": value, "low": low, "high": high, "observable": name}
            yield {**score, **without_floor, **own, "detail": {}}


def scale_of(score: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what two scores of one column must have in common to be compared: quantity, features, space, version."""
    params = score.get("params") or {}
    quantity = str(params.get("quantity") or "").split(",")[0]  # without ", upper bound": the kind holds that
    parts = (quantity, params.get("features"), score.get("space"), score.get("version"))
    return tuple("" if part is None else str(part) for part in parts) if score else ()


def columns_of(records: Iterable[Record]) -> tuple[ColumnInfo, ...]:
    """Return the columns of the metrics in the records, in the order of their first score, of timings and of facts."""
    metrics: dict[str, ColumnInfo] = {}
    timings: dict[str, None] = {}
    facts: dict[str, None] = {}
    for record in records:
        for score in scores_of(record):
            name = column_of(score)
            better = score.get("better") if score.get("ranked", True) else None
            if name not in metrics or (better and metrics[name].better is None):
                metric, space = str(score["metric"]), str(score.get("space") or "")
                observable = str(score.get("observable") or "")
                unit, best = score.get("unit") or "", score.get("best")
                metrics[name] = ColumnInfo(name, better, unit, False, metric, space, observable, best=best)
        timings.update(dict.fromkeys(record.get("timings") or ()))
        facts.update(dict.fromkeys(record.get("facts") or ()))
    known = [name for name in TIMINGS if name in timings]
    others = [name for name in timings if name not in TIMINGS]
    return (
        *metrics.values(),
        *(ColumnInfo(n, TIMINGS.get(n), timing=True) for n in (*known, *others) if n not in metrics),
        *(ColumnInfo(fact_column(name), None, fact=name) for name in facts),
    )


def fact_column(name: str) -> str:
    """Return the name of the column of a fact, which no metric or timing has."""
    return f"fact_{name}"


def matching_columns(columns: Sequence[ColumnInfo], patterns: Iterable[str]) -> dict[str, list[str]]:
    """Return the names of the columns that each pattern matches: a name, a glob, or ``all``.

    The name of a metric of several observables also matches their columns.
    """

    def matches(pattern: str, column: ColumnInfo) -> bool:
        if pattern in ("all", column.name) or (column.observable and pattern == column.metric):
            return True
        return fnmatchcase(column.name, pattern.replace("[", "[[]"))  # a bracket is part of a name

    return {pattern: [column.name for column in columns if matches(pattern, column)] for pattern in patterns}

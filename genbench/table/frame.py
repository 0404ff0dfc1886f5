"""Records as pandas frames: one row for each model with uncertainties and ranks, or one row for each cell.

A frame of models (``per="model"``) has ``rank_low`` and ``rank_high``, the ranks that a model may have by the core
metrics, ``copying`` and ``unstable``, the metrics that say so, and ``undertrained``. For each metric and timing ``m``
it has: ``m`` (mean over seeds, of costs and worth the geometric one), ``m_sd`` (standard deviation over seeds),
``m_se`` (standard error), ``m_low`` and ``m_high`` (95 % interval of the mean, for a single seed that of its score; an
open end is missing), ``m_rank`` (1 is the best mean), ``m_rank_low`` and ``m_rank_high`` (confidence interval of the
rank, 95 % for the whole column) and ``m_tied`` (no model is significantly better). For metrics it also has ``m_kind``
(of likelihoods: exact, bound or estimate, which are ranked separately), ``m_floor`` (the score of fresh real data),
``m_z`` (value minus floor, jackknifed together, as a quantile of the normal distribution, over seeds by Stouffer's
method), ``m_suspect`` (significantly better than real data), ``m_copying`` (a metric of copying says that samples
repeat training rows), ``m_missing`` (the reason why there is no value) and, for metrics whose values may be lower
limits, ``m_at_least``. A model with a failed seed has no values, only the last rank. Where a metric knows its bias,
``m`` is without it.

``fact_NAME`` is what the models reported of themselves, such as a number of function evaluations; it has the columns
of a timing.

``m`` is a metric in the standard space of the data, ``m@space`` the metric in another, and ``w1[NAME]`` the distance of
one derived observable; the mean over all observables is ``w1_observables``.

A frame of cells (``per="seed"``) has ``m``, and for metrics ``m_low``, ``m_high``, ``m_floor``, ``m_floor_sd``,
``m_z`` and, where values may be lower limits, ``m_at_least``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from genbench.record.score import column_of, finite_or_none, shown_value
from genbench.record.status import Status
from genbench.record.store import Record
from genbench.table.aggregate import Aggregate
from genbench.table.columns import ColumnInfo, fact_column, scores_of
from genbench.table.suites import Suite
from genbench.table.summary import Row, Summary, deduplicate, role_of, summarise

if TYPE_CHECKING:
    import pandas as pd  # imported where a frame is made: printed tables need none

CELL_FIELDS = (
    "dataset", "dataset_label", "model", "label", "role", "seed", "status", "phase", "reason", "budget", "device",
    "data_kind", "density_kind", "model_config", "dataset_config", "n_train", "n_test", "n_reference", "key",
    "attempt", "distribution", "version", "run",
)  # fmt: skip
MODEL_FIELDS = (
    "dataset", "dataset_label", "model", "label", "role", "status", "reason", "n_ok", "n_failed", "n_seeds", "budget",
    "device", "data_kind", "density_kind", "model_config", "dataset_config", "n_train", "n_test", "n_reference",
    "distribution", "version", "run", "rank_low", "rank_high", "copying", "unstable", "undertrained",
    "source",
)  # fmt: skip
LIMIT_METRICS = ("equivalent", "amplification")  # whose values may be lower limits
CELL_SUFFIXES = ("low", "high", "floor", "floor_sd", "z")
MODEL_SUFFIXES = ("sd", "se", "low", "high", "rank", "rank_low", "rank_high", "tied", "kind", "floor", "z", "suspect",
                  "copying", "at_least", "missing")  # fmt: skip


def to_frame(records: Iterable[Record], per: str = "model", suites: Sequence[Suite] = ()) -> pd.DataFrame:
    """Return records as a frame with one row for each model of a dataset, or one for each cell (``per="seed"``).

    Published values of ``suites`` are rows of the role ``published``, with their ``source``. The docstring of this
    module lists the columns. Failures are rows with ``status`` and ``reason`` in both frames. A metric with the name of
    another column is called ``metric_NAME``. Raises ValueError for another ``per``.
    """
    records = list(records)
    if per == "seed":
        return _make_frame([_cell_fields(record) for record in deduplicate(records)], CELL_FIELDS)
    rows = [_model_fields(summary, row) for summary in summarise(records, per, suites) for row in summary.rows]
    return _make_frame(rows, MODEL_FIELDS)


def _make_frame(rows: list[dict[str, Any]], fields: Sequence[str]) -> pd.DataFrame:
    """Return a frame in which the type of a column does not depend on the records, so that parquet can store it."""
    import pandas as pd

    names = list(dict.fromkeys([*fields, *(name for row in rows for name in row)]))
    return pd.DataFrame({name: _column([row.get(name) for row in rows], name, name in fields) for name in names})


def _column(values: list[Any], name: str, is_field: bool) -> pd.Series[Any]:
    import pandas as pd

    series = pd.Series(values, dtype=object)
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return series.astype("boolean")
    if kinds <= {int} and (name.endswith(("_rank", "_rank_low", "_rank_high")) or (is_field and kinds)):
        return series.astype("Int64")
    if kinds <= {int, float} and not is_field and not name.endswith(("_kind", "_missing", "_at_least")):
        return series.astype("float64")
    return series


def _shared_fields(record: Record) -> dict[str, Any]:
    """Return the fields that rows of cells and of models have in common; options are JSON text."""
    sizes, provenance = record.get("sizes") or {}, record.get("provenance") or {}
    return {
        **{name: record.get(name) for name in ("dataset", "model", "budget", "device", "data_kind", "run")},
        "dataset_label": record.get("dataset_label") or record["dataset"],
        "label": record.get("label") or record["model"],
        "role": role_of(record),
        "density_kind": record.get("density"),
        **{name: json.dumps(record.get(name) or {}, sort_keys=True) for name in ("model_config", "dataset_config")},
        **{f"n_{split}": sizes.get(split) for split in ("train", "test", "reference")},
        **{name: provenance.get(name) for name in ("distribution", "version")},
    }


def column_name(metric: str) -> str:
    """Return the name of a metric's or timing's column in a frame: its own, unless that is the name of a field."""
    return f"metric_{metric}" if metric in {*CELL_FIELDS, *MODEL_FIELDS} else metric


def parts_of(metric: str) -> list[str]:
    """Return the names of all columns that a metric or timing may have in a frame, its value first."""
    name = column_name(metric)
    return [name, *(f"{name}_{suffix}" for suffix in dict.fromkeys((*CELL_SUFFIXES, *MODEL_SUFFIXES)))]


def _cell_fields(record: Record) -> dict[str, Any]:
    fields = _shared_fields(record) | {
        name: record.get(name) for name in ("seed", "status", "phase", "reason", "key", "attempt")
    }
    scores = list(scores_of(record))
    fields |= {column_name(column_of(score)): shown_value(score) for score in scores}
    fields |= {column_name(name): value for name, value in (record.get("timings") or {}).items()}
    fields |= {fact_column(name): value for name, value in (record.get("facts") or {}).items()}
    for score in scores:
        name = column_name(column_of(score))
        fields |= {f"{name}_{suffix}": score.get(suffix) for suffix in CELL_SUFFIXES}
        if (limit := (score.get("detail") or {}).get("at_least")) is not None:
            fields[f"{name}_at_least"] = bool(limit)
    return fields


def _model_fields(summary: Summary, row: Row) -> dict[str, Any]:
    known = [record for record in row.records if record.get("sizes")] or row.records
    fields = _shared_fields(known[0]) | {
        "dataset_label": summary.dataset,
        "label": row.label,
        "status": row.status.value,
        "reason": row.reason,
        "n_ok": row.counts[Status.OK],
        "n_failed": row.failed,
        "n_seeds": len(row.records),
        "rank_low": row.ranks[0] if row.ranks else None,
        "rank_high": row.ranks[1] if row.ranks else None,
        "copying": ", ".join(row.copying),
        "unstable": ", ".join(row.unstable),
        "undertrained": row.undertrained,
        "source": (row.records[0].get("published") or {}).get("source"),
    }
    for column in summary.columns:
        fields[column_name(column.name)] = _mean(row.entries[column.name])
    for column in summary.columns:
        name = column_name(column.name)
        fields |= {f"{name}_{suffix}": v for suffix, v in _details(column, row.entries[column.name]).items()}
    return fields


def _mean(aggregate: Aggregate) -> float | None:
    return None if aggregate.estimate is None else aggregate.estimate.mean


def _details(column: ColumnInfo, aggregate: Aggregate) -> dict[str, Any]:
    estimate = aggregate.estimate
    low, high = (finite_or_none(end) for end in aggregate.interval or (None, None))
    rank_low, rank_high = aggregate.ranks or (None, None)
    details: dict[str, Any] = {
        "sd": estimate.sd if estimate else None,
        "se": estimate.error if estimate else None,
        "low": low,
        "high": high,
        "rank": aggregate.rank,
        "rank_low": rank_low,
        "rank_high": rank_high,
        "tied": aggregate.best,
    }
    if not column.timing and not column.fact:
        details |= {"kind": aggregate.kind, "floor": aggregate.floor, "z": aggregate.z}
        details |= {"suspect": aggregate.suspect, "copying": aggregate.copying}
        details |= {"missing": aggregate.missing or None}
    if column.metric in LIMIT_METRICS:
        details["at_least"] = None if estimate is None else estimate.limit
    return details

"""Records -> pandas frames, tidy and complete: one row a model with its uncertainty and rank, or one row a cell.

A frame of models (``per="model"``) has, for each metric and timing ``m``: ``m`` (mean over seeds), ``m_sd`` (standard
deviation over seeds), ``m_se`` (standard error), ``m_low`` and ``m_high`` (95 % t interval; of a single seed, that of
the sampling error), ``m_rank`` (1 is the best mean), ``m_rank_low`` and ``m_rank_high`` (the ranks that it may truly
have, 95 % for the whole column) and ``m_tied`` (nothing is better beyond chance); for metrics also ``m_kind`` (of
likelihoods: exact, bound, estimate; ranks never cross kinds), ``m_floor`` (the score of fresh real data), ``m_z``
(value - floor, in standard deviations of the floor, of several seeds added up by Stouffer's rule), ``m_suspect``
(better than real data beyond the noise of both) and ``m_missing`` (why
there is no value); where a value is only a lower limit, ``m_at_least``. A model with a failed seed has no value, only
its rank: the last.

``m`` is a metric in the standard space of the data, ``m@space`` the metric in another, and ``w1[NAME]`` the distance of
one derived observable, of which ``w1_observables`` is the mean.

A frame of cells (``per="seed"``) has ``m``, and for metrics ``m_low``, ``m_high``, ``m_floor``, ``m_floor_sd``,
``m_z`` and, where values may be lower limits, ``m_at_least``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from genbench.record.score import column_of
from genbench.record.status import Status
from genbench.record.store import Record
from genbench.table.aggregate import Aggregate
from genbench.table.columns import ColumnInfo, scores_of
from genbench.table.summary import Row, Summary, deduplicated, role_of, summarise

__all__ = ["parts_of", "to_frame"]

CELL = ("dataset", "dataset_label", "model", "label", "role", "seed", "status", "phase", "reason", "budget", "device",
        "data_kind", "density_kind", "model_config", "dataset_config", "n_train", "n_test", "n_reference", "key",
        "attempt", "distribution", "version", "run")  # fmt: skip
MODEL = ("dataset", "dataset_label", "model", "label", "role", "status", "reason", "n_ok", "n_failed", "n_seeds",
         "budget", "device", "data_kind", "density_kind", "model_config", "dataset_config", "n_train", "n_test",
         "n_reference", "distribution", "version", "run")  # fmt: skip
LIMITED = ("equivalent", "amplification")  # metrics whose values may be lower limits
PER_SEED = ("low", "high", "floor", "floor_sd", "z")
PER_MODEL = ("sd", "se", "low", "high", "rank", "rank_low", "rank_high", "tied", "kind", "floor", "z", "suspect",
             "at_least", "missing")  # fmt: skip


def to_frame(records: Iterable[Record], per: str = "model") -> pd.DataFrame:
    """Return all that the records say, one row a model of a dataset or one row a cell; see the module for its columns.

    Failures are rows with ``status`` and ``reason``, in both. A metric whose name is that of another column is called
    ``metric_NAME``. Raises ValueError for another ``per``.
    """
    records = list(records)
    if per == "seed":
        return _typed([_cell_fields(record) for record in deduplicated(records)], CELL)
    rows = [_model_fields(summary, row) for summary in summarise(records, per) for row in summary.rows]
    return _typed(rows, MODEL)


def _typed(rows: list[dict[str, Any]], fields: Sequence[str]) -> pd.DataFrame:
    """Return a frame whose columns have one type each, whatever the records, so that it can become parquet."""
    names = list(dict.fromkeys([*fields, *(name for row in rows for name in row)]))
    return pd.DataFrame({name: _column([row.get(name) for row in rows], name, name in fields) for name in names})


def _column(values: list[Any], name: str, is_field: bool) -> pd.Series[Any]:
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
    """Return what a cell and a model have in common; options as JSON text, so that a frame holds plain values."""
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


def _free(name: str) -> str:
    return f"metric_{name}" if name in {*CELL, *MODEL} else name


def parts_of(metric: str) -> list[str]:
    """Return the columns of a frame that a metric or timing may have, its value first."""
    return [_free(metric), *(f"{_free(metric)}_{part}" for part in dict.fromkeys((*PER_SEED, *PER_MODEL)))]


def _cell_fields(record: Record) -> dict[str, Any]:
    fields = _shared_fields(record) | {
        name: record.get(name) for name in ("seed", "status", "phase", "reason", "key", "attempt")
    }
    scores = list(scores_of(record))
    fields |= {_free(column_of(score)): score.get("value") for score in scores}
    fields |= {_free(name): value for name, value in (record.get("timings") or {}).items()}
    for score in scores:
        name = _free(column_of(score))
        fields |= {f"{name}_{part}": score.get(part) for part in PER_SEED}
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
    }
    for column in summary.columns:
        fields[_free(column.name)] = _mean(row.entries[column.name])
    for column in summary.columns:
        name = _free(column.name)
        fields |= {f"{name}_{part}": v for part, v in _details(column, row.entries[column.name]).items()}
    return fields


def _mean(entry: Aggregate) -> float | None:
    return None if entry.estimate is None else entry.estimate.mean


def _details(column: ColumnInfo, entry: Aggregate) -> dict[str, Any]:
    estimate = entry.estimate
    low, high = entry.interval or (None, None)
    rank_low, rank_high = entry.ranks or (None, None)
    details: dict[str, Any] = {
        "sd": estimate.sd if estimate else None,
        "se": estimate.error if estimate else None,
        "low": low,
        "high": high,
        "rank": entry.rank,
        "rank_low": rank_low,
        "rank_high": rank_high,
        "tied": entry.best,
    }
    if not column.timing:
        details |= {"kind": entry.kind, "floor": entry.floor, "z": entry.z}
        details |= {"suspect": entry.suspect, "missing": entry.missing or None}
    if column.metric in LIMITED:
        details["at_least"] = None if estimate is None else estimate.limit
    return details

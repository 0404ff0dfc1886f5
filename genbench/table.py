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
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from genbench.entry import Column, Entry, scores_of
from genbench.record.score import column_of
from genbench.record.store import Damage, Record, read_records
from genbench.summary import Row, Summary, columns_of, deduplicated, role_of, summarise

__all__ = ["Results", "load", "parts_of", "to_frame"]

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
        "status": row.status,
        "reason": row.reason,
        "n_ok": row.counts["ok"],
        "n_failed": row.failed,
        "n_seeds": len(row.records),
    }
    for column in summary.columns:
        fields[_free(column.name)] = _mean(row.entries[column.name])
    for column in summary.columns:
        name = _free(column.name)
        fields |= {f"{name}_{part}": v for part, v in _details(column, row.entries[column.name]).items()}
    return fields


def _mean(entry: Entry) -> float | None:
    return None if entry.estimate is None else entry.estimate.mean


def _details(column: Column, entry: Entry) -> dict[str, Any]:
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


@dataclass(frozen=True)
class Results:
    """What became of every cell of one or more runs; ``damaged`` are the files that hold no whole record."""

    records: tuple[Record, ...]
    damaged: tuple[Damage, ...] = ()

    @property
    def datasets(self) -> list[str]:
        """Labels of the datasets, in the order of the plan."""
        return list(dict.fromkeys(str(r.get("dataset_label") or r["dataset"]) for r in self.records))

    @property
    def failures(self) -> list[Record]:
        """Records of the cells that ran and gave no scores."""
        return [r for r in self.records if r["status"] not in ("ok", "skipped", "interrupted")]

    def table(self, dataset: str | None = None, per: str = "model", *, details: bool = False) -> pd.DataFrame:
        """Return the frame of ``to_frame``, of one dataset (its name or label) or of all.

        Names, status and values (means over seeds, for models): what fits a screen. ``details=True`` gives all columns:
        errors, intervals, ranks and ties, floors. Raises ValueError when there is no such dataset.
        """
        records = [r for r in self.records if dataset in (None, r["dataset"], r.get("dataset_label"))]
        if dataset is not None and not records:
            raise ValueError(f"no dataset {dataset!r} in these results; there are: {', '.join(self.datasets)}")
        frame = to_frame(records, per)
        return frame if details else _short(frame, records)

    def _repr_html_(self) -> str:
        """Show one table a dataset in a notebook."""
        tables = ""
        for dataset in self.datasets:
            html = _with_errors(self.table(dataset), self.table(dataset, details=True)).to_html(na_rep="–", border=0)
            tables += f"<h4>{escape(dataset)}</h4>{html}"
        return tables


def _short(frame: pd.DataFrame, records: Sequence[Record]) -> pd.DataFrame:
    ids = ("dataset", "model", "label", "seed", "status", "reason", "n_ok", "n_failed")
    numbers = [_free(column.name) for column in columns_of(records)]
    return frame[[name for name in (*ids, *numbers) if name in frame]].dropna(axis="columns", how="all")


def _with_errors(short: pd.DataFrame, full: pd.DataFrame) -> pd.DataFrame:
    """Return the short frame as text by label, each number with its standard error; ``*`` marks what ties for best."""
    shown = short.drop(columns=["dataset", "model"]).set_index("label").astype(object)
    shown.index.name = None  # saves a second line of header
    for name in [name for name in shown if f"{name}_se" in full]:
        parts = zip(full[name], full[f"{name}_se"], full[f"{name}_tied"], strict=True)
        shown[name] = [
            "–" if pd.isna(mean) else f"{mean:.4g}{f' ± {error:.2g}' if error > 0 else ''}{'*' if tied else ''}"
            for mean, error, tied in parts
        ]
    return shown


def load(*paths: str | Path) -> Results:
    """Return the results of the runs in these directories; raises UserError where there is none."""
    records: list[Record] = []
    damaged: list[Damage] = []
    for path in paths:
        run = Path(path).resolve().name
        records += [{**record, "run": run} for record in read_records(path, damaged=damaged)]
    return Results(tuple(records), tuple(damaged))

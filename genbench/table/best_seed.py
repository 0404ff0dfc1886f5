"""The best seed of each model: the one to keep, and to draw more samples of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genbench.errors import UserError, suggestion
from genbench.plan.cell import REAL
from genbench.record.score import column_of, finite_or_none
from genbench.record.status import Status
from genbench.table.columns import ColumnInfo, columns_of, scores_of
from genbench.table.core_metrics import core_columns

Record = Mapping[str, Any]


def best_seeds(records: Sequence[Record]) -> list[Record]:
    """Return for each model on each dataset the record of its best seed, of those that have scores.

    It has the lowest mean rank over the core metrics; of equal ones the first seed. Seeds see different rows, so that
    a difference between seeds is partly one between rows: the best of few seeds is not better than the mean in general.
    """
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record["status"] == Status.OK and record["model"] != REAL:
            groups.setdefault((_dataset(record), str(record.get("label") or record["model"])), []).append(record)
    core: dict[str, list[ColumnInfo]] = {}
    for dataset, _ in groups:
        if dataset not in core:
            found = [record for record in records if _dataset(record) == dataset]
            columns = columns_of(found)
            names = core_columns(columns, str(found[0].get("data_kind") or "vector"))
            core[dataset] = [column for column in columns if column.name in names]
    return [_best(seeds, core[dataset]) for (dataset, _), seeds in groups.items()]


def choose_cell(records: Sequence[Record], model: str, dataset: str | None = None, seed: int | None = None) -> Record:
    """Return the record of a model that was trained, by its name or label; of several seeds that of the best.

    ``dataset`` is a name or label, needed where the model was trained on several. Raises UserError where nothing, or
    more than one, is meant.
    """
    trained = [r for r in records if r["status"] == Status.OK and r["model"] != REAL]
    names = {str(r.get("label") or r["model"]) for r in trained}
    labels = {model} if model in names else {str(r.get("label") or r["model"]) for r in trained if r["model"] == model}
    if not labels:
        hint = suggestion(model, names) or f"; there are: {', '.join(sorted(names)) or 'none'}"
        raise UserError(f"no trained model {model!r} in this run{hint}")
    if len(labels) > 1:
        raise UserError(f"{model!r} was run with several options; name one of {', '.join(sorted(labels))}")
    found = [r for r in trained if str(r.get("label") or r["model"]) in labels]
    datasets = sorted({_dataset(r) for r in found})
    if dataset is not None:
        found = [r for r in found if dataset in (r["dataset"], _dataset(r))]
        if not found:
            raise UserError(f"{model} was not trained on {dataset!r}; it was on {', '.join(datasets)}")
    if len(chosen := sorted({_dataset(r) for r in found})) > 1:
        raise UserError(f"{model} was trained on {', '.join(chosen)}; name one with -d")
    if seed is not None:
        seeds = sorted(int(r["seed"]) for r in found)
        found = [r for r in found if r["seed"] == seed]
        if not found:
            raise UserError(f"{model} was not trained with seed {seed}; it was with {', '.join(map(str, seeds))}")
        return found[0]
    others = [r for r in records if _dataset(r) == chosen[0]]
    return next(r for r in best_seeds(others) if r in found)


def _best(seeds: Sequence[Record], columns: Sequence[ColumnInfo]) -> Record:
    values = [{column_of(score): finite_or_none(score.get("value")) for score in scores_of(record)} for record in seeds]
    ranks = [0.0] * len(seeds)
    for column in columns:
        each = [value.get(column.name) for value in values]
        signed = [None if v is None else v if column.better == "lower" else -v for v in each]
        for i, one in enumerate(signed):  # a seed without a value is behind all others
            better = sum(other is not None and (one is None or other < one) for other in signed)
            equal = sum(other == one for other in signed)
            ranks[i] += better + (equal - 1) / 2
    order = sorted(range(len(seeds)), key=lambda i: (ranks[i], int(seeds[i]["seed"])))
    return seeds[order[0]]


def _dataset(record: Record) -> str:
    return str(record.get("dataset_label") or record["dataset"])

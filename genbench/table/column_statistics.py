"""What follows from all models of a column together: intervals of the means, ranks, the best, unstable models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from genbench.table.aggregate import LOGARITHMIC_METRICS, Aggregate
from genbench.table.columns import ColumnInfo
from genbench.table.differences import Differences, mean_error
from genbench.table.estimate import NORMAL_QUANTILE, Interval, mean_interval, worth_interval
from genbench.table.ranking import better_than, compared_groups, is_cost
from genbench.table.scales import LOGARITHM, ValueScale, display_scale, spreads

SHARES = ("precision", "recall", "coverage", "c2st", "membership", "constraints", "duplicates", "authenticity",
          "high_quality")  # fmt: skip


def with_intervals(entries: Mapping[str, Aggregate], column: ColumnInfo) -> dict[str, Aggregate]:
    """Return the aggregates of a column with the intervals of their means.

    The spread over seeds is that of all models together, as far as theirs agree.
    """
    known = {name: entry for name, entry in entries.items() if entry.estimate is not None}
    values = {name: entry.values for name, entry in known.items()}
    scale = display_scale(values, column.better, column.best, is_cost(column))
    spread = spreads(values, scale)
    return {**entries, **{name: _with_interval(entry, column, scale, spread, name) for name, entry in known.items()}}


def _with_interval(
    entry: Aggregate, column: ColumnInfo, scale: ValueScale, all_models: Differences, name: str
) -> Aggregate:
    estimate = entry.estimate
    assert estimate is not None
    if estimate.limit:
        return replace(entry, interval=(estimate.mean, math.inf))
    seeds = list(estimate.by_seed)
    if len(seeds) == 1 and seeds[0] in entry.ends:
        interval = entry.ends[seeds[0]]
        return replace(entry, interval=interval, estimate=replace(estimate, error=_error_of(interval)))
    if column.metric in LOGARITHMIC_METRICS and scale is LOGARITHM and set(entry.ends) == set(seeds):
        ends = {seed: (estimate.by_seed[seed], *entry.ends[seed]) for seed in seeds}
        of_worth = worth_interval(ends, all_models.spread(name))
        return replace(entry, interval=of_worth, estimate=replace(estimate, error=_error_of(of_worth)))
    errors = all_models.models[name].errors
    sampling = None
    if set(errors) == set(seeds):
        sampling = mean_error(list(errors.values()))
    mean = estimate.mean
    found = mean_interval(mean, scale, all_models.spread(name), sampling, len(seeds))
    if found is None:
        return entry
    interval, error = found
    if column.metric in SHARES:
        interval = max(interval[0], 0.0), min(interval[1], 100.0 if column.unit == "percent" else 1.0)
    if math.isnan(interval[0]) or not interval[0] <= mean <= interval[1]:
        interval = min(interval[0], mean), max(interval[1], mean)
    return replace(entry, interval=interval, estimate=replace(estimate, error=error))


def _error_of(interval: Interval | None) -> float | None:
    if interval is None or not all(map(math.isfinite, interval)):
        return None
    return (interval[1] - interval[0]) / (2.0 * NORMAL_QUANTILE)


def with_ranks(entries: Mapping[str, Aggregate], failed: Sequence[str], column: ColumnInfo) -> dict[str, Aggregate]:
    """Return the aggregates of the models of a column with their ranks in it; ``failed`` models have the last.

    Ranks and the best are told by differences between all pairs, at 5 % after Holm's adjustment. A model that is
    better than real data, or unstable, is never the best.
    """
    ranked: dict[str, Aggregate] = {}
    kinds = {entry.kind for entry in entries.values() if entry.estimate}
    for names, differences in compared_groups(entries, column):
        limits = {name for name in names if (estimate := entries[name].estimate) and estimate.limit}
        above, tested = better_than(differences, limits)
        means = {name: _mean(differences, name) for name in names}
        honest = {name for name in names if not entries[name].suspect}
        for name in names:
            below = sum(name in others for others in above.values())
            rank = 1 + sum(mean < means[name] for mean in means.values())
            ranks = min(rank, 1 + len(above[name])), max(rank, len(names) - below)
            unstable = name in differences.unstable
            best = tested and name in honest and not above[name] & honest and not unstable and len(kinds) == 1
            ranked[name] = replace(entries[name], rank=rank, ranks=ranks, best=best, unstable=unstable)
    last = 1 + max((entry.ranks[1] for entry in ranked.values() if entry.ranks), default=0)
    if ranked:
        shared = (last, last - 1 + len(failed))
        ranked |= {name: replace(entries[name], rank=last, ranks=shared) for name in failed}
    return {**entries, **ranked}


def _mean(differences: Differences, name: str) -> float:
    values = differences.models[name].values
    return math.fsum(values.values()) / len(values)

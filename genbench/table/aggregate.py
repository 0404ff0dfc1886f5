"""One number of a table: a mean over seeds, with its uncertainty, its floor, and whether it is suspiciously good."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy import stats

from genbench.record.score import (
    SUSPECT_STANDARD_ERRORS,
    column_of,
    finite_or_none,
    interval_error,
    is_limit,
    standard_error,
)
from genbench.record.store import Record
from genbench.table.columns import TIMING_METRICS, ColumnInfo, scale_of, scores_of
from genbench.table.significance import Estimate

__all__ = ["Aggregate", "contended", "score_aggregate", "timing_aggregate"]


DENSITY_KINDS = ("exact", "bound", "estimate")
LIKELIHOOD_METRICS = ("nll", "bits_per_dim", "kl")  # whose values are of the kind of the model's density
NONNEGATIVE_METRICS = ("equivalent", "amplification", "speedup", "break_even")  # their t intervals may reach below 0


@dataclass(frozen=True)
class Aggregate:
    """One number of a row; if there is none to show, ``estimate`` is None and ``missing`` is the reason."""

    estimate: Estimate | None
    missing: str = ""
    interval: tuple[float, float] | None = None  # 95 % of the mean over seeds; for a single seed, that of its score
    floor: float | None = None  # mean over seeds
    floor_error: float | None = None
    z: float | None = None  # (value - floor) in standard deviations of the floor, over all seeds
    kind: str | None = None  # of likelihoods: exact, bound, estimate
    scale: tuple[str, ...] = ()  # quantity, features, space, version: only equal ones are compared
    ranked: bool = True  # whether it may take part in a ranking
    doubt: bool = False  # a likelihood that failed a check
    rank: int | None = None
    ranks: tuple[int, int] | None = None  # confidence interval of the rank, 95 % for the whole column
    best: bool = False  # no other is significantly better
    suspect: bool = False  # significantly better than fresh real data


def timing_aggregate(ok: Sequence[Record], column: ColumnInfo, missing: str) -> Aggregate:
    """Return the aggregate of a timing over records that are ok.

    ``missing`` is the reason why no mean may be shown, empty if one may.
    """
    found = {}
    for record in ok:
        value = finite_or_none((record.get("timings") or {}).get(column.name))
        if value is not None:
            found[_seed(record)] = value
    estimate, missing = _estimate(found, len(ok), missing)
    interval = _not_negative(estimate.interval()) if estimate else None
    return Aggregate(estimate, missing, interval, ranked=not contended(ok))


def score_aggregate(
    ok: Sequence[Record], column: ColumnInfo, missing: str, density: str | None = None, doubt: bool = False
) -> Aggregate:
    """Return the aggregate of a metric over records that are ok.

    ``missing`` is the reason why no mean may be shown, empty if one may. ``density`` is the kind of the model's
    ``log_prob``; ``doubt`` is True if that failed a check.
    """
    scores = {_seed(r): s for r in ok for s in scores_of(r) if column_of(s) == column.name}
    with_value = {seed: s for seed, s in scores.items() if finite_or_none(s.get("value")) is not None}
    reasons = [w for seed, s in scores.items() if seed not in with_value for w in s.get("warnings") or ()]
    noise = _noise(next(iter(with_value.values()))) if len(with_value) == 1 else None
    found = {seed: float(s["value"]) for seed, s in with_value.items()}
    estimate, missing = _estimate(found, len(ok), missing, reasons[0] if reasons else "", noise)
    first: Mapping[str, Any] = next(iter(with_value.values()), {})
    kind = _density_kind(first, column.metric or column.name, density)
    aggregate = Aggregate(estimate, missing, kind=kind, scale=scale_of(first), doubt=doubt and kind is not None)
    if estimate is None:
        return aggregate
    if any(is_limit(s) for s in with_value.values()):
        estimate = replace(estimate, limit=True)
    elif len(with_value) == 1:
        estimate = replace(estimate, sides=_side_errors(first))
    ranked = not aggregate.doubt and all(s.get("ranked", True) for s in with_value.values())
    ranked = ranked and not (column.metric in TIMING_METRICS and contended(ok))
    interval = _interval(estimate, first)
    if column.metric in NONNEGATIVE_METRICS:
        interval = _not_negative(interval)
    aggregate = replace(aggregate, estimate=estimate, interval=interval, ranked=ranked)
    return _add_floor(aggregate, estimate, with_value)


def contended(records: Sequence[Record]) -> bool:
    """Return whether timings were taken while other cells were running on the same device."""
    return any(record.get("shared") for record in records)


def _seed(record: Record) -> int:
    return int(record.get("seed") or 0)


def _noise(score: Mapping[str, Any]) -> float | None:
    """Return the sampling error of the score of a single seed, None if it is not known."""
    if is_limit(score):  # compared as if it were exact: what differs from the limit also differs from the true value
        return 0.0
    return interval_error(score) or finite_or_none(score.get("floor_sd"))


def _estimate(
    found: Mapping[int, float], expected: int, missing: str, reason: str = "", noise: float | None = None
) -> tuple[Estimate | None, str]:
    """Return the estimate over seeds, or the reason for none: a mean must not leave out seeds without a value."""
    if missing:
        return None, missing
    if not found:
        return None, reason
    if len(found) < expected:
        return None, f"missing in {expected - len(found)} of {expected} seeds{': ' if reason else ''}{reason}"
    return Estimate(found, noise), ""


def _side_errors(score: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the errors towards smaller and larger values that an asymmetric interval implies, None without one.

    The upper error is at least that of half the width, the lower one at least a quarter of it: the interval may be that
    of a debiased value, so that the value lies close to one end.
    """
    error, value = interval_error(score), score["value"]
    low, high = finite_or_none(score.get("low")), finite_or_none(score.get("high"))
    if not error or low is None or high is None or not low < value < high:
        return None
    unit = (high - low) / (2.0 * error)
    return min(max((value - low) / unit, error / 4.0), error), max((high - value) / unit, error)


def _interval(estimate: Estimate, first: Mapping[str, Any]) -> tuple[float, float] | None:
    low, high = finite_or_none(first.get("low")), finite_or_none(first.get("high"))
    if len(estimate.by_seed) == 1 and low is not None and high is not None:
        return low, high
    return None if estimate.limit else estimate.interval()


def _not_negative(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return an interval cut off at 0: a t interval over two or three seeds may reach below."""
    return None if interval is None else (max(interval[0], 0.0), interval[1])


def _density_kind(score: Mapping[str, Any], metric: str, declared: str | None) -> str | None:
    stated = (score.get("params") or {}).get("kind") or (score.get("detail") or {}).get("kind")
    kind = stated or (declared if metric in LIKELIHOOD_METRICS else None)
    return kind if kind in DENSITY_KINDS else None


def _add_floor(aggregate: Aggregate, value: Estimate, scores: Mapping[int, Mapping[str, Any]]) -> Aggregate:
    floors = {seed: f for seed, s in scores.items() if (f := finite_or_none(s.get("floor"))) is not None}
    if not floors:
        return aggregate
    errors = [e for seed in floors if (e := finite_or_none(scores[seed].get("floor_sd"))) is not None]
    floor = Estimate(floors, errors[0] if len(errors) == 1 else None)
    if value.limit or any(_floor_is_limit(scores[seed]) for seed in floors):
        return replace(aggregate, floor=floor.mean, floor_error=floor.error)
    gaps = Estimate({seed: value.by_seed[seed] - floors[seed] for seed in floors})
    stated = [z for seed in floors if (z := finite_or_none(scores[seed].get("z"))) is not None]
    z = None
    if len(stated) == len(floors):
        z = math.fsum(stated) / math.sqrt(len(stated))  # Stouffer's method
    elif len(errors) == len(floors):
        z = float(gaps.values.sum()) / math.hypot(*errors) if any(errors) else None
    else:
        z = _z_over_seeds(gaps)
    distance = _distance_from_floor([scores[seed] for seed in floors]) if len(errors) == len(floors) else z
    first = next(iter(scores.values()))
    # a metric without a better direction is suspect if it is low, because low values mean copies
    upward = first.get("better") == "higher" and bool(first.get("ranked", True))
    worse = -distance if distance and upward else distance or 0.0
    suspect = worse < -SUSPECT_STANDARD_ERRORS
    return replace(aggregate, floor=floor.mean, floor_error=floor.error, z=z, suspect=suspect)


def _distance_from_floor(scores: Sequence[Mapping[str, Any]]) -> float | None:
    """Return value - floor, summed over seeds, in standard errors of values and floors together."""
    gap, errors = 0.0, []
    for score in scores:
        detail = score.get("detail") or {}
        compared = detail.get("compared_with_floor") or {}  # the score of as many samples as the floor has rows
        value, error = finite_or_none(compared.get("value")), finite_or_none(compared.get("standard_error"))
        if value is None:
            value, error = float(score["value"]), standard_error(score)
        gap += value - float(score["floor"])
        floor_error = float(score["floor_sd"])
        errors += [floor_error, floor_error if error is None else error]  # an unknown error is taken to be the floor's
    noise = math.hypot(*errors)
    return gap / noise if noise else None


def _floor_is_limit(score: Mapping[str, Any]) -> bool:
    """Return whether a score states that its floor is a lower limit, with which it cannot be compared."""
    return any(str(warning).startswith("no z: the floor is") for warning in score.get("warnings") or ())


def _z_over_seeds(gaps: Estimate) -> float | None:
    """Return the z with the same p-value as the t of these gaps between value and floor, for floors without error."""
    if not gaps.sd or gaps.error is None:
        return None
    t = gaps.mean / gaps.error
    return math.copysign(float(stats.norm.isf(stats.t.sf(abs(t), gaps.degrees))), t)

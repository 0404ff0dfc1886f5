"""One number of a table: the mean of a score over seeds, its uncertainty, its floor, and whether it is too good."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from scipy import stats

from genbench.record.score import SUSPECT_STANDARD_ERRORS, column_of, finite_or_none, interval_error, is_limit, standard_error
from genbench.record.store import Record
from genbench.table.columns import TIMING_METRICS, ColumnInfo, scale_of, scores_of
from genbench.table.significance import Estimate

__all__ = ["Aggregate", "score_aggregate", "shared", "timing_aggregate"]


KINDS = ("exact", "bound", "estimate")
LIKELIHOODS = ("nll", "bits_per_dim", "kl")  # where the kind of a model's density says what the number is
COUNTS = ("equivalent", "amplification", "speedup", "break_even")  # metrics that cannot be negative, and vary much


@dataclass(frozen=True)
class Aggregate:
    """One number of a row; ``estimate`` is None where there is none to show, ``missing`` then says why."""

    estimate: Estimate | None
    missing: str = ""
    interval: tuple[float, float] | None = None  # 95 %: of the mean over seeds, of a single seed as its score says
    floor: float | None = None  # mean over seeds
    floor_error: float | None = None
    z: float | None = None  # (value - floor) in standard deviations of the floor, over all seeds
    kind: str | None = None  # exact, bound, estimate: of likelihoods
    scale: tuple[str, ...] = ()  # what was measured, features, space, version: only equal ones are compared
    ranked: bool = True  # whether it may take part in a ranking
    doubt: bool = False  # a likelihood that failed a check
    rank: int | None = None
    ranks: tuple[int, int] | None = None  # the ranks that it may truly have
    best: bool = False  # nothing is better beyond chance
    suspect: bool = False  # better than fresh real data, beyond noise


def timing_aggregate(ok: Sequence[Record], column: ColumnInfo, missing: str) -> Aggregate:
    """Return the entry of a timing from the records that are ok; ``missing`` says why no mean may be shown, if so."""
    found = {}
    for record in ok:
        value = finite_or_none((record.get("timings") or {}).get(column.name))
        if value is not None:
            found[_seed(record)] = value
    estimate, missing = _estimate(found, len(ok), missing)
    return Aggregate(estimate, missing, _not_negative(estimate.interval()) if estimate else None, ranked=not shared(ok))


def score_aggregate(
    ok: Sequence[Record], column: ColumnInfo, missing: str, density: str | None = None, doubt: bool = False
) -> Aggregate:
    """Return the entry of a metric from the records that are ok.

    ``density`` is the kind of the model's ``log_prob``; ``doubt`` says that it failed a check.
    """
    scores = {_seed(r): s for r in ok for s in scores_of(r) if column_of(s) == column.name}
    valued = {seed: s for seed, s in scores.items() if finite_or_none(s.get("value")) is not None}
    why = [w for seed, s in scores.items() if seed not in valued for w in s.get("warnings") or ()]
    # a limit is compared as if it were exact: what is told from it would be told from the truth
    noises = (0.0 if is_limit(s) else interval_error(s) or finite_or_none(s.get("floor_sd")) for s in valued.values())
    found = {seed: float(s["value"]) for seed, s in valued.items()}
    estimate, missing = _estimate(
        found, len(ok), missing, why[0] if why else "", next(noises) if len(valued) == 1 else None
    )
    first: Mapping[str, Any] = next(iter(valued.values()), {})
    kind = _density_kind(first, column.metric or column.name, density)
    entry = Aggregate(estimate, missing, kind=kind, scale=scale_of(first), doubt=doubt and kind is not None)
    if estimate is None:
        return entry
    if any(is_limit(s) for s in valued.values()):
        estimate = replace(estimate, limit=True)
    elif len(valued) == 1:
        estimate = replace(estimate, sides=_sides(first))
    ranked = not entry.doubt and all(s.get("ranked", True) for s in valued.values())
    ranked = ranked and not (column.metric in TIMING_METRICS and shared(ok))
    interval = _interval(estimate, first)
    if column.metric in COUNTS:
        interval = _not_negative(interval)
    entry = replace(entry, estimate=estimate, interval=interval, ranked=ranked)
    return _beside_floor(entry, estimate, valued)


def shared(records: Sequence[Record]) -> bool:
    """Return whether timings were taken while other cells were at work on the same device."""
    return any(record.get("shared") for record in records)


def _seed(record: Record) -> int:
    return int(record.get("seed") or 0)


def _estimate(
    found: Mapping[int, float], expected: int, missing: str, why: str = "", noise: float | None = None
) -> tuple[Estimate | None, str]:
    """Return the estimate over seeds, or why there is none: a mean must not leave out the seeds that went wrong."""
    if missing:
        return None, missing
    if not found:
        return None, why
    if len(found) < expected:
        return None, f"missing in {expected - len(found)} of {expected} seeds{': ' if why else ''}{why}"
    return Estimate(found, noise), ""


def _sides(score: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the errors towards smaller and larger values that an interval around its value implies, else None.

    Never less upwards than its width implies, nor downwards less than a quarter of that: an interval may be of the
    debiased value, and lie close to one side.
    """
    error, value, low, high = interval_error(score), score["value"], finite_or_none(score.get("low")), finite_or_none(score.get("high"))
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
    """Return an interval of what cannot be negative: Student's, over two or three seeds, may reach below."""
    return None if interval is None else (max(interval[0], 0.0), interval[1])


def _density_kind(score: Mapping[str, Any], metric: str, declared: str | None) -> str | None:
    stated = (score.get("params") or {}).get("kind") or (score.get("detail") or {}).get("kind")
    kind = stated or (declared if metric in LIKELIHOODS else None)
    return kind if kind in KINDS else None


def _beside_floor(entry: Aggregate, value: Estimate, scores: Mapping[int, Mapping[str, Any]]) -> Aggregate:
    floors = {seed: f for seed, s in scores.items() if (f := finite_or_none(s.get("floor"))) is not None}
    if not floors:
        return entry
    errors = [e for seed in floors if (e := finite_or_none(scores[seed].get("floor_sd"))) is not None]
    floor = Estimate(floors, errors[0] if len(errors) == 1 else None)
    if value.limit or any(_no_z(scores[seed]) for seed in floors):
        return replace(entry, floor=floor.mean, floor_error=floor.error)
    gaps = Estimate({seed: value.by_seed[seed] - floors[seed] for seed in floors})
    stated = [z for seed in floors if (z := finite_or_none(scores[seed].get("z"))) is not None]
    z = None
    if len(stated) == len(floors):
        z = math.fsum(stated) / math.sqrt(len(stated))  # Stouffer
    elif len(errors) == len(floors):
        z = float(gaps.values.sum()) / math.hypot(*errors) if any(errors) else None
    else:
        z = _z_over_seeds(gaps)
    distance = _in_both_errors([scores[seed] for seed in floors]) if len(errors) == len(floors) else z
    first = next(iter(scores.values()))
    # where neither end is good, low is copying
    upward = first.get("better") == "higher" and bool(first.get("ranked", True))
    worse = -distance if distance and upward else distance or 0.0
    return replace(entry, floor=floor.mean, floor_error=floor.error, z=z, suspect=worse < -SUSPECT_STANDARD_ERRORS)


def _in_both_errors(scores: Sequence[Mapping[str, Any]]) -> float | None:
    """Return how far values are from their floors in the errors of both, all seeds together."""
    gap, errors = 0.0, []
    for score in scores:
        detail = score.get("detail") or {}
        compared = detail.get("compared_with_floor") or {}  # as many samples as the floor has rows
        value, own = finite_or_none(compared.get("value")), finite_or_none(compared.get("standard_error"))
        if value is None:
            value, own = float(score["value"]), standard_error(score)
        gap += value - float(score["floor"])
        spread = float(score["floor_sd"])
        errors += [spread, spread if own is None else own]  # not known: that of fresh real rows
    noise = math.hypot(*errors)
    return gap / noise if noise else None


def _no_z(score: Mapping[str, Any]) -> bool:
    """Return whether a score says that it cannot be compared with its floor, which is a lower limit."""
    return any(str(warning).startswith("no z: the floor is") for warning in score.get("warnings") or ())


def _z_over_seeds(gaps: Estimate) -> float | None:
    """Return the z with the p-value of the t of these gaps to the floor of the same seed: where no error is stated."""
    if not gaps.sd or gaps.error is None:
        return None
    t = gaps.mean / gaps.error
    return math.copysign(float(stats.norm.isf(stats.t.sf(abs(t), gaps.degrees))), t)

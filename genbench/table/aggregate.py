"""One number of a table: its values over seeds, its floor, and whether it is suspiciously good."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtr

from genbench.record.score import (
    SUSPECT_STANDARD_ERRORS,
    column_of,
    finite_or_none,
    is_limit,
    shown_value,
    standard_error,
)
from genbench.record.store import Record
from genbench.table.columns import TIMING_METRICS, ColumnInfo, scale_of, scores_of
from genbench.table.estimate import NORMAL_QUANTILE, Estimate, Interval
from genbench.table.scales import Values

DENSITY_KINDS = ("exact", "bound", "estimate")
LIKELIHOOD_METRICS = ("nll", "bits_per_dim", "kl")  # whose values are of the kind of the model's density
CLOCK_TIMINGS = (
    "fit_s", "steps_per_s", "first_sample_s", "samples_per_s", "log_prob_s", "reconstruct_s", "encode_s",
    "anomaly_score_s", "score_s",
)  # fmt: skip
LOGARITHMIC_METRICS = ("equivalent", "amplification", "speedup", "break_even")  # costs and worth, never below 0


@dataclass(frozen=True)
class Aggregate:
    """One number of a row; if there is none to show, ``estimate`` is None and ``missing`` is the reason.

    ``interval`` is that of the mean at 95 %, for a single seed that of its score; an open end is infinite.
    """

    estimate: Estimate | None
    missing: str = ""
    interval: Interval | None = None
    values: Values = field(default_factory=lambda: Values({}, {}), compare=False, repr=False)
    ends: Mapping[int, Interval] = field(
        default_factory=dict, compare=False, repr=False
    )  # of the interval of each seed
    floor: float | None = None  # mean over seeds
    floor_error: float | None = None
    z: float | None = None  # how far the value is from the floor, as a quantile of the normal distribution
    kind: str | None = None  # of likelihoods: exact, bound, estimate
    scale: tuple[str, ...] = ()  # quantity, features, space, version: only equal ones are compared
    ranked: bool = True  # whether it may take part in a ranking
    doubt: bool = False  # a likelihood that failed a check
    rank: int | None = None
    ranks: tuple[int, int] | None = None  # confidence interval of the rank, 95 % for the whole column
    best: bool = False  # no other is significantly better
    suspect: bool = False  # significantly better than fresh real data
    copying: bool = False  # a metric of copying says in most seeds that samples repeat training rows
    unstable: bool = False  # its seeds disagree far more than those of other models
    busy: bool = False  # a time while other processes kept the machine busy


def timing_aggregate(ok: Sequence[Record], column: ColumnInfo, missing: str) -> Aggregate:
    """Return the aggregate of a timing over records that are ok.

    ``missing`` is the reason why no mean may be shown, empty if one may.
    """
    found = {}
    for record in ok:
        value = finite_or_none((record.get("timings") or {}).get(column.name))
        if value is not None:
            found[_seed(record)] = value
    estimate, missing = _estimate(found, len(ok), missing, logarithmic=True)
    busy = column.name in CLOCK_TIMINGS and any(record.get("busy") for record in ok)
    return Aggregate(estimate, missing, values=Values(found, found), ranked=not contended(ok), busy=busy)


def fact_aggregate(ok: Sequence[Record], column: ColumnInfo, missing: str) -> Aggregate:
    """Return the aggregate of a fact that models reported of themselves, over records that are ok."""
    facts = {_seed(record): finite_or_none((record.get("facts") or {}).get(column.fact)) for record in ok}
    found = {seed: value for seed, value in facts.items() if value is not None}
    estimate, missing = _estimate(found, len(ok), missing, logarithmic=False)
    return Aggregate(estimate, missing, values=Values(found, found), ranked=False)


def score_aggregate(
    ok: Sequence[Record],
    column: ColumnInfo,
    missing: str,
    density: str | None = None,
    doubt: bool = False,
    scores: Mapping[int, Mapping[str, Any]] | None = None,
) -> Aggregate:
    """Return the aggregate of a metric over records that are ok; its interval follows from all models of the column.

    ``missing`` is the reason why no mean may be shown, empty if one may. ``density`` is the kind of the model's
    ``log_prob``; ``doubt`` is True if that failed a check. ``scores`` are those of the column by seed, if known.
    """
    if scores is None:
        scores = scores_by_column(ok).get(column.name, {})
    with_value = {seed: s for seed, s in scores.items() if finite_or_none(s.get("value")) is not None}
    reasons = [w for seed, s in scores.items() if seed not in with_value for w in s.get("warnings") or ()]
    logarithmic = column.metric in LOGARITHMIC_METRICS
    shown = {seed: x for seed, s in with_value.items() if (x := shown_value(s)) is not None}
    estimate, missing = _estimate(shown, len(ok), missing, reasons[0] if reasons else "", logarithmic=logarithmic)
    first: Mapping[str, Any] = next(iter(with_value.values()), {})
    kind = _density_kind(first, column.metric or column.name, density)
    # in a single one of several seeds, three standard errors are too often chance
    copying = 2 * sum(bool(s.get("copying")) for s in scores.values()) > len(scores)
    aggregate = Aggregate(
        estimate, missing, kind=kind, scale=scale_of(first), doubt=doubt and kind is not None, copying=copying
    )
    if estimate is None:
        return aggregate
    estimate = replace(estimate, limit=all(is_limit(s) for s in with_value.values()))
    ranked = not aggregate.doubt and all(s.get("ranked", True) for s in with_value.values())
    ranked = ranked and not (column.metric in TIMING_METRICS and contended(ok))
    values = Values(
        {seed: float(s["value"]) for seed, s in with_value.items()},
        shown,
        {seed: e for seed, s in with_value.items() if (e := _error(s, logarithmic=logarithmic)) is not None},
        {seed: np.array(s["replicates"], float) for seed, s in with_value.items() if s.get("replicates")},
    )
    ends = {seed: found for seed, s in with_value.items() if (found := _ends(s)) is not None}
    aggregate = replace(aggregate, estimate=estimate, ranked=ranked, values=values, ends=ends)
    return _add_floor(aggregate, with_value)


def scores_by_column(records: Sequence[Record]) -> dict[str, dict[int, Mapping[str, Any]]]:
    """Return the scores of one model in each column, by seed."""
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for record in records:
        for score in scores_of(record):
            found.setdefault(column_of(score), {})[_seed(record)] = score
    return found


def contended(records: Sequence[Record]) -> bool:
    """Return whether timings were taken while other cells ran on the same device, or the machine was busy."""
    return any(record.get("shared") or record.get("busy") for record in records)


def _seed(record: Record) -> int:
    return int(record.get("seed") or 0)


def _error(score: Mapping[str, Any], *, logarithmic: bool) -> float | None:
    """Return the sampling error of a score, None if it is not known, as where its interval is open.

    Of a ``logarithmic`` quantity it is that of the longer side of its interval, on the scale of logarithms.
    """
    if is_limit(score):  # compared as if it were exact: what differs from the limit also differs from the true value
        return 0.0
    ends = _ends(score)
    if ends is None:
        return finite_or_none(score.get("floor_sd"))
    value = float(score["value"])
    if logarithmic and 0.0 < ends[0] <= value <= ends[1] < math.inf:
        return value * max(math.log(value / ends[0]), math.log(ends[1] / value)) / NORMAL_QUANTILE
    return standard_error(score)


def _ends(score: Mapping[str, Any]) -> Interval | None:
    """Return the interval of a score, with infinite ends where it is open; None if it has none."""
    low, high = finite_or_none(score.get("low")), finite_or_none(score.get("high"))
    if low is None and high is None:
        return None
    return -math.inf if low is None else low, math.inf if high is None else high


def _estimate(
    found: Mapping[int, float], expected: int, missing: str, reason: str = "", *, logarithmic: bool
) -> tuple[Estimate | None, str]:
    """Return the estimate over seeds, or the reason for none: a mean must not leave out seeds without a value."""
    if missing:
        return None, missing
    if not found:
        return None, reason
    if len(found) < expected:
        return None, f"missing in {expected - len(found)} of {expected} seeds{': ' if reason else ''}{reason}"
    return Estimate(found, logarithmic=logarithmic), ""


def _density_kind(score: Mapping[str, Any], metric: str, declared: str | None) -> str | None:
    stated = (score.get("params") or {}).get("kind") or (score.get("detail") or {}).get("kind")
    kind = stated or (declared if metric in LIKELIHOOD_METRICS else None)
    return kind if kind in DENSITY_KINDS else None


def _add_floor(aggregate: Aggregate, scores: Mapping[int, Mapping[str, Any]]) -> Aggregate:
    floors = {seed: f for seed, s in scores.items() if (f := finite_or_none(s.get("floor"))) is not None}
    if not floors:
        return aggregate
    errors = [e for seed in floors if (e := finite_or_none(scores[seed].get("floor_sd"))) is not None]
    mean = math.fsum(floors.values()) / len(floors)
    spread = float(np.std(list(floors.values()), ddof=1)) / math.sqrt(len(floors)) if len(floors) > 1 else None
    floor_error = spread if spread is not None else errors[0] if errors else None
    aggregate = replace(aggregate, floor=mean, floor_error=floor_error)
    if any(is_limit(scores[seed]) or _floor_is_limit(scores[seed]) for seed in floors):
        return aggregate
    gaps = [aggregate.values.raw[seed] - floors[seed] for seed in floors]
    stated = [z for seed in floors if (z := finite_or_none(scores[seed].get("z"))) is not None]
    z = None
    if len(stated) == len(floors):
        z = math.fsum(stated) / math.sqrt(len(stated))  # Stouffer's method
    elif len(errors) == len(floors):
        z = math.fsum(gaps) / math.hypot(*errors) if any(errors) else None
    else:
        z = _z_over_seeds(gaps)
    distance = _distance_from_floor([scores[seed] for seed in floors]) if len(errors) == len(floors) else z
    first = next(iter(scores.values()))
    upward = first.get("better") == "higher"
    worse = -distance if distance and upward else distance or 0.0
    return replace(aggregate, z=z, suspect=aggregate.ranked and worse < -SUSPECT_STANDARD_ERRORS)


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


def _z_over_seeds(gaps: Sequence[float]) -> float | None:
    """Return the z with the same p-value as the t of these gaps between value and floor, for floors without error."""
    if len(gaps) < 2 or not (sd := float(np.std(gaps, ddof=1))):
        return None
    t = math.fsum(gaps) / len(gaps) / (sd / math.sqrt(len(gaps)))
    return math.copysign(float(-ndtri(stdtr(len(gaps) - 1, -abs(t)))), t)

"""One number of a table: the mean of a score over seeds, its uncertainty, its floor, and whether it is too good."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

from scipy import stats

from genbench.significance import LEVEL, Estimate

__all__ = ["COPYING", "SUSPECT", "UNRANKED", "Column", "Entry", "Record", "score_entry", "timing_entry"]

Record = Mapping[str, Any]

KINDS = ("exact", "bound", "estimate")
LIKELIHOODS = ("nll", "bits_per_dim", "kl")  # where the kind of a model's density says what the number is
UNRANKED = ("cross-entropy gap",)  # negative where a model collapses on a mode: lower is not better
COPYING = ("ct", "authenticity")  # low is copying, high is far from the data: neither end is best
SUSPECT = 3.0  # standard errors by which a score must beat the floor before it is flagged


@dataclass(frozen=True)
class Column:
    """A metric or a timing: its name, which way is better (None: not ranked) and its unit."""

    name: str
    better: str | None
    unit: str = ""
    timing: bool = False


@dataclass(frozen=True)
class Entry:
    """One number of a row; ``estimate`` is None where there is none to show, ``missing`` then says why."""

    estimate: Estimate | None
    missing: str = ""
    floor: float | None = None  # mean over seeds
    floor_error: float | None = None
    z: float | None = None  # (value - floor) in units of their noise, over all seeds
    kind: str | None = None  # exact, bound, estimate: of likelihoods
    scale: tuple[str, ...] = ()  # what was measured, features, space, version: only equal ones are compared
    rank: int | None = None
    best: bool = False  # the best, or can't be told from it
    suspect: bool = False  # better than fresh real data, beyond noise


def timing_entry(ok: Sequence[Record], column: Column, missing: str) -> Entry:
    """Return the entry of a timing from the records that are ok; ``missing`` says why no mean may be shown, if so."""
    found = {}
    for record in ok:
        value = _number((record.get("timings") or {}).get(column.name))
        if value is not None:
            found[_seed(record)] = value
    return Entry(*_estimate(found, len(ok), missing))


def score_entry(ok: Sequence[Record], column: Column, missing: str, density: str | None = None) -> Entry:
    """Return the entry of a metric from the records that are ok; ``density`` is the kind of its ``log_prob``."""
    scores = {_seed(r): s for r in ok for s in r.get("scores") or () if s["metric"] == column.name}
    valued = {seed: s for seed, s in scores.items() if _number(s.get("value")) is not None}
    why = [w for seed, s in scores.items() if seed not in valued for w in s.get("warnings") or ()]
    noise = next((_own_error(s) or _number(s.get("floor_sd")) for s in valued.values()), None)
    found = {seed: float(s["value"]) for seed, s in valued.items()}
    estimate, missing = _estimate(found, len(ok), missing, why[0] if why else "", noise if len(valued) == 1 else None)
    first: Mapping[str, Any] = next(iter(valued.values()), {})
    entry = Entry(estimate, missing, kind=_density_kind(first, column.name, density), scale=_scale(first))
    return entry if estimate is None else _beside_floor(entry, estimate, valued, column)


def _seed(record: Record) -> int:
    return int(record.get("seed") or 0)


def _number(value: Any) -> float | None:
    """Return a finite float or None."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


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


def _own_error(score: Mapping[str, Any]) -> float | None:
    """Return the standard error of one value that its interval implies, None where it has no interval."""
    low, high = _number(score.get("low")), _number(score.get("high"))
    if low is None or high is None:
        return None
    return (high - low) / (2.0 * NormalDist().inv_cdf(0.5 + (score.get("level") or LEVEL) / 2.0))


def _scale(score: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what two numbers under one name must share to be compared."""
    params = score.get("params") or {}
    quantity = str(params.get("quantity") or "").split(",")[0]  # without ", upper bound", which the kind says
    parts = (quantity, params.get("features"), score.get("space"), score.get("version"))
    return tuple("" if part is None else str(part) for part in parts) if score else ()


def _density_kind(score: Mapping[str, Any], metric: str, declared: str | None) -> str | None:
    stated = (score.get("params") or {}).get("kind") or (score.get("detail") or {}).get("kind")
    kind = stated or (declared if metric in LIKELIHOODS else None)
    return kind if kind in KINDS else None


def _beside_floor(entry: Entry, value: Estimate, scores: Mapping[int, Mapping[str, Any]], column: Column) -> Entry:
    if set(entry.scale) & set(UNRANKED):
        return entry  # another quantity than the floor's
    floors = {seed: f for seed, s in scores.items() if (f := _number(s.get("floor"))) is not None}
    if not floors:
        return entry
    errors = [e for seed in floors if (e := _number(scores[seed].get("floor_sd"))) is not None]
    floor = Estimate(floors, errors[0] if len(errors) == 1 else None)
    entry = replace(entry, floor=floor.mean, floor_error=floor.error)
    gaps = Estimate({seed: value.by_seed[seed] - floors[seed] for seed in floors})
    if len(errors) == len(floors):
        noise = math.hypot(*errors, *(_own_error(scores[seed]) or 0.0 for seed in floors))
        z = float(gaps.values.sum()) / noise if noise else None
    else:
        z = _z_over_seeds(gaps)
    worse = -z if z and column.better == "higher" else z or 0.0
    judged = column.better is not None or column.name in COPYING
    return replace(entry, z=z, suspect=judged and worse < -SUSPECT)


def _z_over_seeds(gaps: Estimate) -> float | None:
    """Return the z with the p-value of the t of these gaps to the floor of the same seed: where no error is stated."""
    if not gaps.sd or gaps.error is None:
        return None
    t = gaps.mean / gaps.error
    return math.copysign(float(stats.norm.isf(stats.t.sf(abs(t), gaps.degrees))), t)

"""Delete-a-group jackknife: the interval of a statistic of two samples, from what it is without each of 20 groups.

The ordinary bootstrap repeats rows, and every statistic of pairs or neighbours sees the repeats. What an interval
bounds is said in its score, ``detail["interval_of"]``, and is one of two:

- ``population``: the distance between the two laws, which the value tends to as rows are added. Energy, kernels,
  Fréchet, distances along lines, correlations. Where the value is biased at its sizes the interval is of the unbiased
  estimate, ``detail["debiased"]``: then the value may lie outside, and a warning says so.
- ``these sizes``: the mean of the value over new draws of as many rows. Exact transport in several dimensions,
  neighbours and classifiers, whose limits are reached too slowly, or are of no interest.

``detail["standard_error"]`` is that of the value: where bounds were cut off at the least that is possible, it is not to
be had from their width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from genbench.protocol import Score

__all__ = [
    "LEVEL", "POPULATION", "SIZES", "TOO_FEW", "Fields", "Interval", "Variance", "assign", "bounded", "count",
    "jackknife", "jackknife_absolute", "jackknife_square", "leave_out", "student", "unreliable", "variance",
]  # fmt: skip

Array = npt.NDArray[Any]
GROUPS = 20
FEWEST = 5  # groups, below which a variance means nothing
LEVEL = 0.95
POPULATION, SIZES = "population", "these sizes"
TOO_FEW = f"no interval: {2 * FEWEST} rows of either side are needed"
# Student's t at 97.5 %, by degrees of freedom: scipy.stats takes longer to import than a metric to compute
QUANTILE = dict(enumerate((2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                           2.110, 2.101, 2.093), start=4))  # fmt: skip


@dataclass(frozen=True)
class Variance:
    """The variance of a statistic: of what is linear in the rows, and of what depends on pairs of them."""

    linear: float
    quadratic: float

    @property
    def total(self) -> float:
        """Both."""
        return self.linear + self.quadratic


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, the unbiased value it is centred on, and the standard error."""

    low: float
    high: float
    centre: float
    error: float


class Fields(TypedDict, total=False):
    """Fields of a score that `bounded` passes on as they are."""

    n_real: int
    n_fake: int
    params: Mapping[str, Any]
    ranked: bool


def count(n: int, m: int) -> int:
    """Return into how many groups both sides are cut: 20, fewer where rows are few, 1 where no interval is possible."""
    groups = min(GROUPS, n // 2, m // 2)
    return groups if groups >= FEWEST else 1


def unreliable(n: int, m: int, d: int) -> str:
    """Return why moments of d columns of n and m rows have no interval, or "": covariances of n <= d are singular.

    Their bias there is no series in 1/n, which is what halves and jackknives remove.
    """
    few = min(n, m)
    return f"no interval, n <= d: unreliable, {few} rows of a side in {d} dimensions" if few <= d else ""


def assign(n: int, groups: int) -> Array:
    """Return the group of each of ``n`` rows (n,), at random so that sorted files do no harm, and always the same."""
    order = np.random.Generator(np.random.PCG64(n)).permutation(n)
    return (order % groups).astype(np.uint8)


def leave_out(sums: Array) -> Array:
    """Return totals without each group (..., G), from sums over pairs of groups (..., G, G); of one group none."""
    if sums.shape[-1] == 1:
        return sums[..., 0, :0]
    diagonal = np.diagonal(sums, axis1=-2, axis2=-1)
    without: Array = sums.sum((-2, -1))[..., None] - sums.sum(-1) - sums.sum(-2) + diagonal
    return without


def student(groups: int) -> float:
    """Return Student's t at 97.5 % for a variance from this many groups."""
    return QUANTILE[groups - 1]


def variance(replicates: Array, pieces: Array | None = None, quadratic: float | None = None) -> Variance:
    """Return the variance of a statistic from what it is without each group (G,).

    The jackknife counts twice what depends on pairs of rows, which between equal laws is all there is (Efron & Stein
    1981, doi:10.1214/aos/1176345462). That part is ``quadratic`` where it is known. Else ``pieces``, the statistic of
    each group alone (G,), tell it: their variance is G times the linear part and G² times the quadratic one.
    """
    groups = len(replicates)
    jackknifed = (groups - 1) / groups * float(((replicates - replicates.mean()) ** 2).sum())
    if pieces is not None and np.isfinite(pieces).all():
        quadratic = (float(pieces.var(ddof=1)) - groups * jackknifed) / (groups * (groups - 2))
        quadratic = min(max(quadratic, 0.0), jackknifed / 2)
    quadratic = quadratic or 0.0
    return Variance(max(jackknifed - 2 * quadratic, 0.0), quadratic)


def jackknife(value: float, replicates: Array) -> Interval | None:
    """Return value ± t·(standard error) from the statistic without each group, (G,); None where there are too few."""
    groups = len(replicates)
    if not _usable(value, replicates):
        return None
    error = math.sqrt(variance(replicates).total)
    half = student(groups) * error
    return Interval(value - half, value + half, value, error)


def jackknife_square(
    value: float,
    replicates: Array,
    *,
    biased: bool = False,
    extra: float = 0.0,
    slow: float = 0.0,
    **known: Any,
) -> Interval | None:
    """Return the interval of a squared distance θ from the statistic without each group, (G,), or None.

    Close to 0 the noise of a squared distance falls with it: its variance is V₂ + κθ, and value ± t would shun values
    above the truth. So the lower bound is the θ at which the value would be t standard errors away, as Wilson's (1927)
    for a share. The upper one takes the jackknife's V₁ + 2V₂, which does not shrink where the value is low by chance,
    and adds the skewness of a square. The bias of a ``biased`` statistic, which falls as 1/n, is removed: G·value -
    (G - 1)·mean (Quenouille 1956). ``known`` is what `variance` may be told; ``extra`` adds to V₂, in units of it; the
    lower bound allows for a bias that is larger by the share ``slow``.
    """
    groups = len(replicates)
    if not _usable(value, replicates):
        return None
    centre = groups * value - (groups - 1) * float(replicates.mean()) if biased else value
    found, t = variance(replicates, **known), student(groups)
    noise = (found.quadratic or found.total / 2) * (1 + extra)  # not known: what it is at most
    above, most = max(centre, 0.0), found.total + found.quadratic * (1 + 2 * extra)
    unit = max(above + math.sqrt(noise / 2), math.sqrt(most) / 4) or 1.0  # copies have no noise of pairs
    kappa, low = most / unit, centre - t * math.sqrt(noise)
    if low > 0:
        low = centre + t * t * kappa / 2 - t * math.sqrt(noise + kappa * centre + (t * kappa / 2) ** 2)
    high = above + t * math.sqrt(most) + t * t * found.linear / unit / 4
    error = math.sqrt(found.total + found.quadratic * extra)
    return Interval(low - slow * max(value - centre, 0.0), high, centre, error)


def jackknife_absolute(value: float, replicates: Array, pieces: Array, bias: float) -> Interval | None:
    """Return the interval of a mean of absolute values from the statistic without each group, (G,), or None.

    Its bias lies between 0, where nothing changes its sign, and ``bias``, that of equal laws; no estimate of it is any
    good, so the lower bound allows for all of it and the upper one for nothing. In either case the variance is that of
    ``pieces``, the statistic of each group alone, over G; in between it is more. The jackknife's is right far from
    equal laws, and up to 1/(1 - 2/π) times too large there: the lower bound takes the former, the upper one their mean.
    """
    groups = len(replicates)
    if not _usable(value, replicates) or not np.isfinite(pieces).all():
        return None
    jackknifed, t = variance(replicates).total, student(groups)
    alone = min(float(pieces.var(ddof=1)) / groups, jackknifed)
    error = math.sqrt((jackknifed + alone) / 2)
    return Interval(value - bias - t * math.sqrt(alone), value + t * error, max(value - bias, 0.0), error)


def _usable(value: float, replicates: Array) -> bool:
    return len(replicates) >= FEWEST and bool(np.isfinite(replicates).all()) and math.isfinite(value)


def bounded(
    value: float,
    interval: Interval | None,
    *,
    power: int = 1,
    least: float | None = None,
    most: float | None = None,
    of: str = POPULATION,
    method: str = "delete-a-group jackknife",
    debiased: bool = False,
    missing: str = TOO_FEW,
    detail: dict[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
    **fields: Unpack[Fields],
) -> Score:
    """Return a score with its interval, or with why there is none.

    Value and interval are those of the ``power``-th power of the score. Bounds are kept between ``least`` and ``most``;
    one that would lie wholly below ``least`` keeps half of its width.
    """
    detail = dict(detail or {})

    def root(number: float) -> float:
        return math.sqrt(max(number, 0.0)) if power == 2 else number

    value = float(root(value))
    if interval is None:
        return Score(value, detail=detail, warnings=(*warnings, missing), **fields)
    low, high, centre = interval.low, interval.high, interval.centre
    if least is not None or power == 2:
        floor = least or 0.0
        high += max(floor - centre, 0.0)
        low, centre = max(low, floor), max(centre, floor)
    if most is not None:
        low, high = min(low, most), min(high, most)
    low, high, centre = root(low), root(high), root(centre)
    error = interval.error / (2 * value) if power == 2 and value > 0 else root(interval.error)
    detail |= {"interval": method + (", bias-corrected" if debiased else ""), "interval_of": of}
    detail["standard_error"] = error
    if debiased:
        detail["debiased"] = centre
        if not low <= value <= high:
            warnings = (*warnings, f"biased at these sizes: the interval is of the debiased value, {centre:.4g}")
    return Score(value, low=low, high=high, level=LEVEL, detail=detail, warnings=warnings, **fields)

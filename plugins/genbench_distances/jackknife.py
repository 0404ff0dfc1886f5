"""Delete-a-group jackknife: the interval of a statistic of two samples, from its values without each of 20 groups.

The ordinary bootstrap repeats rows, which distorts statistics of pairs and of neighbours. ``detail["interval_of"]`` of
a score says what its interval bounds:

- ``population``: the distance of the two distributions, to which the value converges as rows are added. This is so for
  energy, kernels, Fréchet, distances along lines, and correlations. Where the value is biased at its sizes, the
  interval is of the unbiased estimate, ``detail["debiased"]``; the value may lie outside, and then a warning says so.
- ``these sizes``: the mean of the value over new draws of the same sizes. This is so for exact transport in several
  dimensions, neighbours and classifiers, whose limits are reached too slowly or are of no interest.

``detail["standard_error"]`` is that of the value. Where an interval was cut off at the smallest possible value, its
width does not show it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from genbench.protocol import Score

__all__ = [
    "LEVEL", "POPULATION", "SIZES", "SKEWED", "TOO_FEW_ROWS", "Fields", "Interval", "Variance", "bounded", "count",
    "jackknife", "jackknife_absolute", "jackknife_square", "leave_out", "products_square", "student", "unreliable",
    "variance",
]  # fmt: skip

Array = npt.NDArray[Any]
GROUPS = 20
MIN_GROUPS = 5  # for a variance
LEVEL = 0.95
SKEWED = 1.25  # times Student's t: for lower bounds of products that one direction dominates, and of dependent values
SLOW_BIAS = 3.0  # by which the last doubling of the sizes is multiplied to give what all further ones add
POPULATION, SIZES = "population", "these sizes"
TOO_FEW_ROWS = f"no interval: {2 * MIN_GROUPS} rows of either side are needed"
# Student's t at 97.5 %, by degrees of freedom: scipy.stats takes longer to import than a metric to compute
QUANTILE = dict(enumerate((2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                           2.110, 2.101, 2.093), start=4))  # fmt: skip


@dataclass(frozen=True)
class Variance:
    """The variance of a statistic: of the part that is linear in the rows, and of the part that depends on pairs."""

    linear: float
    quadratic: float

    @property
    def total(self) -> float:
        """Sum of both."""
        return self.linear + self.quadratic


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, the unbiased value at its centre, its standard error, and the value without each group."""

    low: float
    high: float
    centre: float
    error: float
    replicates: tuple[float, ...] = ()


class Fields(TypedDict, total=False):
    """Fields of a score that `bounded` passes on as they are."""

    n_real: int
    n_fake: int
    params: Mapping[str, Any]
    ranked: bool


def count(n: int, m: int) -> int:
    """Return the number of groups for n and m rows: 20, or fewer with 2 rows each; 1 where that would be below 5."""
    groups = min(GROUPS, n // 2, m // 2)
    return groups if groups >= MIN_GROUPS else 1


def unreliable(n: int, m: int, d: int) -> str:
    """Return why moments of n and m rows with d columns have no interval: covariances are singular if n <= d; else "".

    There the bias is not a series in 1/n, which is what halves and jackknives can remove.
    """
    few = min(n, m)
    return f"no interval, n <= d: unreliable, {few} rows of a side in {d} dimensions" if few <= d else ""


def leave_out(sums: Array) -> Array:
    """Return totals without each group (..., G) from sums over pairs of groups (..., G, G); (..., 0) of one group."""
    if sums.shape[-1] == 1:
        return sums[..., 0, :0]
    diagonal = np.diagonal(sums, axis1=-2, axis2=-1)
    without: Array = sums.sum((-2, -1))[..., None] - sums.sum(-1) - sums.sum(-2) + diagonal
    return without


def student(groups: int) -> float:
    """Return Student's t at 97.5 % for a variance that is estimated from this many groups."""
    return QUANTILE[groups - 1]


def variance(replicates: Array, pieces: Array | None = None, quadratic: float | None = None) -> Variance:
    """Return the variance of a statistic from its values without each group (G,).

    The jackknife counts the part that depends on pairs of rows twice; for equal distributions that is the only part
    (Efron & Stein 1981, doi:10.1214/aos/1176345462). It is ``quadratic`` where it is known, else it is estimated from
    ``pieces``, the statistic of each group alone (G,): their variance is G times the linear part plus G² times the
    quadratic part.
    """
    groups = len(replicates)
    jackknifed = (groups - 1) / groups * float(((replicates - replicates.mean()) ** 2).sum())
    if pieces is not None and np.isfinite(pieces).all():
        quadratic = (float(pieces.var(ddof=1)) - groups * jackknifed) / (groups * (groups - 2))
        quadratic = min(max(quadratic, 0.0), jackknifed / 2)
    quadratic = quadratic or 0.0
    return Variance(max(jackknifed - 2 * quadratic, 0.0), quadratic)


def jackknife(value: float, replicates: Array) -> Interval | None:
    """Return value ± t·(standard error) from the statistic without each group (G,); None of fewer than 5 groups."""
    groups = len(replicates)
    if not _usable(value, replicates):
        return None
    error = math.sqrt(variance(replicates).total)
    half = student(groups) * error
    return Interval(value - half, value + half, value, error, tuple(replicates.tolist()))


def jackknife_square(
    value: float,
    replicates: Array,
    *,
    biased: bool = False,
    extra: float = 0.0,
    **known: Any,
) -> Interval | None:
    """Return the interval of a squared distance θ from the statistic without each group (G,), or None.

    Close to 0 the noise of a squared distance falls with it: its variance is V₂ + κθ, and value ± t standard errors
    would often miss the truth where the value is low by chance. So the lower bound is the θ from which the value is t
    standard errors away, as in Wilson's interval (1927) of a share. The upper bound uses the jackknife's V₁ + 2V₂,
    which does not shrink where the value is low by chance, and adds the skewness of a square. The bias of a ``biased``
    statistic, which falls as 1/n, is removed: G·value - (G - 1)·mean (Quenouille 1956). ``known`` are arguments of
    `variance`; ``extra`` is added to V₂, in units of V₂.
    """
    groups = len(replicates)
    if not _usable(value, replicates):
        return None
    centre = groups * value - (groups - 1) * float(replicates.mean()) if biased else value
    found = variance(replicates, **known)
    low, high = _bounds_of_square(centre, found, student(groups), extra)
    error = math.sqrt(found.total + found.quadratic * extra)
    return Interval(low, high, centre, error, tuple(replicates.tolist()))


def _bounds_of_square(centre: float, found: Variance, t: float, extra: float = 0.0) -> tuple[float, float]:
    """Return the bounds of a squared distance, whose noise falls with it; see `jackknife_square`."""
    noise = (found.quadratic or found.total / 2) * (1 + extra)  # where the part of pairs is unknown: its upper bound
    positive, largest = max(centre, 0.0), found.total + found.quadratic * (1 + 2 * extra)
    unit = max(positive + math.sqrt(noise / 2), math.sqrt(largest) / 4) or 1.0  # copies have no noise of pairs
    kappa, low = largest / unit, centre - t * math.sqrt(noise)
    if low > 0:
        low = centre + t * t * kappa / 2 - t * math.sqrt(noise + kappa * centre + (t * kappa / 2) ** 2)
    return low, positive + t * math.sqrt(largest) + t * t * found.linear / unit / 4


def products_square(value: float, replicates: Array, products: Sequence[Array]) -> Interval | None:
    """Return the interval of a squared distance |a - b|², from products of differences of separate rows, or None.

    ``products`` are three matrices (G, G), G = 20, 10 and 5 or as many as there are rows for: the scalar products of
    the differences of both sides in G pieces of the data of equal sizes. The mean of a product of two pieces is the
    squared distance of the means of the pieces, which is 0 for equal distributions, whatever the tails are, and else
    never larger than that of the distributions: where these hardly overlap it approaches it slowly. So the lower bound
    is from the smallest pieces, which have the least noise in heavy tails; the upper bound from larger ones, raised by
    three times what doubling their size adds (a bias that falls as n^-0.4); the unbiased value from the middle ones.
    The variances are those of a U-statistic of pairs of pieces (Hoeffding 1948, doi:10.1214/aoms/1177730196).
    The replicates are the value without each group, and give its standard error.
    """
    if not _usable(value, replicates) or not all(np.isfinite(each).all() for each in products):
        return None
    found = [_mean_product(each) for each in products]
    bounds = [_bounds_of_square(mean, v, student(len(each))) for (mean, v), each in zip(found, products, strict=True)]
    centre = found[1][0]
    low = _bounds_of_square(*found[0], SKEWED * student(len(products[0])))[0]
    high = max(bounds[1][1], bounds[2][1]) + SLOW_BIAS * max(centre - found[0][0], 0.0)
    error = math.sqrt(variance(replicates, quadratic=found[0][1].quadratic).total)
    low, high = min(low, centre), max(high, centre)
    return Interval(low, high, centre, error, tuple(replicates.tolist()))


def _mean_product(products: Array) -> tuple[float, Variance]:
    """Return the mean of the products (G, G) of different pieces, and its variance."""
    groups = len(products)
    pairs = ~np.eye(groups, dtype=bool)
    mean = float(products[pairs].mean())
    of_piece = (products.sum(1) - products.diagonal()) / (groups - 1)
    single = (groups - 1) / (groups - 2) * (of_piece - mean)
    rest = products - mean - single[:, None] - single
    quadratic = 2 * float((rest[pairs] ** 2).sum()) / (groups * (groups - 3)) / (groups * (groups - 1))
    jackknifed = 4 * float((single**2).sum()) / (groups - 1) / groups
    return mean, Variance(max(jackknifed - 2 * quadratic, 0.0), quadratic)


def jackknife_absolute(
    value: float, replicates: Array, pieces: Array, bias: float, stretch: float = 1.0
) -> Interval | None:
    """Return the interval of a mean of absolute values from the statistic without each group (G,), or None.

    Its bias is between 0, where no difference changes its sign, and ``bias``, that of equal distributions. It cannot be
    estimated well, so the lower bound allows for all of it and the upper bound for none. In both cases the variance is
    that of ``pieces``, the statistic of each group alone (G,), divided by G; in between it is larger. The jackknife's
    variance is right far from equal distributions, and up to 1/(1 - 2/π) times too large for them. The lower bound uses
    the variance of the pieces, the upper bound the mean of both. ``stretch`` widens the lower part: the mean of few
    absolute values, or of values that depend on each other, is skewed.
    """
    groups = len(replicates)
    if not _usable(value, replicates) or not np.isfinite(pieces).all():
        return None
    jackknifed, t = variance(replicates).total, student(groups)
    alone = min(float(pieces.var(ddof=1)) / groups, jackknifed)
    error = math.sqrt((jackknifed + alone) / 2)
    low, high = value - bias - stretch * t * math.sqrt(alone), value + t * error
    return Interval(low, high, max(value - bias, 0.0), error, tuple(replicates.tolist()))


def _usable(value: float, replicates: Array) -> bool:
    return len(replicates) >= MIN_GROUPS and bool(np.isfinite(replicates).all()) and math.isfinite(value)


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
    missing: str = TOO_FEW_ROWS,
    detail: dict[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
    **fields: Unpack[Fields],
) -> Score:
    """Return a score with its interval, or with ``missing``, the reason why there is none, as a warning.

    Value and interval are those of the ``power``-th power of the score. The interval is cut off at ``least`` and
    ``most``; one that would lie entirely below ``least`` keeps half of its width.
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
    replicates = tuple(root(each) for each in interval.replicates)
    return Score(
        value, low=low, high=high, level=LEVEL, detail=detail, warnings=warnings, replicates=replicates, **fields
    )

"""Squared maximum mean discrepancy with Gaussian kernels, at the median distance and at four other bandwidths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import pdist

from genbench.protocol import Evidence, RealSide, Score, jackknife_groups
from genbench_distances import MMDConfig
from genbench_distances.contrast import Contrast
from genbench_distances.jackknife import bounded, count
from genbench_distances.pairs import Side, pair_sums, real_side, side, tiles
from genbench_distances.scale import any_scale

__all__ = ["median_distance", "mmd"]

Array = npt.NDArray[Any]
FACTORS = (2.0, 1.0, 0.5, 0.25, 0.125)  # bandwidths in medians; each kernel is the fourth power of the one before
MAX_SORTED_ROWS = 2000  # of which all distances are in memory at once
MAX_MEDIAN_ROWS = 10_000  # the median of more rows is that of a random part


@any_scale(0, "bandwidths")
def mmd(evidence: Evidence, config: MMDConfig) -> Score:
    """Return E k(X,X') + E k(Y,Y') - 2 E k(X,Y) with k = exp(-|x-y|²/2h²); lower is better.

    The estimate is unbiased, so it may be negative; it has no unit and needs at least 2 rows of either side. h is the
    lower median of the distances of real rows. ``detail`` has value and interval at 1/8, 1/4, 1/2, 1 and 2 times h,
    which are sensitive to different scales. Intervals are of the population value for this h. Gretton et al. 2012,
    JMLR 13.
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    if min(n, m) < 2:
        return Score(None, n_real=n, n_fake=m, warnings=("needs at least 2 rows of either side",))
    warnings: tuple[str, ...] = ()
    h = config.bandwidth
    if not h:
        h, warnings = evidence.real.once("median distance", lambda: median_distance(evidence.real))
        if not h:
            return Score(None, n_real=n, n_fake=m, warnings=warnings)
    factors = (1.0,) if config.bandwidth else FACTORS
    sums = _sums(evidence, h, factors)
    values, intervals = [each.value() for each in sums], [each.interval() for each in sums]
    detail = {
        "bandwidths": [h * factor for factor in factors],
        "values": values,
        "low": [None if interval is None else interval.low for interval in intervals],
        "high": [None if interval is None else interval.high for interval in intervals],
    }
    at = factors.index(1.0)
    params = {"bandwidth": h, "estimator": "U", "chosen": "given" if config.bandwidth else "median of real distances"}
    return bounded(values[at], intervals[at], n_real=n, n_fake=m, params=params, detail=detail, warnings=warnings)


def _sums(evidence: Evidence, h: float, factors: Sequence[float]) -> list[Contrast]:
    """Return the sums of the kernel of each bandwidth."""
    groups = count(len(evidence.real.rows), len(evidence.fake))
    real, centre = real_side(evidence.real, groups)
    fake = side(evidence.fake, centre, groups)
    kernel, width = _kernels(h, factors), len(factors)
    between = pair_sums(real, fake, kernel, width)
    within_real = evidence.real.once(
        ("gaussian", h, tuple(factors), groups), lambda: pair_sums(real, None, kernel, width)
    )
    within_fake = pair_sums(fake, None, kernel, width)
    sizes = real.sizes, fake.sizes  # k(x, x) = 1
    return [Contrast(*some, *sizes, *sizes) for some in zip(between, within_real, within_fake, strict=True)]


def _kernels(h: float, factors: Sequence[float]) -> Callable[[Array], Sequence[float]]:
    """Return a function from a tile to the sums of all kernels over it: one exponential, then fourth powers."""
    widest = h * factors[0]

    def sums(squares: Array) -> list[float]:
        squares *= -0.5 / (widest * widest)
        kernel = np.exp(squares, out=squares)
        totals = [kernel.sum()]
        for power in range(1, len(factors)):
            kernel *= kernel
            totals.append(np.vdot(kernel, kernel))  # its square, summed
            if power + 1 < len(factors):
                kernel *= kernel
        return totals

    return sums


def median_distance(real: RealSide) -> tuple[float, tuple[str, ...]]:
    """Return the lower median of the distances of real rows, and warnings; 0 where all rows are equal.

    Where half or more of the distances are 0, it is the median of the others.
    """
    rows, warnings = real.rows, []
    if len(rows) > MAX_MEDIAN_ROWS:
        rows = rows[jackknife_groups(len(rows), -(-len(rows) // MAX_MEDIAN_ROWS)) == 0]
        warnings.append(f"bandwidth: the median distance of {len(rows)} of {len(real.rows)} real rows")
    rank = (len(rows) * (len(rows) - 1) // 2 - 1) // 2
    if len(rows) <= MAX_SORTED_ROWS:
        distances = pdist(rows)
        median = float(np.partition(distances, rank)[rank])
    else:
        median = _selected(rows, rank)
    if median == 0:
        positive = pdist(rows[:MAX_SORTED_ROWS])
        positive = positive[positive > 0]
        if not len(positive):
            return 0.0, ("the real rows are all equal: no bandwidth",)
        median = float(np.partition(positive, (len(positive) - 1) // 2)[(len(positive) - 1) // 2])
        warnings.append("bandwidth: most distances of real rows are 0, the median is that of the others")
    return median, tuple(warnings)


def _selected(rows: Array, rank: int) -> float:
    """Return the distance of this rank; only distances in a bracket, estimated from a part of the rows, are sorted."""
    centred = side(rows, rows.mean(0), 1)
    sample = pdist(rows[jackknife_groups(len(rows), -(-len(rows) // MAX_SORTED_ROWS)) == 0], "sqeuclidean")
    for margin in (0.02, 0.1, 0.5):
        low, high = np.quantile(sample, (0.5 - margin, 0.5 + margin)) if margin < 0.5 else (-np.inf, np.inf)
        below, inside = _bracket(centred, low, high)
        if below <= rank < below + len(inside):
            return float(np.sqrt(np.partition(inside, rank - below)[rank - below]))
    raise AssertionError("the last bracket holds every distance")


def _bracket(rows: Side, low: float, high: float) -> tuple[int, Array]:
    """Return how many squared distances are below ``low``, and those in [low, high)."""
    below, inside = 0, []
    for tile in tiles(rows):
        squares = tile.squares[np.triu_indices(len(tile.squares), 1)] if tile.diagonal else tile.squares.ravel()
        below += int(np.count_nonzero(squares < low))
        inside.append(squares[(squares >= low) & (squares < high)])
    return below, np.concatenate(inside)

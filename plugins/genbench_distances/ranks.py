"""The area under the ROC curve (the Mann-Whitney statistic) and its standard errors; intervals of shares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from genbench.protocol import jackknife_groups

__all__ = ["ALPHA", "Area", "area", "areas_without", "bound_for_none", "width", "wilson"]

Array = npt.NDArray[Any]
QUANTILE = 1.959964  # of the normal distribution, at 97.5 %
ALPHA = 0.05  # probability of an error of a one-sided interval
ONE_SIDED_QUANTILE = 1.644854  # of the normal distribution, at 95 %


@dataclass(frozen=True)
class Area:
    """P(X < Y) + P(X = Y)/2, its standard error, and its standard error if the labels were exchanged at random."""

    value: float
    error: float
    null_error: float


def area(x: Array, y: Array) -> Area:
    """Return the area of values x (n,) against y (m,), its error by DeLong et al. 1988, doi:10.2307/2531595."""
    n, m = len(x), len(y)
    ranks = rankdata(np.concatenate([x, y]))
    above_x = 1 - (ranks[:n] - rankdata(x)) / m  # share of y above each x
    below_y = (ranks[n:] - rankdata(y)) / n  # share of x below each y
    spread = above_x.var(ddof=1) / n + below_y.var(ddof=1) / m if min(n, m) > 1 else math.inf
    null = ranks.var(ddof=1) / ((n + m) * n * m)  # a sum of m of the ranks, drawn without replacement, over n m
    return Area(float(below_y.mean()), math.sqrt(spread), math.sqrt(null))


def areas_without(x: Array, y: Array, groups: int) -> Array:
    """Return the area of values x (n,) against y (m,) without each group of the jackknife (groups,); (0,) if it is 1.

    A group has values of both sides, and is counted out of the pairs that it is in.
    """
    if groups == 1:
        return np.empty(0)
    x_group, y_group = jackknife_groups(len(x), groups), jackknife_groups(len(y), groups)
    return np.array([_area_value(x[x_group != group], y[y_group != group]) for group in range(groups)])


def _area_value(x: Array, y: Array) -> float:
    ordered = np.sort(x)
    below, up_to = (np.searchsorted(ordered, y, side) for side in ("left", "right"))
    return float((below + up_to).mean()) / (2 * len(x))


def bound_for_none(n: int) -> tuple[float, float]:
    """Return the 95 % upper bound of a share of which n draws had none, and the standard error that it implies.

    The bound is about 3/n: Hanley & Lippman-Hand 1983, doi:10.1001/jama.1983.03330370053031.
    """
    bound = 1 - ALPHA ** (1 / n)
    return bound, bound / ONE_SIDED_QUANTILE


def width(value: float, error: float, pairs: int) -> tuple[float, float]:
    """Return half the width of an area's 95 % interval, and its standard error.

    The error of an area of 0 or 1 is 0. There the bound is used that follows from ``pairs`` disjoint pairs of rows all
    being in the same order.
    """
    return (QUANTILE * error, error) if error or 0 < value < 1 else bound_for_none(pairs)


def wilson(share: float, n: float, z: float = QUANTILE) -> tuple[float, float]:
    """Return the 95 % interval of a share of n draws, by Wilson 1927, doi:10.2307/2276774."""
    shrink = 1 + z**2 / n
    centre = (share + z**2 / (2 * n)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / n + z**2 / (4 * n * n))
    return max(centre - half, 0.0) if share > 0 else 0.0, min(centre + half, 1.0) if share < 1 else 1.0

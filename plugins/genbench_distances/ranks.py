"""The Mann-Whitney statistic as an area under the ROC curve, with its errors: under the data, and under the null."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

__all__ = ["EDGE", "Area", "area", "unseen", "width", "wilson"]

Array = npt.NDArray[Any]
QUANTILE = 1.959964  # of the normal distribution, at 97.5 %
EDGE = 0.05  # chance of no hit at all, or of nothing else, at the end of an interval where that was found
NORMAL = 1.644854  # its quantile of the normal distribution


@dataclass(frozen=True)
class Area:
    """P(X < Y) + P(X = Y)/2, its standard error, and what that would be if the labels were exchanged at random."""

    value: float
    error: float
    null_error: float


def area(x: Array, y: Array) -> Area:
    """Return the area of values x (n,) against y (m,); errors by DeLong et al. 1988, doi:10.2307/2531595."""
    n, m = len(x), len(y)
    ranks = rankdata(np.concatenate([x, y]))
    above_x = 1 - (ranks[:n] - rankdata(x)) / m  # share of y above each x
    below_y = (ranks[n:] - rankdata(y)) / n  # share of x below each y
    spread = above_x.var(ddof=1) / n + below_y.var(ddof=1) / m if min(n, m) > 1 else math.inf
    null = ranks.var(ddof=1) / ((n + m) * n * m)  # a sum of m of the ranks, drawn without replacement, over n m
    return Area(float(below_y.mean()), math.sqrt(spread), math.sqrt(null))


def unseen(n: int) -> tuple[float, float]:
    """Return how large the share may be of what none of n is, at 95 %, and the standard error that this implies.

    About 3/n: Hanley & Lippman-Hand 1983, doi:10.1001/jama.1983.03330370053031.
    """
    most = 1 - EDGE ** (1 / n)
    return most, most / NORMAL


def width(value: float, error: float, pairs: int) -> tuple[float, float]:
    """Return half the width of an area's 95 % interval, and its standard error.

    An area of 0 or 1 has the error 0: there it is what can be said of ``pairs`` of rows, none in two of them, that are
    all in order.
    """
    return (QUANTILE * error, error) if error or 0 < value < 1 else unseen(pairs)


def wilson(share: float, n: float, z: float = QUANTILE) -> tuple[float, float]:
    """Return the 95 % interval of a share of n, by Wilson 1927, doi:10.2307/2276774."""
    shrink = 1 + z**2 / n
    centre = (share + z**2 / (2 * n)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / n + z**2 / (4 * n * n))
    return max(centre - half, 0.0) if share > 0 else 0.0, min(centre + half, 1.0) if share < 1 else 1.0

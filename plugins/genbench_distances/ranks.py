"""The Mann-Whitney statistic as an area under the ROC curve, with its errors: under the data, and under the null."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

__all__ = ["Area", "area", "wilson"]

Array = npt.NDArray[Any]
QUANTILE = 1.959964  # of the normal distribution, at 97.5 %


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


def wilson(share: float, n: float, z: float = QUANTILE) -> tuple[float, float]:
    """Return the 95 % interval of a share of n, by Wilson 1927, doi:10.2307/2276774."""
    shrink = 1 + z**2 / n
    centre = (share + z**2 / (2 * n)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / n + z**2 / (4 * n * n))
    return max(centre - half, 0.0) if share > 0 else 0.0, min(centre + half, 1.0) if share < 1 else 1.0

"""Delete-a-group jackknife: the interval of a statistic of two samples, from what it is without each of 20 groups.

The ordinary bootstrap repeats rows, and every statistic of pairs or neighbours sees the repeats.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Score

__all__ = ["LEVEL", "TOO_FEW", "Interval", "assign", "bounded", "count", "jackknife", "leave_out"]

Array = npt.NDArray[Any]
GROUPS = 20
FEWEST = 5  # groups, below which a variance means nothing
LEVEL = 0.95
TOO_FEW = f"no interval: {2 * FEWEST} rows of either side are needed"
# Student's t at 97.5 %, by degrees of freedom: scipy.stats takes longer to import than a metric to compute
QUANTILE = dict(enumerate((2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                           2.110, 2.101, 2.093), start=4))  # fmt: skip


@dataclass(frozen=True)
class Interval:
    """A 95 % interval and the value it is centred on."""

    low: float
    high: float
    centre: float
    error: float  # standard error


def count(n: int, m: int) -> int:
    """Return into how many groups both sides are cut: 20, fewer where rows are few, 1 where no interval is possible."""
    groups = min(GROUPS, n // 2, m // 2)
    return groups if groups >= FEWEST else 1


def assign(n: int, groups: int) -> Array:
    """Return the group of each of ``n`` rows (n,), at random so that sorted files do no harm, and always the same."""
    order = np.random.Generator(np.random.PCG64(n)).permutation(n)
    return (order % groups).astype(np.uint8)


def leave_out(sums: Array) -> Array:
    """Return totals without each group (..., G), from sums over pairs of groups (..., G, G); of one group none."""
    if sums.shape[-1] == 1:
        return sums[..., 0, :0]
    diagonal = np.diagonal(sums, axis1=-2, axis2=-1)
    return sums.sum((-2, -1))[..., None] - sums.sum(-1) - sums.sum(-2) + diagonal


def jackknife(value: float, replicates: Array, *, bias: float = 0.0) -> Interval | None:
    """Return the interval from the statistic without each group, (G,); None where there are too few groups.

    A bias that falls as n to the power -``bias`` is removed from its centre; with 1 that is G·value - (G - 1)·mean
    (Quenouille 1956), with 0 the centre is the value.
    """
    groups = len(replicates)
    if groups < FEWEST or not np.isfinite(replicates).all():
        return None
    mean = float(replicates.mean())
    error = math.sqrt((groups - 1) / groups * float(((replicates - mean) ** 2).sum()))
    centre = value - (mean - value) / ((groups / (groups - 1)) ** bias - 1) if bias else value
    if 0 < bias < 1:  # of W1 and of |.| only where the laws are equal, else of order 1/n, which is about half as much
        error = math.hypot(error, (value - centre) / 2)
    half = QUANTILE[groups - 1] * error
    return Interval(centre - half, centre + half, centre, error)


def bounded(
    value: float,
    interval: Interval | None,
    *,
    transform: Callable[[float], float] = float,
    missing: str = TOO_FEW,
    debiased: bool = False,
    detail: dict[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
    **fields: Any,
) -> Score:
    """Return a score with its interval, or with why there is none; ``transform``, which rises, maps the bounds."""
    detail = dict(detail or {})
    if interval is None:
        return Score(value, detail=detail, warnings=(*warnings, missing), **fields)
    detail["interval"] = "delete-a-group jackknife" + (", bias-corrected" if debiased else "")
    if debiased:
        detail["debiased"] = transform(interval.centre)
    low, high = transform(interval.low), transform(interval.high)
    return Score(value, low=low, high=high, level=LEVEL, detail=detail, warnings=warnings, **fields)

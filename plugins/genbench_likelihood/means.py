"""Means over rows, with 95 % intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Score, jackknife_groups

__all__ = ["mean_score"]

LEVEL = 0.95
QUANTILE = 1.959964  # of the normal distribution, at 97.5 %
GROUPS = 20  # of the jackknife
MIN_ROWS = 10  # for an interval: the mean of fewer is not close enough to normal


def mean_score(
    values: npt.NDArray[Any], infinite: str, scale: float = 1.0, *, error: float = 0.0, **fields: Any
) -> Score:
    """Return the mean of ``scale`` times values (n,), with an interval of ± 1.96 standard errors.

    ``error`` is the standard error of a number that has been subtracted from all of them. Where a value is not finite
    the score has no value, and its warning is the number of such rows and ``infinite``, which says what they mean.
    """
    values = np.asarray(values, dtype=np.float64) * scale
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad or not len(values):
        reason = f"{bad} of {len(values)} rows: {infinite}" if bad else "there are no rows"
        return Score(None, warnings=(reason,), **fields)
    value = float(values.mean())
    if len(values) < MIN_ROWS:
        return Score(value, warnings=(f"no interval: {MIN_ROWS} rows are needed",), **fields)
    error = math.hypot(float(values.std(ddof=1)) / math.sqrt(len(values)), error)
    low, high = value - QUANTILE * error, value + QUANTILE * error
    detail = {"interval": "mean of rows", "interval_of": "population", "standard_error": error}
    return Score(value, low=low, high=high, level=LEVEL, detail=detail, replicates=_without_groups(values), **fields)


def _without_groups(values: npt.NDArray[Any]) -> tuple[float, ...]:
    """Return the mean without each group of the jackknife; nothing of fewer than two rows a group."""
    if len(values) < 2 * GROUPS:
        return ()
    labels = jackknife_groups(len(values), GROUPS)
    sums, sizes = np.bincount(labels, values, GROUPS), np.bincount(labels, minlength=GROUPS)
    return tuple(((values.sum() - sums) / (len(values) - sizes)).tolist())

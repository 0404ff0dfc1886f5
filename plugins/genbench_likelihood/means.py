"""Means over rows with their 95 % intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Score

__all__ = ["mean_score"]

LEVEL = 0.95
QUANTILE = 1.959964  # of the normal distribution, at 97.5 %
FEWEST = 10  # rows, below which the mean is not near enough to normal


def mean_score(
    values: npt.NDArray[Any], infinite: str, scale: float = 1.0, *, error: float = 0.0, **fields: Any
) -> Score:
    """Return the mean of ``scale`` times values (n,), with mean ± 1.96 standard errors.

    ``error`` is the standard error of a number that was taken off all of them. A value that is not finite makes the
    mean undefined: then ``infinite`` says what it means, after the share of rows.
    """
    values = np.asarray(values, dtype=np.float64) * scale
    wrong = int(np.count_nonzero(~np.isfinite(values)))
    if wrong or not len(values):
        reason = f"{wrong} of {len(values)} rows: {infinite}" if wrong else "there are no rows"
        return Score(None, warnings=(reason,), **fields)
    value = float(values.mean())
    if len(values) < FEWEST:
        return Score(value, warnings=(f"no interval: {FEWEST} rows are needed",), **fields)
    error = math.hypot(float(values.std(ddof=1)) / math.sqrt(len(values)), error)
    low, high = value - QUANTILE * error, value + QUANTILE * error
    detail = {"interval": "mean of rows", "interval_of": "population", "standard_error": error}
    return Score(value, low=low, high=high, level=LEVEL, detail=detail, **fields)

"""Delete-a-group jackknife of a function of sums over rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import jackknife_groups

__all__ = ["GROUPS", "LEVEL", "MIN_ROWS", "interval_of", "without_groups"]

Array = npt.NDArray[Any]
LEVEL = 0.95
GROUPS = 20
QUANTILE = 2.093  # Student's t at 97.5 % with 19 degrees of freedom
MIN_ROWS = 2 * GROUPS  # for an interval


def without_groups(function: Callable[[Array], float], terms: Array) -> list[float]:
    """Return ``function`` of the sums (k,) of terms (n, k) without each group of rows; none of fewer than 40."""
    if len(terms) < MIN_ROWS:
        return []
    groups, total = jackknife_groups(len(terms), GROUPS), terms.sum(0)
    return [function(total - terms[groups == g].sum(0)) for g in range(GROUPS)]


def interval_of(value: float, replicates: list[float]) -> tuple[float, float, float]:
    """Return low and high of a 95 % interval around a value, and its standard error."""
    spread = np.asarray(replicates)
    error = math.sqrt((GROUPS - 1) / GROUPS * float(np.square(spread - spread.mean()).sum()))
    return value - QUANTILE * error, value + QUANTILE * error, error

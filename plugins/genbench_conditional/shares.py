"""What the metrics share: intervals of shares and means, and the class that a row was drawn given."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score, jackknife_groups

__all__ = [
    "GROUPS",
    "LEVEL",
    "NO_CLASSES",
    "QUANTILE",
    "accuracy",
    "class_names",
    "mean_replicates",
    "rows_without_conditions",
]

Array = npt.NDArray[Any]
LEVEL = 0.95
QUANTILE = 1.959964  # of the normal distribution, at 97.5 %
GROUPS = 20  # of the jackknife
NO_CLASSES = "needs one condition, which is a category"


def class_names(evidence: Evidence) -> tuple[str, ...]:
    """Return the levels of the category that is the only condition; () for any other conditions."""
    columns = evidence.condition_columns
    return columns[0].levels if len(columns) == 1 else ()


def rows_without_conditions(evidence: Evidence, rows: Array) -> Array:
    """Return rows (n, d) of the scoring space without the columns of conditions."""
    return rows[:, : rows.shape[1] - evidence.condition_scores]


def accuracy(right: Array, classes: Array, names: Sequence[str], detail: Mapping[str, Any], **sizes: int) -> Score:
    """Return the share of rows that are right (``right`` (n,) is 0 or 1), of all and of each of their classes (n,)."""
    value = float(right.mean())
    low, high = _wilson(value, len(right))
    each = {name: float(right[classes == k].mean()) for k, name in enumerate(names) if (classes == k).any()}
    found = {**detail, "by_class": each, "worst": min(each, key=each.__getitem__)}
    return Score(
        value, low=low, high=high, level=LEVEL, detail=found, replicates=mean_replicates(right),
        n_real=sizes.get("n_real"), n_fake=sizes.get("n_fake"),
    )  # fmt: skip


def _wilson(share: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of n draws, by Wilson 1927, doi:10.2307/2276774."""
    shrink = 1 + QUANTILE**2 / n
    centre = (share + QUANTILE**2 / (2 * n)) / shrink
    half = QUANTILE * math.sqrt(share * (1 - share) / n + QUANTILE**2 / (4 * n**2)) / shrink
    return max(0.0, centre - half), min(1.0, centre + half)


def mean_replicates(values: Array) -> list[float]:
    """Return the means of values (n,) without each group of the jackknife; none for fewer than 2 in each."""
    if len(values) < 2 * GROUPS:
        return []
    group = jackknife_groups(len(values), GROUPS)
    sums, counts = np.bincount(group, values, GROUPS), np.bincount(group, minlength=GROUPS)
    replicates: list[float] = ((values.sum() - sums) / (len(values) - counts)).tolist()
    return replicates

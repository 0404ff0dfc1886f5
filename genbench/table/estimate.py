"""One quantity of one model over seeds: its mean, and the interval of the mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import stdtrit

from genbench.record.score import CONFIDENCE_LEVEL
from genbench.table.scales import ValueScale

NORMAL_QUANTILE = 1.96
SAMPLING_DEGREES = 19.0  # of freedom, of an error from a jackknife
Interval = tuple[float, float]


@dataclass(frozen=True)
class Estimate:
    """The values of a model for each seed, and the standard error of their mean, None if it is not known.

    ``limit`` is True if all of them are lower limits: their mean is the smallest. ``logarithmic`` quantities have a
    geometric mean.
    """

    by_seed: Mapping[int, float]
    error: float | None = None
    limit: bool = False
    logarithmic: bool = False

    def __post_init__(self) -> None:
        if not self.by_seed:
            raise ValueError("an estimate needs a value for at least one seed")

    @property
    def values(self) -> list[float]:
        """The values in the order of the seeds."""
        return list(self.by_seed.values())

    @property
    def mean(self) -> float:
        """Mean over seeds; of lower limits the smallest."""
        if self.limit or len(self.by_seed) == 1:
            return min(self.values)
        if self.logarithmic and min(self.values) > 0.0:
            return math.exp(math.fsum(math.log(value) for value in self.values) / len(self.values))
        return math.fsum(self.values) / len(self.values)

    @property
    def sd(self) -> float | None:
        """Standard deviation over seeds (n - 1 in the denominator), None for a single seed."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else None


@cache
def quantile(degrees: float) -> float:
    """Return the half width of a 95 % interval in standard errors, by Student's t with so many degrees of freedom."""
    return float(stdtrit(degrees, 0.5 + CONFIDENCE_LEVEL / 2))


def mean_interval(
    mean: float, scale: ValueScale, spread: tuple[float, float] | None, sampling: float | None, seeds: int
) -> tuple[Interval, float] | None:
    """Return the 95 % interval of a mean over seeds, and its standard error; None if no error is known.

    ``spread`` are the variance over seeds and its degrees of freedom, ``sampling`` the error of the mean by sampling
    within seeds, both on ``scale``. The larger of both counts, and the interval is symmetric on that scale.
    """
    errors = [] if sampling is None else [(sampling, SAMPLING_DEGREES)]
    if spread is not None:
        errors.append((math.sqrt(spread[0] / seeds), spread[1]))
    if not errors:
        return None
    error, degrees = max(errors)
    half = error * quantile(degrees)
    middle, slope = float(scale.map(mean)), scale.slope(mean)
    return (scale.inverse(middle - half), scale.inverse(middle + half)), error / slope if slope else 0.0


def worth_interval(
    ends: Mapping[int, tuple[float, float, float]], spread: tuple[float, float] | None
) -> Interval | None:
    """Return the 95 % interval of a geometric mean over seeds of numbers that have asymmetric intervals.

    ``ends`` are value, lower and upper end for each seed, the upper one infinite where it is open: then that of the
    mean is open too. ``spread`` are the variance of the logarithms over seeds and its degrees of freedom.
    """
    rows = np.array(list(ends.values()))
    if not len(rows) or not ((rows[:, :2] > 0.0) & np.isfinite(rows[:, :2])).all():
        return None
    logs = np.log(rows)
    centre = float(logs[:, 0].mean())
    down, up = logs[:, 0] - logs[:, 1], logs[:, 2] - logs[:, 0]
    half = 0.0
    if spread is not None:
        half = math.sqrt(spread[0] / len(rows)) * quantile(spread[1])
    low, high = (max(half, math.sqrt(float((side**2).sum())) / len(rows)) for side in (down, up))
    return math.exp(centre - low), math.exp(centre + high) if math.isfinite(high) else math.inf

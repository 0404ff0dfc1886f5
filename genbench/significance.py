"""Which differences are real: means over seeds, their uncertainty, and the models that can't be told from the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

__all__ = ["LEVEL", "Estimate", "difference_p", "holm", "tied_with_best"]

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """One quantity of one model: its value for each seed, and the sampling error of one value if known."""

    by_seed: Mapping[int, float]
    noise: float | None = None
    values: np.ndarray[tuple[int], np.dtype[np.float64]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.by_seed:
            raise ValueError("an estimate needs a value for at least one seed")
        object.__setattr__(self, "values", np.array(list(self.by_seed.values()), dtype=np.float64))

    @property
    def mean(self) -> float:
        """Mean over seeds."""
        return float(self.values.mean())

    @property
    def sd(self) -> float | None:
        """Standard deviation over seeds (ddof 1), None for a single seed."""
        return float(self.values.std(ddof=1)) if len(self.values) > 1 else None

    @property
    def error(self) -> float | None:
        """Standard error of the mean over seeds; of a single seed, the sampling error of its value."""
        return self.noise if self.sd is None else self.sd / math.sqrt(len(self.values))

    @property
    def degrees(self) -> float:
        """Degrees of freedom of ``error``: seeds - 1, infinite for a single seed."""
        return len(self.values) - 1 if len(self.values) > 1 else math.inf

    def interval(self) -> tuple[float, float] | None:
        """Return the t interval at 95 % of the mean, None where no error is known."""
        if self.error is None:
            return None
        half = self.error * float(stats.t.ppf(0.5 + LEVEL / 2, self.degrees))
        return self.mean - half, self.mean + half


def difference_p(one: Estimate, other: Estimate) -> float:
    """Return the two-sided p-value of equal means by Welch's t (1947) over seeds, NaN where an error is not known."""
    if one.error is None or other.error is None:
        return math.nan
    difference = abs(one.mean - other.mean)
    variance = one.error**2 + other.error**2
    if variance == 0.0:
        return 1.0 if difference == 0.0 else 0.0
    terms = one.error**4 / one.degrees + other.error**4 / other.degrees
    degrees = variance**2 / terms if terms > 0.0 else math.inf
    return float(2.0 * stats.t.sf(difference / math.sqrt(variance), degrees))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for their number by Holm's step-down method (1979); NaN counts and stays NaN."""
    ordered = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    running = 0.0
    for position, (p, i) in enumerate(ordered):
        running = max(running, min(1.0, (len(p_values) - position) * p))
        adjusted[i] = running
    return adjusted


def tied_with_best(column: Mapping[str, Estimate], better: str) -> frozenset[str]:
    """Return the names whose difference from the best mean can't be told from zero, the best among them.

    Welch's t over seeds against the best, on a logarithmic scale, Holm over the column, at 5 %. Empty where there is
    nothing to compare or no difference can be tested: a single model, or single seeds without a sampling error.
    """
    if len(column) < 2:
        return frozenset()
    pick = min if better == "lower" else max
    best = pick(column, key=lambda name: column[name].mean)
    others = [name for name in column if name != best]
    scaled = _logarithmic(column)
    p_values = holm([difference_p(scaled[best], scaled[name]) for name in others])
    if all(math.isnan(p) for p in p_values):
        return frozenset()
    return frozenset({best, *(name for name, p in zip(others, p_values, strict=True) if not p < 1.0 - LEVEL)})


def _logarithmic(column: Mapping[str, Estimate]) -> Mapping[str, Estimate]:
    """Return the values as logarithms or, where some are not positive, as asinh of multiples of their median size.

    The spread over seeds of scores and times grows with their size: with two degrees of freedom a model that is a
    hundred times worse, and as much noisier, could otherwise not be told from the best.
    """
    if any(len(estimate.by_seed) < 2 for estimate in column.values()):
        return column
    values = np.concatenate([estimate.values for estimate in column.values()])
    if not values.any():
        return column
    positive, scale = bool((values > 0).all()), float(np.median(np.abs(values[values != 0])))

    def scaled(value: float) -> float:
        return math.log(value) if positive else math.asinh(value / scale)

    return {
        name: Estimate({seed: scaled(value) for seed, value in estimate.by_seed.items()})
        for name, estimate in column.items()
    }

"""Differences of models in one column: paired by seed, with an error that knows what the models of a seed share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from genbench.record.score import jackknife_gap_error

PRIOR_DEGREES = 2.0  # degrees of freedom that the spread of all models together adds to that of a pair
UNSTABLE_P_VALUE = 0.002  # of a spread over seeds as large by chance, times the number of models
JACKKNIFE_DEGREES = 19  # of freedom, of an error within one seed
MIN_RELATIVE_DIFFERENCE = 1e-12  # relative size of a difference that is rounding

Array = npt.NDArray[Any]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Measured:
    """One model in one column: a value for each seed, smaller is better, with sampling errors where they are known.

    ``replicates`` are the values without each group of the jackknife, the same groups of real rows for all models.
    """

    values: Mapping[int, float]
    errors: Mapping[int, float] = field(default_factory=dict)
    replicates: Mapping[int, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """The difference of two models, with its standard error (NaN if it is not known) and degrees of freedom."""

    value: float
    error: float
    degrees: float

    @property
    def p_value(self) -> float:
        """Two-sided p-value of no difference, NaN if no error is known."""
        if math.isnan(self.error):
            return math.nan
        if self.error == 0.0:
            return 1.0 if self.value == 0.0 else 0.0
        return float(2.0 * special.stdtr(self.degrees, -abs(self.value) / self.error))


class Differences:
    """The models of one column, to be compared.

    The error of a difference over seeds is the larger of two: its spread between seeds, and its sampling error within a
    seed. Three seeds give a spread two degrees of freedom; the spread of all models about their common changes from
    seed to seed adds ``PRIOR_DEGREES`` more. Where models have other seeds they are not paired.

    A model is unstable if its seeds differ beyond their sampling errors and much more than those of the other models
    (F test). Its spread is left out of that of all models.

    In simulations with three seeds, standard deviations of 0.3 and a correlation of 0.8 within a seed, equal models are
    called different in at most 5 % of columns, and of models that are 1.5 to 8 times worse than the best at most 4 %
    are not told from it (``tests/statistics/ranks.py``).
    """

    def __init__(self, models: Mapping[str, Measured]) -> None:
        self.models = models

    @cached_property
    def unstable(self) -> frozenset[str]:
        """The models whose seeds disagree much more than those of the others."""
        stable, found = list(self._common), set[str]()
        while len(stable) >= 3:
            p_values = {name: self._spread_p(name, [n for n in stable if n != name]) for name in stable}
            worst = min(p_values, key=lambda name: p_values[name])
            if not p_values[worst] * len(stable) < UNSTABLE_P_VALUE:
                break
            stable.remove(worst)
            if self._beyond_sampling(worst):
                found.add(worst)
        return frozenset(found)

    def difference(self, one: str, other: str) -> Difference:
        """Return the difference of two models, the first minus the second."""
        a, b = self.models[one], self.models[other]
        shared = sorted(set(a.values) & set(b.values))
        if len(shared) < 2 and max(len(a.values), len(b.values)) > 1:
            return _unpaired(a, b)
        gaps = np.array([a.values[seed] - b.values[seed] for seed in shared])
        if not len(gaps):
            return Difference(math.nan, math.nan, math.inf)
        value = float(gaps.mean())
        size = max(abs(each) for seed in shared for each in (a.values[seed], b.values[seed]))
        if abs(value) <= MIN_RELATIVE_DIFFERENCE * size:
            value = 0.0
        within = mean_error([_gap_error(a, b, seed) for seed in shared])
        if len(gaps) == 1:
            return Difference(value, within, JACKKNIFE_DEGREES)
        variance, degrees = float(gaps.var(ddof=1)), float(len(gaps) - 1)
        if self._pooled is not None and {one, other} <= set(self._stable):
            variance = (PRIOR_DEGREES * 2.0 * self._pooled + degrees * variance) / (PRIOR_DEGREES + degrees)
            degrees += PRIOR_DEGREES
        between = math.sqrt(variance / len(gaps))
        if within > between:
            return Difference(value, within, JACKKNIFE_DEGREES)
        return Difference(value, between, degrees)

    def adjusted(self) -> dict[Pair, float]:
        """Return the p-value of each pair, adjusted for their number."""
        pairs = list(combinations(self.models, 2))
        return dict(zip(pairs, holm([self.difference(*pair).p_value for pair in pairs]), strict=True))

    def spread(self, name: str) -> tuple[float, float] | None:
        """Return the variance of a model over seeds and its degrees of freedom; None for a single seed."""
        values = np.array(list(self.models[name].values.values()))
        if len(values) < 2:
            return None
        variance, degrees = float(values.var(ddof=1)), float(len(values) - 1)
        others = [
            float(np.var(list(m.values.values()), ddof=1))
            for n, m in self.models.items()
            if n not in self.unstable and len(m.values) > 1
        ]
        if name in self.unstable or len(others) < 3:
            return variance, degrees
        pooled = float(np.mean(others))
        return (PRIOR_DEGREES * pooled + degrees * variance) / (PRIOR_DEGREES + degrees), degrees + PRIOR_DEGREES

    @cached_property
    def _common(self) -> dict[str, Array]:
        """The values of the models that have the most frequent set of seeds, if that has two seeds or more."""
        seeds = [tuple(sorted(m.values)) for m in self.models.values()]
        if not seeds:
            return {}
        common = max(dict.fromkeys(seeds), key=lambda each: (seeds.count(each), len(each)))
        if len(common) < 2:
            return {}
        return {
            name: np.array([m.values[seed] for seed in common])
            for name, m in self.models.items()
            if tuple(sorted(m.values)) == common
        }

    @cached_property
    def _stable(self) -> list[str]:
        return [name for name in self._common if name not in self.unstable]

    @cached_property
    def _pooled(self) -> float | None:
        """The variance of a model about the changes from seed to seed that all have in common; None of two models."""
        return self._residual_variance(self._stable) if len(self._stable) >= 3 else None

    def _residual_variance(self, names: Sequence[str]) -> float:
        rows = np.array([self._common[name] for name in names])  # (models, seeds)
        residuals = rows - rows.mean(1, keepdims=True) - rows.mean(0) + rows.mean()
        return float((residuals**2).sum() / ((rows.shape[0] - 1) * (rows.shape[1] - 1)))

    def _spread_p(self, name: str, others: Sequence[str]) -> float:
        """Return the p-value of an F test: the spread of one model about the mean of others, against theirs."""
        if len(others) < 2:
            return 1.0
        mean = np.mean([self._common[other] for other in others], axis=0)
        own = float((self._common[name] - mean).var(ddof=1)) / (1.0 + 1.0 / len(others))
        pooled, degrees = self._residual_variance(others), len(mean) - 1
        rounding = (MIN_RELATIVE_DIFFERENCE * float(max(np.abs(values).max() for values in self._common.values()))) ** 2
        if own <= rounding or pooled <= rounding:
            return 1.0 if own <= rounding else 0.0
        return float(special.fdtrc(degrees, (len(others) - 1) * degrees, own / pooled))

    def _beyond_sampling(self, name: str) -> bool:
        """Return whether the seeds of a model differ by more than their sampling errors, where these are known."""
        model = self.models[name]
        errors = list(model.errors.values())
        spread = float(np.std(list(model.values.values()), ddof=1))
        return len(errors) < len(model.values) or spread > 2.0 * median(errors)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number by Holm's step-down method (1979); NaN is counted and stays NaN."""
    ordered = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    running = 0.0
    for position, (p, i) in enumerate(ordered):
        running = max(running, min(1.0, (len(p_values) - position) * p))
        adjusted[i] = running
    return adjusted


def _gap_error(a: Measured, b: Measured, seed: int) -> float:
    """Return the sampling error of the difference of one seed: jackknifed, or as if both were independent."""
    one, other = a.replicates.get(seed), b.replicates.get(seed)
    if one is not None and other is not None:
        error = jackknife_gap_error(one.tolist(), other.tolist())
        if error is not None:
            return error
    if seed in a.errors and seed in b.errors:
        return math.hypot(a.errors[seed], b.errors[seed])
    return math.nan


def mean_error(errors: Sequence[float]) -> float:
    """Return the error of a mean of numbers with these errors; NaN if one is not known."""
    return math.sqrt(math.fsum(e * e for e in errors)) / len(errors)


def _unpaired(a: Measured, b: Measured) -> Difference:
    """Return the difference of means over different seeds, with the error and degrees of freedom of Welch (1947)."""
    value = float(np.mean(list(a.values.values())) - np.mean(list(b.values.values())))
    parts = []
    for each in (a, b):
        values, n = np.array(list(each.values.values())), len(each.values)
        sampling = mean_error([each.errors.get(seed, math.nan) for seed in each.values])
        if n == 1:
            parts.append((sampling, float(JACKKNIFE_DEGREES)))
            continue
        parts.append(max((math.sqrt(float(values.var(ddof=1)) / n), n - 1.0), (sampling, float(JACKKNIFE_DEGREES)),
                         key=lambda part: -1.0 if math.isnan(part[0]) else part[0]))  # fmt: skip
    variance = math.fsum(error * error for error, _ in parts)
    terms = math.fsum(error**4 / degrees for error, degrees in parts)
    degrees = variance * variance / terms if terms > 0.0 else math.inf
    return Difference(value, math.sqrt(variance), degrees)

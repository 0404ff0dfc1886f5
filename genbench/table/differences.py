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
from scipy.special import fdtrc, stdtr

from genbench.record.score import MIN_GROUPS, jackknife_gap_error

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
        return float(2.0 * stdtr(self.degrees, -abs(self.value) / self.error))


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
            p_values = dict(zip(stable, self._spread_p_values(stable), strict=True))
            worst = min(p_values, key=lambda name: p_values[name])
            if not p_values[worst] * len(stable) < UNSTABLE_P_VALUE:
                break
            stable.remove(worst)
            if self._beyond_sampling(worst):
                found.add(worst)
        return frozenset(found)

    def difference(self, one: str, other: str) -> Difference:
        """Return the difference of two models, the first minus the second."""
        if self._pairs is not None:
            return self._pairs.difference(one, other)
        a, b = self.models[one], self.models[other]
        shared = sorted(set(a.values) & set(b.values))
        if len(shared) < 2 and max(len(a.values), len(b.values)) > 1:
            return _unpaired(a, b)
        if not shared:
            return Difference(math.nan, math.nan, math.inf)
        return Pairs({one: a, other: b}, shared, self._pooled, self._stable).difference(one, other)

    def adjusted(self) -> dict[Pair, float]:
        """Return the p-value of each pair, adjusted for their number."""
        pairs = list(combinations(self.models, 2))
        if self._pairs is not None:
            return dict(zip(pairs, holm(self._pairs.p_values), strict=True))
        return dict(zip(pairs, holm([self.difference(*pair).p_value for pair in pairs]), strict=True))

    @cached_property
    def _pairs(self) -> Pairs | None:
        """All pairs at once; None where models have different seeds, or none."""
        seeds = {tuple(sorted(m.values)) for m in self.models.values()}
        if len(seeds) != 1 or len(self.models) < 2 or not (shared := seeds.pop()):
            return None
        return Pairs(self.models, shared, self._pooled, self._stable)

    def spread(self, name: str) -> tuple[float, float] | None:
        """Return the variance of a model over seeds and its degrees of freedom; None for a single seed."""
        if len(self.models[name].values) < 2:
            return None
        variance, degrees = self._variances[name], float(len(self.models[name].values) - 1)
        if name in self.unstable or self._typical_variance is None:
            return variance, degrees
        total = PRIOR_DEGREES * self._typical_variance + degrees * variance
        return total / (PRIOR_DEGREES + degrees), degrees + PRIOR_DEGREES

    @cached_property
    def _variances(self) -> dict[str, float]:
        """The variance over seeds of each model that has several."""
        return {n: float(np.var(list(m.values.values()), ddof=1)) for n, m in self.models.items() if len(m.values) > 1}

    @cached_property
    def _typical_variance(self) -> float | None:
        """The mean variance over seeds of the models that are not unstable; None of fewer than three."""
        stable = [variance for name, variance in self._variances.items() if name not in self.unstable]
        return float(np.mean(stable)) if len(stable) >= 3 else None

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

    def _spread_p_values(self, names: Sequence[str]) -> list[float]:
        """Return p-values of F tests: the spread of each of at least 3 models about the mean of the others, to theirs.

        Nothing is subtracted from a sum over all, in which one model that diverged would cost the others their digits.
        """
        rows = np.array([self._common[name] for name in names])  # (models, seeds)
        models, seeds = rows.shape
        means = (1.0 - np.eye(models)) @ rows / (models - 1)  # of the others
        own = (rows - means).var(1, ddof=1) / (1.0 + 1.0 / (models - 1))
        about_means = rows - rows.mean(1, keepdims=True), means - means.mean(1, keepdims=True)
        squares = ((about_means[0] - about_means[1][:, None]) ** 2).sum(2)  # (left out, model)
        np.fill_diagonal(squares, 0.0)
        pooled, degrees = squares.sum(1) / ((models - 2) * (seeds - 1)), seeds - 1
        rounding = (MIN_RELATIVE_DIFFERENCE * float(max(np.abs(values).max() for values in self._common.values()))) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            p_values = fdtrc(degrees, (models - 2) * degrees, own / pooled)
        p_values = np.where(pooled <= rounding, 0.0, p_values)
        return np.where(own <= rounding, 1.0, p_values).tolist()  # type: ignore[no-any-return]

    def _beyond_sampling(self, name: str) -> bool:
        """Return whether the seeds of a model differ by more than their sampling errors, where these are known."""
        model = self.models[name]
        errors = list(model.errors.values())
        spread = float(np.std(list(model.values.values()), ddof=1))
        return len(errors) < len(model.values) or spread > 2.0 * median(errors)


class Pairs:
    """All pairs of models that have the same seeds, at least one, the first of each pair minus the second."""

    def __init__(
        self, models: Mapping[str, Measured], seeds: Sequence[int], pooled: float | None, stable: Sequence[str]
    ) -> None:
        self._at = {name: i for i, name in enumerate(models)}
        self._one, self._other = np.triu_indices(len(models), 1)  # in the order of `combinations`
        values = np.array([[m.values[seed] for seed in seeds] for m in models.values()])
        gaps = self._differences(values)
        sizes = np.abs(values).max(1)
        mean = gaps.mean(1)
        rounding = MIN_RELATIVE_DIFFERENCE * np.maximum(sizes[self._one], sizes[self._other])
        self.values = np.where(np.abs(mean) <= rounding, 0.0, mean)
        squares = sum(self._gap_errors(list(models.values()), seed) ** 2 for seed in seeds)
        within = np.sqrt(squares) / len(seeds)
        self.errors, self.degrees = within, np.full(len(within), float(JACKKNIFE_DEGREES))
        if len(seeds) > 1:
            variance, degrees = gaps.var(1, ddof=1), np.full(len(within), len(seeds) - 1.0)
            if pooled is not None:
                known = np.isin(list(models), list(stable))
                both = known[self._one] & known[self._other]
                shrunk = (PRIOR_DEGREES * 2.0 * pooled + degrees * variance) / (PRIOR_DEGREES + degrees)
                variance, degrees = np.where(both, shrunk, variance), degrees + PRIOR_DEGREES * both
            between = np.sqrt(variance / len(seeds))
            self.errors = np.where(within > between, within, between)
            self.degrees = np.where(within > between, self.degrees, degrees)

    @property
    def p_values(self) -> Array:
        """Two-sided p-value of no difference of each pair, NaN where no error is known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = 2.0 * stdtr(self.degrees, -np.abs(self.values) / self.errors)
        exact = np.where(self.values == 0.0, 1.0, 0.0)
        return np.where(np.isnan(self.errors), math.nan, np.where(self.errors == 0.0, exact, found))

    def difference(self, one: str, other: str) -> Difference:
        """Return the difference of two models."""
        i, j = self._at[one], self._at[other]
        first, second, models = min(i, j), max(i, j), len(self._at)
        at = first * (2 * models - first - 1) // 2 + second - first - 1
        value = float(self.values[at])
        return Difference(value if i < j else 0.0 - value, float(self.errors[at]), float(self.degrees[at]))

    def _differences(self, rows: Array) -> Array:
        found: Array = rows[self._one] - rows[self._other]
        return found

    def _gap_errors(self, models: Sequence[Measured], seed: int) -> Array:
        """Return the sampling error of the difference of each pair in one seed: jackknifed, or as if independent."""
        lengths = [len(m.replicates.get(seed, ())) for m in models]
        if len(set(lengths)) > 1:  # of some models only: each pair by itself
            pairs = zip(self._one.tolist(), self._other.tolist(), strict=True)
            return np.array([_gap_error(models[i], models[j], seed) for i, j in pairs])
        if lengths[0] >= MIN_GROUPS:
            gaps = self._differences(np.array([m.replicates[seed] for m in models]))
            centred, groups = gaps - gaps.mean(1, keepdims=True), lengths[0]
            jackknifed: Array = np.sqrt((groups - 1) / groups * (centred**2).sum(1))
            return jackknifed
        errors = np.array([m.errors.get(seed, math.nan) for m in models])
        independent: Array = np.hypot(errors[self._one], errors[self._other])
        return independent


def holm(p_values: Sequence[float] | Array) -> list[float]:
    """Return p-values adjusted for their number by Holm's step-down method (1979); NaN is counted and stays NaN."""
    given = np.asarray(p_values, float)
    known = np.flatnonzero(~np.isnan(given))
    order = known[np.argsort(given[known], kind="stable")]
    adjusted = np.full(len(given), math.nan)
    steps = np.minimum(1.0, (len(given) - np.arange(len(order))) * given[order])
    adjusted[order] = np.maximum.accumulate(steps)
    return adjusted.tolist()


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

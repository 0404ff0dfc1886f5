"""Significance of differences: means over seeds with their uncertainty, p-values of pairs, intervals of ranks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from scipy import special, stats

from genbench.record.score import CONFIDENCE_LEVEL

__all__ = ["Estimate", "RankInterval", "difference_p", "holm", "pair_p_values", "rank_intervals"]

MAX_PRIOR_DEGREES = 2.0  # degrees of freedom that the variances of other models count for
MAX_CORRELATION = 0.999  # over seeds, of two models

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Estimate:
    """One quantity of one model: its value for each seed, and the sampling error of a single value if known.

    ``limit`` is True if values are lower limits: the true value may be any larger number. ``sides`` are the errors of a
    single value towards smaller and larger numbers, if its interval is asymmetric.
    """

    by_seed: Mapping[int, float]
    noise: float | None = None
    limit: bool = False
    sides: tuple[float, float] | None = None
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
        """Standard deviation over seeds (n - 1 in the denominator), None for a single seed."""
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
        """Return the 95 % t interval of the mean, None if no error is known."""
        if self.error is None:
            return None
        half = self.error * float(stats.t.ppf(0.5 + CONFIDENCE_LEVEL / 2, self.degrees))
        return self.mean - half, self.mean + half


@dataclass(frozen=True)
class RankInterval:
    """The rank of one number of a column, and its confidence interval (95 % for the whole column at once)."""

    rank: int
    low: int
    high: int
    tied: bool  # no other is significantly better, and that could be tested


def difference_p(one: Estimate, other: Estimate) -> float:
    """Return the two-sided p-value of equal means by Welch's t test (1947) over seeds, NaN if an error is not known."""
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
    """Return p-values adjusted for their number by Holm's step-down method (1979); NaN is counted and stays NaN."""
    ordered = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    running = 0.0
    for position, (p, i) in enumerate(ordered):
        running = max(running, min(1.0, (len(p_values) - position) * p))
        adjusted[i] = running
    return adjusted


def rank_intervals(column: Mapping[str, Estimate], better: str) -> dict[str, RankInterval]:
    """Return the rank and its confidence interval for each estimate of a column; ``better`` is lower or higher.

    All pairs are tested (``pair_p_values``) at 5 % after Holm's adjustment. The interval of a rank begins after the
    estimates that are significantly better and ends before those that are significantly worse (simultaneous intervals
    for ranks: Al Mohamad, Goeman & van Zwet 2022, Biometrics 78). Estimates that no other beats tie for the best.
    """
    sign = -1.0 if better == "higher" else 1.0
    p_values = pair_p_values(column)
    adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    significant = {pair for pair, p in adjusted.items() if p < 1.0 - CONFIDENCE_LEVEL}
    means = {name: sign * estimate.mean for name, estimate in column.items()}
    losses: dict[str, int] = dict.fromkeys(column, 0)
    wins: dict[str, int] = dict.fromkeys(column, 0)
    for one, other in significant:
        winner, loser = (one, other) if means[one] < means[other] else (other, one)
        if not (better == "higher" and column[loser].limit) and not (better == "lower" and column[winner].limit):
            wins[winner] += 1
            losses[loser] += 1
    tested = any(not math.isnan(p) for p in p_values.values())
    found = {}
    for name, mean in means.items():
        rank = 1 + sum(other < mean for other in means.values())
        low, high = min(rank, 1 + losses[name]), max(rank, len(means) - wins[name])
        found[name] = RankInterval(rank, low, high, tested and low == 1)
    return found


def pair_p_values(column: Mapping[str, Estimate]) -> dict[Pair, float]:
    """Return the two-sided p-value of equal means for each pair of a column, NaN if it cannot be tested.

    Values are compared on a logarithmic scale. Three seeds give a variance only two degrees of freedom: that of each
    model is therefore moderated by those of the others (Smyth 2004), as far as these agree. Models with the same seed
    are trained on the same data: the correlation that all pairs have in common reduces the variance of a difference.
    Two models alone, models with different seeds, and single seeds are compared by Welch's t test, single seeds with
    their sampling errors (``_single_p``).

    In simulations, three or six equal models are called different in 1 to 6 % of columns of three to ten seeds if their
    spreads on the logarithmic scale are alike or differ by a factor of about two, and in 8 to 11 % of columns of three
    seeds if a third of the models spread five times as wide. Of six models, the three that are three times worse at a
    spread of 30 % are found in 68 % of cases with three seeds (Welch's t test: 17 %), 98 % with five, all with ten.
    """
    pairs = list(combinations(column, 2))
    if all(len(estimate.by_seed) == 1 for estimate in column.values()):
        return {(one, other): _single_p(column[one], column[other]) for one, other in pairs}
    scaled = _scaled(column)
    seeds = {tuple(sorted(estimate.by_seed)) for estimate in column.values()}
    if len(column) < 3 or len(seeds) > 1 or any(len(each) < 2 for each in seeds):
        return {(one, other): difference_p(scaled[one], scaled[other]) for one, other in pairs}
    common = next(iter(seeds))
    values = np.array([[scaled[name].by_seed[seed] for seed in common] for name in column])  # (models, seeds)
    return dict(zip(pairs, _moderated_p_values(values), strict=True))


def _moderated_p_values(values: Array) -> list[float]:
    """Return the p-values of all pairs of rows of values (models, seeds), in the order of ``combinations``."""
    models, seeds = values.shape
    own, variances = float(seeds - 1), values.var(1, ddof=1)
    prior, suggested = _prior(variances, own)
    moderated = (prior * suggested + own * variances) / (prior + own)
    first, second = np.triu_indices(models, 1)
    one, other = moderated[first], moderated[second]
    variance = one + other - 2.0 * _common_correlation(values) * np.sqrt(one * other)
    gaps = np.abs(values[first].mean(1) - values[second].mean(1))
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = np.minimum((prior + own) * (one + other) ** 2 / (one**2 + other**2), models * own)  # Welch
        t = gaps / np.sqrt(variance / seeds)
    t[gaps <= 1e-12 * np.abs(values).max()] = 0.0  # equal up to rounding
    degrees[one + other == 0.0] = own
    return [float(p) for p in 2.0 * stats.t.sf(t, degrees)]


def _prior(variances: Array, own: float) -> tuple[float, float]:
    """Return the degrees of freedom and the variance of the prior that the variances of all models suggest.

    They follow from the moments of the logarithms (Smyth 2004, section 6.2). The variance is at least the median, the
    degrees of freedom at most ``MAX_PRIOR_DEGREES``: both keep the rate of false positives near its nominal level if
    the spreads of the models differ.
    """
    known = variances[variances > 0.0]
    if len(known) < 2:
        return 0.0, 0.0
    logs = np.log(known) - special.digamma(own / 2) + math.log(own / 2)
    excess = float(logs.var(ddof=1) - special.polygamma(1, own / 2))
    if excess <= 0.0:  # the variances agree
        return MAX_PRIOR_DEGREES, float(known.mean())
    prior = 2.0 * _inverse_trigamma(excess)
    suggested = math.exp(float(logs.mean()) + special.digamma(prior / 2) - math.log(prior / 2))
    return min(prior, MAX_PRIOR_DEGREES), max(suggested, float(np.median(known)))


def _common_correlation(values: Array) -> float:
    """Return the mean correlation of two models over seeds, less two standard errors of Fisher's z, at least 0."""
    models, seeds = values.shape
    deviations = values - values.mean(1, keepdims=True)
    sizes = np.sqrt((deviations**2).sum(1))
    if not sizes.all():
        return 0.0
    unit = deviations / sizes[:, None]
    correlation = min(float((unit @ unit.T)[np.triu_indices(models, 1)].mean()), MAX_CORRELATION)
    return max(math.tanh(math.atanh(correlation) - 2.0 / math.sqrt((models - 1) * (seeds - 1))), 0.0)


def _inverse_trigamma(x: float) -> float:
    """Return y with trigamma(y) = x > 0, by Newton's method on 1 / trigamma (Smyth 2004, appendix)."""
    y = 0.5 + 1.0 / x
    for _ in range(50):
        trigamma = float(special.polygamma(1, y))
        step = trigamma * (1.0 - trigamma / x) / float(special.polygamma(2, y))
        y += step
        if abs(step) < 1e-9 * y:
            break
    return y


def _scaled(column: Mapping[str, Estimate]) -> Mapping[str, Estimate]:
    """Return the logarithms of values, or asinh(value / median size) if some are not positive.

    The spread of scores and times over seeds grows with their size: without this, a model that is a hundred times worse
    than the best, and a hundred times noisier, would not differ significantly with two degrees of freedom. Columns with
    single seeds are returned unchanged.
    """
    if not column or any(len(estimate.by_seed) < 2 for estimate in column.values()):
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


def _single_p(one: Estimate, other: Estimate) -> float:
    """Return the p-value of the difference of two single seeds, NaN if a sampling error is not known.

    Logarithms are compared if both values are at least twice their errors, else the values themselves, each with its
    error towards the other: whether the larger value is as small as the other does not depend on its upper error
    (variance estimates recovered from limits, Zou & Donner 2008, doi:10.1002/sim.3095).
    """
    if one.noise is None or other.noise is None:
        return math.nan
    if all(each.mean > 0.0 and 2.0 * each.noise <= each.mean for each in (one, other) if each.noise is not None):
        return difference_p(_logarithm(one), _logarithm(other))
    smaller, larger = sorted((one, other), key=lambda each: each.mean)
    up = smaller.sides[1] if smaller.sides else smaller.noise
    down = larger.sides[0] if larger.sides else larger.noise
    return difference_p(Estimate(smaller.by_seed, up), Estimate(larger.by_seed, down))


def _logarithm(estimate: Estimate) -> Estimate:
    """Return the logarithm of a single seed's positive value, with its error to first order."""
    assert estimate.noise is not None
    return Estimate({seed: math.log(value) for seed, value in estimate.by_seed.items()}, estimate.noise / estimate.mean)

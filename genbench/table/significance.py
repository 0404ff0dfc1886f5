"""Which differences are real: means over seeds, their uncertainty, and ranks with the intervals that they deserve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from scipy import special, stats

from genbench.record.score import CONFIDENCE_LEVEL

__all__ = ["Estimate", "RankInterval", "difference_p", "holm", "pair_p_values", "places"]

PRIOR = 2.0  # degrees of freedom that the spreads of other models count for at most
MOST_SHARED = 0.999  # correlation over seeds that is taken off at most

Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Estimate:
    """One quantity of one model: its value for each seed, and the sampling error of one value if known.

    ``limit`` says that values are lower limits: the truth may be any larger number. ``sides`` are the errors of a
    single value towards smaller and larger numbers, where its interval is not symmetric.
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
        half = self.error * float(stats.t.ppf(0.5 + CONFIDENCE_LEVEL / 2, self.degrees))
        return self.mean - half, self.mean + half


@dataclass(frozen=True)
class RankInterval:
    """Where one number of a column stands: its rank, and the ranks that it may truly have (at 95 % for all at once)."""

    rank: int
    low: int
    high: int
    tied: bool  # no other is better beyond chance, and that could be tested


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


def places(column: Mapping[str, Estimate], better: str) -> dict[str, RankInterval]:
    """Return the place of each number of a column among those that may be compared with it.

    Every pair is tested (``pair_p_values``), Holm over all of them at 5 %. An interval runs from one past those that
    are better beyond chance to the last before those that are worse (simultaneous intervals for ranks: Al Mohamad,
    Goeman & van Zwet 2022, Biometrics 78); what nothing beats is tied for the best.
    """
    sign = -1.0 if better == "higher" else 1.0
    p_values = pair_p_values(column)
    real = {pair for pair, p in zip(p_values, holm(list(p_values.values())), strict=True) if p < 1.0 - CONFIDENCE_LEVEL}
    means = {name: sign * estimate.mean for name, estimate in column.items()}
    beaten: dict[str, int] = dict.fromkeys(column, 0)
    beats: dict[str, int] = dict.fromkeys(column, 0)
    for one, other in real:
        winner, loser = (one, other) if means[one] < means[other] else (other, one)
        if not (better == "higher" and column[loser].limit) and not (better == "lower" and column[winner].limit):
            beats[winner] += 1
            beaten[loser] += 1
    tested = any(not math.isnan(p) for p in p_values.values())
    found = {}
    for name, mean in means.items():
        rank = 1 + sum(other < mean for other in means.values())
        low, high = min(rank, 1 + beaten[name]), max(rank, len(means) - beats[name])
        found[name] = RankInterval(rank, low, high, tested and low == 1)
    return found


def pair_p_values(column: Mapping[str, Estimate]) -> dict[Pair, float]:
    """Return the two-sided p-value of each pair of equal means, NaN where it can't be tested.

    Values are compared on a logarithmic scale. Three seeds leave a variance two degrees of freedom, so that of each
    model is moderated by those of the others (Smyth 2004), as far as these agree. Models of one seed see the same data:
    what they have in common over all pairs is taken off the variance of a difference. Two models alone, other seeds in
    one than in another, and single seeds are compared by Welch's t, single seeds with their sampling errors
    (``_single_p``).

    By simulation, three or six equal models are called different in 1 to 6 % of columns of three to ten seeds, where
    their spreads on the logarithmic scale are alike or differ by a factor of about two, and in 8 to 11 % of columns of
    three seeds where a third of the models spread five times as wide. Of six models, the three that are three times
    worse at a spread of 30 % are told by 68 % with three seeds (Welch's t: 17 %), by 98 % with five, by all with ten.
    """
    pairs = list(combinations(column, 2))
    if all(len(estimate.by_seed) == 1 for estimate in column.values()):
        return {(one, other): _single_p(column[one], column[other]) for one, other in pairs}
    scaled = _scaled(column)
    seeds = {tuple(sorted(estimate.by_seed)) for estimate in column.values()}
    if len(column) < 3 or len(seeds) > 1 or any(len(each) < 2 for each in seeds):
        return {(one, other): difference_p(scaled[one], scaled[other]) for one, other in pairs}
    of_one = next(iter(seeds))
    values = np.array([[scaled[name].by_seed[seed] for seed in of_one] for name in column])  # (models, seeds)
    return dict(zip(pairs, _moderated(values), strict=True))


def _moderated(values: Array) -> list[float]:
    """Return the p-values of all pairs of rows, in the order of ``combinations``."""
    models, seeds = values.shape
    own, variances = float(seeds - 1), values.var(1, ddof=1)
    prior, suggested = _prior(variances, own)
    moderated = (prior * suggested + own * variances) / (prior + own)
    first, second = np.triu_indices(models, 1)
    one, other = moderated[first], moderated[second]
    variance = one + other - 2.0 * _shared(values) * np.sqrt(one * other)
    gaps = np.abs(values[first].mean(1) - values[second].mean(1))
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = np.minimum((prior + own) * (one + other) ** 2 / (one**2 + other**2), models * own)  # Welch
        t = gaps / np.sqrt(variance / seeds)
    t[gaps <= 1e-12 * np.abs(values).max()] = 0.0  # equal up to rounding
    degrees[one + other == 0.0] = own
    return [float(p) for p in 2.0 * stats.t.sf(t, degrees)]


def _prior(variances: Array, own: float) -> tuple[float, float]:
    """Return how many degrees of freedom the variances of others are worth, and the variance that they suggest.

    Moments of their logarithms (Smyth 2004, section 6.2); never less than their median, and worth at most ``PRIOR``
    degrees: both keep the errors near their level where the models' spreads differ.
    """
    known = variances[variances > 0.0]
    if len(known) < 2:
        return 0.0, 0.0
    logs = np.log(known) - special.digamma(own / 2) + math.log(own / 2)
    excess = float(logs.var(ddof=1) - special.polygamma(1, own / 2))
    if excess <= 0.0:  # they agree
        return PRIOR, float(known.mean())
    prior = 2.0 * _inverse_trigamma(excess)
    suggested = math.exp(float(logs.mean()) + special.digamma(prior / 2) - math.log(prior / 2))
    return min(prior, PRIOR), max(suggested, float(np.median(known)))


def _shared(values: Array) -> float:
    """Return the correlation over seeds that all pairs share, less two standard errors of Fisher's z, at least 0."""
    models, seeds = values.shape
    deviations = values - values.mean(1, keepdims=True)
    sizes = np.sqrt((deviations**2).sum(1))
    if not sizes.all():
        return 0.0
    unit = deviations / sizes[:, None]
    correlation = min(float((unit @ unit.T)[np.triu_indices(models, 1)].mean()), MOST_SHARED)
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
    """Return the values as logarithms or, where some are not positive, as asinh of multiples of their median size.

    The spread over seeds of scores and times grows with their size: with two degrees of freedom a model that is a
    hundred times worse, and as much noisier, could otherwise not be told from the best. Columns with single seeds are
    taken as they are.
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
    """Return the p-value of two single seeds, NaN where a sampling error is not known.

    Logarithms are compared where both values are at least twice their errors. Else the values are, by the error of
    each towards the other: a long upper end of the larger says nothing of whether it is as small as the other (variance
    estimates recovered from limits, Zou & Donner 2008, doi:10.1002/sim.3095).
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
    """Return a single seed's positive value as its logarithm, with the error that follows to first order."""
    assert estimate.noise is not None
    return Estimate({seed: math.log(value) for seed, value in estimate.by_seed.items()}, estimate.noise / estimate.mean)

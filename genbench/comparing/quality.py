"""Verdicts on scores, from one value per seed: a change counts beyond the noise of training and a margin."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from genbench.comparing.power import ALPHA, MAX_RUNS, runs_for, runs_to_exclude, smallest_shift
from genbench.comparing.shift import one_sided_p_values, paired_shift, welch_shift
from genbench.comparing.verdict import Verdict
from genbench.protocol import Array
from genbench.table.differences import holm

REPEAT_TOLERANCE = 1e-4  # relative difference at one seed that rounding alone can make
MIN_CHANGE_FLOOR_SDS = 3.0  # standard deviations of the floor: the smallest change that counts
MIN_CHANGE_SHARE = 0.05  # of the distance from the floor, or of the value: the smallest change that counts
ADVISED_SEEDS = 5  # a side, where the noise is not known yet
EQUAL_REASON = "equal at every seed"
LOGARITHMIC_UNITS = ("nats", "bits")  # units of values that are logarithms


@dataclass(frozen=True)
class Pair:
    """One metric of one cell on both sides, one value per seed.

    None stands for a value that could not be computed, infinity for a cell that failed; both count as the worst.
    ``floor`` is the score of fresh real data and ``floor_sd`` its standard deviation over draws. ``same_samples`` means
    that the samples are the same, bit for bit, at all seeds that both sides have; other seeds are then ignored.
    """

    subject: str
    metric: str
    base: Mapping[int, float | None]
    head: Mapping[int, float | None]
    better: str = "lower"
    unit: str = ""
    floor: float | None = None
    floor_sd: float | None = None
    same_samples: bool = False


@dataclass(frozen=True)
class _TestResult:
    """The tests of one pair, on a scale where spreads are alike and larger is worse."""

    p_worse: float  # one-sided
    p_better: float
    shift: float = math.nan
    upper: float = math.inf  # one-sided bound of the shift
    margin: float = 0.0  # the smallest shift that counts
    sd: float = math.inf
    runs: int = 0
    smallest: float | None = None  # the smallest relative change that these runs could have shown
    reason: str = ""


def decide_quality(
    pairs: Sequence[Pair],
    *,
    alpha: float = ALPHA,
    floors: float = MIN_CHANGE_FLOOR_SDS,
    share: float = MIN_CHANGE_SHARE,
) -> list[Verdict]:
    """Decide whether scores got worse; returns one verdict per pair, in the same order.

    First without a test: values within 1e-4 of each other at every seed are unchanged, and a missing value where base
    has none missing is a regression. Otherwise head regressed where its mean over seeds is worse with one-sided
    p < ``alpha``, adjusted by Holm over all tested pairs, and by more than the margin. The margin is the larger of
    ``floors`` standard deviations of the floor and ``share`` of the distance from the floor (without a floor, of the
    value; in nats and bits, ``share`` itself). A score is unchanged where its one-sided ``alpha`` bound excludes a
    worsening beyond the margin.

    The test is Welch's t on logarithms, or on asinh in units of the floor's standard deviation where that is known;
    with the same seeds on both sides also the paired t, taking twice the smaller p. Where values are missing it is the
    Mann-Whitney test, with missing values as the worst.
    """
    verdicts: list[Verdict] = [_undecided(pair) for pair in pairs]
    tested: dict[int, _TestResult] = {}
    for i, pair in enumerate(pairs):
        if verdict := _decide_without_test(pair, verdicts[i]):
            verdicts[i] = verdict
        else:
            tested[i] = _test(pair, alpha, floors, share)
    all_worse = holm([each.p_worse for each in tested.values()])
    all_better = holm([each.p_better for each in tested.values()])
    for (i, result), p_worse, p_better in zip(tested.items(), all_worse, all_better, strict=True):
        adjusted = replace(result, p_worse=p_worse, p_better=p_better)
        verdicts[i] = _decide_by_test(verdicts[i], adjusted, alpha, len(tested))
    return verdicts


def _undecided(pair: Pair) -> Verdict:
    """Return the verdict with everything known before a decision."""
    a, b = _mean(pair.base), _mean(pair.head)
    change = (b - a) / abs(a) if a and b is not None else None
    return Verdict(
        pair.subject, pair.metric, "inconclusive", better=pair.better, unit=pair.unit, base=a, head=b,
        base_runs=_runs(pair.base), head_runs=_runs(pair.head), change=change,
    )  # fmt: skip


def _runs(side: Mapping[int, float | None]) -> tuple[float | None, ...]:
    return tuple(value if value is not None and math.isfinite(value) else None for value in side.values())


def _mean(side: Mapping[int, float | None]) -> float | None:
    """Return the mean over seeds; None where a value is missing, as the remaining seeds would flatter the mean."""
    values = _runs(side)
    found = [value for value in values if value is not None]
    return math.fsum(found) / len(found) if found and len(found) == len(values) else None


# ------------------------------------------------------------------------------------------------------- without a test


def _decide_without_test(pair: Pair, known: Verdict) -> Verdict | None:
    """Return the verdict, or None where a test is needed."""
    missing = sum(value is None for value in pair.head.values())
    if missing and not any(value is None for value in pair.base.values()):
        return replace(known, verdict="regressed", reason=f"no value at {missing} of {len(pair.head)} seeds")
    if not pair.base or not pair.head:
        return replace(known, verdict="not comparable", reason="one side has no seeds")
    shared = [seed for seed in pair.base if seed in pair.head]
    same_seeds = pair.base.keys() == pair.head.keys()
    comparable = same_seeds or (pair.same_samples and None not in (known.base, known.head))
    if shared and comparable and all(_repeats(pair, seed) for seed in shared):
        exact = all(pair.base[seed] == pair.head[seed] for seed in shared)
        reason = EQUAL_REASON if exact else f"within {REPEAT_TOLERANCE:g} at every seed"
        return replace(known, verdict="unchanged", reason=reason if same_seeds else f"{reason} that both sides have")
    return None


def _repeats(pair: Pair, seed: int) -> bool:
    """Return whether head repeats the value of base at a seed, up to rounding."""
    a, b = pair.base[seed], pair.head[seed]
    if a == b:
        return True
    if a is None or b is None or math.isinf(a) or math.isinf(b):
        return False
    return abs(a - b) <= REPEAT_TOLERANCE * max(abs(a), abs(b), pair.floor_sd or 0.0)


# ---------------------------------------------------------------------------------------------------------- by a test


def _test(pair: Pair, alpha: float, floors: float, share: float) -> _TestResult:
    sign = 1.0 if pair.better == "lower" else -1.0
    a, b = _values(pair.base), _values(pair.head)
    runs = min(len(a), len(b))
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        a, b = (np.where(np.isfinite(side), sign * side, np.inf) for side in (a, b))
        worse, better = one_sided_p_values(stats.mannwhitneyu, b, a)
        missing = f"{int(np.isinf(a).sum())} of {len(a)} and {int(np.isinf(b).sum())} of {len(b)} seeds have no value"
        return _TestResult(worse, better, runs=runs, reason=missing)
    to_scale, from_scale = _variance_stabilising_scale(pair, np.concatenate([a, b]))
    mean = float(a.mean())
    y, z = sign * to_scale(a), sign * to_scale(b)
    shift = float(z.mean() - y.mean())
    margin = _margin_of(pair, mean, sign, to_scale, floors, share)
    if runs < 2:
        reason = f"one seed a side; {ADVISED_SEEDS} are needed to estimate the noise"
        return _TestResult(1.0, 1.0, shift, margin=margin, runs=runs, reason=reason)
    # without any spread, p is that of a random labelling
    tests = [(welch_shift(y, z), 1.0 / math.comb(len(y) + len(z), len(z)))]
    if pair.base.keys() == pair.head.keys():
        order = [list(pair.base).index(seed) for seed in pair.head]
        tests.append((paired_shift(z - y[order]), 0.5 ** len(z)))
    p_values = [test.p_values(chance) for test, chance in tests]
    worse, better = (min(1.0, 2.0 * min(each)) for each in zip(*p_values, strict=True))
    sd = math.sqrt((float(y.var(ddof=1)) + float(z.var(ddof=1))) / 2.0)
    with np.errstate(over="ignore"):  # the scores may be so noisy that no finite change could have been shown
        detectable = from_scale(to_scale(np.array([mean])) + sign * smallest_shift(sd, runs, alpha))
    smallest = abs(float(detectable[0]) - mean) / abs(mean) if mean else None
    upper = min(test.mean if test.is_exact else test.mean + test.half_width(alpha / 2) for test, _ in tests)
    return _TestResult(worse, better, shift, upper, margin, sd, runs, smallest)


def _values(side: Mapping[int, float | None]) -> Array:
    return np.array([math.inf if value is None else value for value in side.values()], dtype=np.float64)


def _variance_stabilising_scale(pair: Pair, values: Array) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Return a map to a scale on which the spread over seeds depends little on the value, and its inverse."""
    if pair.unit.startswith(LOGARITHMIC_UNITS):
        return lambda x: x, lambda y: y
    if not pair.floor_sd and (values > 0.0).all():
        return np.log, np.exp
    unit = pair.floor_sd or float(np.median(np.abs(values[values != 0.0]))) if values.any() else 1.0
    return lambda x: np.arcsinh(x / unit), lambda y: unit * np.sinh(y)


def _margin_of(
    pair: Pair, mean: float, sign: float, to_scale: Callable[[Array], Array], floors: float, share: float
) -> float:
    """Return the smallest shift that counts, on the scale."""
    relative = share if pair.unit.startswith(LOGARITHMIC_UNITS) else share * abs(mean - (pair.floor or 0.0))
    change = max(relative, floors * (pair.floor_sd or 0.0))
    if to_scale is np.log:
        return math.log1p(change / mean)
    before, after = to_scale(np.array([mean, mean + sign * change]))
    return abs(float(after - before))


# ----------------------------------------------------------------------------------------------------------- decisions


def _decide_by_test(known: Verdict, result: _TestResult, alpha: float, family: int) -> Verdict:
    """Return the verdict that a test with adjusted p-values comes to, of a family of so many tests."""
    known = replace(known, smallest=result.smallest, p=result.p_worse)
    by_rank = math.isnan(result.shift)
    if result.p_worse < alpha and (by_rank or result.shift > result.margin):
        return replace(known, verdict="regressed", reason=result.reason or "worse beyond noise and margin")
    if result.p_better < alpha and (by_rank or -result.shift > result.margin):
        reason = result.reason or "better beyond noise and margin"
        return replace(known, verdict="improved", p=result.p_better, reason=reason)
    if result.upper <= result.margin:
        return replace(known, verdict="unchanged", reason="worse by less than the margin")
    reason = result.reason or f"{result.runs} seeds a side cannot exclude a change beyond the margin"
    more = _more_seeds(result, alpha, family)
    differs = by_rank or abs(result.shift) > result.margin
    return replace(known, more_runs=more, reason=reason if more else f"{reason}, nor would {MAX_RUNS}", differs=differs)


def _more_seeds(result: _TestResult, alpha: float, family: int) -> int | None:
    """Return how many more seeds a side would settle the question; None for more than MAX_RUNS.

    They would show the observed shift to be real where it is beyond the margin, and else exclude a shift of the margin.
    """
    if not math.isfinite(result.sd):
        return max(ADVISED_SEEDS - result.runs, 1)
    if result.shift > result.margin:
        needed = runs_for(result.shift, result.sd, alpha / (2 * family))
    else:
        needed = runs_to_exclude(result.margin - max(result.shift, 0.0), result.sd, alpha / 2)
    return None if needed is None else max(needed - result.runs, 1)

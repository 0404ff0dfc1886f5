"""Which of two sides scores worse: one value a seed, beyond the noise of training and the resolution of the metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special, stats

from genbench.comparing.power import ALPHA, MOST_RUNS, runs_for, runs_to_exclude, smallest_shift
from genbench.comparing.verdict import Verdict
from genbench.table.significance import holm

__all__ = ["EQUAL", "FEW", "FLOORS", "SAME", "SHARE", "Pair", "decide_quality"]

SAME = 1e-4  # relative difference at one seed that only another order of sums makes
FLOORS = 3.0  # standard deviations of the floor that a change must exceed
SHARE = 0.05  # of the distance from the floor, or of the value, that a change must exceed
FEW = 5  # seeds a side that are advised where nothing else is known
EQUAL = "equal at every seed"
LOGARITHMS = ("nats", "bits")  # units of what is a logarithm already

Array = np.ndarray[tuple[int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Pair:
    """One metric of one cell on both sides, a value a seed.

    None is a value that could not be computed, infinity that of a cell that failed; both count as the worst. ``floor``
    is what fresh real data score and ``floor_sd`` how much that varies from draw to draw. ``same_samples`` says that
    models drew the same, bit for bit, at the seeds that both sides have: other seeds of one side are no change then.
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
class _Evidence:
    """What the seeds say of one pair, on a scale where spreads are alike and more is worse."""

    worse: float  # one-sided p-values
    better: float
    shift: float = math.nan
    most: float = math.inf  # one-sided bound of the shift
    least: float = 0.0  # the smallest shift that counts
    sd: float = math.inf
    runs: int = 0
    smallest: float | None = None  # the relative change of the smallest shift that could have been seen
    why: str = ""


def decide_quality(
    pairs: Sequence[Pair], *, alpha: float = ALPHA, floors: float = FLOORS, share: float = SHARE
) -> list[Verdict]:
    """Return whether scores got worse, one verdict a pair in the same order.

    Two gates. The same seeds within 1e-4 of each other are unchanged: the code did the same. Of the rest, head
    regressed where its mean over seeds is worse by one-sided p < ``alpha``, Holm over all of them, and by more than
    ``floors`` standard deviations of the floor and ``share`` of the distance from it (without a floor, of the value;
    in nats and bits, ``share`` itself). Unchanged is what excludes so large a change, at one-sided ``alpha``. Tests
    are Welch's t of the logarithms, or of asinh in units of the floor's deviation where it is known; where seeds agree
    also the paired t, the smaller p doubled. With values missing it is the Mann-Whitney test, the missing the worst.
    A value that got lost at a seed where base had all of them is a regression without a test.
    """
    verdicts: list[Verdict] = [_known(pair) for pair in pairs]
    tested: dict[int, _Evidence] = {}
    for i, pair in enumerate(pairs):
        if settled := _settled(pair, verdicts[i]):
            verdicts[i] = settled
        else:
            tested[i] = _evidence(pair, alpha, floors, share)
    worse = holm([each.worse for each in tested.values()])
    better = holm([each.better for each in tested.values()])
    for (i, evidence), p_worse, p_better in zip(tested.items(), worse, better, strict=True):
        verdicts[i] = _judged(verdicts[i], evidence, p_worse, p_better, alpha, len(tested))
    return verdicts


def _known(pair: Pair) -> Verdict:
    a, b = _mean(pair.base), _mean(pair.head)
    change = (b - a) / abs(a) if a and b is not None else None
    return Verdict(
        pair.subject, pair.metric, "inconclusive", better=pair.better, unit=pair.unit, base=a, head=b,
        base_runs=_runs(pair.base), head_runs=_runs(pair.head), change=change,
    )  # fmt: skip


def _runs(side: Mapping[int, float | None]) -> tuple[float | None, ...]:
    return tuple(value if value is not None and math.isfinite(value) else None for value in side.values())


def _mean(side: Mapping[int, float | None]) -> float | None:
    """Return the mean over seeds, None where a value is missing: no mean over survivors."""
    values = _runs(side)
    found = [value for value in values if value is not None]
    return math.fsum(found) / len(found) if found and len(found) == len(values) else None


# ---------------------------------------------------------------------------------------------------------- first gate


def _settled(pair: Pair, known: Verdict) -> Verdict | None:
    """Return the verdict where no test is needed."""
    lost = sum(value is None for value in pair.head.values())
    if lost and not any(value is None for value in pair.base.values()):
        return replace(known, verdict="regressed", reason=f"no value at {lost} of {len(pair.head)} seeds")
    if not pair.base or not pair.head:
        return replace(known, verdict="not comparable", reason="one side has no seeds")
    shared = [seed for seed in pair.base if seed in pair.head]
    alike = pair.base.keys() == pair.head.keys()
    settled = alike or (pair.same_samples and None not in (known.base, known.head))
    if shared and settled and all(_same(pair, seed) for seed in shared):
        exact = all(pair.base[seed] == pair.head[seed] for seed in shared)
        reason = EQUAL if exact else f"within {SAME:g} at every seed"
        return replace(known, verdict="unchanged", reason=reason if alike else f"{reason} that both sides have")
    return None


def _same(pair: Pair, seed: int) -> bool:
    a, b = pair.base[seed], pair.head[seed]
    if a == b:
        return True
    if a is None or b is None or math.isinf(a) or math.isinf(b):
        return False
    return abs(a - b) <= SAME * max(abs(a), abs(b), pair.floor_sd or 0.0)


# --------------------------------------------------------------------------------------------------------- second gate


def _evidence(pair: Pair, alpha: float, floors: float, share: float) -> _Evidence:
    sign = 1.0 if pair.better == "lower" else -1.0
    a, b = _values(pair.base), _values(pair.head)
    runs = min(len(a), len(b))
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        a, b = (np.where(np.isfinite(side), sign * side, np.inf) for side in (a, b))
        worse, better = (float(stats.mannwhitneyu(b, a, alternative=side).pvalue) for side in ("greater", "less"))
        bad = f"{int(np.isinf(a).sum())} of {len(a)} and {int(np.isinf(b).sum())} of {len(b)} seeds have no value"
        return _Evidence(worse, better, runs=runs, why=bad)
    scaled, unscaled = _scale(pair, np.concatenate([a, b]))
    middle = float(a.mean())
    y, z = sign * scaled(a), sign * scaled(b)
    least = _least(pair, middle, sign, scaled, floors, share)
    if runs < 2:
        return _Evidence(
            1.0,
            1.0,
            float(z.mean() - y.mean()),
            least=least,
            runs=runs,
            why=f"one seed a side, {FEW} are needed to know the noise",
        )
    found = [_welch(y, z, alpha / 2)]
    if pair.base.keys() == pair.head.keys():
        order = [list(pair.base).index(seed) for seed in pair.head]
        found.append(_paired(z - y[order], alpha / 2))
    else:
        found.append(found[0])
    worse, better = (min(1.0, 2.0 * min(each[side] for each in found)) for side in (0, 1))
    sd = math.sqrt((float(y.var(ddof=1)) + float(z.var(ddof=1))) / 2.0)
    with np.errstate(over="ignore"):  # scores so far apart that no finite change could have been seen
        seen = unscaled(scaled(np.array([middle])) + sign * smallest_shift(sd, runs, alpha))
    smallest = abs(float(seen[0]) - middle) / abs(middle) if middle else None
    most = min(each[2] for each in found)
    return _Evidence(worse, better, float(z.mean() - y.mean()), most, least, sd, runs, smallest)


def _values(side: Mapping[int, float | None]) -> Array:
    return np.array([math.inf if value is None else value for value in side.values()], dtype=np.float64)


def _scale(pair: Pair, values: Array) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Return the map to a scale on which the spread over seeds depends little on the value, and the way back."""
    if pair.unit.startswith(LOGARITHMS):
        return lambda x: x, lambda y: y
    if not pair.floor_sd and (values > 0.0).all():
        return np.log, np.exp
    size = pair.floor_sd or float(np.median(np.abs(values[values != 0.0]))) if values.any() else 1.0
    return lambda x: np.arcsinh(x / size), lambda y: size * np.sinh(y)


def _least(
    pair: Pair, middle: float, sign: float, scaled: Callable[[Array], Array], floors: float, share: float
) -> float:
    """Return the smallest shift that counts, on the scale."""
    if pair.unit.startswith(LOGARITHMS):
        part = share
    else:
        part = share * abs(middle - (pair.floor or 0.0))
    step = max(part, floors * (pair.floor_sd or 0.0))
    if scaled is np.log:
        return math.log1p(step / middle)
    before, after = scaled(np.array([middle, middle + sign * step]))
    return abs(float(after - before))


def _welch(y: Array, z: Array, alpha: float) -> tuple[float, float, float]:
    """Return the p-values of a shift up and down, and its upper bound."""
    one, other = float(y.var(ddof=1)) / len(y), float(z.var(ddof=1)) / len(z)
    terms = one**2 / (len(y) - 1) + other**2 / (len(z) - 1)
    degrees = (one + other) ** 2 / terms if terms else 1.0
    chance = 1.0 / math.comb(len(y) + len(z), len(z))
    return _t(float(z.mean() - y.mean()), math.sqrt(one + other), degrees, alpha, chance)


def _paired(gaps: Array, alpha: float) -> tuple[float, float, float]:
    error = float(gaps.std(ddof=1)) / math.sqrt(len(gaps))
    return _t(float(gaps.mean()), error, len(gaps) - 1.0, alpha, 0.5 ** len(gaps))


def _t(shift: float, error: float, degrees: float, alpha: float, chance: float) -> tuple[float, float, float]:
    """Return p-values and bound by Student's t; of values without spread, ``chance`` by which labels fell this way."""
    if error <= 1e-12 * abs(shift):
        return (chance if shift > 0.0 else 1.0), (chance if shift < 0.0 else 1.0), shift
    t = shift / error
    return (
        float(special.stdtr(degrees, -t)),
        float(special.stdtr(degrees, t)),
        shift - error * float(special.stdtrit(degrees, alpha)),
    )


# ------------------------------------------------------------------------------------------------------------ judgement


def _judged(known: Verdict, evidence: _Evidence, worse: float, better: float, alpha: float, family: int) -> Verdict:
    known = replace(known, smallest=evidence.smallest, p=worse)
    by_rank = math.isnan(evidence.shift)
    if worse < alpha and (by_rank or evidence.shift > evidence.least):
        return replace(known, verdict="regressed", reason=evidence.why or "worse beyond noise and margin")
    if better < alpha and (by_rank or -evidence.shift > evidence.least):
        return replace(known, verdict="improved", p=better, reason=evidence.why or "better beyond noise and margin")
    if evidence.most <= evidence.least:
        return replace(known, verdict="unchanged", reason="worse by less than the margin")
    reason = evidence.why or f"{evidence.runs} seeds a side cannot exclude a change beyond the margin"
    more = _more(evidence, alpha, family)
    return replace(known, more_runs=more, reason=reason if more else f"{reason}, nor would {MOST_RUNS}")


def _more(evidence: _Evidence, alpha: float, family: int) -> int | None:
    """Return how many more seeds a side settle it: show the shift if it is real, or else exclude the margin."""
    if not math.isfinite(evidence.sd):
        return max(FEW - evidence.runs, 1)
    if evidence.shift > evidence.least:
        needed = runs_for(evidence.shift, evidence.sd, alpha / (2 * family))
    else:
        needed = runs_to_exclude(evidence.least - max(evidence.shift, 0.0), evidence.sd, alpha / 2)
    return None if needed is None else max(needed - evidence.runs, 1)

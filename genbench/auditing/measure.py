"""Measure the scores of real data and of each fault, and the smallest size at which a metric sees it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any, TypeVar

import numpy as np

from genbench.auditing.faults import Fault
from genbench.auditing.findings import DETECTION_Z, FULL_CLAIM_SAMPLES, SEEN_AT_SMALLEST, Finding, Floor
from genbench.auditing.workspace import RealRows
from genbench.protocol import Array, Evidence, RealSide
from genbench.record.score import standard_error
from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer

T = TypeVar("T")
Listener = Callable[[str], None]
Scorers = Mapping[str, Scorer]  # by their names in tables
Scores = Sequence[Mapping[str, Any]]
FLOOR_DRAWS = 20  # of fresh real rows, for the floor and its standard deviation
INJECTIONS_PER_SIZE = 2  # of a fault, each into different rows
SIZE_STEP = 2.0  # ratio of the sizes that are tried one after the other
MAX_ROUNDING_SPREAD = 1e-12  # relative spread of scores that rounding explains


class SharedReal(RealSide):
    """The real side of all samples of an audit.

    It keeps results that every sample asks for, and those of a single sample until the next one.
    """

    def __init__(self, rows: Array) -> None:
        super().__init__(rows)
        self._found: dict[object, Any] = {}
        self._asked: list[set[object]] = [set()]  # by each of the first two samples, then by the current one

    def once(self, key: object, compute: Callable[[], T]) -> T:
        """Return ``compute()``, remembered under ``key``."""
        self._asked[-1].add(key)
        if key not in self._found:
            self._found[key] = compute()
        return self._found[key]  # type: ignore[no-any-return]

    def next_sample(self) -> None:
        """Forget the results that not both of the first two samples have asked for."""
        if len(self._asked) > 1:
            shared = self._asked[0] & self._asked[1]
            self._found = {key: value for key, value in self._found.items() if key in shared}
        if len(self._asked) < 3:
            self._asked.append(set())


@dataclass(frozen=True)
class Injector:
    """Draws n rows from a pool (p, d) of fresh real rows, and injects faults into them.

    ``evidence_of`` turns samples (n, d) in the space of faults into the evidence that metrics score.
    """

    pool: Array
    real: RealRows
    n: int
    seed: int
    evidence_of: Callable[[Array], Evidence]

    def draw(self, number: int) -> tuple[Array, RealRows]:
        """Return n rows of the pool, and ``real`` with the others as spare; the same for the same number."""
        order = np.random.default_rng([self.seed, number]).permutation(len(self.pool))
        return self.pool[order[: self.n]], replace(self.real, spare=self.pool[order[self.n :]])

    def inject(self, fault: Fault, size: float, number: int) -> Array:
        """Return draw ``number`` with the fault; the random numbers are the same for all sizes."""
        rows, real = self.draw(number)
        return fault(rows, size, np.random.default_rng([self.seed, number, *fault.name.encode()]), real)


def measure_floors(injector: Injector, scorers: Scorers, listener: Listener = lambda _: None) -> dict[str, Floor]:
    """Return the floor of each metric: the scores of fresh real rows against the same test rows.

    The standard deviation is corrected for the finite pool, whose draws overlap. Where all draws score the same it is
    the standard error that the metric itself gives, or None.
    """
    draws: dict[str, list[dict[str, Any]]] = {name: [] for name in scorers}
    for number in range(FLOOR_DRAWS):
        listener(f"real against real, {number + 1} of {FLOOR_DRAWS}")
        for name, score in _score(injector, injector.draw(number)[0], scorers).items():
            draws[name].append(score)
        scorers = {name: scorer for name, scorer in scorers.items() if draws[name][-1]["value"] is not None}
    return {name: _floor(scores, injector) for name, scores in draws.items()}


def _floor(scores: Scores, injector: Injector) -> Floor:
    values = [score["value"] for score in scores]
    if any(value is None for value in values):
        reason = next(tuple(score["warnings"][:1]) for score in scores if score["value"] is None)
        return Floor(None, None, tuple(values), reason or ("no value",))
    spread = stdev(values) / math.sqrt(1 - injector.n / len(injector.pool))
    if spread > MAX_ROUNDING_SPREAD * max(map(abs, values)):
        return Floor(fmean(values), spread, tuple(values))
    return Floor(fmean(values), standard_error(scores[0]) or None, tuple(values))


def _score(injector: Injector, rows: Array, scorers: Scorers) -> dict[str, dict[str, Any]]:
    evidence = injector.evidence_of(rows)
    scores = dict(zip(scorers, evaluate(evidence, list(scorers.values())), strict=True))
    if isinstance(evidence.real, SharedReal):
        evidence.real.next_sample()
    return scores


def measure_fault(
    injector: Injector, fault: Fault, scorers: Scorers, floors: Mapping[str, Floor], listener: Listener = lambda _: None
) -> list[Finding]:
    """Return each metric's finding on a fault: its z at the usual size, and the smallest size at which it sees it.

    Sizes go down or up by factors of two, within the fault's range, as long as some metric needs them.
    """
    z: dict[str, dict[float, float]] = {name: {} for name in scorers}  # by size

    def score_at(size: float, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        if not names:
            return {}
        listener(f"{fault.name}, {size:.3g} {fault.unit}")
        some = {name: scorers[name] for name in names}
        scores = [_score(injector, injector.inject(fault, size, number), some) for number in range(INJECTIONS_PER_SIZE)]
        for name in names:
            z[name][size] = _z([each[name]["value"] for each in scores], floors[name])
        return {name: [each[name] for each in scores] for name in names}

    working = [name for name in scorers if floors[name].value is not None]
    scores = score_at(fault.size, working)
    # nan, for a metric without a value, is neither at least nor below the threshold
    detecting = [name for name in working if abs(z[name][fault.size]) >= DETECTION_Z]
    for size in fault.smaller(injector.n, SIZE_STEP):
        score_at(size, detecting)
        detecting = [name for name in detecting if abs(z[name][size]) >= DETECTION_Z]
    blind = [name for name in working if abs(z[name][fault.size]) < DETECTION_Z]
    for size in fault.larger(SIZE_STEP):
        score_at(size, blind)
        blind = [name for name in blind if abs(z[name][size]) < DETECTION_Z]
    return [
        _finding(fault, name, scorers[name], scores.get(name, []), floors[name], z[name], injector.n)
        for name in scorers
    ]


def _z(values: Sequence[float | None], floor: Floor) -> float:
    """Return the mean distance from the floor in standard deviations, each value against the same draw without fault.

    Infinite where all real draws score the same and no value equals them; nan where a value is missing.
    """
    if floor.value is None or any(value is None for value in values):
        return math.nan
    distances = [value - draw for value, draw in zip(values, floor.draws, strict=False)]  # type: ignore[operator]
    if floor.sd is not None:
        return fmean(distances) / floor.sd
    return math.copysign(math.inf, distances[0]) if all(distances) else 0.0


def _finding(
    fault: Fault, name: str, scorer: Scorer, scores: Scores, floor: Floor, z_by_size: Mapping[float, float], n: int
) -> Finding:
    spec, z, smallest = scorer.spec, z_by_size.get(fault.size, math.nan), _smallest_detected(z_by_size)
    values = [score["value"] for score in scores]
    detected, strengths = abs(z) >= DETECTION_Z, [abs(other) for other in z_by_size.values()]
    return Finding(
        fault.name,
        name,
        size=fault.size,
        z=z if math.isfinite(z) else None,
        detected=detected,
        smallest=smallest,
        value=None if not values or None in values else fmean(values),
        floor=floor.value,
        floor_sd=floor.sd,
        better=spec.better,
        advertised=fault.name in spec.detects,
        flattered=detected and spec.ranked and (z > 0) == (spec.better == "higher"),
        warnings=_warnings(scores, floor, z_by_size, smallest),
        strongest=max(strengths) if strengths and all(map(math.isfinite, strengths)) else None,
        required=DETECTION_Z * math.sqrt(min(1.0, n / FULL_CLAIM_SAMPLES)),
    )


def _warnings(
    scores: Scores, floor: Floor, z_by_size: Mapping[float, float], smallest: float | None
) -> tuple[str, ...]:
    """Return why a number of a finding is missing, or only a bound."""
    if floor.value is None:
        return floor.warnings
    warnings = [text for score in scores if score["value"] is None for text in score["warnings"][:1]]
    if floor.sd is None:
        warnings.append(f"all real data score {floor.value:.4g}: with no spread, z is undefined")
    if smallest is None and not warnings:
        warnings.append(f"not seen at any size up to {max(z_by_size):.3g}")
    elif smallest == min(z_by_size):
        warnings.append(SEEN_AT_SMALLEST)
    return tuple(dict.fromkeys(warnings))


def _smallest_detected(z_by_size: Mapping[float, float]) -> float | None:
    """Return the size at which |z| crosses the threshold, interpolated in logarithms; None where no size is seen."""
    sizes = sorted(z_by_size)
    strengths = [abs(z_by_size[size]) for size in sizes]
    if not strengths or any(math.isnan(strength) for strength in strengths):
        return None
    unseen = [i for i, strength in enumerate(strengths) if strength < DETECTION_Z]
    if not unseen:
        return sizes[0]
    first = unseen[-1] + 1  # seen from here on upwards
    if first == len(sizes):
        return None
    below, above = max(strengths[first - 1], 1.0), strengths[first]
    if not math.isfinite(below) or not math.isfinite(above):
        return sizes[first]
    share = math.log(DETECTION_Z / below) / math.log(above / below)
    return float(sizes[first - 1] * (sizes[first] / sizes[first - 1]) ** share)

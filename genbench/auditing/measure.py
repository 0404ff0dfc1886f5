"""The measurement: what real data score, what each fault scores at its size, and how small a fault is still seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Any, TypeVar

import numpy as np

from genbench.auditing.faults import Fault
from genbench.auditing.findings import ENOUGH, LEAST, SEEN, Finding, Floor
from genbench.auditing.workspace import Ground
from genbench.protocol import Array, Evidence, RealSide
from genbench.record.score import standard_error
from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer

__all__ = ["FLOORS", "REPEATS", "Bench", "SharedReal", "floors_of", "measure"]

T = TypeVar("T")
Listener = Callable[[str], None]
Scorers = Mapping[str, Scorer]  # by the names that tables give them
FLOORS = 20  # fresh real samples that the floor and its spread are of
REPEATS = 2  # injections of a fault at each size, each into other rows
STEP = 2.0  # between the sizes that are tried
SAME = 1e-12  # relative spread of real data's scores that is rounding


class SharedReal(RealSide):
    """The real side of all samples of an audit: keeps what they all ask for, and of one sample only until the next."""

    def __init__(self, rows: Array) -> None:
        super().__init__(rows)
        self._found: dict[object, Any] = {}
        self._asked: list[set[object]] = [set()]  # for by each of the first two samples, then by this one

    def once(self, key: object, compute: Callable[[], T]) -> T:
        """Return ``compute()``, remembered under ``key``."""
        self._asked[-1].add(key)
        if key not in self._found:
            self._found[key] = compute()
        return self._found[key]  # type: ignore[no-any-return]

    def next_sample(self) -> None:
        """Forget what only one of the first two samples, or only the last, has asked for."""
        if len(self._asked) > 1:
            shared = self._asked[0] & self._asked[1]
            self._found = {key: value for key, value in self._found.items() if key in shared}
        if len(self._asked) < 3:
            self._asked.append(set())


@dataclass(frozen=True)
class Bench:
    """What faults are injected into and scored against: ``pool`` (p, d) of fresh real rows in the space of faults.

    ``present`` makes the evidence of samples (n, d) given in that space.
    """

    pool: Array
    ground: Ground
    n: int
    seed: int
    present: Callable[[Array], Evidence]

    def draw(self, number: int) -> tuple[Array, Ground]:
        """Return n real rows, and the ground with all others as spare; the same for the same number."""
        order = np.random.default_rng([self.seed, number]).permutation(len(self.pool))
        return self.pool[order[: self.n]], replace(self.ground, spare=self.pool[order[self.n :]])

    def faulty(self, fault: Fault, size: float, number: int) -> Array:
        """Return draw ``number`` with the fault in it; a larger size has the same random numbers."""
        rows, ground = self.draw(number)
        return fault(rows, size, np.random.default_rng([self.seed, number, *fault.name.encode()]), ground)


def floors_of(bench: Bench, scorers: Scorers, listener: Listener = lambda _: None) -> dict[str, Floor]:
    """Return what fresh real rows score by each metric against the same test rows.

    The spread is corrected for a finite pool, whose draws overlap. Where real data always score the same it is what
    the metric's own interval implies, and None where there is none.
    """
    draws: dict[str, list[dict[str, Any]]] = {name: [] for name in scorers}
    for number in range(FLOORS):
        listener(f"real against real, {number + 1} of {FLOORS}")
        for name, score in _scored(bench, bench.draw(number)[0], scorers).items():
            draws[name].append(score)
        scorers = {name: scorer for name, scorer in scorers.items() if draws[name][-1]["value"] is not None}
    return {name: _floor(scores, bench) for name, scores in draws.items()}


def _floor(scores: Sequence[Mapping[str, Any]], bench: Bench) -> Floor:
    values = [score["value"] for score in scores]
    if any(value is None for value in values):
        why = next(tuple(score["warnings"][:1]) for score in scores if score["value"] is None)
        return Floor(None, None, tuple(values), why or ("no value",))
    spread = stdev(values) / math.sqrt(1 - bench.n / len(bench.pool))
    if spread > SAME * max(map(abs, values)):
        return Floor(fmean(values), spread, tuple(values))
    return Floor(fmean(values), standard_error(scores[0]) or None, tuple(values))


def _scored(bench: Bench, rows: Array, scorers: Scorers) -> dict[str, dict[str, Any]]:
    evidence = bench.present(rows)
    scores = dict(zip(scorers, evaluate(evidence, list(scorers.values())), strict=True))
    if isinstance(evidence.real, SharedReal):
        evidence.real.next_sample()
    return scores


def measure(
    bench: Bench, fault: Fault, scorers: Scorers, floors: Mapping[str, Floor], listener: Listener = lambda _: None
) -> list[Finding]:
    """Return what each metric says of a fault at its size, and the smallest size at which it still sees it.

    Sizes go down, or up, by factors of two as long as some metric needs them, to the ends of the fault's range.
    """
    ladders: dict[str, dict[float, float]] = {name: {} for name in scorers}  # size -> z

    def inject(size: float, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
        if not names:
            return {}
        listener(f"{fault.name}, {size:.3g} {fault.unit}")
        some = {name: scorers[name] for name in names}
        repeats = [_scored(bench, bench.faulty(fault, size, number), some) for number in range(REPEATS)]
        for name in names:
            ladders[name][size] = _z([each[name]["value"] for each in repeats], floors[name])
        return {name: [each[name] for each in repeats] for name in names}

    working = [name for name in scorers if floors[name].value is not None]
    shown = inject(fault.size, working)
    left = [name for name in working if abs(ladders[name][fault.size]) >= SEEN]
    for size in fault.smaller(bench.n, STEP):
        inject(size, left)
        left = [name for name in left if abs(ladders[name][size]) >= SEEN]
    left = [name for name in working if abs(ladders[name][fault.size]) < SEEN]  # not where z is not a number
    for size in fault.larger(STEP):
        inject(size, left)
        left = [name for name in left if abs(ladders[name][size]) < SEEN]
    return [
        _finding(fault, name, scorers[name], shown.get(name, []), floors[name], ladders[name], bench.n)
        for name in scorers
    ]


def _z(values: Sequence[float | None], floor: Floor) -> float:
    """Return the mean distance from the floor in standard deviations, each value against its own draw without fault.

    Infinite where real data always score the same and these never do; not a number where there is no value.
    """
    if floor.value is None or any(value is None for value in values):
        return math.nan
    gaps = [value - draw for value, draw in zip(values, floor.draws, strict=False)]  # type: ignore[operator]
    if floor.sd is not None:
        return fmean(gaps) / floor.sd
    return math.copysign(math.inf, gaps[0]) if all(gaps) else 0.0


def _finding(
    fault: Fault,
    name: str,
    scorer: Scorer,
    scores: Sequence[Mapping[str, Any]],
    floor: Floor,
    ladder: Mapping[float, float],
    n: int,
) -> Finding:
    spec, z, smallest = scorer.spec, ladder.get(fault.size, math.nan), _smallest(ladder)
    values = [score["value"] for score in scores]
    seen, strengths = abs(z) >= SEEN, [abs(other) for other in ladder.values()]
    return Finding(
        fault.name,
        name,
        size=fault.size,
        z=z if math.isfinite(z) else None,
        detected=seen,
        smallest=smallest,
        value=None if not values or None in values else fmean(values),
        floor=floor.value,
        floor_sd=floor.sd,
        better=spec.better,
        advertised=fault.name in spec.detects,
        flattered=seen and spec.ranked and (z > 0) == (spec.better == "higher"),
        warnings=_warnings(scores, floor, ladder, smallest),
        strongest=max(strengths) if strengths and all(map(math.isfinite, strengths)) else None,
        required=SEEN * math.sqrt(min(1.0, n / ENOUGH)),
    )


def _warnings(
    scores: Sequence[Mapping[str, Any]], floor: Floor, ladder: Mapping[float, float], smallest: float | None
) -> tuple[str, ...]:
    """Return why a number of a finding does not exist, or is a bound."""
    if floor.value is None:
        return floor.warnings
    said = list(dict.fromkeys(text for score in scores if score["value"] is None for text in score["warnings"][:1]))
    if floor.sd is None:
        said.append(f"all real data score {floor.value:.4g}: no spread to tell z in")
    if smallest is None and not said:
        said.append(f"not seen at any size up to {max(ladder):.3g}")
    elif smallest == min(ladder):
        said.append(LEAST)
    return tuple(said)


def _smallest(ladder: Mapping[float, float]) -> float | None:
    """Return where |z| crosses the threshold, logarithms interpolated; None where even the largest size is not seen."""
    sizes = sorted(ladder)
    strengths = [abs(ladder[size]) for size in sizes]
    if not strengths or any(math.isnan(strength) for strength in strengths):
        return None
    unseen = [i for i, strength in enumerate(strengths) if strength < SEEN]
    if not unseen:
        return sizes[0]
    first = unseen[-1] + 1  # from here on upwards it is seen
    if first == len(sizes):
        return None
    below, above = max(strengths[first - 1], 1.0), strengths[first]
    if not math.isfinite(below) or not math.isfinite(above):
        return sizes[first]
    share = math.log(SEEN / below) / math.log(above / below)
    return float(sizes[first - 1] * (sizes[first] / sizes[first - 1]) ** share)

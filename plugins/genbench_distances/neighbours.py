"""Precision, recall, density and coverage: whose nearest-neighbour balls hold whom."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from genbench.protocol import Evidence, Score
from genbench_distances import NeighbourConfig
from genbench_distances.jackknife import SIZES, Fields, Interval, bounded, student
from genbench_distances.nearest import BLOCK, TREE, nearest_other, pairwise_distances, products
from genbench_distances.ranks import wilson
from genbench_distances.scale import any_scale
from genbench_distances.shared import of_samples

__all__ = ["Balls", "balls", "coverage", "density", "precision", "recall"]

Array = npt.NDArray[Any]
HALVINGS = 20
SPARE = 5  # neighbours for each of k, among which the k-th of a half is found
FEWEST = 4  # rows for each of k, below which halves mean nothing
OPEN = 1 - 2.0**-50  # a ball is open: what is on its rim to within rounding is outside
NEAR = 1e-9  # relative to the squared norms: where products may be on the wrong side of the rim


@dataclass(frozen=True)
class Balls:
    """A ball around each row, to its k-th other row: of all rows, and of its half in each halving."""

    rows: Array  # (n, d)
    radii: Array  # (n,)
    halved: Array  # (S, n)
    sides: Array  # (S, n) the half of each row


@any_scale(0)
def precision(evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the share of samples that lie in the ball of at least one real row; higher is better.

    A ball reaches to the row's k-th other neighbour and is open (distances strictly less). Between 0 and 1; sees
    outliers and noise, not lost modes. It depends on the sizes, and its interval is of the mean at these sizes.
    Kynkäänniemi et al. 2019, arXiv:1904.06991.
    """
    held = _samples_held(evidence, config)
    return _share(held.points, len(evidence.fake), held.told(config.k), evidence, config)


@any_scale(0)
def recall(evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the share of real rows that lie in the ball of at least one sample; higher is better.

    As `precision` with the sides exchanged: sees lost modes, not outliers. Kynkäänniemi et al. 2019, arXiv:1904.06991.
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    if m <= config.k:
        return Score(None, n_real=n, n_fake=m, warnings=(f"needs more than k={config.k} samples",))
    held = _held(balls(evidence.fake, config.k), evidence.real.rows)
    return _share(held.points, n, held.told(config.k), evidence, config)


@any_scale(0)
def density(evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the number of real balls that hold a sample, mean over samples, divided by k; higher is better.

    1 for a perfect model on average; more where samples crowd where real rows do. Balls and interval as in `precision`.
    Naeem et al. 2020, arXiv:2002.09797.
    """
    held = _samples_held(evidence, config)
    value, error = held.pairs.value / config.k, math.sqrt(_spread(held.pairs.halves)) / config.k
    half = student(HALVINGS) * error
    return _score(value, Interval(value - half, value + half, value, error), held.told(config.k), evidence, config)


@any_scale(0)
def coverage(evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the share of real balls that hold at least one sample; higher is better.

    A perfect model has 1 - 2^-k, 0.969 for k = 5 and as many samples as real rows. Balls and interval as in
    `precision`. Naeem et al. 2020, arXiv:2002.09797.
    """
    held = _samples_held(evidence, config)
    return _share(held.balls, len(evidence.real.rows), held.without_room(config.k), evidence, config)


def _share(found: Halved, points: int, warnings: tuple[str, ...], evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the score of a share of so many points, with Wilson's interval for as many as its noise is worth."""
    angles = np.arcsin(np.sqrt(found.halves))  # their spread does not depend on the share
    spread = max(_spread(angles), 0.25 / points)
    low, high = wilson(found.value, 0.25 / spread, student(HALVINGS))
    error = math.sqrt(max(found.value * (1 - found.value), 0.25 / points) * 4 * spread)
    return _score(found.value, Interval(low, high, found.value, error), warnings, evidence, config)


def _spread(halves: Array) -> float:
    """Return the variance of what both halves of many halvings (S, 2) average to; 0 of none."""
    return float(((halves[:, 0] - halves[:, 1]) ** 2).mean()) / 4 if len(halves) else 0.0


def _score(
    value: float, interval: Interval | None, warnings: tuple[str, ...], evidence: Evidence, config: NeighbourConfig
) -> Score:
    n, m = len(evidence.real.rows), len(evidence.fake)
    fields: Fields = {"n_real": n, "n_fake": m, "params": {"k": config.k, "ball": "open"}}
    if np.isnan(value):
        return Score(None, warnings=(f"needs more than k={config.k} real rows",), **fields)
    if min(n, m) < FEWEST * config.k:
        interval = None
    return bounded(
        value, interval, of=SIZES, method="random halves", least=0.0, warnings=warnings,
        missing=f"no interval: {FEWEST * config.k} rows of either side are needed", **fields,
    )  # fmt: skip


def _samples_held(evidence: Evidence, config: NeighbourConfig) -> Held:
    """Return which samples the real balls hold, once for the three metrics that ask."""
    return of_samples(evidence, ("held", config.k), lambda: _held(_real_balls(evidence, config), evidence.fake))


def _real_balls(evidence: Evidence, config: NeighbourConfig) -> Balls | None:
    real = evidence.real
    if len(real.rows) <= config.k:
        return None
    return real.once(("balls", config.k), lambda: balls(real.rows, config.k))


# ------------------------------------------------------------------------------------------------------------- radii


def sides(n: int) -> Array:
    """Return which half each of n rows is in, in each of many random halvings (S, n); always the same."""
    return np.random.Generator(np.random.PCG64(n)).permuted(np.tile(np.arange(n) % 2 == 0, (HALVINGS, 1)), axis=1)


def balls(rows: Array, k: int) -> Balls:
    """Return the ball of each row to its k-th other row (n > k), of all rows and of its half in each halving."""
    distances, neighbours = nearest_other(rows, min(SPARE * k, len(rows) - 1))
    half = sides(len(rows))
    radii = np.empty((len(half), len(rows)))
    for side, out in zip(half, radii, strict=True):
        kept = np.cumsum(side[neighbours] == side[:, None], axis=1) < k
        at = np.minimum(kept.sum(1), distances.shape[1] - 1)  # the k-th of its half, or the last that is known
        out[:] = distances[np.arange(len(rows)), at]
    return Balls(rows, distances[:, k - 1], radii, half)


# ------------------------------------------------------------------------------------------------- who is in which ball


@dataclass(frozen=True)
class Halved:
    """A mean over all rows, and over both halves of each halving (S, 2)."""

    value: float
    halves: Array

    @classmethod
    def of(cls, counts: Array, sides: Array) -> Halved:
        """Return the means of counts (1 + S, n) of each row."""
        first = (counts[1:] * sides).sum(1)
        number = sides.sum(1)
        halves = np.stack(
            [first / number, (counts[1:].sum(1) - first) / np.maximum(sides.shape[1] - number, 1)], axis=1
        )
        return cls(float(counts[0].mean()), halves)


@dataclass(frozen=True)
class Held:
    """Balls around a point, points in a ball, balls with a point; the number of balls, and of those of radius 0."""

    number: int
    empty: int
    pairs: Halved
    points: Halved
    balls: Halved

    @property
    def hit(self) -> int:
        """How many balls hold a point."""
        return round(self.balls.value * self.number) if self.number else 0

    def without_room(self, k: int) -> tuple[str, ...]:
        """Return a warning where balls are points: being open, they hold nothing."""
        why = f"{self.empty} of {self.number} balls hold nothing: over {k} rows are the same, and their radius is 0"
        return (why,) if self.empty else ()

    def told(self, k: int) -> tuple[str, ...]:
        """Return the warnings of what is held; halves may share none of the balls where so few are hit."""
        few = (f"all hangs on {self.hit} balls: the interval is too narrow",) if 0 < self.hit < FEWEST * k else ()
        return (*few, *self.without_room(k))


def _held(around: Balls | None, points: Array) -> Held:
    if around is None:
        nothing = Halved(math.nan, np.empty((0, 2)))
        return Held(0, 0, nothing, nothing, nothing)
    radii = np.vstack([around.radii[None], around.halved]) * OPEN
    half = sides(len(points))
    counts = np.zeros((1 + len(half), len(points)), np.int32)
    hit = np.zeros((1 + len(half), len(around.rows)), bool)
    for ball, point, distance in _inside(around.rows, radii, points):
        for s, reach in enumerate(radii):
            inside = distance < reach[ball]
            if s:
                inside &= around.sides[s - 1, ball] == half[s - 1, point]
            counts[s] += np.bincount(point[inside], minlength=len(points)).astype(np.int32)
            hit[s, ball[inside]] = True
    empty = int(np.count_nonzero(around.radii == 0))
    means = Halved.of(counts, half), Halved.of(counts > 0, half), Halved.of(hit, around.sides)
    return Held(len(around.rows), empty, *means)


def _inside(centres: Array, radii: Array, points: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Yield (ball, point, distance) of the points in the largest of the balls (1 + G, n), some balls at a time."""
    if centres.shape[1] <= TREE:
        yield from _inside_by_tree(centres, radii.max(0), points)
    else:
        yield from _inside_by_products(centres, radii[0], radii.max(0), points)


def _inside_by_tree(centres: Array, radii: Array, points: Array) -> Iterator[tuple[Array, Array, Array]]:
    tree = cKDTree(points)
    counts = tree.query_ball_point(centres, radii, return_length=True)
    for start, stop in _runs(counts):
        found = tree.query_ball_point(centres[start:stop], radii[start:stop])
        ball = np.repeat(np.arange(start, stop), counts[start:stop])
        point = np.concatenate([np.asarray(some, dtype=np.intp) for some in found])
        gaps = centres[ball] - points[point]
        distance = np.sqrt(np.einsum("ij,ij->i", gaps, gaps))
        yield ball, point, distance


def _runs(counts: Array) -> Iterator[tuple[int, int]]:
    """Yield slices of the balls that hold about a block of points together."""
    edges = np.searchsorted(np.cumsum(counts), np.arange(BLOCK, counts.sum() + BLOCK, BLOCK))
    start = 0
    for edge in edges:
        stop = min(int(edge) + 1, len(counts))
        if stop > start:
            yield start, stop
        start = stop


def _inside_by_products(
    centres: Array, radii: Array, largest: Array, points: Array
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield as `_inside`; a product that may be on the wrong side of the rim is computed again from differences."""
    middle = np.median(centres, axis=0)
    x, y = centres - middle, points - middle
    x_norms, y_norms = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    for start, squares in products(x, x_norms, y, y_norms):
        block = slice(start, start + len(squares))
        squares -= NEAR * y_norms
        ball, point = np.nonzero(squares < (largest[block] ** 2 + NEAR * x_norms[block])[:, None])
        found = squares[ball, point] + NEAR * y_norms[point]
        ball += start
        distance = np.sqrt(np.maximum(found, 0.0))
        doubtful = np.abs(found - radii[ball] ** 2) <= NEAR * (x_norms[ball] + y_norms[point])
        distance[doubtful] = pairwise_distances(centres, points, ball[doubtful], point[doubtful])
        yield ball, point, distance

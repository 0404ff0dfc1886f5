"""Precision, recall, density and coverage: which nearest-neighbour balls of one side hold rows of the other.

The variance of a value is found in two ways. Random halves have larger balls: where these reach the next mode, or where
samples lie in the balls of a few distant rows only, halves agree too well, and it is half of the truth. The jackknife
without groups of balls and points keeps all other balls as they are, and misses how they depend on each other: it is
between half and twice the truth for the number of balls that hold a point, and up to 4 times for shares close to 1. So
the variance is that by halves, raised by a part of what the jackknife's exceeds it. For coverage halves suffice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from genbench.protocol import Evidence, Score, jackknife_groups
from genbench_distances import NeighbourConfig
from genbench_distances.jackknife import MIN_GROUPS, SIZES, Fields, Interval, bounded, count, student, variance
from genbench_distances.nearest import (
    BLOCK_DISTANCES,
    MAX_TREE_COLUMNS,
    nearest_other,
    pairwise_distances,
    square_distance_blocks,
)
from genbench_distances.ranks import wilson
from genbench_distances.scale import any_scale
from genbench_distances.shared import of_samples

__all__ = ["Balls", "balls", "coverage", "density", "precision", "recall"]

Array = npt.NDArray[Any]
HALVINGS = 20
HALVES = "random halves"
# of what the jackknife's variance exceeds that by halves: with these parts, intervals cover in over 90 % on ten laws
COUNT_PART, SHARE_PART = 2 / 3, 1 / 2
NEIGHBOURS_PER_K = 5  # that are found, times k: the k-th within a half is among them
MIN_ROWS_PER_K = 4  # times k: fewer rows of either side have no interval
OPEN_BALL_FACTOR = 1 - 2.0**-50  # of the radius: a point on the surface, to within rounding, is outside
TIE_JITTER = 1e-6  # of the largest standard deviation of a column
ROUNDING_ERROR = 1e-9  # of squared distances by matrix products, relative to the squared norms


@dataclass(frozen=True)
class Balls:
    """A ball around each row, whose radius is the distance to the k-th nearest other row, in all rows and in halves."""

    rows: Array  # (n, d)
    radii: Array  # (n,) among all rows
    halved: Array  # (S, n) among the rows of its half, in each of S halvings
    sides: Array  # (S, n) the half of each row
    tied: int = 0  # balls of radius 0 before ties were broken
    jitter: float = 0.0  # that breaks the ties, of all points


@any_scale(0)
def precision(evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the share of samples that lie in the ball of at least one real row; higher is better.

    The radius of a ball is the distance to the row's k-th nearest other row; balls are open. The value is between 0 and
    1, and sensitive to outliers and noise, not to lost modes. It depends on the sizes; its interval is of the mean at
    these sizes. Kynkäänniemi et al. 2019, arXiv:1904.06991.
    """
    held = _samples_held(evidence, config)
    points = held.points
    return _share(points, len(evidence.fake), held.warnings(config.k), evidence, config, points.jackknifed)


@any_scale(0)
def recall(evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the share of real rows that lie in the ball of at least one sample; higher is better.

    It is `precision` with the sides exchanged: sensitive to lost modes, not to outliers. Kynkäänniemi et al. 2019,
    arXiv:1904.06991.
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    if m <= config.k:
        return Score(None, n_real=n, n_fake=m, warnings=(f"needs more than k={config.k} samples",))
    held = _held(balls(evidence.fake, config.k), evidence.real.rows)
    return _share(held.points, n, held.warnings(config.k), evidence, config, held.points.jackknifed)


@any_scale(0)
def density(evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the number of real balls that hold a sample, mean over samples, divided by k; higher is better.

    It is 1 on average for a perfect model, and more where samples crowd where real rows are dense. Balls and interval
    are those of `precision`. Naeem et al. 2020, arXiv:2002.09797.
    """
    held = _samples_held(evidence, config)
    pairs = held.pairs
    value = pairs.value / config.k
    error = math.sqrt(_raised(_spread(pairs.halves), pairs.jackknifed, COUNT_PART)) / config.k
    half, without = student(HALVINGS) * error, tuple(each / config.k for each in pairs.without)
    interval = Interval(value - half, value + half, value, error, without)
    return _score(value, interval, held.warnings(config.k), evidence, config, pairs.jackknifed)


@any_scale(0)
def coverage(evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the share of real balls that hold at least one sample; higher is better.

    A perfect model has 1 - 2^-k, 0.969 for k = 5, with as many samples as real rows. Balls and interval are those of
    `precision`. Naeem et al. 2020, arXiv:2002.09797.
    """
    held = _samples_held(evidence, config)
    return _share(held.balls, len(evidence.real.rows), held.tie_warnings(config.k), evidence, config)


def _share(
    found: Halved,
    points: int,
    warnings: tuple[str, ...],
    evidence: Evidence,
    config: NeighbourConfig,
    jackknifed: float | None = None,
) -> Score:
    """Return the score of a share of points, with Wilson's interval for the number that has the same variance."""
    angles = np.arcsin(np.sqrt(found.halves))  # their variance does not depend on the share
    least = 0.25 / points  # of that variance, if points are independent; and of share · (1 - share)
    noise, spread = max(found.value * (1 - found.value), least), _spread(angles)
    if jackknifed is not None:
        spread = _raised(spread, jackknifed / (4 * noise), SHARE_PART)
    spread = max(spread, least)
    low, high = wilson(found.value, 0.25 / spread, student(HALVINGS))
    interval = Interval(low, high, found.value, math.sqrt(noise * 4 * spread), found.without)
    return _score(found.value, interval, warnings, evidence, config, jackknifed)


def _spread(halves: Array) -> float:
    """Return the variance of the mean of both halves, from many halvings (S, 2); 0 without halvings."""
    return float(((halves[:, 0] - halves[:, 1]) ** 2).mean()) / 4 if len(halves) else 0.0


def _raised(halved: float, jackknifed: float | None, part: float) -> float:
    """Return a variance by halves, raised by a part of what the jackknife's, where it is known, exceeds it."""
    return halved if jackknifed is None else halved + part * max(jackknifed - halved, 0.0)


def _score(
    value: float,
    interval: Interval | None,
    warnings: tuple[str, ...],
    evidence: Evidence,
    config: NeighbourConfig,
    jackknifed: float | None,
) -> Score:
    n, m = len(evidence.real.rows), len(evidence.fake)
    fields: Fields = {"n_real": n, "n_fake": m, "params": {"k": config.k, "ball": "open"}}
    if np.isnan(value):
        return Score(None, warnings=(f"needs more than k={config.k} real rows",), **fields)
    if min(n, m) < MIN_ROWS_PER_K * config.k:
        interval = None
    method = HALVES if jackknifed is None else f"{HALVES} and jackknife"
    return bounded(
        value, interval, of=SIZES, method=method, least=0.0, warnings=warnings,
        missing=f"no interval: {MIN_ROWS_PER_K * config.k} rows of either side are needed", **fields,
    )  # fmt: skip


def _samples_held(evidence: Evidence, config: NeighbourConfig) -> Held:
    """Return which samples the real balls hold, once for the three metrics that need it."""
    return of_samples(evidence, ("held", config.k), lambda: _held(_real_balls(evidence, config), evidence.fake))


def _real_balls(evidence: Evidence, config: NeighbourConfig) -> Balls | None:
    real = evidence.real
    if len(real.rows) <= config.k:
        return None
    return real.once(("balls", config.k), lambda: balls(real.rows, config.k))


# ------------------------------------------------------------------------------------------------------------- radii


def sides(n: int) -> Array:
    """Return the half of each of n rows in S random halvings (S, n), which are always the same for n rows."""
    return np.random.Generator(np.random.PCG64(n)).permuted(np.tile(np.arange(n) % 2 == 0, (HALVINGS, 1)), axis=1)


def balls(rows: Array, k: int) -> Balls:
    """Return the balls of rows (n, d) to their k-th nearest other row (n > k), among all rows and within halves.

    Where more than k rows are the same, as counts and categories are, all rows are moved by tiny random numbers: equal
    rows then have neighbours in random order, as if their columns had been measured more precisely.
    """
    around = _balls(rows, k)
    if not (tied := int(np.count_nonzero(around.radii == 0))):
        return around
    jitter = TIE_JITTER * (float(rows.std(0).max()) or 1.0)
    return replace(_balls(_jittered(rows, jitter, "balls"), k), tied=tied, jitter=jitter)


def _jittered(rows: Array, jitter: float, name: str) -> Array:
    """Return rows moved by normal numbers, the same for the same number of rows and ``name``."""
    rng = np.random.Generator(np.random.PCG64([len(rows), *name.encode()]))
    moved: Array = rows + jitter * rng.normal(size=rows.shape)
    return moved


def _balls(rows: Array, k: int) -> Balls:
    distances, neighbours = nearest_other(rows, min(NEIGHBOURS_PER_K * k, len(rows) - 1))
    half = sides(len(rows))
    radii = np.empty((len(half), len(rows)))
    for side, out in zip(half, radii, strict=True):
        before = np.cumsum(side[neighbours] == side[:, None], axis=1) < k
        at = np.minimum(before.sum(1), distances.shape[1] - 1)  # the k-th of its half, or the last one found
        out[:] = distances[np.arange(len(rows)), at]
    return Balls(rows, distances[:, k - 1], radii, half)


# ------------------------------------------------------------------------------------------------- who is in which ball


@dataclass(frozen=True)
class Halved:
    """A mean over all rows, over both halves of each halving (S, 2), and without each group of the jackknife (G,)."""

    value: float
    halves: Array
    without: tuple[float, ...] = ()

    @property
    def jackknifed(self) -> float | None:
        """The variance of the mean, from its values without each group; None of too few groups."""
        return variance(np.array(self.without)).total if len(self.without) >= MIN_GROUPS else None

    @classmethod
    def of(cls, counts: Array, sides: Array, without: Array) -> Halved:
        """Return the means of counts (1 + S, n) of each row; ``without`` has those without each group (G, n)."""
        first = (counts[1:] * sides).sum(1)
        number = sides.sum(1)
        halves = np.stack(
            [first / number, (counts[1:].sum(1) - first) / np.maximum(sides.shape[1] - number, 1)], axis=1
        )
        kept = jackknife_groups(sides.shape[1], len(without)) != np.arange(len(without))[:, None]  # (G, n)
        replicates = (without * kept).sum(1) / np.maximum(kept.sum(1), 1)
        return cls(float(counts[0].mean()), halves, tuple(replicates.tolist()))


@dataclass(frozen=True)
class Held:
    """Which balls hold which points."""

    number: int  # of balls
    tied: int  # balls of radius 0 before ties were broken
    pairs: Halved  # number of balls that hold a point
    points: Halved  # share of points in a ball
    balls: Halved  # share of balls with a point

    @property
    def hit(self) -> int:
        """How many balls hold a point."""
        return round(self.balls.value * self.number) if self.number else 0

    def tie_warnings(self, k: int) -> tuple[str, ...]:
        """Return a warning where balls had radius 0."""
        text = f"{self.tied} of {self.number} balls have radius 0, as over {k} rows are the same: ties broken at random"
        return (text,) if self.tied else ()

    def warnings(self, k: int) -> tuple[str, ...]:
        """Return all warnings; if few balls are hit, two halves may have none of them in common."""
        few = 0 < self.hit < MIN_ROWS_PER_K * k
        warning = f"all samples counted are in {self.hit} balls: the interval is too narrow"
        return ((warning,) if few else ()) + self.tie_warnings(k)


def _held(around: Balls | None, points: Array) -> Held:
    if around is None:
        nothing = Halved(math.nan, np.empty((0, 2)))
        return Held(0, 0, nothing, nothing, nothing)
    points = _jittered(points, around.jitter, "points") if around.jitter else points
    radii = np.vstack([around.radii[None], around.halved]) * OPEN_BALL_FACTOR
    half = sides(len(points))
    counts = np.zeros((1 + len(half), len(points)), np.int32)
    hit = np.zeros((1 + len(half), len(around.rows)), bool)
    groups = count(len(around.rows), len(points))
    ball_group, point_group = jackknife_groups(len(around.rows), groups), jackknife_groups(len(points), groups)
    by_ball_group, by_point_group = np.zeros((len(points), groups)), np.zeros((len(around.rows), groups))
    for ball, point, distance in _inside(around.rows, radii, points):
        for s, radius in enumerate(radii):
            inside = distance < radius[ball]
            if s:
                inside &= around.sides[s - 1, ball] == half[s - 1, point]
            else:
                by_ball_group += _tally(point[inside], ball_group[ball[inside]], by_ball_group.shape)
                by_point_group += _tally(ball[inside], point_group[point[inside]], by_point_group.shape)
            counts[s] += np.bincount(point[inside], minlength=len(points)).astype(np.int32)
            hit[s, ball[inside]] = True
    balls_without = by_ball_group.sum(1) - by_ball_group.T  # (G, m) balls outside each group that hold a point
    points_without = by_point_group.sum(1) - by_point_group.T  # (G, n)
    left = len(around.rows) - np.bincount(ball_group, minlength=groups)
    scaled = balls_without * (len(around.rows) / np.maximum(left, 1))[:, None]
    means = (
        Halved.of(counts, half, scaled),
        Halved.of(counts > 0, half, balls_without > 0),
        Halved.of(hit, around.sides, points_without > 0),
    )
    return Held(len(around.rows), around.tied, *means)


def _tally(rows: Array, groups: Array, shape: tuple[int, ...]) -> Array:
    """Return how often each pair of row and group occurs, (rows, groups)."""
    counted: Array = np.bincount(rows * shape[1] + groups, minlength=math.prod(shape)).reshape(shape)
    return counted


def _inside(centres: Array, radii: Array, points: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Yield ball, point and distance of each point within the largest radius (1 + S, n) of a ball, in blocks."""
    if centres.shape[1] <= MAX_TREE_COLUMNS:
        yield from _inside_by_tree(centres, radii.max(0), points)
    else:
        yield from _inside_by_products(centres, radii[0], radii.max(0), points)


def _inside_by_tree(centres: Array, radii: Array, points: Array) -> Iterator[tuple[Array, Array, Array]]:
    tree = cKDTree(points)
    counts = tree.query_ball_point(centres, radii, return_length=True)
    for start, stop in _runs(counts):
        found = tree.query_ball_point(centres[start:stop], radii[start:stop])
        ball = np.repeat(np.arange(start, stop), counts[start:stop])
        point = np.concatenate([np.asarray(indices, dtype=np.intp) for indices in found])
        gaps = centres[ball] - points[point]
        distance = np.sqrt(np.einsum("ij,ij->i", gaps, gaps))
        yield ball, point, distance


def _runs(counts: Array) -> Iterator[tuple[int, int]]:
    """Yield ranges of balls that together hold about as many points as a block has distances."""
    block = BLOCK_DISTANCES
    edges = np.searchsorted(np.cumsum(counts), np.arange(block, counts.sum() + block, block))
    start = 0
    for edge in edges:
        stop = min(int(edge) + 1, len(counts))
        if stop > start:
            yield start, stop
        start = stop


def _inside_by_products(
    centres: Array, radii: Array, largest: Array, points: Array
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield as `_inside`; where rounding may decide whether a point is inside, its distance is computed exactly."""
    middle = np.median(centres, axis=0)
    x, y = centres - middle, points - middle
    x_norms, y_norms = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    for start, squares in square_distance_blocks(x, x_norms, y, y_norms):
        block = slice(start, start + len(squares))
        squares -= ROUNDING_ERROR * y_norms
        ball, point = np.nonzero(squares < (largest[block] ** 2 + ROUNDING_ERROR * x_norms[block])[:, None])
        found = squares[ball, point] + ROUNDING_ERROR * y_norms[point]
        ball += start
        distance = np.sqrt(np.maximum(found, 0.0))
        doubtful = np.abs(found - radii[ball] ** 2) <= ROUNDING_ERROR * (x_norms[ball] + y_norms[point])
        distance[doubtful] = pairwise_distances(centres, points, ball[doubtful], point[doubtful])
        yield ball, point, distance

"""Precision, recall, density and coverage: whose nearest-neighbour balls hold whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from genbench.protocol import Evidence, Score
from genbench_distances import NeighbourConfig
from genbench_distances.jackknife import assign, bounded, count, jackknife
from genbench_distances.nearest import BLOCK, TREE, nearest_other, pairwise_distances, products

__all__ = ["Balls", "balls", "coverage", "density", "precision", "recall"]

Array = npt.NDArray[Any]
SPARE = 10  # neighbours beyond the k-th, enough to find it without any one group
OPEN = 1 - 2.0**-50  # a ball is open: what is on its rim to within rounding is outside
NEAR = 1e-9  # relative to the squared norms: where products may be on the wrong side of the rim


@dataclass(frozen=True)
class Balls:
    """A ball around each row, to its k-th other row: with all rows, and without those of each group."""

    rows: Array  # (n, d)
    radii: Array  # (n,)
    lesser: Array  # (G, n)
    labels: Array  # (n,)
    k: int


def precision(evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the share of samples that lie in the ball of at least one real row; higher is better.

    A ball reaches to the row's k-th other neighbour and is open (distances strictly less). Sees outliers and noise, not
    lost modes. Kynkäänniemi et al. 2019, arXiv:1904.06991.
    """
    held = _samples_held(evidence, config)
    return _score(held.points, evidence, config)


def recall(evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the share of real rows that lie in the ball of at least one sample; higher is better.

    As `precision` with the sides exchanged: sees lost modes, not outliers. Kynkäänniemi et al. 2019, arXiv:1904.06991.
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    if m <= config.k:
        return Score(None, n_real=n, n_fake=m, warnings=(f"needs more than k={config.k} samples",))
    held = _held(balls(evidence.fake, config.k, count(n, m)), evidence.real.rows)
    return _score(held.points, evidence, config)


def density(evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the number of real balls that hold a sample, mean over samples, divided by k; higher is better.

    1 for a perfect model on average; more where samples crowd where real rows do. Balls as in `precision`. Naeem et al.
    2020, arXiv:2002.09797.
    """
    held = _samples_held(evidence, config)
    return _score(held.pairs / config.k, evidence, config, most=np.inf)


def coverage(evidence: Evidence, config: NeighbourConfig) -> Score:
    """Return the share of real balls that hold at least one sample; higher is better.

    A perfect model has 1 - 2^-k, 0.969 for k = 5 and as many samples as real rows. Balls as in `precision`. Naeem et
    al. 2020, arXiv:2002.09797.
    """
    held = _samples_held(evidence, config)
    return _score(held.balls, evidence, config)


def _score(values: Array, evidence: Evidence, config: NeighbourConfig, *, most: float = 1.0) -> Score:
    """Return the score from the value with all rows and without each group (1 + G,)."""
    n, m = len(evidence.real.rows), len(evidence.fake)
    params = {"k": config.k, "ball": "open"}
    if np.isnan(values[0]):
        return Score(None, n_real=n, n_fake=m, params=params, warnings=(f"needs more than k={config.k} real rows",))
    interval = jackknife(float(values[0]), values[1:])

    def clip(value: float) -> float:
        return float(min(max(value, 0.0), most))

    return bounded(float(values[0]), interval, transform=clip, n_real=n, n_fake=m, params=params)


def _samples_held(evidence: Evidence, config: NeighbourConfig) -> Held:
    """Return which samples the real balls hold, once for the three metrics that ask."""
    key = ("held", config.k, hash(evidence.fake.tobytes()))
    return evidence.real.once(key, lambda: _held(_real_balls(evidence, config), evidence.fake))


def _real_balls(evidence: Evidence, config: NeighbourConfig) -> Balls | None:
    real, groups = evidence.real, count(len(evidence.real.rows), len(evidence.fake))
    if len(real.rows) <= config.k:
        return None
    return real.once(("balls", config.k, groups), lambda: balls(real.rows, config.k, groups))


# ------------------------------------------------------------------------------------------------------------- radii


def balls(rows: Array, k: int, groups: int) -> Balls:
    """Return the ball of each row to its k-th other row (n > k), with all rows and without each group."""
    labels = assign(len(rows), groups)
    distances, neighbours = nearest_other(rows, min(k + SPARE, len(rows) - 1))
    lesser = np.empty((groups if groups > 1 else 0, len(rows)))
    for g in range(len(lesser)):
        kept = labels[neighbours] != g
        at = np.argmax(np.cumsum(kept, axis=1) == k, axis=1)  # the k-th that is left
        at = np.where(kept.sum(1) >= k, at, distances.shape[1] - 1)  # or the last that is known
        lesser[g] = distances[np.arange(len(rows)), at]
    return Balls(rows, distances[:, k - 1], lesser, labels, k)


# ------------------------------------------------------------------------------------------------- who is in which ball


@dataclass(frozen=True)
class Held:
    """With all rows and without each group (1 + G,): balls around a point, points in one, balls with one."""

    pairs: Array
    points: Array
    balls: Array


def _held(around: Balls | None, points: Array) -> Held:
    if around is None:
        nothing = np.full(1, np.nan)
        return Held(nothing, nothing, nothing)
    radii = np.vstack([around.radii[None], around.lesser]) * OPEN
    groups = len(around.lesser)
    labels = assign(len(points), max(groups, 1))
    pairs = np.zeros(1 + groups)
    point_in, ball_hit = np.zeros((1 + groups, len(points)), bool), np.zeros((1 + groups, len(around.rows)), bool)
    for ball, point, distance in _inside(around.rows, radii, points):
        for g in range(1 + groups):
            inside = distance < radii[g, ball]
            if g:
                inside &= (around.labels[ball] != g - 1) & (labels[point] != g - 1)
            pairs[g] += np.count_nonzero(inside)
            point_in[g, point[inside]] = True
            ball_hit[g, ball[inside]] = True
    n = len(around.rows) - np.concatenate([[0], np.bincount(around.labels, minlength=groups)[:groups]])
    m = len(points) - np.concatenate([[0], np.bincount(labels, minlength=groups)[:groups]])
    return Held(pairs / m, point_in.sum(1) / m, ball_hit.sum(1) / n)


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

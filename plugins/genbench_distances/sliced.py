"""Sliced Wasserstein distances: the distances of projections on fixed random directions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, RealSide, Score, jackknife_groups
from genbench_distances import SlicedConfig
from genbench_distances.jackknife import (
    Interval,
    bounded,
    count,
    jackknife,
    jackknife_absolute,
    products_square,
)
from genbench_distances.quantiles import Sorted, line_costs, line_noise, line_products, line_replicates, sort
from genbench_distances.scale import any_scale
from genbench_distances.shared import of_samples

__all__ = ["Lines", "absolute", "between", "directions", "lines", "max_sliced_w2", "sliced_w1", "sliced_w2", "squares"]

Array = npt.NDArray[Any]
BLOCK_VALUES = 200_000  # that are sorted at once: they fit in the processor's cache
PERMUTATIONS = 499
MAX_KEPT_VALUES = 16_000_000  # up to which the sorted real values are kept for the next model


def directions(d: int, number: int, seed: int) -> Array:
    """Return unit vectors (number, d), uniform on the sphere; in one dimension a single one."""
    if d == 1:
        return np.ones((1, 1))
    normal = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, d]))).standard_normal((number, d))
    unit: Array = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    return unit


@dataclass(frozen=True)
class Lines:
    """W₁ and W₂² along each of c directions, and for c' of them what the interval is computed from."""

    costs: Array  # (2, c)
    some: Array  # (2, c') those of them that the interval is computed from
    without: Array  # (2, G, c') costs without each group
    alone: Array  # (2, G, c') costs of each group alone
    noise: Array  # (c',) mean of W₁ between samples of equal distributions
    products: Sequence[Array]  # (c', G, G) of differences of pieces, for three numbers G

    def only(self, i: int) -> Lines:
        """Return the i-th of the c' lines alone."""
        one = slice(i, i + 1)
        costs, some, products = self.costs[:, one], self.some[:, one], tuple(each[one] for each in self.products)
        return replace(
            self, costs=costs, some=some, products=products,
            without=self.without[..., one], alone=self.alone[..., one], noise=self.noise[one],
        )  # fmt: skip


def lines(real: RealSide, fake: Array, vectors: Array | None, groups: int) -> Lines:
    """Return the costs along each direction (c, d), or along each feature where ``vectors`` is None.

    The interval is computed from at most 64 directions, since more would hardly change it, or from 256 features.
    """
    number, limit = (fake.shape[1], 256) if vectors is None else (len(vectors), 64)
    measured = np.unique(np.linspace(0, number - 1, limit).astype(int))
    others = np.setdiff1d(np.arange(number), measured)
    parts = [between(x, y, groups) for x, y in _sorted(real, fake, vectors, measured, groups)]
    some, without, alone, noise = (
        np.concatenate([getattr(part, name) for part in parts], axis=-1)
        for name in ("some", "without", "alone", "noise")
    )
    costs = np.empty((2, number))
    costs[:, measured] = some
    if len(others):
        found = [line_costs(x.values, y.values) for x, y in _sorted(real, fake, vectors, others, 0)]
        costs[:, others] = np.concatenate(found, axis=-1)
    products = tuple(np.concatenate(each) for each in zip(*(part.products for part in parts), strict=True))
    return Lines(costs, some, without, alone, noise, products)


def _sorted(
    real: RealSide, fake: Array, vectors: Array | None, which: Array, groups: int
) -> Iterator[tuple[Sorted, Sorted]]:
    """Yield both sides sorted along some directions at a time; the real side is kept if it is not too large."""
    block = max(1, BLOCK_VALUES // max(len(real.rows), len(fake)))
    keep = len(real.rows) * len(which) <= MAX_KEPT_VALUES
    centre = real.once("mean", lambda: real.rows.mean(0))
    key = None if vectors is None else hash(vectors.tobytes())
    for start in range(0, len(which), block):
        some = which[start : start + block]

        def sort_real(some: Array = some) -> Sorted:
            return sort(_project(real.rows, centre, vectors, some), groups)

        x = real.once(("sorted", key, some.tobytes(), groups), sort_real) if keep else sort_real()
        yield x, sort(_project(fake, centre, vectors, some), groups)


def between(x: Sorted, y: Sorted, groups: int) -> Lines:
    """Return the costs between sorted lines."""
    costs = line_costs(x.values, y.values)
    return Lines(costs, costs, *line_replicates(x, y, groups), line_noise(x, y), line_products(x, y, groups))


def _project(rows: Array, centre: Array, vectors: Array | None, some: Array) -> Array:
    """Return centred rows along some of the directions, (c, n)."""
    if vectors is None:
        return (rows[:, some] - centre[some]).T
    projected: Array = vectors[some] @ (rows - centre).T
    return projected


def absolute(found: Lines) -> Interval | None:
    """Return the interval of the mean over lines of W₁; lines along which both sides are far apart have no bias."""
    some = found.some[0]
    bias = found.noise * np.minimum(1.0, (2 * found.noise / np.where(some > 0, some, 1.0)) ** 2)
    value = float(found.costs[0].mean())
    scale = _of_all(value, some)
    without, alone = found.without[0].mean(1) * scale, found.alone[0].mean(1) * scale
    return jackknife_absolute(value, without, alone, float(bias.mean()) * scale)


def squares(found: Lines) -> Interval | None:
    """Return the interval of the mean over lines of W₂²."""
    value = float(found.costs[1].mean())
    scale = _of_all(value, found.some[1])
    products = [each.mean(0) * scale for each in found.products]
    return products_square(value, found.without[1].mean(1) * scale, products)


def _of_all(value: float, some: Array) -> float:
    """Return the mean cost over all lines in units of that over some of them: a factor leaves an estimate of 0 at 0."""
    return value / float(some.mean()) if some.any() else 1.0


@any_scale(1)
def sliced_w1(evidence: Evidence, config: SlicedConfig) -> Score:
    """Return the mean over directions of the 1-Wasserstein distance of projections; lower is better.

    It is the mean of ∫|F - G| over fixed random directions, in units of the space, for any sizes. Samples of equal
    distributions have a distance of order n^-½; the interval, of the population value, allows for it. Bonneel et al.
    2015, doi:10.1007/s10851-014-0506-3.
    """
    found, fields = _along(evidence, config, 1)
    return bounded(float(found.costs[0].mean()), absolute(found), least=0.0, **fields)


@any_scale(1)
def sliced_w2(evidence: Evidence, config: SlicedConfig) -> Score:
    """Return (mean over directions of W₂²)^½ of projections; lower is better.

    It is in units of the space, for any sizes. W₂² of samples is biased upwards, by the order 1/n or, for modes and
    heavy tails, more slowly; the interval is of the population value, from products of the differences of separate
    rows, which are not biased for equal distributions. Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3.
    """
    found, fields = _along(evidence, config, 2)
    return bounded(float(found.costs[1].mean()), squares(found), power=2, debiased=True, **fields)


@any_scale(1)
def max_sliced_w2(evidence: Evidence, config: SlicedConfig) -> Score:
    """Return the largest W₂ of projections on the fixed directions; lower is better.

    It is in units of the space, and a lower bound of the maximum over all directions, close to it in few dimensions.
    The largest of several noisy numbers is biased upwards. The interval is of the population value: its lower bound
    comes from one half of the rows, along the direction that is the worst for the other half; its upper bound from the
    value itself. ``detail["p_value"]`` is that of equal distributions, by permutations of that half. Deshpande et al.
    2019, arXiv:1904.05877.
    """
    found, fields = _along(evidence, config, 2)
    worst, vectors = int(found.costs[1].argmax()), _directions(evidence, config)
    detail: dict[str, Any] = {"direction": vectors[worst].tolist()}
    interval, groups = squares(found), found.without.shape[1]
    if groups:
        x, y, direction = _other_half(evidence, vectors, groups)
        detail["p_value"] = _p_value(x @ direction, y @ direction, evidence.rng("max_sliced_w2"))
        if len(vectors) > 1:
            own = lines(evidence.real, evidence.fake, vectors[worst][None], groups)
            interval = _of_largest(found, own, x, y, direction)
    return bounded(float(found.costs[1, worst]), interval, power=2, debiased=True, detail=detail, **fields)


def _other_half(evidence: Evidence, vectors: Array, groups: int) -> tuple[Array, Array, Array]:
    """Return the rows and samples of one half, and the direction (d,) that is the worst for the other half."""
    real, fake = evidence.real.rows, evidence.fake
    (first_x, x), (first_y, y) = (
        [rows[jackknife_groups(len(rows), groups) % 2 == half] for half in (0, 1)] for rows in (real, fake)
    )
    found = [line_costs(a.values, b.values)[1] for a, b in _sorted(RealSide(first_x), first_y, vectors,
                                                                    np.arange(len(vectors)), 0)]  # fmt: skip
    return x, y, vectors[int(np.concatenate(found).argmax())]


def _of_largest(found: Lines, worst: Lines, x: Array, y: Array, direction: Array) -> Interval | None:
    """Return the interval of the largest W₂², whose lower bound is that along a direction chosen by other rows."""
    upper = jackknife(float(found.costs[1].max()), np.maximum(found.without[1].max(1), worst.without[1, :, 0]))
    lower = squares(lines(RealSide(x), y, direction[None], count(len(x), len(y))))
    if not lower or not upper:
        return None
    return Interval(lower.low, max(upper.high, lower.low), lower.centre, upper.error, upper.replicates)


def _p_value(x: Array, y: Array, rng: np.random.Generator) -> float:
    """Return the share of permutations of values (n,) and (m,) whose W₂ is not below that of the two."""
    both = np.concatenate([x, y])
    order = np.argsort(both, kind="stable")
    both, labels = both[order] - both.mean(), order >= len(x)
    value = line_costs(both[None, ~labels], both[None, labels])[1, 0]
    reached, done = 0, 0
    while done < PERMUTATIONS:
        number = min(PERMUTATIONS - done, max(1, BLOCK_VALUES // len(both)))
        mixed = rng.permuted(np.tile(labels, (number, 1)), axis=1)
        tiled = np.tile(both, (number, 1))
        costs = line_costs(tiled[~mixed].reshape(number, -1), tiled[mixed].reshape(number, -1))[1]
        reached, done = reached + int((costs >= value * (1 - 1e-12)).sum()), done + number
    return (1 + reached) / (1 + PERMUTATIONS)


def _directions(evidence: Evidence, config: SlicedConfig) -> Array:
    return directions(evidence.fake.shape[1], config.n_projections, config.directions_seed)


def _along(evidence: Evidence, config: SlicedConfig, p: int) -> tuple[Lines, dict[str, Any]]:
    """Return the costs along the fixed directions, computed once for three metrics, and the common fields of scores."""
    vectors, (n, m) = _directions(evidence, config), (len(evidence.real.rows), len(evidence.fake))
    key = "sliced", config.n_projections, config.directions_seed
    found = of_samples(evidence, key, lambda: lines(evidence.real, evidence.fake, vectors, count(n, m)))
    params = {"p": p, "n_projections": len(vectors), "directions_seed": config.directions_seed}
    return found, {"n_real": n, "n_fake": m, "params": params}

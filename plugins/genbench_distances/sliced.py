"""Sliced Wasserstein distances: fixed random directions, each a problem on the line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, RealSide, Score
from genbench_distances import SlicedConfig
from genbench_distances.jackknife import (
    Interval,
    assign,
    bounded,
    count,
    jackknife,
    jackknife_absolute,
    jackknife_square,
)
from genbench_distances.quantiles import Sorted, line_costs, line_noise, line_replicates, sort
from genbench_distances.scale import any_scale

__all__ = ["Lines", "absolute", "between", "directions", "lines", "max_sliced_w2", "sliced_w1", "sliced_w2", "squares"]

Array = npt.NDArray[Any]
CHUNK = 2_000_000  # values that are sorted at once
SLOW = 0.06  # of the bias: in tails like the normal's it falls as (log log n + 1.3)/n, for the jackknife as 1/n
KEPT = 8_000_000  # sorted real values, beyond which they are not kept for the next model


def directions(d: int, number: int, seed: int) -> Array:
    """Return unit vectors (number, d), uniform on the sphere; one in one dimension, where there is no other."""
    if d == 1:
        return np.ones((1, 1))
    normal = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, d]))).standard_normal((number, d))
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


@dataclass(frozen=True)
class Lines:
    """W_p to the power p along each of c directions: of all rows, without each group and of each alone (G, c)."""

    costs: Array  # (c,)
    without: Array
    alone: Array
    noise: Array  # (c,) the mean of W₁ between samples of equal laws; empty where p is 2


def lines(real: RealSide, fake: Array, vectors: Array | None, p: int, groups: int) -> Lines:
    """Return W_p to the power p along each direction (c, d), p 1 or 2; along each feature where none are given."""
    number = fake.shape[1] if vectors is None else len(vectors)
    chunk = max(1, CHUNK // max(len(real.rows), len(fake)))
    keep = len(real.rows) * number <= KEPT
    centre = real.once("mean", lambda: real.rows.mean(0))
    key = None if vectors is None else hash(vectors.tobytes())
    parts = []
    for start in range(0, number, chunk):
        some = slice(start, start + chunk)

        def sort_real(some: slice = some) -> Sorted:
            return sort(_project(real.rows, centre, vectors, some), groups)

        x = real.once(("sorted", key, start, chunk, groups), sort_real) if keep else sort_real()
        parts.append(between(x, sort(_project(fake, centre, vectors, some), groups), p, groups))
    fields = [[getattr(part, name) for part in parts] for name in ("costs", "without", "alone", "noise")]
    return Lines(*(np.concatenate(some, axis=-1) for some in fields))


def between(x: Sorted, y: Sorted, p: int, groups: int) -> Lines:
    """Return W_p to the power p between sorted lines."""
    noise = line_noise(x, y) if p == 1 else np.empty(0)
    return Lines(line_costs(x.values, y.values, p), *line_replicates(x, y, p, groups), noise)


def _project(rows: Array, centre: Array, vectors: Array | None, some: slice) -> Array:
    """Return centred rows along some of the directions, (c, n)."""
    if vectors is None:
        return (rows[:, some] - centre[some]).T
    return vectors[some] @ (rows - centre).T  # type: ignore[no-any-return]


def absolute(found: Lines) -> Interval | None:
    """Return the interval of the mean over lines of W₁; a line whose ends are far apart has no bias."""
    bias = found.noise * np.minimum(1.0, (2 * found.noise / np.where(found.costs > 0, found.costs, 1.0)) ** 2)
    without, alone = found.without.mean(1), found.alone.mean(1)
    return jackknife_absolute(float(found.costs.mean()), without, alone, float(bias.mean()))


@any_scale(1)
def sliced_w1(evidence: Evidence, config: SlicedConfig) -> Score:
    """Return the mean over directions of the 1-Wasserstein distance of projections; lower is better.

    Mean of ∫|F - G| over fixed random directions, in units of the space, any sizes. Samples of equal laws are at a
    distance of order n^-½: the interval, of the population value, allows for it. Bonneel et al. 2015,
    doi:10.1007/s10851-014-0506-3.
    """
    vectors, sizes, params = _setting(evidence, config, 1)
    found = lines(evidence.real, evidence.fake, vectors, 1, count(*sizes.values()))
    value = float(found.costs.mean())
    return bounded(value, absolute(found), least=0.0, params=params, **sizes)


@any_scale(1)
def sliced_w2(evidence: Evidence, config: SlicedConfig) -> Score:
    """Return (mean over directions of W₂²)^½ of projections; lower is better.

    In units of the space, any sizes. W₂² of samples is biased upwards by the order 1/n: the interval is bias-corrected
    and of the population value. Bonneel et al. 2015, doi:10.1007/s10851-014-0506-3.
    """
    vectors, sizes, params = _setting(evidence, config, 2)
    found = lines(evidence.real, evidence.fake, vectors, 2, count(*sizes.values()))
    value = float(found.costs.mean())
    return bounded(value, squares(found), power=2, debiased=True, params=params, **sizes)


@any_scale(1)
def max_sliced_w2(evidence: Evidence, config: SlicedConfig) -> Score:
    """Return the largest W₂ of projections on the fixed directions; lower is better.

    In units of the space; a lower bound of the maximum over all directions, close to it in few dimensions. The largest
    of noisy numbers is too large: of the interval, which is of the population value, the lower end comes from half of
    the rows along the direction that the others find the worst, the upper end from the value as it is. Deshpande et al.
    2019, arXiv:1904.05877.
    """
    vectors, sizes, params = _setting(evidence, config, 2)
    found = lines(evidence.real, evidence.fake, vectors, 2, count(*sizes.values()))
    worst = int(found.costs.argmax())
    value, plain = float(found.costs[worst]), None
    if len(found.without):
        plain = jackknife(value, found.without.max(1))
        least = _along_one(evidence, vectors, len(found.without))
        plain = plain and least and Interval(least.low, plain.high, least.centre, plain.error)
    detail = {"direction": vectors[worst].tolist()}
    return bounded(value, plain, power=2, debiased=True, params=params, detail=detail, **sizes)


def _along_one(evidence: Evidence, vectors: Array, groups: int) -> Interval | None:
    """Return the interval of W₂² on half of the rows, along the direction that the others find the worst."""
    halves = []
    for half in (0, 1):
        real, fake = (rows[assign(len(rows), groups) % 2 == half] for rows in (evidence.real.rows, evidence.fake))
        halves.append((RealSide(real), fake))
    worst = int(lines(*halves[0], vectors, 2, 1).costs.argmax())
    found = lines(
        *halves[1], vectors[worst : worst + 1], 2, count(*(len(side) for side in (halves[1][0].rows, halves[1][1])))
    )
    return squares(found)


def squares(found: Lines) -> Interval | None:
    """Return the interval of the mean over lines of W₂²."""
    value, without, alone = float(found.costs.mean()), found.without.mean(1), found.alone.mean(1)
    return jackknife_square(value, without, pieces=alone, biased=True, slow=SLOW)


def _setting(evidence: Evidence, config: SlicedConfig, p: int) -> tuple[Array, dict[str, int], dict[str, Any]]:
    """Return the directions, the sizes and the params of a score."""
    vectors = directions(evidence.fake.shape[1], config.n_projections, config.directions_seed)
    sizes = {"n_real": len(evidence.real.rows), "n_fake": len(evidence.fake)}
    return vectors, sizes, {"p": p, "n_projections": len(vectors), "directions_seed": config.directions_seed}

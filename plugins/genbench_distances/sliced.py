"""Sliced Wasserstein distances: fixed random directions, each a problem on the line."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, RealSide, Score
from genbench_distances import SlicedConfig
from genbench_distances.jackknife import Interval, bounded, count, jackknife
from genbench_distances.quantiles import Sorted, line_costs, line_replicates, sort

__all__ = ["costs", "directions", "max_sliced_w2", "sliced_w1", "sliced_w2"]

Array = npt.NDArray[Any]
CHUNK = 2_000_000  # values that are sorted at once
KEPT = 8_000_000  # sorted real values, beyond which they are not kept for the next model


def directions(d: int, number: int, seed: int) -> Array:
    """Return unit vectors (number, d), uniform on the sphere; one in one dimension, where there is no other."""
    if d == 1:
        return np.ones((1, 1))
    normal = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, d]))).standard_normal((number, d))
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def costs(real: RealSide, fake: Array, vectors: Array, p: int, groups: int) -> tuple[Array, Array]:
    """Return W_p to the power p along each of c directions (c, d): of all rows (c,), and without each group (G, c)."""
    chunk = max(1, CHUNK // max(len(real.rows), len(fake)))
    keep = len(real.rows) * len(vectors) <= KEPT
    centre = real.once("mean", lambda: real.rows.mean(0))
    key = hash(vectors.tobytes())
    values, replicates = [], []
    for start in range(0, len(vectors), chunk):
        some = vectors[start : start + chunk]

        def sort_real(some: Array = some) -> Sorted:
            return sort(some @ (real.rows - centre).T, groups)

        x = real.once(("sorted", key, start, chunk, groups), sort_real) if keep else sort_real()
        y = sort(some @ (fake - centre).T, groups)
        values.append(line_costs(x.values, y.values, p))
        replicates.append(line_replicates(x, y, p, groups))
    return np.concatenate(values), np.concatenate(replicates, axis=1)


def sliced_w1(evidence: Evidence, config: SlicedConfig) -> Score:
    """Return the mean over directions of the 1-Wasserstein distance of projections; lower is better.

    In units of the space, with an interval that is bias-corrected; any sizes. Bonneel et al. 2015,
    doi:10.1007/s10851-014-0506-3.
    """
    return _score(evidence, config, 1, lambda costs: costs.mean(-1))


def sliced_w2(evidence: Evidence, config: SlicedConfig) -> Score:
    """Return (mean over directions of W₂²)^½ of projections; lower is better.

    In units of the space; W₂² of samples is biased upwards, which the interval corrects. Any sizes. Bonneel et al.
    2015, doi:10.1007/s10851-014-0506-3.
    """
    return _score(evidence, config, 2, lambda costs: costs.mean(-1))


def max_sliced_w2(evidence: Evidence, config: SlicedConfig) -> Score:
    """Return the largest W₂ of projections on the fixed directions; lower is better.

    In units of the space; a lower bound of the maximum over all directions, close to it in few dimensions. Deshpande et
    al. 2019, arXiv:1904.05877.
    """
    return _score(evidence, config, 2, lambda costs: costs.max(-1))


def _score(evidence: Evidence, config: SlicedConfig, p: int, over: Callable[[Array], Any]) -> Score:
    n, m = len(evidence.real.rows), len(evidence.fake)
    groups = count(n, m)
    vectors = directions(evidence.fake.shape[1], config.n_projections, config.directions_seed)
    values, replicates = costs(evidence.real, evidence.fake, vectors, p, groups)
    cost = float(over(values))
    interval: Interval | None = jackknife(cost, over(replicates), bias=p / 2)

    def root(power: float) -> float:
        return math.sqrt(max(power, 0.0)) if p == 2 else max(power, 0.0)

    params = {"p": p, "n_projections": len(vectors), "directions_seed": config.directions_seed}
    return bounded(root(cost), interval, transform=root, debiased=True, n_real=n, n_fake=m, params=params)

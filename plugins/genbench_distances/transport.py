"""Exact Wasserstein distances: sorted in one dimension, the network simplex of POT in more, with a certificate."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from genbench.protocol import Evidence, RealSide, Score
from genbench_distances import TransportConfig
from genbench_distances.jackknife import SIZES, Fields, Interval, bounded, count
from genbench_distances.ranks import QUANTILE
from genbench_distances.scale import any_scale
from genbench_distances.sliced import absolute, lines, squares

__all__ = ["transport", "w1", "w2"]

Array = npt.NDArray[Any]
FEWEST = 10  # rows, below which there is no interval
OPTIMAL = 1  # result code of POT's network simplex


@any_scale(1)
def w1(evidence: Evidence, config: TransportConfig) -> Score:
    """Return the exact 1-Wasserstein distance with euclidean cost, in units of the space; lower is better.

    Of the empirical laws of at most ``max_rows`` rows a side, any sizes. It is far from 0 for equal laws in several
    dimensions: read it against its floor. ``detail`` holds the dual gap, relative to the cost: a proof of optimality.
    The interval is that of the central limit theorem around the mean at these sizes, from the spread of the dual
    potentials (del Barrio & Loubes 2019, arXiv:1705.01299); between equal laws it is half again too wide. Peyré &
    Cuturi 2019, arXiv:1803.00567.
    """
    return _score(evidence, config, 1)


@any_scale(1)
def w2(evidence: Evidence, config: TransportConfig) -> Score:
    """Return the exact 2-Wasserstein distance, the root of the least mean squared distance; lower is better.

    In units of the space; otherwise as `w1`. Peyré & Cuturi 2019, arXiv:1803.00567.
    """
    return _score(evidence, config, 2)


def _score(evidence: Evidence, config: TransportConfig, p: int) -> Score:
    x = _thinned(evidence.real.rows, config.max_rows, evidence.rng("transport real"))
    y = _thinned(evidence.fake, config.max_rows, evidence.rng("transport fake"))
    solver = "sort" if x.shape[1] == 1 else "network simplex"
    params = {"p": p, "max_rows": config.max_rows, "solver": solver}
    fields: Fields = {"n_real": len(x), "n_fake": len(y), "params": params}

    if x.shape[1] == 1:
        found = lines(RealSide(x), y, None, count(len(x), len(y)))
        if p == 1:
            return bounded(float(found.costs[0, 0]), absolute(found), least=0.0, **fields)
        return bounded(float(found.costs[1, 0]), squares(found), power=2, debiased=True, **fields)
    solved = transport(x, y, p)
    if isinstance(solved, str):
        return Score(None, warnings=(solved,), **fields)
    interval = None
    if min(len(x), len(y)) >= FEWEST:
        half = QUANTILE * solved.error
        interval = Interval(solved.cost - half, solved.cost + half, solved.cost, solved.error)
    return bounded(
        solved.cost, interval, power=p, least=0.0, of=SIZES, method="dual potentials",
        detail={"dual_gap": solved.gap}, **fields,
    )  # fmt: skip


def _thinned(rows: Array, most: int, rng: np.random.Generator) -> Array:
    return rows if len(rows) <= most else rows[np.sort(rng.choice(len(rows), most, replace=False))]


def iterations(n: int, m: int) -> int:
    """Return the most pivots that are allowed; the solver's own 100,000 ends too soon from some 5,000 rows on."""
    return 20 * n * m + 100_000


@dataclass(frozen=True)
class Solved:
    """The least mean cost, the gap to its dual relative to it, and its standard error."""

    cost: float
    gap: float
    error: float


def transport(x: Array, y: Array, p: int) -> Solved | str:
    """Return the least mean cost |x-y|^p of moving rows (n, d) to (m, d), or why it was not found.

    The cost is divided by its maximum, since the solver's tolerances are absolute. Any function f of the real rows
    gives the lower bound mean f + mean min_i(c_ij - f_i): with the solver's f the gap to it vanishes at the optimum.
    """
    import ot

    cost = cdist(x, y, "sqeuclidean" if p == 2 else "euclidean")
    scale = float(cost.max())
    if scale == 0:
        return Solved(0.0, 0.0, 0.0)
    if not math.isfinite(scale):
        return "squared distances overflow"
    cost /= scale
    n, m = cost.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the result code says it all
        plan, log = ot.emd(np.full(n, 1 / n), np.full(m, 1 / m), cost, numItermax=iterations(n, m), log=True)
    if log["result_code"] != OPTIMAL:
        return f"the solver did not reach the optimum (code {log['result_code']})"
    primal = float(np.vdot(plan, cost))
    u = np.asarray(log["u"])
    v = (cost - u[:, None]).min(0)
    gap = max(primal - float(u.mean() + v.mean()), 0.0) / (primal or 1.0)
    return Solved(primal * scale, gap, math.sqrt(u.var() / n + v.var() / m) * scale)

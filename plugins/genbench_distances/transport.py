"""Exact Wasserstein distances with a proof of optimality: by sorting in one dimension, by POT's solver in more."""

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
MIN_ROWS = 10  # of either side, for an interval
OPTIMAL_CODE = 1  # result code of POT's network simplex


@any_scale(1)
def w1(evidence: Evidence, config: TransportConfig) -> Score:
    """Return the exact 1-Wasserstein distance with Euclidean cost, in units of the space; lower is better.

    It is the distance of the empirical distributions of at most ``max_rows`` rows of either side. In several dimensions
    it is far from 0 even for equal distributions: compare it with its floor. ``detail`` has the gap to the dual
    problem, relative to the cost, which proves optimality. The interval is of the mean at these sizes, by the central
    limit theorem, from the variance of the dual potentials (del Barrio & Loubes 2019, arXiv:1705.01299); for equal
    distributions it is half again too wide. Peyré & Cuturi 2019, arXiv:1803.00567.
    """
    return _score(evidence, config, 1)


@any_scale(1)
def w2(evidence: Evidence, config: TransportConfig) -> Score:
    """Return the exact 2-Wasserstein distance, the root of the smallest mean squared distance; lower is better.

    It is in units of the space; all else is as for `w1`. Peyré & Cuturi 2019, arXiv:1803.00567.
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
    solution = transport(x, y, p)
    if isinstance(solution, str):
        return Score(None, warnings=(solution,), **fields)
    interval = None
    if min(len(x), len(y)) >= MIN_ROWS:
        half = QUANTILE * solution.error
        interval = Interval(solution.cost - half, solution.cost + half, solution.cost, solution.error)
    return bounded(
        solution.cost, interval, power=p, least=0.0, of=SIZES, method="dual potentials",
        detail={"dual_gap": solution.gap}, **fields,
    )  # fmt: skip


def _thinned(rows: Array, limit: int, rng: np.random.Generator) -> Array:
    return rows if len(rows) <= limit else rows[np.sort(rng.choice(len(rows), limit, replace=False))]


def iterations(n: int, m: int) -> int:
    """Return the largest number of pivots; the solver's default of 100,000 is too small from about 5,000 rows."""
    return 20 * n * m + 100_000


@dataclass(frozen=True)
class Solution:
    """The smallest mean cost, its gap to the dual problem, relative to the cost, and its standard error."""

    cost: float
    gap: float
    error: float


def transport(x: Array, y: Array, p: int) -> Solution | str:
    """Return the smallest mean cost |x-y|^p of moving rows (n, d) to rows (m, d), or the reason if it was not found.

    Costs are divided by their maximum, since the solver's tolerances are absolute. Any function f of the real rows
    gives the lower bound mean f + mean min_i(c_ij - f_i); with the solver's f, the gap to it is 0 at the optimum.
    """
    import ot

    cost = cdist(x, y, "sqeuclidean" if p == 2 else "euclidean")
    scale = float(cost.max())
    if scale == 0:
        return Solution(0.0, 0.0, 0.0)
    if not math.isfinite(scale):
        return "squared distances overflow"
    cost /= scale
    n, m = cost.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the result code is checked instead
        plan, log = ot.emd(np.full(n, 1 / n), np.full(m, 1 / m), cost, numItermax=iterations(n, m), log=True)
    if log["result_code"] != OPTIMAL_CODE:
        return f"the solver did not reach the optimum (code {log['result_code']})"
    primal = float(np.vdot(plan, cost))
    u = np.asarray(log["u"])
    v = (cost - u[:, None]).min(0)
    gap = max(primal - float(u.mean() + v.mean()), 0.0) / (primal or 1.0)
    return Solution(primal * scale, gap, math.sqrt(u.var() / n + v.var() / m) * scale)

"""The spread of the distances between held-out rows and samples, which concentrate in many dimensions."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.distance import cdist

from genbench.protocol import Array, Evidence, Score, jackknife_groups

__all__ = ["pair_spread"]

MAX_ROWS = 2000  # of either side, whose pairs are taken; more are subsampled at random
MIN_ROWS = 2
GROUPS = 20
QUANTILE = 2.093  # of Student's t with 19 degrees of freedom, at 97.5 %


def pair_spread(evidence: Evidence) -> Score:
    """Return the standard deviation of the distance between a held-out row and a sample, divided by its mean.

    Distances are Euclidean, in the space of the scores; the value has no unit. Of a Gaussian in d dimensions it falls
    as 1/√(2d): where it is small, all rows are about as far from a sample, and kernels tell little. 2,000 rows of
    either side are used, at least 2. The interval is a delete-a-group jackknife's. Neither direction is better. Beyer
    et al. 1999, doi:10.1007/3-540-49257-7_15.
    """
    rng = evidence.rng("pair_spread")
    real, fake = (_at_most(np.asarray(rows, np.float64), rng) for rows in (evidence.real.rows, evidence.fake))
    n, m = len(real), len(fake)
    if min(n, m) < MIN_ROWS:
        return Score(None, n_real=n, n_fake=m, warnings=(f"needs at least {MIN_ROWS} rows of either side",))
    centre = real[0]
    scale = max(float(np.abs(rows - centre).max()) for rows in (real, fake))
    if not 0 < scale < math.inf:
        warnings = ("all rows are equal" if scale == 0 else "the samples are too far from the rows",)
        return Score(None, n_real=n, n_fake=m, warnings=warnings)
    distances = cdist((real - centre) / scale, (fake - centre) / scale)
    if min(n, m) < 2 * GROUPS:
        value = _spread(n * m, distances.sum(), (distances**2).sum())
        return Score(value, n_real=n, n_fake=m, warnings=(f"no interval: {2 * GROUPS} rows of either side are needed",))
    left, right = (np.eye(GROUPS)[jackknife_groups(size, GROUPS)] for size in (n, m))  # (rows, groups)
    sums, squares = (left.T @ d @ right for d in (distances, distances**2))
    value = _spread(n * m, sums.sum(), squares.sum())
    sizes = zip(n - left.sum(0), m - right.sum(0), strict=True)
    without = [_spread(k * q, _without(sums, i), _without(squares, i)) for i, (k, q) in enumerate(sizes)]
    error = math.sqrt((GROUPS - 1) * float(np.var(without)))
    low, high = max(value - QUANTILE * error, 0.0), value + QUANTILE * error
    return Score(value, low=low, high=high, level=0.95, n_real=n, n_fake=m, detail={"standard_error": error})


def _at_most(rows: Array, rng: np.random.Generator) -> Array:
    return rows if len(rows) <= MAX_ROWS else rows[rng.choice(len(rows), MAX_ROWS, replace=False)]


def _without(sums: Array, i: int) -> float:
    """Return the sum over pairs of groups (groups, groups) without those of one group on either side."""
    return float(sums.sum() - sums[i].sum() - sums[:, i].sum() + sums[i, i])


def _spread(pairs: float, total: float, squares: float) -> float:
    """Return standard deviation over mean of distances, from their number and sums."""
    mean = total / pairs
    return math.sqrt(max(squares / pairs - mean**2, 0.0)) / mean

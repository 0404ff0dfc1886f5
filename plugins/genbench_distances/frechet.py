"""Squared Fréchet distance of the Gaussians that have the same means and covariances, raw and debiased."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg

from genbench.protocol import Evidence, Score
from genbench_distances import FrechetConfig
from genbench_distances.jackknife import assign, bounded, count, jackknife

__all__ = ["Gaussian", "frechet", "frechet_debiased", "square_distance"]

Array = npt.NDArray[Any]
CONDITION = 1e-5  # smallest over largest pivot, below which the Cholesky factor is not trusted


@dataclass(frozen=True)
class Gaussian:
    """Mean (d,), and a factor F (d, r) of the covariance F Fᵀ (ddof 1) of some rows."""

    mean: Array
    factor: Array
    triangular: bool  # F is the Cholesky factor
    trace: float

    @classmethod
    def of(cls, rows: Array) -> Gaussian:
        """Return the moments of rows (n, d), n >= 2."""
        mean = rows.mean(0)
        centred = rows - mean
        centred -= centred.mean(0)
        if len(rows) <= rows.shape[1]:
            factor = centred.T / math.sqrt(len(rows) - 1)
            return cls(mean, factor, False, float(np.vdot(factor, factor)))
        return cls.from_covariance(mean, centred.T @ centred / (len(rows) - 1))

    @classmethod
    def from_covariance(cls, mean: Array, covariance: Array) -> Gaussian:
        """Return the Gaussian of a covariance (d, d), which may be singular."""
        trace = float(np.trace(covariance))
        try:
            factor = np.linalg.cholesky(covariance)
            pivots = np.diagonal(factor)
            if pivots.min() > CONDITION * pivots.max():
                return cls(mean, factor, True, trace)
        except np.linalg.LinAlgError:
            pass
        values, vectors = np.linalg.eigh(covariance)
        return cls(mean, vectors * np.sqrt(np.maximum(values, 0.0)), False, trace)


def square_distance(p: Gaussian, q: Gaussian) -> float:
    """Return |μ₁-μ₂|² + tr S₁ + tr S₂ - 2 tr (S₁S₂)^½.

    The last trace is the nuclear norm of F₁ᵀF₂; where both covariances are regular, it is the sum of the roots of the
    eigenvalues of F₁ᵀS₂F₁, which is faster.
    """
    cross = p.factor.T @ q.factor
    if p.triangular and q.triangular:
        overlap = float(np.sqrt(np.maximum(np.linalg.eigvalsh(cross @ cross.T), 0.0)).sum())
    else:
        overlap = float(linalg.svdvals(cross).sum())
    shift = p.mean - q.mean
    return float(shift @ shift) + p.trace + q.trace - 2 * overlap


def frechet(evidence: Evidence, config: FrechetConfig) -> Score:
    """Return the squared Fréchet distance, in squared units of the space; lower is better.

    |μ₁-μ₂|² + tr(S₁ + S₂ - 2(S₁S₂)^½), covariances with ddof 1, any sizes from 2 and any d, singular or not. Biased
    upwards; the interval is bias-corrected. Only in Inception's features is it the FID (Heusel et al. 2017,
    arXiv:1706.08500); the formula is Dowson & Landau's (1982).
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    if min(n, m) < 2:
        return Score(None, n_real=n, n_fake=m, warnings=("needs at least 2 rows of either side",))
    real = evidence.real.once("gaussian", lambda: Gaussian.of(evidence.real.rows))
    value = max(square_distance(real, Gaussian.of(evidence.fake)), 0.0)
    parts, reason = _parts(evidence, config)
    replicates = np.array([square_distance(p, q) for p, q in parts])
    params = {"ddof": 1}
    interval = jackknife(value, replicates, bias=1.0)
    return bounded(value, interval, missing=reason, debiased=True, n_real=n, n_fake=m, params=params)


def frechet_debiased(evidence: Evidence, config: FrechetConfig) -> Score:
    """Return 2 F(n) - mean of F over halves of both sides, in squared units of the space; lower is better.

    The bias of the squared Fréchet distance F falls as 1/n on both sides, which the halves measure (Richardson;
    one-sided by Chong & Forsyth 2020, arXiv:1911.07023). Unbiased to that order, so that a value may be negative. The
    width of the interval is that of `frechet`.
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    if min(n, m) < 4:
        return Score(None, n_real=n, n_fake=m, warnings=("needs at least 4 rows of either side",))
    real = evidence.real.once("gaussian", lambda: Gaussian.of(evidence.real.rows))
    halves = evidence.real.once("gaussian halves", lambda: _halves(evidence.real.rows))
    fake_halves = _halves(evidence.fake)
    raw = square_distance(real, Gaussian.of(evidence.fake))
    value = 2 * raw - float(np.mean([square_distance(p, q) for p in halves for q in fake_halves]))
    parts, reason = _parts(evidence, config)
    interval = jackknife(value, np.array([square_distance(p, q) for p, q in parts]))
    params = {"ddof": 1, "halves": 4}
    return bounded(value, interval, missing=reason, n_real=n, n_fake=m, params=params, detail={"raw": raw})


def _halves(rows: Array) -> list[Gaussian]:
    labels = assign(len(rows), 2)
    return [Gaussian.of(rows[labels == half]) for half in (0, 1)]


def _parts(evidence: Evidence, config: FrechetConfig) -> tuple[list[tuple[Gaussian, Gaussian]], str]:
    """Return both sides without each group, or why there are none."""
    real, fake = evidence.real, evidence.fake
    groups = count(len(real.rows), len(fake))
    if groups == 1:
        return [], "no interval: 10 rows of either side are needed"
    limit = config.interval_dimensions
    if min(fake.shape[1], max(len(real.rows), len(fake))) > limit:
        return [], f"no interval: beyond interval_dimensions={limit} it costs 20 times the value"
    kept = real.once(("gaussian parts", groups), lambda: _without(real.rows, groups))
    return list(zip(kept, _without(fake, groups), strict=True)), ""


def _without(rows: Array, groups: int) -> list[Gaussian]:
    """Return the moments of the rows without each group, from those of the groups where the rows are many."""
    labels = assign(len(rows), groups)
    if len(rows) <= 2 * rows.shape[1]:
        return [Gaussian.of(rows[labels != g]) for g in range(groups)]
    centre = rows.mean(0)
    sizes = np.bincount(labels, minlength=groups)
    pieces = [rows[labels == g] - centre for g in range(groups)]
    sums, products = np.array([p.sum(0) for p in pieces]), [p.T @ p for p in pieces]
    total_sum, total_product = sums.sum(0), np.sum(products, axis=0)
    parts = []
    for g in range(groups):
        n = len(rows) - int(sizes[g])
        shift = (total_sum - sums[g]) / n
        covariance = (total_product - products[g] - n * np.outer(shift, shift)) / (n - 1)
        parts.append(Gaussian.from_covariance(centre + shift, covariance))
    return parts

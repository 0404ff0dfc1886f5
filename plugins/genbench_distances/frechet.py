"""Squared Fréchet distance of Gaussians with the means and covariances of both sides, raw and debiased."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg

from genbench.protocol import Evidence, RealSide, Score, jackknife_groups
from genbench_distances import FrechetConfig
from genbench_distances.jackknife import bounded, count, jackknife_square, unreliable
from genbench_distances.scale import any_scale
from genbench_distances.shared import of_samples

__all__ = ["Gaussian", "frechet", "frechet_debiased", "square_distance"]

Array = npt.NDArray[Any]
MIN_PIVOT_RATIO = 1e-5  # smallest over largest pivot: below, the Cholesky factor is too inaccurate
BLOCK_ROWS = 2048  # that are centred at once
HALVINGS = 4  # of both sides
MIN_GROUP_ROWS = 1.25  # for each column: the distance of smaller groups has too little to do with that of all rows


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
        if len(rows) <= rows.shape[1]:
            centred = rows - mean
            centred -= centred.mean(0)
            factor = centred.T / math.sqrt(len(rows) - 1)
            return cls(mean, factor, False, float(np.vdot(factor, factor)))
        products, rest = np.zeros((rows.shape[1],) * 2, order="F"), np.zeros(rows.shape[1])
        for start in range(0, len(rows), BLOCK_ROWS):  # a copy of all rows would take longer than their products
            centred = rows[start : start + BLOCK_ROWS] - mean
            products = linalg.blas.dsyrk(1.0, centred.T, beta=1.0, c=products, overwrite_c=True)  # upper half
            rest += centred.sum(0)
        products += np.triu(products, 1).T
        products -= np.outer(rest, rest) / len(rows)  # rounding of the mean
        products /= len(rows) - 1
        return cls.from_covariance(mean, products)

    @classmethod
    def from_covariance(cls, mean: Array, covariance: Array) -> Gaussian:
        """Return the Gaussian with this mean (d,) and covariance (d, d), which may be singular."""
        trace = float(np.trace(covariance))
        try:
            factor = np.linalg.cholesky(covariance)
            pivots = np.diagonal(factor)
            if pivots.min() > MIN_PIVOT_RATIO * pivots.max():
                return cls(mean, factor, True, trace)
        except np.linalg.LinAlgError:
            pass
        values, vectors = np.linalg.eigh(covariance)
        return cls(mean, vectors * np.sqrt(np.maximum(values, 0.0)), False, trace)


def square_distance(p: Gaussian, q: Gaussian) -> float:
    """Return |μ₁-μ₂|² + tr S₁ + tr S₂ - 2 tr (S₁S₂)^½.

    The last trace is the nuclear norm of F₁ᵀF₂. Where both covariances are regular, it is computed faster, as the sum
    of the square roots of the eigenvalues of F₁ᵀS₂F₁.
    """
    if p.triangular and q.triangular:
        cross = linalg.blas.dtrmm(1.0, p.factor, q.factor, lower=True, trans_a=True)
        overlap = float(np.sqrt(np.maximum(np.linalg.eigvalsh(cross @ cross.T), 0.0)).sum())
    else:
        overlap = float(linalg.svdvals(p.factor.T @ q.factor).sum())
    shift = p.mean - q.mean
    return float(shift @ shift) + p.trace + q.trace - 2 * overlap


@any_scale(2)
def frechet(evidence: Evidence, config: FrechetConfig) -> Score:
    """Return the squared Fréchet distance, in squared units of the space; lower is better.

    It is |μ₁-μ₂|² + tr(S₁ + S₂ - 2(S₁S₂)^½) with covariances of ddof 1, singular or not, for at least 2 rows of either
    side and any d. It is biased upwards; the interval is of the population value, with the bias removed, and is left
    out where n <= d. It is the FID only in Inception's features (Heusel et al. 2017, arXiv:1706.08500); the formula is
    that of Dowson & Landau (1982).
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    if min(n, m) < 2:
        return Score(None, n_real=n, n_fake=m, warnings=("needs at least 2 rows of either side",))
    value = max(square_distance(_real(evidence), Gaussian.of(evidence.fake)), 0.0)
    parts, reason = _parts(evidence, config)
    interval = jackknife_square(value, parts.without, pieces=parts.alone, biased=True)
    params = {"ddof": 1}
    return bounded(value, interval, least=0.0, missing=reason, debiased=True, n_real=n, n_fake=m, params=params)


@any_scale(2, "raw")
def frechet_debiased(evidence: Evidence, config: FrechetConfig) -> Score:
    """Return 2 F(n) - mean of F over halves of both sides, in squared units of the space; lower is better.

    The bias of the squared Fréchet distance F falls as 1/n on both sides, so the halves measure it (Richardson
    extrapolation; of one side: Chong & Forsyth 2020, arXiv:1911.07023). Both sides are halved 4 times, or once where
    that is expensive. The result is unbiased to the order 1/n, so a value may be negative. The interval is of the
    population value. Where n <= d, the bias is of another order that halves do not measure: then there is no interval,
    and a warning says so.
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    if min(n, m) < 4:
        return Score(None, n_real=n, n_fake=m, warnings=("needs at least 4 rows of either side",))
    parts, reason = _parts(evidence, config)
    halvings = HALVINGS if len(parts.without) else 1
    raw = square_distance(_real(evidence), Gaussian.of(evidence.fake))
    real_halves = evidence.real.once(
        ("gaussian halves", halvings), lambda: [_halves(evidence.real.rows, s) for s in range(halvings)]
    )
    pairs = [(p, q) for s, both in enumerate(real_halves) for q in _halves(evidence.fake, s) for p in both]
    value = 2 * raw - float(np.mean([square_distance(p, q) for p, q in pairs]))
    interval = jackknife_square(value, parts.without, pieces=parts.alone, extra=1 / halvings)
    params = {"ddof": 1, "halvings": halvings}
    return bounded(value, interval, missing=reason, n_real=n, n_fake=m, params=params, detail={"raw": raw})


def _real(evidence: Evidence) -> Gaussian:
    return evidence.real.once("gaussian", lambda: Gaussian.of(evidence.real.rows))


def _halves(rows: Array, halving: int) -> list[Gaussian]:
    """Return the moments of the two halves of a random halving, which is always the same for this number of rows."""
    order = np.argsort(np.random.Generator(np.random.PCG64([len(rows), halving])).random(len(rows)))
    return [Gaussian.of(rows[order[half::2]]) for half in (0, 1)]


@dataclass(frozen=True)
class Parts:
    """F without each group (G,), and of each group alone (G,), which is None where groups have too few rows."""

    without: Array
    alone: Array | None


def _parts(evidence: Evidence, config: FrechetConfig) -> tuple[Parts, str]:
    """Return F of parts of both sides, and the reason where there are none."""
    real, fake = evidence.real, evidence.fake
    groups, d = count(len(real.rows), len(fake)), fake.shape[1]
    if groups == 1:
        return Parts(np.empty(0), None), "no interval: 10 rows of either side are needed"
    if reason := unreliable(len(real.rows), len(fake), d):
        return Parts(np.empty(0), None), reason
    limit = config.interval_dimensions
    if min(d, max(len(real.rows), len(fake))) > limit:
        return Parts(np.empty(0), None), f"no interval: beyond interval_dimensions={limit} it costs 20 times the value"
    return of_samples(evidence, "frechet parts", lambda: _distances(real, fake, groups)), ""


def _distances(real: RealSide, fake: Array, groups: int) -> Parts:
    real_without = real.once(("gaussian parts", groups), lambda: _without(real.rows, groups))
    without = [square_distance(p, q) for p, q in zip(real_without, _without(fake, groups), strict=True)]
    if min(len(real.rows), len(fake)) < MIN_GROUP_ROWS * groups * fake.shape[1]:
        return Parts(np.array(without), None)
    real_alone = real.once(("gaussian pieces", groups), lambda: _alone(real.rows, groups))
    alone = [square_distance(p, q) for p, q in zip(real_alone, _alone(fake, groups), strict=True)]
    return Parts(np.array(without), np.array(alone))


def _alone(rows: Array, groups: int) -> list[Gaussian]:
    labels = jackknife_groups(len(rows), groups)
    return [Gaussian.of(rows[labels == g]) for g in range(groups)]


def _without(rows: Array, groups: int) -> list[Gaussian]:
    """Return the moments of the rows without each group; with many rows, from the moments of the groups."""
    labels = jackknife_groups(len(rows), groups)
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

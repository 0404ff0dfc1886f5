"""Squared Fréchet distance of the Gaussians that have the same means and covariances, raw and debiased."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg

from genbench.protocol import Evidence, RealSide, Score
from genbench_distances import FrechetConfig
from genbench_distances.jackknife import assign, bounded, count, jackknife_square, unreliable
from genbench_distances.scale import any_scale
from genbench_distances.shared import of_samples

__all__ = ["Gaussian", "frechet", "frechet_debiased", "square_distance"]

Array = npt.NDArray[Any]
CONDITION = 1e-5  # smallest over largest pivot, below which the Cholesky factor is not trusted
BLOCK = 2048  # rows that are centred at once
SPLITS = 4  # halvings of both sides
FEW = 1.25  # rows of a group for each column, below which its distance says nothing of that of all


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
        for start in range(0, len(rows), BLOCK):  # a copy of all rows would take longer than their products
            centred = rows[start : start + BLOCK] - mean
            products = linalg.blas.dsyrk(1.0, centred.T, beta=1.0, c=products, overwrite_c=True)  # upper half
            rest += centred.sum(0)
        products += np.triu(products, 1).T
        products -= np.outer(rest, rest) / len(rows)  # what rounding left of the mean
        products /= len(rows) - 1
        return cls.from_covariance(mean, products)

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

    |μ₁-μ₂|² + tr(S₁ + S₂ - 2(S₁S₂)^½), covariances with ddof 1, any sizes from 2 and any d, singular or not. Biased
    upwards; the interval is bias-corrected and of the population value, and left out where n <= d. Only in Inception's
    features is it the FID (Heusel et al. 2017, arXiv:1706.08500); the formula is Dowson & Landau's (1982).
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

    The bias of the squared Fréchet distance F falls as 1/n on both sides, which the halves measure (Richardson;
    one-sided by Chong & Forsyth 2020, arXiv:1911.07023). Both sides are halved 4 times, once where that is expensive.
    Unbiased to the order 1/n, so that a value may be negative. The interval is of the population value. Where n <= d
    the bias is of another order, which halves do not show: then there is no interval, and a warning says so.
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    if min(n, m) < 4:
        return Score(None, n_real=n, n_fake=m, warnings=("needs at least 4 rows of either side",))
    parts, reason = _parts(evidence, config)
    splits = SPLITS if len(parts.without) else 1
    raw = square_distance(_real(evidence), Gaussian.of(evidence.fake))
    kept = evidence.real.once(
        ("gaussian halves", splits), lambda: [_halves(evidence.real.rows, s) for s in range(splits)]
    )
    halves = [(p, q) for s, pair in enumerate(kept) for q in _halves(evidence.fake, s) for p in pair]
    value = 2 * raw - float(np.mean([square_distance(p, q) for p, q in halves]))
    interval = jackknife_square(value, parts.without, pieces=parts.alone, extra=1 / splits)
    params = {"ddof": 1, "halvings": splits}
    return bounded(value, interval, missing=reason, n_real=n, n_fake=m, params=params, detail={"raw": raw})


def _real(evidence: Evidence) -> Gaussian:
    return evidence.real.once("gaussian", lambda: Gaussian.of(evidence.real.rows))


def _halves(rows: Array, split: int) -> list[Gaussian]:
    """Return the moments of two halves, by a bit of the row's place in a random order."""
    order = np.argsort(np.random.Generator(np.random.PCG64([len(rows), split])).random(len(rows)))
    return [Gaussian.of(rows[order[half::2]]) for half in (0, 1)]


@dataclass(frozen=True)
class Parts:
    """F without each group, and of each group alone (G,), None where a group has too few rows to tell anything."""

    without: Array
    alone: Array | None


def _parts(evidence: Evidence, config: FrechetConfig) -> tuple[Parts, str]:
    """Return F of parts of both sides, or why there are none."""
    real, fake = evidence.real, evidence.fake
    groups, d = count(len(real.rows), len(fake)), fake.shape[1]
    if groups == 1:
        return Parts(np.empty(0), None), "no interval: 10 rows of either side are needed"
    if why := unreliable(len(real.rows), len(fake), d):
        return Parts(np.empty(0), None), why
    limit = config.interval_dimensions
    if min(d, max(len(real.rows), len(fake))) > limit:
        return Parts(np.empty(0), None), f"no interval: beyond interval_dimensions={limit} it costs 20 times the value"
    return of_samples(evidence, "frechet parts", lambda: _distances(real, fake, groups)), ""


def _distances(real: RealSide, fake: Array, groups: int) -> Parts:
    kept = real.once(("gaussian parts", groups), lambda: _without(real.rows, groups))
    without = [square_distance(p, q) for p, q in zip(kept, _without(fake, groups), strict=True)]
    if min(len(real.rows), len(fake)) < FEW * groups * fake.shape[1]:
        return Parts(np.array(without), None)
    kept = real.once(("gaussian pieces", groups), lambda: _alone(real.rows, groups))
    alone = [square_distance(p, q) for p, q in zip(kept, _alone(fake, groups), strict=True)]
    return Parts(np.array(without), np.array(alone))


def _alone(rows: Array, groups: int) -> list[Gaussian]:
    labels = assign(len(rows), groups)
    return [Gaussian.of(rows[labels == g]) for g in range(groups)]


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

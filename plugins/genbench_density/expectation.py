"""Expectation maximisation of a Gaussian mixture (Dempster et al. 1977, doi:10.1111/j.2517-6161.1977.tb01600.x).

    r_nk = π_k N(x_n; μ_k, Σ_k) / p(x_n)                               E step: shares of a row in the components
    N_k = Σ_n r_nk,  π_k = N_k / n,  μ_k = Σ_n r_nk x_n / N_k          M step
    Σ_k = (Σ_n r_nk (x_n - μ_k)(x_n - μ_k)ᵀ + ν W) / (N_k + ν) + ε I

Two terms keep covariances from being singular. Rows are taken to carry noise of variance ε, over which the E step takes
the mean of log N(x_n; μ_k, Σ_k), which is lower by ε tr(Σ_k⁻¹) / 2. And Σ_k has a prior that counts as ν rows of
covariance W, an inverse Wishart density up to its constant: what no step lowers is

    Σ_n log p(x_n) - ν/2 Σ_k (log det Σ_k + tr(Σ_k⁻¹ (W + ε I)))
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Mixture", "Prior", "Rows", "expectation", "fit", "maximisation", "penalty"]

MAX_PRODUCTS = 1 << 24  # of two columns, over all rows, that are kept: 128 MiB in float64
MIN_SHARE = 1e-290  # of all rows that a component has: one that loses all keeps a density


@dataclass(frozen=True)
class Mixture:
    """Weights (K,) as logarithms, means (K, d), and lower Cholesky factors (K, d, d) of the covariances."""

    log_weights: Tensor
    means: Tensor
    factors: Tensor

    @property
    def free_parameters(self) -> int:
        """How many numbers are free: K - 1 weights, and for each component d means and d (d + 1) / 2 covariances."""
        components, d = self.means.shape
        return components - 1 + components * (d + d * (d + 1) // 2)


@dataclass(frozen=True)
class Prior:
    """The covariance W (d, d) that each component is drawn towards, and the number ν of rows that it counts as."""

    covariance: Tensor
    rows: float


class Rows:
    """Rows x (n, d) in double precision, the share (n,) of each in all of them, and the variance ε of their noise.

    The step of EM needs sums of products of two columns; where they fit in memory they are computed once, and both
    steps become one product of matrices each.
    """

    def __init__(self, x: Tensor, weights: Tensor | None, noise: float) -> None:
        self.x, self.noise = x, noise
        weights = x.new_ones(len(x)) if weights is None else weights.to(x.dtype)
        self.share = weights / weights.sum()
        self.effective = float(1 / self.share.square().sum())  # rows of equal weight that have the same error of a mean
        d = x.shape[1]
        self.upper = torch.triu_indices(d, d, device=x.device)
        self.features: Tensor | None = None
        if self.upper.shape[1] * len(x) <= MAX_PRODUCTS:
            i, j = self.upper
            self.features = torch.cat(
                [torch.ones_like(x[:, :1]), x, x[:, i] * x[:, j]], 1
            )  # (n, 1 + d + d (d + 1) / 2)

    def log_terms(self, constant: Tensor, linear: Tensor, precision: Tensor) -> Tensor:
        """Return constant_k + linear_k·x - xᵀ P_k x / 2, (n, K), for constants (K,), linear (K, d), P (K, d, d)."""
        if self.features is None:
            square = torch.stack([(self.x @ p).mul_(self.x).sum(1) for p in precision], 1)
            return torch.addmm(constant, self.x, linear.T).sub_(square, alpha=0.5)
        i, j = self.upper
        quadratic = precision[:, i, j] * torch.where(i == j, -0.5, -1.0).to(precision.dtype)  # x_i x_j stands twice
        return self.features @ torch.cat([constant[:, None], linear, quadratic], 1).T

    def moments(self, r: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the sums of r_nk, r_nk x_n and r_nk x_n x_nᵀ: (K,), (K, d) and (K, d, d); r (n, K) times shares."""
        d = self.x.shape[1]
        if self.features is None:
            scatter = torch.stack([(self.x * r[:, k : k + 1]).T @ self.x for k in range(r.shape[1])])
            return r.sum(0), r.T @ self.x, scatter
        sums = r.T @ self.features
        scatter = sums.new_empty(r.shape[1], d, d)
        i, j = self.upper
        scatter[:, i, j] = scatter[:, j, i] = sums[:, 1 + d :]
        return sums[:, 0], sums[:, 1 : 1 + d], scatter


def expectation(rows: Rows, mixture: Mixture) -> tuple[Tensor, Tensor]:
    """Return the log-likelihood (n,) of each row, in expectation over its noise, and its shares (n, K)."""
    precision = torch.cholesky_inverse(mixture.factors)
    linear = (precision @ mixture.means[:, :, None]).squeeze(2)
    log_det = mixture.factors.diagonal(dim1=1, dim2=2).log().sum(1)
    trace = precision.diagonal(dim1=1, dim2=2).sum(1)
    constant = mixture.log_weights - log_det - 0.5 * (linear * mixture.means).sum(1) - 0.5 * rows.noise * trace
    joint = rows.log_terms(constant - 0.5 * rows.x.shape[1] * math.log(2 * math.pi), linear, precision)
    top = joint.amax(1, keepdim=True)
    r = joint.sub_(top).exp_()
    total = r.sum(1, keepdim=True)
    return (top + total.log()).squeeze(1), r.div_(total)


def maximisation(rows: Rows, r: Tensor, prior: Prior | None = None) -> Mixture:
    """Return the mixture that makes rows with shares r (n, K) in the components most likely, given the prior."""
    n_k, first, second = rows.moments(r * rows.share[:, None])
    n_k = n_k.clamp(min=MIN_SHARE)
    means = first / n_k[:, None]
    covariance = second / n_k[:, None, None] - means[:, :, None] * means[:, None, :]
    if prior is not None:
        share = prior.rows / rows.effective
        covariance = (n_k[:, None, None] * covariance + share * prior.covariance) / (n_k + share)[:, None, None]
    covariance.diagonal(dim1=1, dim2=2).clamp_(min=0).add_(rows.noise)
    return Mixture(n_k.log() - n_k.sum().log(), means, torch.linalg.cholesky(covariance))


def penalty(rows: Rows, mixture: Mixture, prior: Prior) -> Tensor:
    """Return what the prior takes from the mean log-likelihood of a row."""
    scale = prior.covariance + rows.noise * torch.eye(len(prior.covariance)).to(prior.covariance)
    log_det = 2 * mixture.factors.diagonal(dim1=1, dim2=2).log().sum()
    return 0.5 * prior.rows / rows.effective * (log_det + (torch.cholesky_inverse(mixture.factors) * scale).sum())


def fit(rows: Rows, start: Mixture, prior: Prior, iterations: int, tolerance: float) -> Mixture:
    """Return the mixture after at most so many iterations, or once one gains less than the tolerance, in nats a row."""
    mixture, latest = start, -math.inf
    for _ in range(iterations):
        log_p, r = expectation(rows, mixture)
        objective = float(rows.share @ log_p - penalty(rows, mixture, prior))
        if objective < latest + tolerance:
            break
        mixture, latest = maximisation(rows, r, prior), objective
    return mixture

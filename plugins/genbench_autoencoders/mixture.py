"""A Gaussian mixture fitted on the codes of a trained autoencoder: what draws codes afterwards."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor

from genbench.protocol import Array

__all__ = ["Mixture"]

COMPONENTS = (1, 2, 4, 8, 16, 25, 36)
ROWS, FEW = 10_000, 4_000  # codes that are looked at, at most: for the mixture, for its number of components
ROUNDS = 40  # of expectation maximisation


class Mixture:
    """Gaussian mixture with full covariances, as many components as held-out codes want.

    Fitted by expectation maximisation in float64 on ``codes`` (n, latent), their number chosen by the likelihood of
    ``held_out`` (m, latent), then fitted again on both; at most 10,000 codes are looked at.

    Source: Ghosh et al. 2020, "From variational to deterministic autoencoders" (arXiv:1903.12436), section 4.
    """

    def __init__(self, codes: Tensor, held_out: Tensor) -> None:
        fitted = _fit(_some(codes, ROWS), _some(held_out, ROWS // 10))
        self.weights = torch.as_tensor(fitted.weights_).to(codes)  # (K,)
        self.means = torch.as_tensor(fitted.means_).to(codes)  # (K, latent)
        self.scale = torch.linalg.cholesky(torch.as_tensor(fitted.covariances_)).to(codes)  # (K, latent, latent)
        self.whiten = torch.as_tensor(fitted.precisions_cholesky_).to(codes)  # (K, latent, latent), upper triangular

    def sample(self, n: int) -> Tensor:
        """Return codes (n, latent)."""
        component = torch.multinomial(self.weights, n, replacement=True)  # (n,)
        codes = torch.randn(n, self.means.shape[1], device=self.means.device)
        for k in range(len(self.weights)):
            rows = component == k
            codes[rows] = self.means[k] + codes[rows] @ self.scale[k].T
        return codes

    def log_prob(self, codes: Tensor) -> Tensor:
        """Return the log-density (...) in nats of codes (..., latent)."""
        latent = codes.shape[-1]
        whitened = codes.reshape(-1, latent) @ self.whiten  # (K, n, latent)
        whitened -= self.means[:, None] @ self.whiten
        log_volume = self.whiten.diagonal(dim1=1, dim2=2).log().sum(1) - 0.5 * latent * math.log(2 * math.pi)  # (K,)
        components = (self.weights.log() + log_volume)[:, None] - 0.5 * whitened.square().sum(2)  # (K, n)
        return torch.logsumexp(components, 0).view(codes.shape[:-1])


def _some(codes: Tensor, n: int) -> Array:
    chosen = torch.randperm(len(codes), device=codes.device)[:n]
    return codes[chosen].double().cpu().numpy()


def _fit(codes: Array, held_out: Array) -> GaussianMixture:
    few = codes[:FEW]
    best, highest, worse = 1, -math.inf, 0
    for components in COMPONENTS:
        if worse == 2 or components * (few.shape[1] + 1) > len(few):
            break
        score = _maximise(few, components).score(held_out)
        worse = 0 if score > highest else worse + 1
        best, highest = (components, score) if score > highest else (best, highest)
    return _maximise(np.concatenate([codes, held_out]), best)


def _maximise(codes: Array, components: int) -> GaussianMixture:
    floor = 1e-6 * max(float(codes.var()), 1e-12)  # of the variances, so that no component ends on a point
    mixture = GaussianMixture(components, reg_covar=floor, max_iter=ROUNDS, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last rounds change little
        return mixture.fit(codes)

"""A Gaussian mixture fitted on the codes of a trained autoencoder, from which new codes are drawn."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from torch import Tensor

from genbench.protocol import Array

__all__ = ["Mixture"]

COMPONENTS = (1, 2, 4, 8, 16, 25, 36)  # numbers of components that are tried
MAX_CODES = 10_000  # that the mixture is fitted on
MAX_SELECTION_CODES = 4_000  # that the number of components is chosen with
PARTS = ("weights", "means", "scale", "whiten")
MAX_ITERATIONS = 40  # of expectation maximisation


class Mixture:
    """Gaussian mixture with full covariances and as many components as make held-out codes most likely.

    It is fitted by expectation maximisation in float64: on ``codes`` (n, latent) to choose the number of components by
    the likelihood of ``held_out`` (m, latent), then again on both. At most 10,000 codes are used.

    Source: Ghosh et al. 2020, "From variational to deterministic autoencoders" (arXiv:1903.12436), section 4.
    """

    def __init__(self, codes: Tensor, held_out: Tensor) -> None:
        fitted = _fit(_subset(codes, MAX_CODES), _subset(held_out, MAX_CODES // 10))
        self.weights = torch.as_tensor(fitted.weights_).to(codes)  # (K,)
        self.means = torch.as_tensor(fitted.means_).to(codes)  # (K, latent)
        self.scale = torch.linalg.cholesky(torch.as_tensor(fitted.covariances_)).to(codes)  # (K, latent, latent)
        self.whiten = torch.as_tensor(fitted.precisions_cholesky_).to(codes)  # (K, latent, latent), upper triangular

    @classmethod
    def of(cls, parts: Mapping[str, Tensor]) -> Mixture:
        """Return the mixture whose ``parts`` these are."""
        mixture = cls.__new__(cls)
        for name in PARTS:
            setattr(mixture, name, parts[name].mT.contiguous().mT if name == "scale" else parts[name])
        return mixture

    @property
    def parts(self) -> dict[str, Tensor]:
        """The weights, means, and factors of the covariances and of their inverses, by name."""
        return {name: getattr(self, name) for name in PARTS}

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


def _subset(codes: Tensor, n: int) -> Array:
    index = torch.randperm(len(codes), device=codes.device)[:n]
    return codes[index].double().cpu().numpy()


def _fit(codes: Array, held_out: Array) -> GaussianMixture:
    subset = codes[:MAX_SELECTION_CODES]
    best, highest, failures = 1, -math.inf, 0
    for components in COMPONENTS:
        if failures == 2 or components * (subset.shape[1] + 1) > len(subset):
            break
        score = _maximise(subset, components).score(held_out)
        failures = 0 if score > highest else failures + 1
        best, highest = (components, score) if score > highest else (best, highest)
    return _maximise(np.concatenate([codes, held_out]), best)


def _maximise(codes: Array, components: int) -> GaussianMixture:
    floor = 1e-6 * max(float(codes.var()), 1e-12)  # added to the variances, so that no component shrinks to a point
    mixture = GaussianMixture(components, reg_covar=floor, max_iter=MAX_ITERATIONS, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last iterations change little
        return mixture.fit(codes)

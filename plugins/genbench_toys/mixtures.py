"""Mixtures of Gaussians of equal width: a ring, a grid, and random centres in many dimensions."""

from __future__ import annotations

import math

import numpy as np

from genbench.protocol import Array, Modes
from genbench_toys import GridConfig, MixtureConfig, RingConfig
from genbench_toys.toy import Toy

__all__ = ["GaussianMixture", "Grid", "Mixture", "Ring", "mixture_log_prob"]

BLOCK_VALUES = 1 << 22  # in one intermediate array
ENTROPY_TOLERANCE = 1e-6  # nats between the bounds of an entropy that counts as exact


def mixture_log_prob(x: Array, centres: Array, sigma: float, weights: Array) -> Array:
    """Return (n,) nats at x (n, d) for Gaussians at centres (k, d) with weights (k,), in blocks of bounded memory."""
    out = np.empty(len(x))
    constant = np.log(weights) - 0.5 * x.shape[1] * math.log(2 * math.pi * sigma**2)
    middle = centres.mean(0)  # subtracted, as differences of large squares lose digits
    c = (centres - middle) / sigma
    squares = (c**2).sum(1)
    rows = max(1, BLOCK_VALUES // max(len(centres), x.shape[1]))
    for start in range(0, len(x), rows):
        z = (x[start : start + rows] - middle) / sigma  # (b, d)
        exponent = z @ c.T  # (b, k)
        exponent += constant - 0.5 * squares
        top = exponent.max(1, keepdims=True)
        np.exp(exponent - top, out=exponent)
        out[start : start + rows] = np.log(exponent.sum(1)) + top[:, 0] - 0.5 * (z**2).sum(1)
    return out


class GaussianMixture(Toy):
    """Gaussians with the same standard deviation, at given centres (k, d) with weights (k,)."""

    def __init__(self, centres: Array, sigma: float, weights: Array) -> None:
        self.centres = centres
        self.sigma = sigma
        self.weights = weights
        self.modes = Modes(centres, sigma, weights)

    @property
    def entropy(self) -> float | None:  # type: ignore[override]
        """Entropy in nats: by bounds that agree, or else by quadrature in one or two dimensions, or else None."""
        low, high = self._entropy_bounds()
        if high - low < ENTROPY_TOLERANCE:
            return (low + high) / 2
        d = int(self.centres.shape[1])
        if d > 2:
            return None
        centres = self.centres if d == 2 else np.hstack([self.centres, np.zeros_like(self.centres)])
        return self._quadrature(centres) - (2 - d) * 0.5 * math.log(2 * math.pi * math.e * self.sigma**2)

    def _entropy_bounds(self) -> tuple[float, float]:
        """Return bounds of the entropy by Bhattacharyya and KL divergences of pairs (Kolchinsky & Tracey 2017)."""
        gaussian = 0.5 * self.centres.shape[1] * math.log(2 * math.pi * math.e * self.sigma**2)
        squares = ((self.centres[:, None] - self.centres[None]) ** 2).sum(2) / self.sigma**2
        low, high = (gaussian - self.weights @ np.log(np.exp(-squares / c) @ self.weights) for c in (8, 2))
        return float(low), float(high)

    def _quadrature(self, centres: Array) -> float:
        """Return the weighted mean over components of -log p around each, with nodes only around the components."""
        axis = np.arange(-8, 8.001, 0.125)
        around = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)  # in standard deviations
        weight = np.exp(-0.5 * (around**2).sum(1))
        weight /= weight.sum()
        means = [weight @ mixture_log_prob(c + self.sigma * around, centres, self.sigma, self.weights) for c in centres]
        return -float(self.weights @ np.array(means))

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, d) draws."""
        which = rng.choice(len(self.weights), size=n, p=self.weights)
        return self.centres[which] + self.sigma * rng.standard_normal((n, self.centres.shape[1]))

    def _log_prob(self, x: Array) -> Array:
        return mixture_log_prob(x, self.centres, self.sigma, self.weights)


class Ring(GaussianMixture):
    """Gaussians on a circle, the first at angle 0."""

    def __init__(self, config: RingConfig) -> None:
        distinct = config.modes if config.angles == "even" else config.modes - 1
        angles = 2 * np.pi * np.arange(distinct) / distinct
        counts = np.ones(distinct)
        counts[0] += config.modes - distinct
        super().__init__(
            config.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), config.sigma, counts / config.modes
        )


class Grid(GaussianMixture):
    """Gaussians on a square grid around the origin."""

    def __init__(self, config: GridConfig) -> None:
        axis = config.spacing * (np.arange(config.side) - (config.side - 1) / 2)
        centres = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
        super().__init__(centres, config.sigma, np.full(len(centres), 1 / len(centres)))


class Mixture(GaussianMixture):
    """Gaussians of standard deviation 1 at random centres, drawn with the seed ``placement``."""

    def __init__(self, config: MixtureConfig) -> None:
        places = np.random.default_rng(config.placement).standard_normal((config.components, config.dim))
        centres = places * config.separation / math.sqrt(2 * config.dim)
        super().__init__(centres, 1.0, np.full(config.components, 1 / config.components))

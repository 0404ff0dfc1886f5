"""Toy data with known densities on which plugins are checked; part of the kit, as the core imports no plugin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist, pdist
from scipy.special import logsumexp

from genbench.protocol import Array


@dataclass(frozen=True)
class Clusters:
    """A mixture of round Gaussians: centres (k, d), one standard deviation, weights (k,)."""

    centres: Array
    std: float
    weights: Array

    def draw(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, d) draws."""
        which = rng.choice(len(self.weights), size=n, p=self.weights)
        return self.centres[which] + self.std * rng.normal(size=(n, self.centres.shape[1]))

    def log_prob(self, x: Array) -> Array:
        """Return (n,) nats at x (n, d)."""
        squares = ((x[:, None, :] - self.centres) ** 2).sum(2) / self.std**2
        d = self.centres.shape[1]
        terms = np.log(self.weights) - 0.5 * squares - d * math.log(self.std * math.sqrt(2 * math.pi))
        result: Array = logsumexp(terms, axis=1)
        return result

    def nearest(self, x: Array) -> Array:
        """Return the index of the nearest centre of each row, (n,)."""
        result: Array = ((x[:, None, :] - self.centres) ** 2).sum(2).argmin(1)
        return result


# two on the diagonal of the plane: mean 0, standard deviation 1, correlation 0.81
CLUSTERS = Clusters(np.array([[0.9, 0.9], [-0.9, -0.9]]), math.sqrt(1 - 0.81), np.array([0.5, 0.5]))


def images(n: int, rng: np.random.Generator) -> Array:
    """Return (n, 1, 8, 8) images in [-1, 1]: the upper or the lower half is bright, with noise."""
    upper = rng.random((n, 1, 1, 1)) < 0.5
    half = np.arange(8)[:, None] < 4
    bright = np.where(np.broadcast_to(half, (8, 8)) == upper, 0.7, -0.7)
    return np.clip(bright + 0.1 * rng.normal(size=(n, 1, 8, 8)), -1.0, 1.0)


def binary_images(n: int, rng: np.random.Generator) -> Array:
    """Return (n, 1, 8, 8) images of pixels -1/2 and 1/2: each row is bright or dark, but for one pixel in twenty."""
    row, other = rng.random((n, 1, 8, 1)) < 0.5, rng.random((n, 1, 8, 8)) < 0.05
    return np.where(row != other, 0.5, -0.5)


def grey_images(n: int, rng: np.random.Generator, shape: tuple[int, int, int], levels: int) -> Array:
    """Return (n, *shape) images of grey levels, dequantised in [-1, 1) as a model receives them.

    The upper or the lower half of each image is bright, as in ``images``.
    """
    upper = rng.random((n, 1, 1, 1)) < 0.5
    bright = (np.arange(shape[1])[:, None] < shape[1] / 2) == upper
    share = np.where(np.broadcast_to(bright, (n, *shape)), 0.8, 0.2) + 0.1 * rng.normal(size=(n, *shape))
    grey = np.clip(np.floor(share * levels), 0, levels - 1)
    return (grey + rng.random((n, *shape))) * 2 / levels - 1


LEVELS = 3  # grey levels of integer images


def tiny_images() -> Array:
    """Return all (81, 1, 2, 2) images of three grey levels and four pixels."""
    grid = np.stack(np.meshgrid(*[np.arange(LEVELS)] * 4, indexing="ij"), -1)
    return grid.reshape(-1, 1, 2, 2).astype(np.uint8)


def integer_images(n: int, rng: np.random.Generator) -> Array:
    """Return (n, 1, 2, 2) random images of three grey levels, mostly the middle one, with rows of equal pixels."""
    row = rng.choice(LEVELS, size=(n, 1, 2, 1), p=[0.25, 0.5, 0.25])
    other = rng.choice(LEVELS, size=(n, 1, 2, 2), p=[0.25, 0.5, 0.25])
    return np.where(rng.random((n, 1, 2, 2)) < 0.5, row, other).astype(np.uint8)


def energy_distance(x: Array, y: Array) -> float:
    """Return the unbiased energy distance of rows x (n, d) and y (m, d); 0 on average for equal distributions."""
    x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
    return float(2 * cdist(x, y).mean() - pdist(x).mean() - pdist(y).mean())

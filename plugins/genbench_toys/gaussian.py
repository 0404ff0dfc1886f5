"""One Gaussian of any dimension, whose columns are an autoregressive process of order 1."""

from __future__ import annotations

import math

import numpy as np

from genbench.protocol import Array
from genbench_toys import GaussianConfig
from genbench_toys.toy import Toy

__all__ = ["Gaussian"]

LOG_2PI = math.log(2 * math.pi)


class Gaussian(Toy):
    """Columns of mean 0 and standard deviation 1; columns i and j have the correlation correlation ** |i - j|."""

    def __init__(self, config: GaussianConfig) -> None:
        self.dim = config.dim
        self.correlation = config.correlation
        self.conditional_variance = 1 - config.correlation**2  # of a column, given the one before it
        self.entropy = 0.5 * (self.dim * (LOG_2PI + 1) + (self.dim - 1) * math.log(self.conditional_variance))

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, d) draws."""
        x = rng.standard_normal((n, self.dim))
        if self.correlation:
            x[:, 1:] *= math.sqrt(self.conditional_variance)
            for i in range(1, self.dim):
                x[:, i] += self.correlation * x[:, i - 1]
        return x

    def _log_prob(self, x: Array) -> Array:
        steps = x[:, 1:] - self.correlation * x[:, :-1]
        square = x[:, 0] ** 2 + (steps**2).sum(1) / self.conditional_variance
        log_p: Array = -0.5 * (square + self.dim * LOG_2PI + (self.dim - 1) * math.log(self.conditional_variance))
        return log_p

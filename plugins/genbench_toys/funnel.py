"""Neal's funnel: one column is the logarithm of the variance of all others."""

from __future__ import annotations

import math

import numpy as np

from genbench.protocol import Array
from genbench_toys import FunnelConfig
from genbench_toys.toy import Toy

__all__ = ["Funnel"]

LOG_2PI = math.log(2 * math.pi)


class Funnel(Toy):
    """The funnel of Neal (2003): v = x0 is N(0, sigma²), and all others are N(0, exp(v))."""

    def __init__(self, config: FunnelConfig) -> None:
        self.dim = config.dim
        self.sigma = config.sigma
        # the mean of v is 0, so the logarithms of the widths cancel
        self.entropy = 0.5 * self.dim * (LOG_2PI + 1) + math.log(self.sigma)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, d) draws."""
        x = rng.standard_normal((n, self.dim))
        x[:, 0] *= self.sigma
        x[:, 1:] *= np.exp(x[:, :1] / 2)
        return x

    def _log_prob(self, x: Array) -> Array:
        v = x[:, 0]
        square = (v / self.sigma) ** 2 + ((x[:, 1:] * np.exp(-v[:, None] / 2)) ** 2).sum(1)
        log_p: Array = -0.5 * (square + self.dim * LOG_2PI + (self.dim - 1) * v) - math.log(self.sigma)
        return log_p

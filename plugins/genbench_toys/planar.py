"""Two densities on the plane: the checkerboard and the banana."""

from __future__ import annotations

import math

import numpy as np

from genbench.protocol import Array
from genbench_toys import BananaConfig, CheckerboardConfig
from genbench_toys.toy import Toy

__all__ = ["Banana", "Checkerboard"]


class Checkerboard(Toy):
    """A uniform density on every other tile of a square board around the origin, of which the lower left tile is one.

    The log-density is -inf elsewhere.
    """

    def __init__(self, config: CheckerboardConfig) -> None:
        self.tiles = config.tiles
        self.width = config.width
        columns, rows = np.divmod(np.arange(self.tiles**2), self.tiles)
        self._filled = np.stack([columns, rows], axis=1)[(columns + rows) % 2 == 0]  # (k, 2)
        self.log_area = self.entropy = math.log(len(self._filled) * self.width**2)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, 2) draws."""
        tile = self._filled[rng.integers(len(self._filled), size=n)]
        x: Array = self.width * (tile + rng.random((n, 2)) - self.tiles / 2)
        return x

    def _log_prob(self, x: Array) -> Array:
        tile = np.floor(x / self.width + self.tiles / 2)
        inside = ((tile >= 0) & (tile < self.tiles)).all(1) & (tile.sum(1) % 2 == 0)
        return np.where(np.isnan(x).any(1), np.nan, np.where(inside, -self.log_area, -np.inf))


class Banana(Toy):
    """x0 is standard normal, x1 is normal around curvature * (x0² - 1), which preserves areas and the entropy."""

    def __init__(self, config: BananaConfig) -> None:
        self.curvature = config.curvature
        self.width = config.width
        self.entropy = math.log(2 * math.pi * math.e * config.width)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, 2) draws."""
        x = rng.standard_normal((n, 2))
        x[:, 1] = self.width * x[:, 1] + self.curvature * (x[:, 0] ** 2 - 1)
        return x

    def _log_prob(self, x: Array) -> Array:
        across = (x[:, 1] - self.curvature * (x[:, 0] ** 2 - 1)) / self.width
        return -0.5 * (x[:, 0] ** 2 + across**2) - math.log(2 * math.pi * self.width)

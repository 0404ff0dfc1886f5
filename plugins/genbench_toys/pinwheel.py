"""The pinwheel: Gaussian blades around the origin, rotated by an angle that grows with the radius."""

from __future__ import annotations

import math

import numpy as np

from genbench.protocol import Array
from genbench_toys import PinwheelConfig
from genbench_toys.toy import Toy, planar_entropy

__all__ = ["Pinwheel"]


class Pinwheel(Toy):
    """Blades at equal angles, each a Gaussian centred at radius 1.

    Johnson et al. (2016) rotate by the coordinate along the blade, a map that is not injective. A rotation by the
    radius preserves areas and is invertible, so that the density is exact.
    """

    def __init__(self, config: PinwheelConfig) -> None:
        self.angles = 2 * np.pi * np.arange(config.blades) / config.blades
        self.std = np.array([config.radial, config.tangential])
        self.twist = config.twist

    @property
    def entropy(self) -> float:  # type: ignore[override]
        """Entropy in nats, by quadrature of the untwisted blades: the twist does not change it."""
        reach = 1 + 9 * self.std.max()
        return planar_entropy(self._untwisted_log_prob, np.full(2, -reach), np.full(2, reach), self.std.min() / 2)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, 2) draws."""
        angle = rng.choice(self.angles, size=n)
        blade = np.array([1.0, 0.0]) + self.std * rng.standard_normal((n, 2))
        return _rotate(blade, angle + self._twist_at(blade))

    def _log_prob(self, x: Array) -> Array:
        return self._untwisted_log_prob(_rotate(x, -self._twist_at(x)))

    def _twist_at(self, x: Array) -> Array:
        # beyond radius 100 the density is zero to any precision, and the exponential would overflow
        return self.twist * np.exp(np.minimum(np.hypot(x[:, 0], x[:, 1]), 100.0))

    def _untwisted_log_prob(self, x: Array) -> Array:
        total = np.full(len(x), -np.inf)
        for angle in self.angles:
            z = (_rotate(x, -angle) - [1.0, 0.0]) / self.std
            total = np.logaddexp(total, -0.5 * (z**2).sum(1))
        return total - math.log(len(self.angles) * 2 * math.pi * self.std.prod())


def _rotate(x: Array, angle: Array | float) -> Array:
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * x[:, 0] - s * x[:, 1], s * x[:, 0] + c * x[:, 1]], axis=1)

"""Curves with Gaussian noise around them: moons, spirals, the annulus.

The density at x is the mean of N(x; c(t), σ²) over the curve c(t). Gauss-Legendre quadrature along the curve turns this
integral into a mixture of Gaussians, which is exact to about twelve digits where nodes are closer than σ.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from genbench.protocol import Array
from genbench_toys import GaussianRingConfig, MoonsConfig, SpiralsConfig
from genbench_toys.mixtures import mixture_log_prob
from genbench_toys.toy import Toy, planar_entropy

__all__ = ["GaussianRing", "Moons", "NoisyCurve", "Spirals"]

Curve = Callable[[Array], Array]  # (n,) in [0, 1], evenly distributed -> (n, 2)


class NoisyCurve(Toy):
    """Curves of equal weight with Gaussian noise; ``length`` is an upper bound of the speed |dc/du| of each curve."""

    def __init__(self, curves: tuple[Curve, ...], length: float, noise: float) -> None:
        self.curves = curves
        self.noise = noise
        nodes, weights = np.polynomial.legendre.leggauss(math.ceil(3 * length / noise) + 16)
        self._nodes = np.concatenate([curve((nodes + 1) / 2) for curve in curves])  # (k, 2)
        self._weights = np.tile(weights / 2, len(curves)) / len(curves)

    @property
    def entropy(self) -> float:  # type: ignore[override]
        """Entropy in nats, by quadrature."""
        margin = 9 * self.noise
        low, high = self._nodes.min(0) - margin, self._nodes.max(0) + margin
        return planar_entropy(self.log_prob, low, high, self.noise / 2)

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, 2) draws."""
        which = rng.integers(len(self.curves), size=n)
        along = rng.random(n)
        points = np.choose(which[:, None], [curve(along) for curve in self.curves])
        return points + self.noise * rng.standard_normal((n, 2))

    def _log_prob(self, x: Array) -> Array:
        return mixture_log_prob(x, self._nodes, self.noise, self._weights)


def _circle(angle: Array) -> Array:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


class Moons(NoisyCurve):
    """Two half circles of radius 1, the second upside down at (1, 0.5), as in scikit-learn's ``make_moons``."""

    def __init__(self, config: MoonsConfig) -> None:
        def upper(u: Array) -> Array:
            return _circle(np.pi * u)

        def lower(u: Array) -> Array:
            return np.array([1.0, 0.5]) - _circle(np.pi * u)

        super().__init__((upper, lower), np.pi, config.noise)


class Spirals(NoisyCurve):
    """Two arms, rotated by π against each other, whose radius is a third of the angle; the angle squared is uniform.

    They are the spirals of FFJORD (Grathwohl et al. 2019) without their additional uniform noise.
    """

    def __init__(self, config: SpiralsConfig) -> None:
        end = 2 * np.pi * config.turns

        def arm(u: Array) -> Array:
            angle = end * np.sqrt(u)
            return angle[:, None] / 3 * _circle(angle)

        def other(u: Array) -> Array:
            return -arm(u)

        super().__init__((arm, other), end**2 / 6, config.noise)


class GaussianRing(NoisyCurve):
    """A circle around the origin."""

    def __init__(self, config: GaussianRingConfig) -> None:
        def circle(u: Array) -> Array:
            return config.radius * _circle(2 * np.pi * u)

        super().__init__((circle,), 2 * np.pi * config.radius, config.noise * config.radius)

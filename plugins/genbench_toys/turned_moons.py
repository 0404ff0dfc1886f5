"""Two moons turned by an angle that is given: the exact density is known for each angle."""

from __future__ import annotations

import math

import numpy as np

from genbench.budget import Sizes
from genbench.protocol import Array, Column, Data
from genbench_toys import MoonsConfig, TurnedMoonsConfig
from genbench_toys.curves import Moons

__all__ = ["CENTRE", "TurnedMoons"]

CENTRE = np.array([0.5, 0.25])  # of both moons, about which they turn
MAX_ANGLE = math.pi / 2


class TurnedMoons:
    """The moons, turned about their centre by an angle that is uniform between -π/2 and π/2."""

    def __init__(self, config: TurnedMoonsConfig) -> None:
        self.moons = Moons(MoonsConfig(config.noise))

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return splits, each drawn with its own generator, so that more training rows do not change the test rows.

        The entropy is that of the moons: turning them keeps areas.
        """
        parts = {
            name: self.sample(n, np.random.default_rng(seed))
            for (name, n), seed in zip(vars(sizes).items(), rng.integers(2**63, size=3), strict=True)
        }
        return Data(
            *(rows for rows, _ in parts.values()),
            log_prob=self.log_prob,
            entropy=self.moons.entropy,
            conditions={name: angles for name, (_, angles) in parts.items()},
            condition_columns=(Column("angle", unit="rad"),),
        )

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return rows (n, 2) and their angles (n, 1) in radians."""
        angles = rng.uniform(-MAX_ANGLE, MAX_ANGLE, (n, 1))
        return turned(self.moons.sample(n, rng), angles), angles

    def log_prob(self, x: Array, angles: Array) -> Array:
        """Return (n,) nats at x (n, 2) given angles (n, 1)."""
        with np.errstate(over="ignore", invalid="ignore"):  # samples of a model may be anywhere
            back = turned(np.asarray(x, dtype=np.float64), -np.asarray(angles))
        log_p: Array = self.moons.log_prob(back)
        return log_p


def turned(x: Array, angles: Array) -> Array:
    """Return x (n, 2) turned about the centre, anticlockwise by angles (n, 1) in radians."""
    cos, sin = np.cos(angles[:, 0]), np.sin(angles[:, 0])
    across, up = (x - CENTRE).T
    found: Array = np.stack([cos * across - sin * up, sin * across + cos * up], axis=1) + CENTRE
    return found

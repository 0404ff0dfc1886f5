"""What all toys share: independent draws for each split, and the entropy of a planar density by quadrature."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from genbench.budget import Sizes
from genbench.protocol import Array, Column, Data, Modes

__all__ = ["Toy", "planar_entropy"]


class Toy(ABC):
    """A distribution with a known density; subclasses say how to draw from it and what its logarithm is."""

    entropy: float | None = None  # nats
    modes: Modes | None = None
    columns: tuple[Column, ...] = ()

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, d) float64 draws."""

    def log_prob(self, x: Array) -> Array:
        """Return (n,) nats at x (n, d); -inf where the density is zero, nan at nan."""
        with np.errstate(over="ignore", invalid="ignore"):  # what a model samples may lie anywhere
            return self._log_prob(np.asarray(x, dtype=np.float64))

    @abstractmethod
    def _log_prob(self, x: Array) -> Array: ...

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Draw each split from a stream of its own, so that more training rows leave the test rows as they are."""
        seeds = rng.integers(2**63, size=3)
        wanted = (sizes.train, sizes.test, sizes.reference)
        train, test, reference = (
            self.sample(n, np.random.default_rng(seed)) for n, seed in zip(wanted, seeds, strict=True)
        )
        return Data(
            train,
            test,
            reference,
            log_prob=self.log_prob,
            entropy=self.entropy,
            modes=self.modes,
            columns=self.columns,
        )


def planar_entropy(log_prob: Callable[[Array], Array], low: Array, high: Array, step: float) -> float:
    """Return the entropy in nats of a smooth density on the plane that vanishes outside of the box ``low`` to ``high``.

    The trapezoidal rule converges exponentially here: half the finest scale is step enough for seven digits.
    """
    x, y = (np.arange(a, b + step, step) for a, b in zip(low, high, strict=True))
    total = 0.0
    rows = max(1, 65_536 // len(y))
    for start in range(0, len(x), rows):
        points = np.stack(np.meshgrid(x[start : start + rows], y, indexing="ij"), axis=-1).reshape(-1, 2)
        log_p = log_prob(points)
        p = np.exp(log_p)
        total -= float(np.sum(p * np.where(p > 0, log_p, 0.0)))
    return total * step**2

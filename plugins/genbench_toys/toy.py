"""The base class of all toy datasets, and the entropy of a planar density by quadrature."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from genbench.budget import Sizes
from genbench.protocol import Array, Column, Data, Modes

__all__ = ["Toy", "planar_entropy"]


class Toy(ABC):
    """A distribution with a known density; subclasses draw from it and compute its logarithm."""

    entropy: float | None = None  # nats
    modes: Modes | None = None
    columns: tuple[Column, ...] = ()

    @abstractmethod
    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, d) float64 draws."""

    def log_prob(self, x: Array) -> Array:
        """Return (n,) nats at x (n, d); -inf where the density is 0, nan at nan."""
        with np.errstate(over="ignore", invalid="ignore"):  # samples of a model may be anywhere
            return self._log_prob(np.asarray(x, dtype=np.float64))

    @abstractmethod
    def _log_prob(self, x: Array) -> Array: ...

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return splits, each drawn with its own generator, so that more training rows do not change the test rows."""
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
    """Return the entropy in nats of a smooth density on the plane that is 0 outside of the box ``low`` to ``high``.

    The trapezoidal rule converges exponentially here: a step of half the finest scale gives seven digits.
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

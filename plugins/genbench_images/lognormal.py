"""Lognormal maps of weak-lensing convergence: images whose exact density is known.

The convergence κ is a shifted lognormal field (Hilbert et al. 2011, arXiv:1105.3980): κ = shift * (exp(y) - 1) with
Gaussian y. So κ is skewed like the convergence of dark matter, and its density is known in closed form. Maps are
periodic, so that the Fourier modes of y are independent.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from genbench.budget import Sizes
from genbench.protocol import Array, Data
from genbench.stored import load_stored
from genbench_images import LognormalMapsConfig
from genbench_images.lognormal_field import LognormalField, multipoles
from genbench_images.observables import map_observables

__all__ = ["BLOCK_PIXELS", "MAX_DEVIATIONS", "THRESHOLDS", "LognormalMaps", "stored_power"]

DATA_FILE = Path(__file__).parent / "data" / "convergence.npz"
BLOCK_PIXELS = 1 << 20  # in one intermediate array
THRESHOLDS = (1.0, 2.0, 3.0)  # standard deviations of a pixel, for peaks
MAX_DEVIATIONS = 1e6  # standard deviations, at which samples of a model are clipped


def stored_power(ell: Array) -> Array:
    """Return the angular power of the convergence of sources at redshift 1 at multipoles from 2 to 6000."""
    table = load_stored(DATA_FILE)
    return np.asarray(np.exp(np.interp(np.log(ell), np.log(table["ell"]), np.log(table["power"]))))


class LognormalMaps:
    """Square periodic maps with the angular power spectrum of convergence for sources at redshift 1, without noise."""

    def __init__(self, config: LognormalMapsConfig) -> None:
        self.size = config.size
        self.degrees = config.degrees
        self.shift = config.shift

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return independent maps (n, 1, size, size) of κ, float32; each split is drawn with its own generator."""
        side = math.radians(self.degrees)
        self.field = LognormalField.of_power(stored_power(multipoles(self.size, side)), self.shift, side)
        seeds = rng.integers(2**63, size=3)
        wanted = (sizes.train, sizes.test, sizes.reference)
        parts = [self._sample(n, np.random.default_rng(seed)) for n, seed in zip(wanted, seeds, strict=True)]
        entropy = float(self.field.entropy())
        return Data(*parts, log_prob=self._log_prob, entropy=entropy, observables=self._observables)

    def _observables(self, x: Array) -> dict[str, Array]:
        """Return the observables of maps (n, 1, size, size), each (n,); peaks are above 1, 2, 3 standard deviations."""
        scaled = np.asarray(x, dtype=np.float64)[:, 0] / self.field.deviation
        return map_observables(np.clip(scaled, -MAX_DEVIATIONS, MAX_DEVIATIONS), THRESHOLDS)

    def _sample(self, n: int, rng: np.random.Generator) -> Array:
        out = np.empty((n, 1, self.size, self.size), dtype=np.float32)
        rows = max(1, BLOCK_PIXELS // self.size**2)
        for start in range(0, n, rows):
            part = out[start : start + rows]
            part[:, 0] = self.field.draw(rng.standard_normal((len(part), self.size, self.size)))
        return out

    def _log_prob(self, x: Array) -> Array:
        """Return (n,) nats at maps (n, 1, size, size); -inf where a pixel is at or below -shift."""
        rows = max(1, BLOCK_PIXELS // self.size**2)
        blocks = [self.field.log_prob(x[start : start + rows, 0]) for start in range(0, len(x), rows)]
        return np.concatenate(blocks) if blocks else np.empty(0)

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
from genbench_images.observables import map_observables

__all__ = ["LognormalMaps"]

DATA_FILE = Path(__file__).parent / "data" / "convergence.npz"
BLOCK_PIXELS = 1 << 20  # in one intermediate array
THRESHOLDS = (1.0, 2.0, 3.0)  # standard deviations of a pixel, for peaks
MAX_DEVIATIONS = 1e6  # standard deviations, at which samples of a model are clipped


class LognormalMaps:
    """Square periodic maps with the angular power spectrum of convergence for sources at redshift 1, without noise."""

    def __init__(self, config: LognormalMapsConfig) -> None:
        self.size = config.size
        self.degrees = config.degrees
        self.shift = config.shift

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return independent maps (n, 1, size, size) of κ, float32; each split is drawn with its own generator."""
        self._variances = self._gaussian_variances()
        seeds = rng.integers(2**63, size=3)
        wanted = (sizes.train, sizes.test, sizes.reference)
        parts = [self._sample(n, np.random.default_rng(seed)) for n, seed in zip(wanted, seeds, strict=True)]
        return Data(*parts, log_prob=self._log_prob, entropy=self._entropy(), observables=self._observables)

    def _observables(self, x: Array) -> dict[str, Array]:
        """Return the observables of maps (n, 1, size, size), each (n,); peaks are above 1, 2, 3 standard deviations."""
        deviation = self.shift * math.sqrt(math.expm1(self._variance))
        scaled = np.asarray(x, dtype=np.float64)[:, 0] / deviation
        return map_observables(np.clip(scaled, -MAX_DEVIATIONS, MAX_DEVIATIONS), THRESHOLDS)

    def _gaussian_variances(self) -> Array:
        """Return the variance of y in each Fourier mode (size, size // 2 + 1), in units of white noise."""
        table = load_stored(DATA_FILE)
        side = math.radians(self.degrees)
        lowest = 2 * math.pi / side
        frequency = np.fft.fftfreq(self.size, 1 / self.size)
        ell = lowest * np.hypot(frequency[:, None], frequency)
        ell[0, 0] = lowest / 2  # the mean of a map varies too, with structure on larger scales
        power = np.exp(np.interp(np.log(ell), np.log(table["ell"]), np.log(table["power"])))
        correlation = np.fft.ifft2(power).real * (self.size / side) ** 2  # of κ, at each distance
        variances = np.fft.rfft2(np.log1p(correlation / self.shift**2)).real
        positive: Array = np.maximum(variances, 1e-9 * variances.max())  # rounding could make some negative
        return positive

    def _scale(self, y: Array, power: float) -> Array:
        """Return y (n, size, size) with each Fourier mode multiplied by this power of its standard deviation."""
        return np.fft.irfft2(np.fft.rfft2(y) * self._variances ** (power / 2), s=(self.size, self.size))

    @property
    def _all_variances(self) -> Array:
        """The variances of all size² modes, including those that ``rfft2`` leaves out by symmetry."""
        mirrored = np.fft.irfft2(self._variances, s=(self.size, self.size))
        return np.fft.fft2(mirrored).real

    @property
    def _variance(self) -> float:
        """The variance of y in a pixel."""
        return float(self._all_variances.mean())

    def _sample(self, n: int, rng: np.random.Generator) -> Array:
        out = np.empty((n, 1, self.size, self.size), dtype=np.float32)
        rows = max(1, BLOCK_PIXELS // self.size**2)
        half = self._variance / 2  # with which the mean of κ is 0
        for start in range(0, n, rows):
            part = out[start : start + rows]
            white = rng.standard_normal((len(part), self.size, self.size))
            part[:, 0] = self.shift * np.expm1(self._scale(white, 1) - half)
        return out

    def _log_prob(self, x: Array) -> Array:
        """Return (n,) nats at maps (n, 1, size, size); -inf where a pixel is at or below -shift."""
        out = np.empty(len(x))
        rows = max(1, BLOCK_PIXELS // self.size**2)
        pixels = self.size**2
        constant = 0.5 * (np.log(self._all_variances).sum() + pixels * math.log(2 * math.pi))
        half = self._variance / 2
        for start in range(0, len(x), rows):
            kappa = np.asarray(x[start : start + rows, 0], dtype=np.float64)
            inside: Array = np.all(kappa > -self.shift, axis=(1, 2))
            y = np.log1p(np.where(inside[:, None, None], kappa, 0.0) / self.shift)
            square = (self._scale(y + half, -1) ** 2).sum((1, 2))
            jacobian = y.sum((1, 2)) + pixels * math.log(self.shift)
            values = np.where(inside, -0.5 * square - constant - jacobian, -np.inf)
            out[start : start + rows] = np.where(np.isnan(kappa).any((1, 2)), np.nan, values)
        return out

    def _entropy(self) -> float:
        pixels = self.size**2
        gaussian = 0.5 * (np.log(self._all_variances).sum() + pixels * math.log(2 * math.pi * math.e))
        return float(gaussian + pixels * (math.log(self.shift) - self._variance / 2))

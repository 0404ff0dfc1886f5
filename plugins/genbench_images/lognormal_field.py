"""Shifted lognormal fields on a periodic grid: draws and exact densities, of one law or of one for each map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from genbench.protocol import Array

__all__ = ["LognormalField", "multipoles"]


def multipoles(size: int, side: float) -> Array:
    """Return the multipole (size, size) of each Fourier mode of a map of this side in radians; never 0.

    The mean of a map varies too, with structure on scales of twice its side.
    """
    lowest = 2 * math.pi / side
    frequency = np.fft.fftfreq(size, 1 / size)
    ell: Array = lowest * np.hypot(frequency[:, None], frequency)
    ell[0, 0] = lowest / 2
    return ell


@dataclass(frozen=True)
class LognormalField:
    """The law of κ = shift (exp(y - v/2) - 1), of mean 0, for a Gaussian field y whose pixels have the variance v.

    ``variances`` (..., size, size // 2 + 1) are those of y in each Fourier mode, in units of white noise; ``shift`` is
    (..., 1, 1). Leading axes are none, for one law, or (n,), for one law for each of n maps.
    """

    variances: Array
    shift: Array

    @classmethod
    def of_power(cls, power: Array, shift: float | Array, side: float) -> LognormalField:
        """Return the field whose κ has the angular power (..., size, size) in the modes of a map of side in radians."""
        size = power.shape[-1]
        shift = np.asarray(shift, dtype=np.float64)
        shift = shift.reshape(*shift.shape, 1, 1) if shift.ndim else shift
        correlation = np.fft.ifft2(power).real * (size / side) ** 2  # of κ, at each distance
        variances = np.fft.rfft2(np.log1p(correlation / shift**2)).real
        largest = variances.max((-2, -1), keepdims=True)
        return cls(np.maximum(variances, 1e-9 * largest), shift)  # rounding could make some negative

    @property
    def size(self) -> int:
        """Pixels along each side."""
        return int(self.variances.shape[-2])

    def scale(self, y: Array, power: float) -> Array:
        """Return y (n, size, size) with each Fourier mode multiplied by this power of its standard deviation."""
        return np.fft.irfft2(np.fft.rfft2(y) * self.variances ** (power / 2), s=(self.size, self.size))

    @cached_property
    def all_variances(self) -> Array:
        """The variances (..., size, size) of all modes, including those that ``rfft2`` leaves out by symmetry."""
        mirrored = np.fft.irfft2(self.variances, s=(self.size, self.size))
        return np.fft.fft2(mirrored).real

    @cached_property
    def variance(self) -> Array:
        """The variance (..., 1, 1) of y in a pixel."""
        return np.asarray(self.all_variances.mean((-2, -1), keepdims=True))

    @property
    def deviation(self) -> Array:
        """The standard deviation (..., 1, 1) of κ in a pixel."""
        return np.asarray(self.shift * np.sqrt(np.expm1(self.variance)))

    def draw(self, white: Array) -> Array:
        """Return maps (n, size, size) of κ that are made of white noise."""
        return np.asarray(self.shift * np.expm1(self.scale(white, 1) - self.variance / 2))

    def log_prob(self, kappa: Array) -> Array:
        """Return (n,) nats at maps (n, size, size); -inf where a pixel is at or below -shift, nan where one is nan.

        By the change of variables y = log(1 + κ / shift) + v/2 it is the Gaussian density of y, whose modes are
        independent, over the product of shift + κ over the pixels.
        """
        kappa = np.asarray(kappa, dtype=np.float64)
        pixels = self.size**2
        constant = 0.5 * (np.log(self.all_variances).sum((-2, -1)) + pixels * math.log(2 * math.pi))
        inside: Array = np.all(kappa > -self.shift, axis=(1, 2))
        y = np.log1p(np.where(inside[:, None, None], kappa, 0.0) / self.shift)
        square = (self.scale(y + self.variance / 2, -1) ** 2).sum((1, 2))
        jacobian = y.sum((1, 2)) + pixels * np.log(self.shift[..., 0, 0] if self.shift.ndim else self.shift)
        values = np.where(inside, -0.5 * square - constant - jacobian, -np.inf)
        return np.where(np.isnan(kappa).any((1, 2)), np.nan, values)

    def entropy(self) -> Array:
        """Return the differential entropy (...) of a map in nats."""
        pixels = self.size**2
        gaussian = 0.5 * (np.log(self.all_variances).sum((-2, -1)) + pixels * math.log(2 * math.pi * math.e))
        shift = self.shift[..., 0, 0] if self.shift.ndim else self.shift
        return np.asarray(gaussian + pixels * (np.log(shift) - self.variance[..., 0, 0] / 2))

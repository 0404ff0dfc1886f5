"""Relativistic kinematics at a collider: four-momenta from transverse momentum, pseudorapidity, azimuth and mass.

Natural units: energies, momenta and masses in GeV. Samples of a model may be anywhere, so values that would overflow
are clipped, far beyond what a collider can produce.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from genbench.protocol import Array

__all__ = ["FourMomentum", "difference_in_azimuth", "four_momentum"]

MAX_ETA = 20.0  # the protons of the beam have a rapidity of 9.5
MAX_PT = 1e6  # GeV
MIN_DIVISOR = 1e-9  # GeV


class FourMomentum(NamedTuple):
    """Energy and momentum of n particles or systems of particles, each (n,), in GeV; ``plus`` adds them."""

    energy: Array
    px: Array
    py: Array
    pz: Array

    def plus(self, other: FourMomentum) -> FourMomentum:
        """Return the sum of both four-momenta."""
        return FourMomentum(*(first + second for first, second in zip(self, other, strict=True)))

    @property
    def pt(self) -> Array:
        """Transverse momentum."""
        return np.hypot(self.px, self.py)

    @property
    def eta(self) -> Array:
        """Pseudorapidity, arsinh(pz / pT)."""
        return np.arcsinh(self.pz / np.maximum(self.pt, MIN_DIVISOR))

    @property
    def rapidity(self) -> Array:
        """Rapidity, artanh(pz / E)."""
        velocity = np.clip(self.pz / np.maximum(self.energy, MIN_DIVISOR), -1 + 1e-9, 1 - 1e-9)
        return np.arctanh(velocity)

    @property
    def phi(self) -> Array:
        """Azimuth in (-π, π]."""
        return np.arctan2(self.py, self.px)

    @property
    def mass(self) -> Array:
        """Invariant mass; 0 where rounding makes its square negative."""
        square = (self.energy - self.pz) * (self.energy + self.pz) - self.px**2 - self.py**2
        mass: Array = np.sqrt(np.maximum(square, 0.0))
        return mass


def four_momentum(pt: Array, eta: Array, phi: Array | float, mass: Array | float) -> FourMomentum:
    """Return the four-momenta of particles from pT and mass in GeV, pseudorapidity, and azimuth in radians."""
    pt = np.clip(np.asarray(pt, dtype=np.float64), 0.0, MAX_PT)
    eta = np.clip(np.asarray(eta, dtype=np.float64), -MAX_ETA, MAX_ETA)
    mass = np.clip(np.asarray(mass, dtype=np.float64), 0.0, MAX_PT)
    pz = pt * np.sinh(eta)
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)
    return FourMomentum(energy, pt * np.cos(phi), pt * np.sin(phi), pz)


def difference_in_azimuth(first: Array | float, second: Array | float) -> Array:
    """Return the angle between two azimuths, in [0, π]."""
    difference = np.mod(np.asarray(first, dtype=np.float64) - second, 2 * np.pi)
    return np.minimum(difference, 2 * np.pi - difference)

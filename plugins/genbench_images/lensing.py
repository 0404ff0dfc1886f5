"""How the convergence of weak lensing depends on σ_8 and Ω_m: linear theory in the Limber approximation.

The universe is flat, with a cosmological constant. Distances are in Mpc/h.
"""

from __future__ import annotations

import numpy as np

from genbench.protocol import Array
from genbench_images.cosmic_web import power_spectrum

__all__ = ["empty_beam", "growth", "linear_power"]

HUBBLE_DISTANCE = 2997.92458  # c / H0
SOURCE = 1.0  # redshift of the galaxies whose light is deflected
NODES = 200  # of the integral over redshift


def growth(z: Array, matter: float) -> Array:
    """Return the growth of structure at redshifts z, 1 at z = 0 (Carroll, Press & Turner 1992, equation 29).

    Source: doi:10.1146/annurev.aa.30.090192.002435.
    """

    def suppression(z: Array) -> Array:
        own = matter * (1 + z) ** 3
        m = own / (own + 1 - matter)
        return np.asarray(2.5 * m / (m ** (4 / 7) - (1 - m) + (1 + m / 2) * (1 + (1 - m) / 70)))

    return np.asarray(suppression(z) / (suppression(np.zeros(1)) * (1 + z)))


def _lens_weight(matter: float) -> tuple[Array, Array, Array, Array]:
    """Return redshifts, distances, their steps, and the weight by which structure there adds to the convergence."""
    z = np.linspace(0, SOURCE, 2 * NODES + 1)
    rate = HUBBLE_DISTANCE / np.sqrt(matter * (1 + z) ** 3 + 1 - matter)  # dχ/dz
    step = SOURCE / NODES
    distance = np.concatenate([[0.0], np.cumsum((rate[:-1] + rate[1:]) * step / 4)])
    middle, far = slice(1, None, 2), distance[-1]
    chi = distance[middle]
    weight = 1.5 * matter / HUBBLE_DISTANCE**2 * chi * (far - chi) / far * (1 + z[middle])
    return z[middle], chi, rate[middle] * step, weight


def linear_power(ell: Array, matter: float) -> Array:
    """Return the angular power of the convergence at multipoles ell (n,), for σ_8 = 1: it grows as σ_8².

    The Limber approximation (Kaiser 1992, doi:10.1086/171151) with the matter power of Eisenstein & Hu 1998.
    """
    z, chi, step, weight = _lens_weight(matter)
    matter_power = power_spectrum((ell[:, None] + 0.5) / chi, 1.0, matter) * growth(z, matter) ** 2
    return np.asarray((matter_power * (weight / chi) ** 2 * step).sum(1))


def empty_beam(matter: float) -> float:
    """Return minus the convergence of a line of sight without matter, the lowest there can be.

    Source: Taruya et al. 2002, arXiv:astro-ph/0202090.
    """
    _, _, step, weight = _lens_weight(matter)
    return float((weight * step).sum())

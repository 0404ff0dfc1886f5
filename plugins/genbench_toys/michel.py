"""The Michel spectrum: the energy of the electron (or positron) from the decay of an unpolarised muon at rest."""

from __future__ import annotations

import math

import numpy as np

from genbench.protocol import Array, Column
from genbench_toys.toy import Toy

__all__ = ["ENDPOINT", "Michel"]

ENDPOINT = 105.6583755 / 2  # MeV: half the mass of the muon (Particle Data Group 2024), without that of the electron


class Michel(Toy):
    """p(x) = 2 x² (3 - 2x) of the reduced energy x = E / endpoint in [0, 1], without radiative corrections.

    The log-density is -inf outside of [0, 1]. Source: Michel 1950, doi:10.1088/0370-1298/63/5/311.
    """

    columns = (Column("energy", unit="MeV"),)
    # -E[log p], with E[log x] = -5/12 and E[log(3 - 2x)] = (27 log 3 - 68/3) / 16
    entropy = math.log(ENDPOINT) - math.log(2) + 5 / 6 - (27 * math.log(3) - 68 / 3) / 16

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, 1) energies in MeV: the spectrum is two parts Beta(3, 1) and one part Beta(3, 2)."""
        return ENDPOINT * rng.beta(3.0, np.where(rng.random((n, 1)) < 2 / 3, 1.0, 2.0))

    def _log_prob(self, x: Array) -> Array:
        reduced = x[:, 0] / ENDPOINT
        inside = (reduced > 0) & (reduced <= 1)
        safe = np.where(inside, reduced, 0.5)
        density = math.log(2 / ENDPOINT) + 2 * np.log(safe) + np.log(3 - 2 * safe)
        return np.where(np.isnan(reduced), np.nan, np.where(inside, density, -np.inf))

"""Maps of weak-lensing convergence given the cosmology, whose exact conditional density is known.

Given σ_8 and Ω_m, the convergence is a shifted lognormal field as in ``lognormal_maps``, whose power and shift depend
on both. Their dependence is an approximation, the density of the maps that are drawn is exact:

    power(ell) = stored(ell) * linear(ell; σ_8, Ω_m) / linear(ell; fiducial)
    shift = shift(fiducial) * empty(Ω_m) / empty(fiducial)

where ``stored`` is the non-linear power of the fiducial cosmology, Planck 2018, ``linear`` that of linear theory in the
Limber approximation, and ``empty`` the convergence of an empty line of sight (see ``lensing``). On small scales the
power therefore follows σ_8 less steeply than with non-linear growth. The Hubble constant, the baryons and the spectral
index are fixed, as in the simulations of Gupta et al. 2018 (arXiv:1802.01212), who infer both parameters from maps.
"""

from __future__ import annotations

import math

import numpy as np

from genbench.budget import Sizes
from genbench.protocol import Array, Column, Data
from genbench_images import ConvergenceConfig
from genbench_images.lensing import empty_beam, linear_power
from genbench_images.lognormal import BLOCK_PIXELS, MAX_DEVIATIONS, THRESHOLDS, stored_power
from genbench_images.lognormal_field import LognormalField, multipoles
from genbench_images.observables import map_observables

__all__ = ["FIDUCIAL", "RANGES", "Convergence"]

FIDUCIAL = np.array([0.8102, 0.3111])  # σ_8 and Ω_m of Planck 2018, arXiv:1807.06209, last column of table 2
RANGES = ((0.6, 1.0), (0.2, 0.4))  # from which both are drawn, uniformly
NODES = 41  # in Ω_m, between which the logarithms of power and shift are interpolated
COLUMNS = (Column("sigma_8"), Column("omega_m"))


class Convergence:
    """Square periodic maps of convergence for sources at redshift 1, without noise, given σ_8 and Ω_m."""

    def __init__(self, config: ConvergenceConfig) -> None:
        self.size = config.size
        self.side = math.radians(config.degrees)
        self.shift = config.shift

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return maps (n, 1, size, size) of κ, float32, each of its own cosmology; each split has its own generator."""
        self._make_tables()
        parts = {
            name: self._sample(n, np.random.default_rng(seed))
            for (name, n), seed in zip(vars(sizes).items(), rng.integers(2**63, size=3), strict=True)
        }
        self._unit = float(self.field(FIDUCIAL[None]).deviation.item())
        return Data(
            *(maps for maps, _ in parts.values()),
            log_prob=self.log_prob,
            observables=self.observables,
            conditions={name: given for name, (_, given) in parts.items()},
            condition_columns=COLUMNS,
        )

    def _make_tables(self) -> None:
        """Compute the logarithms of power and shift on a grid of Ω_m, for the fiducial σ_8."""
        ell = multipoles(self.size, self.side)
        distinct, where = np.unique(ell, return_inverse=True)
        fiducial = np.log(linear_power(distinct, float(FIDUCIAL[1])))
        self._nodes = np.linspace(*RANGES[1], NODES)
        change = np.stack([np.log(linear_power(distinct, matter)) - fiducial for matter in self._nodes])
        self._log_power = np.log(stored_power(ell)) + change[:, where.reshape(ell.shape)]
        empty = np.array([empty_beam(matter) for matter in self._nodes]) / empty_beam(float(FIDUCIAL[1]))
        self._log_shift = np.log(self.shift * empty)

    def field(self, given: Array) -> LognormalField:
        """Return the laws of maps given σ_8 and Ω_m (n, 2); beyond their ranges Ω_m is taken at the nearer end."""
        sigma, matter = np.asarray(given, dtype=np.float64).T
        at = np.interp(matter, self._nodes, np.arange(NODES))
        low = np.minimum(at.astype(int), NODES - 2)
        share = (at - low)[:, None, None]
        log_power = (1 - share) * self._log_power[low] + share * self._log_power[low + 1]
        log_power += 2 * np.log(sigma / FIDUCIAL[0])[:, None, None]
        return LognormalField.of_power(
            np.exp(log_power), np.exp(np.interp(matter, self._nodes, self._log_shift)), self.side
        )

    def observables(self, x: Array) -> dict[str, Array]:
        """Return the observables of maps (n, 1, size, size), each (n,).

        Peaks are above 1, 2 and 3 standard deviations of a pixel in the fiducial cosmology.
        """
        scaled = np.asarray(x, dtype=np.float64)[:, 0] / self._unit
        return map_observables(np.clip(scaled, -MAX_DEVIATIONS, MAX_DEVIATIONS), THRESHOLDS)

    def _sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return maps (n, 1, size, size) and the σ_8 and Ω_m (n, 2) that they were drawn given."""
        out = np.empty((n, 1, self.size, self.size), dtype=np.float32)
        low, high = np.transpose(RANGES)
        given = rng.uniform(low, high, (n, 2))
        for rows in self._blocks(n):
            part = out[rows]
            part[:, 0] = self.field(given[rows]).draw(rng.standard_normal((len(part), self.size, self.size)))
        return out, given

    def log_prob(self, x: Array, given: Array) -> Array:
        """Return (n,) nats at maps (n, 1, size, size) given σ_8 and Ω_m (n, 2); -inf below the lowest convergence."""
        out = np.empty(len(x))
        for rows in self._blocks(len(x)):
            out[rows] = self.field(given[rows]).log_prob(x[rows, 0])
        return out

    def _blocks(self, n: int) -> list[slice]:
        rows = max(1, BLOCK_PIXELS // self.size**2)
        return [slice(start, min(start + rows, n)) for start in range(0, n, rows)]

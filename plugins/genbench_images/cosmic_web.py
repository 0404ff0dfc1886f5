"""Slabs of the cosmic web: dark matter in a periodic box, by second-order Lagrangian perturbation theory (2LPT).

Particles start on a grid and are displaced by 2LPT (Bouchet et al. 1995, arXiv:astro-ph/9406013; Scoccimarro 1998,
arXiv:astro-ph/9711187) from a Gaussian field with the power spectrum of Eisenstein & Hu 1998 (arXiv:astro-ph/9709112,
without baryon acoustic oscillations), at redshift 0. The density is divided into slabs along all three axes; each slab
is one map.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import numpy as np
import scipy.fft

from genbench.budget import Sizes
from genbench.loading import tell_loading
from genbench.protocol import Array, Data, Simulator
from genbench_images import CosmicWebConfig
from genbench_images.observables import map_observables

__all__ = ["CosmicWeb", "density_of", "displacement", "power_spectrum"]

# h, Ω_m, Ω_b and the spectral index of Planck 2018, arXiv:1807.06209
HUBBLE, MATTER, BARYONS, TILT = 0.674, 0.315, 0.0493, 0.965
SECOND_ORDER = -3 / 7 * MATTER ** (-1 / 143)  # growth of the second order, in squares of the first
FLOOR = 1.05  # pixels are log(1.05 + δ): an empty one, δ = -1, is log 0.05
MAX_LOG_DENSITY = 10.0  # samples of a model are clipped there before the exponential
THRESHOLDS = (0.5, 1.0, 2.0)  # of δ, for peaks


def power_spectrum(k: Array, sigma8: float, matter: float = MATTER) -> Array:
    """Return the power (Mpc/h)³ of matter at redshift 0 at wavenumbers k > 0 in h/Mpc, in linear theory.

    ``matter`` is Ω_m; the Hubble constant, the baryons and the spectral index are those of Planck 2018.
    """
    nodes = np.geomspace(1e-4, 1e2, 4000)  # wavenumbers over which the normalisation is integrated
    x = 8 * nodes
    window = 3 * (np.sin(x) - x * np.cos(x)) / x**3
    integrand = nodes**3 * _shape(nodes, matter) * window**2 / (2 * math.pi**2)
    variance = np.trapezoid(integrand, np.log(nodes))
    return np.asarray(sigma8**2 / variance * _shape(k, matter))


def _shape(k: Array, omega: float) -> Array:
    """Return k^n T(k)² with the fit of Eisenstein & Hu 1998, equations 26 and 28 to 31, for k in h/Mpc."""
    matter, ratio = omega * HUBBLE**2, BARYONS / omega
    sound = 44.5 * math.log(9.83 / matter) / math.sqrt(1 + 10 * (BARYONS * HUBBLE**2) ** 0.75)  # Mpc
    alpha = 1 - 0.328 * math.log(431 * matter) * ratio + 0.38 * math.log(22.3 * matter) * ratio**2
    gamma = omega * HUBBLE * (alpha + (1 - alpha) / (1 + (0.43 * k * HUBBLE * sound) ** 4))
    q = k * (2.7255 / 2.7) ** 2 / gamma
    logarithm = np.log(2 * math.e + 1.8 * q)
    transfer = logarithm / (logarithm + (14.2 + 731 / (1 + 62.5 * q)) * q**2)
    return k**TILT * transfer**2


def _wavenumbers(size: int, box: float) -> tuple[Array, Array, Array]:
    """Return kx, ky, kz of the modes of a real field (size, size, size), in shapes that broadcast."""
    full = 2 * math.pi / box * np.fft.fftfreq(size, 1 / size)
    half = 2 * math.pi / box * np.fft.rfftfreq(size, 1 / size)
    axes = np.meshgrid(full, full, half, indexing="ij", sparse=True)
    return tuple(axis.astype(np.float32) for axis in axes)


def displacement(modes: Array, box: float) -> Array:
    """Return the displacements of particles (2, 3, size, size, size), in the unit of ``box``.

    One half of the particles start at the points of the grid, the other half in the centres of its cells: with fewer,
    the grid would be visible in voids.

    ``modes`` (size, size, size // 2 + 1) are those of the linear density contrast δ, as from ``rfftn``. To second order
    x = q - ∇φ + D₂∇χ, with ∇²φ = δ and ∇²χ = Σ(φ_aa φ_bb - φ_ab²) over pairs of axes a < b.
    """
    size = modes.shape[0]
    k = _wavenumbers(size, box)
    square = k[0] ** 2 + k[1] ** 2 + k[2] ** 2
    square[0, 0, 0] = 1  # any number but 0: the mean displaces nothing
    inverse = 1 / square
    inverse[0, 0, 0] = 0

    def real(field: Array) -> Array:
        return np.asarray(scipy.fft.irfftn(field, s=(size, size, size)))

    potential = -modes * inverse
    xx, yy, zz = (real(-(k[a] ** 2) * potential) for a in range(3))
    source = xx * yy + yy * zz + zz * xx
    for a, b in ((0, 1), (1, 2), (0, 2)):
        source -= real(-k[a] * k[b] * potential) ** 2
    second = -scipy.fft.rfftn(source) * inverse
    total = 1j * (SECOND_ORDER * second - potential)
    if size % 2 == 0:  # a wave of two cells has no gradient at their centres
        for axis in k:
            axis.ravel()[size // 2] = 0
    shift = np.exp(0.5j * box / size * (k[0] + k[1] + k[2]))  # by half a cell along each axis
    return np.stack([np.stack([real(axis * part) for axis in k]) for part in (total, total * shift)])


def density_of(cells: Array, size: int) -> Array:
    """Return the number of particles (size, size, size) in each cell of a periodic grid, by cloud-in-cell assignment.

    ``cells`` (3, n) are positions in units of a cell; a particle at integer coordinates is in a single cell.
    """
    low = np.floor(cells)
    part = cells - low
    low = low.astype(np.int64)
    index = [(low % size, (low + 1) % size) for low in low]
    share = [(1 - part, part) for part in part]
    density = np.zeros(size**3)
    for x in (0, 1):
        for y in (0, 1):
            row, both = (index[0][x] * size + index[1][y]) * size, share[0][x] * share[1][y]
            for z in (0, 1):
                density += np.bincount(row + index[2][z], both * share[2][z], minlength=size**3)
    return density.reshape(size, size, size)


class CosmicWeb:
    """Maps of log(1.05 + δ), where δ is the density contrast of a slab; all maps of a box are in the same split."""

    def __init__(self, config: CosmicWebConfig) -> None:
        self.config = config

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return maps (n, 1, size, size), float32; each split has its own boxes and its own generator."""
        size, box = self.config.size, self.config.box
        k = np.sqrt(sum(axis.astype(np.float64) ** 2 for axis in _wavenumbers(size, box)))
        k[0, 0, 0] = 1
        amplitude = np.sqrt(power_spectrum(k, self.config.sigma8) * (size / box) ** 3)
        amplitude[0, 0, 0] = 0  # a box holds the mean density
        self._amplitude = amplitude.astype(np.float32)
        wanted = (sizes.train, sizes.test, sizes.reference)
        self._total, self._done, self._cost = sum(wanted), 0, math.inf
        seeds = rng.integers(2**63, size=3)
        parts = [self._sample(n, np.random.default_rng(seed)) for n, seed in zip(wanted, seeds, strict=True)]
        maps = 3 * self.config.slabs
        return Data(
            *parts,
            observables=self._observables,
            simulator=Simulator(self._cost / maps, f"2LPT with 2 x {size}³ particles"),
            notes=(f"the {maps} maps of a box are correlated: they count for fewer than {maps} independent maps",),
        )

    def _sample(self, n: int, rng: np.random.Generator) -> Array:
        size = self.config.size
        out = np.empty((n, 1, size, size), dtype=np.float32)
        for start, maps in zip(range(0, n, 3 * self.config.slabs), self._boxes(rng), strict=False):
            part = out[start : start + len(maps)]
            part[:, 0] = np.log(FLOOR + maps[: len(part)])
            self._done += len(part)
            tell_loading(self._done, self._total)
        return out

    def _boxes(self, rng: np.random.Generator) -> Iterator[Array]:
        """Yield the density contrast (3 * slabs, size, size) of one box after another."""
        while True:
            start = time.thread_time()
            maps = self._box(rng)
            # other work on the machine can only add to the time for a box, so the minimum is the best estimate
            self._cost = min(self._cost, time.thread_time() - start)
            yield maps

    def _box(self, rng: np.random.Generator) -> Array:
        size, box, slabs = self.config.size, self.config.box, self.config.slabs
        white = rng.standard_normal((size, size, size), dtype=np.float32)
        cells = displacement(scipy.fft.rfftn(white) * self._amplitude, box)
        cells *= np.float32(size / box)
        cells += np.indices((size, size, size), dtype=np.float32)
        cells[1] += 0.5
        density = np.mean([density_of(lattice.reshape(3, -1), size) for lattice in cells], axis=0)
        along = [np.moveaxis(density, axis, 0).reshape(slabs, -1, size, size).mean(1) for axis in range(3)]
        return np.concatenate(along) - 1

    def _observables(self, x: Array) -> dict[str, Array]:
        """Return the observables of maps (n, 1, size, size), each (n,), computed from the density contrast δ."""
        log_density = np.clip(np.asarray(x, dtype=np.float64)[:, 0], -MAX_LOG_DENSITY, MAX_LOG_DENSITY)
        return map_observables(np.exp(log_density) - FLOOR, THRESHOLDS)

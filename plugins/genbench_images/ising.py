"""The Ising model on a square torus: binary images whose probability is known exactly.

Spins are drawn by the cluster algorithm of Swendsen & Wang 1987 (doi:10.1103/PhysRevLett.58.86), which forgets the
initial state within some tens of sweeps even at the critical point; the partition function is that of Kaufman 1949
(doi:10.1103/PhysRev.76.1232).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from genbench.budget import Sizes
from genbench.loading import tell_loading
from genbench.protocol import Array, Data
from genbench_images import IsingConfig

__all__ = ["Ising", "aligned", "log_partition"]

BLOCK_SPINS = 1 << 18  # that are drawn at once


def log_partition(size: int, coupling: float) -> float:
    """Return log Z of the ``size`` x ``size`` torus, where a pair of equal neighbours has the weight exp(coupling)."""
    cosh = math.cosh(2 * coupling) / math.tanh(2 * coupling)
    gamma = np.arccosh(np.maximum(cosh - np.cos(np.pi * np.arange(2 * size) / size), 1.0))
    gamma[0] = 2 * coupling + math.log(math.tanh(coupling))  # negative above the critical temperature
    logs, signs = [], []
    for half in (size / 2 * gamma[1::2], size / 2 * gamma[::2]):
        absolute = np.abs(half)
        logs += [(absolute + np.log1p(np.exp(-2 * absolute))).sum(), (absolute + _log_decay(absolute)).sum()]
        signs += [1.0, float(np.prod(np.sign(half)))]
    largest = max(logs)
    total = sum(sign * math.exp(log - largest) for sign, log in zip(signs, logs, strict=True))
    return float(size**2 / 2 * math.log(2 * math.sinh(2 * coupling)) + largest + math.log(total / 2))


def _log_decay(x: Array) -> Array:
    """Return log(1 - exp(-2x)) for x >= 0; at 0, a very negative number in place of -inf."""
    result: Array = np.log(np.maximum(-np.expm1(-2 * x), 1e-300))
    return result


def aligned(spins: Array) -> Array:
    """Return the sums (n,) of the products of neighbouring spins ±1 of lattices (n, size, size)."""
    result: Array = (spins * (np.roll(spins, 1, 1) + np.roll(spins, 1, 2))).sum((1, 2))
    return result


class Ising:
    """Configurations of spins at a temperature in units of the coupling, as images with values 0 and 1."""

    def __init__(self, config: IsingConfig) -> None:
        self.size = config.size
        self.coupling = 1 / config.temperature

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return independent images (n, 1, size, size), uint8; each split is drawn with its own generator."""
        self._log_z = log_partition(self.size, self.coupling)
        seeds = rng.integers(2**63, size=3)
        wanted = (sizes.train, sizes.test, sizes.reference)
        parts, done = [], 0
        for n, seed in zip(wanted, seeds, strict=True):
            part, generator = np.empty((n, 1, self.size, self.size), dtype=np.uint8), np.random.default_rng(seed)
            rows = max(1, BLOCK_SPINS // self.size**2)
            for start in range(0, n, rows):
                block = part[start : start + rows]
                block[:, 0] = self._draw(len(block), generator)
                done += len(block)
                tell_loading(done, sum(wanted))
            parts.append(part)
        return Data(*parts, levels=2, log_prob=self._log_prob, entropy=self._entropy(), observables=self._observables)

    def _draw(self, n: int, rng: np.random.Generator) -> Array:
        """Return spins 0 and 1 (n, size, size) after some sweeps, each of which flips clusters of equal neighbours."""
        shape = (n, self.size, self.size)
        sites = np.arange(n * self.size**2, dtype=np.int32).reshape(shape)
        neighbours = np.stack([np.roll(sites, -1, axis).ravel() for axis in (1, 2)], axis=1)  # (spins, 2)
        probability = -math.expm1(-2 * self.coupling)  # of a bond between equal neighbours
        spins = rng.integers(2, size=sites.size, dtype=np.uint8)
        for _ in range(20 + self.size // 2):  # eight times the relaxation time of the slowest mode at criticality
            bonds = spins[:, None] == spins[neighbours]
            bonds &= rng.random(neighbours.shape, dtype=np.float32) < probability
            starts = np.concatenate([[0], np.cumsum(bonds.sum(1))])
            graph = csr_array((np.ones(starts[-1]), neighbours[bonds], starts), (sites.size,) * 2)
            clusters, of_site = connected_components(graph, directed=False)
            spins = rng.integers(2, size=clusters, dtype=np.uint8)[of_site]
        return spins.reshape(shape)

    def _log_prob(self, x: Array) -> Array:
        """Return log-probabilities (n,) in nats of images (n, 1, size, size); -inf where a value is not 0 or 1."""
        images = np.asarray(x, dtype=np.float64)[:, 0]
        valid = ((images == 0) | (images == 1)).all((1, 2))
        energy = aligned(np.where(valid[:, None, None], 2 * images - 1, 1.0))
        return np.where(valid, self.coupling * energy - self._log_z, -np.inf)

    def _entropy(self) -> float:
        step = 1e-5
        pairs = (log_partition(self.size, self.coupling + step) - log_partition(self.size, self.coupling - step)) / step
        return self._log_z - self.coupling * pairs / 2

    def _observables(self, x: Array) -> dict[str, Array]:
        """Return the observables of images (n, 1, size, size), each (n,): means over spins, power of longest waves."""
        spins = 2 * np.clip(np.asarray(x, dtype=np.float64)[:, 0], 0, 1) - 1
        waves = np.abs(np.fft.rfft2(spins)[:, [0, 1], [1, 0]]) ** 2 / self.size**4
        return {
            "energy": -aligned(spins) / self.size**2,
            "magnetisation": np.abs(spins.mean((1, 2))),
            "structure": waves.mean(1),
        }

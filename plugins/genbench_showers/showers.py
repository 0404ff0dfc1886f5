"""Showers of photons in a calorimeter of layers and rings, given the incident energy."""

from __future__ import annotations

import time

import numpy as np

from genbench.budget import Sizes
from genbench.protocol import Array, Column, Data, Simulator
from genbench_showers import ShowersConfig
from genbench_showers.profile import core_and_tail, longitudinal, shares_of_layers, shares_of_rings

__all__ = ["Showers"]

SHOWERS_PER_BLOCK = 4_096  # drawn at once
MIN_TOTAL = 1e-3  # share of the incident energy that means are divided by, for samples of a model without energy


class Showers:
    """Energies of the cells of a calorimeter, as shares of the incident energy.

    Of the energy that a cell receives, sampling makes a gamma distributed visible energy: that of a whole shower
    fluctuates by ``sampling`` / √E, since gamma distributions of one scale add up. Electronic noise is added to each
    cell. The outermost ring has no outer edge.
    """

    def __init__(self, config: ShowersConfig) -> None:
        self.config = config
        self.depths = np.linspace(0, config.depth, config.layers + 1)  # edges of layers, radiation lengths
        self.radii = np.append(np.linspace(0, 1, config.rings + 1)[:-1] ** 1.5, np.inf)  # of rings, Molière radii

    @property
    def columns(self) -> tuple[Column, ...]:
        """Cells, ring by ring within layer by layer."""
        layers, rings = range(self.config.layers), range(self.config.rings)
        return tuple(
            Column(f"e_{layer}_{ring}" if len(rings) > 1 else f"e_{layer}") for layer in layers for ring in rings
        )

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return splits, each drawn with its own generator; the cost of a shower is measured on the way."""
        start, parts = time.perf_counter(), {}
        for (name, n), seed in zip(vars(sizes).items(), rng.integers(2**63, size=3), strict=True):
            parts[name] = self.sample(n, np.random.default_rng(seed))
        seconds = (time.perf_counter() - start) / sum(vars(sizes).values())
        return Data(
            *(rows for rows, _ in parts.values()),
            columns=self.columns,
            conditions={name: energies for name, (_, energies) in parts.items()},
            condition_columns=(Column("energy", unit="GeV", log=True),),
            observables=self.observables,
            simulator=Simulator(seconds, "parametrised showers"),
        )

    def sample(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return showers (n, layers * rings), float32, and incident energies (n, 1) in GeV, which are log-uniform."""
        low, high = np.log([self.config.low, self.config.high])
        energy = np.exp(rng.uniform(low, high, n))
        blocks = [self.simulate(part, rng) for part in np.split(energy, range(SHOWERS_PER_BLOCK, n, SHOWERS_PER_BLOCK))]
        return np.concatenate(blocks).astype(np.float32), energy[:, None]

    def simulate(self, energy: Array, rng: np.random.Generator) -> Array:
        """Return showers (n, layers * rings) of photons of these energies (n,) in GeV."""
        deposits = energy[:, None] * self.deposited(energy, rng)
        scale = self.config.sampling**2  # GeV: the variance of the visible energy is scale times the energy
        visible = scale * rng.standard_gamma(deposits / scale)
        visible += self.config.noise * rng.standard_normal(visible.shape)
        return visible / energy[:, None]

    def deposited(self, energy: Array, rng: np.random.Generator) -> Array:
        """Return the shares of energies (n,) in GeV that the cells receive, (n, layers * rings): at most 1 in all."""
        maximum, shape = longitudinal(energy, rng)
        layers = shares_of_layers(maximum, shape, self.depths)  # (n, layers)
        middle = (self.depths[1:] + self.depths[:-1]) / 2
        core, tail, share = core_and_tail(energy[:, None], middle / maximum[:, None])  # (n, layers) each
        cells: Array = layers[..., None] * shares_of_rings(core, tail, share, self.radii)
        return cells.reshape(len(energy), -1)

    def observables(self, rows: Array) -> dict[str, Array]:
        """Return derived quantities of showers (n, layers * rings), each (n,).

        ``total`` is the visible energy over the incident one, ``depth`` its mean depth and ``length`` the standard
        deviation of depth in radiation lengths, ``width`` its mean radius in Molière radii, where a ring counts by its
        inner edge and half its width, the outermost by its inner edge.
        """
        cells = np.asarray(rows, np.float64).reshape(-1, self.config.layers, self.config.rings)
        total = cells.sum((1, 2))
        safe = np.maximum(total, MIN_TOTAL)
        middle = (self.depths[1:] + self.depths[:-1]) / 2
        radius = np.append((self.radii[1:-1] + self.radii[:-2]) / 2, self.radii[-2])
        depth = cells.sum(2) @ middle / safe
        spread = (cells.sum(2) * (middle - depth[:, None]) ** 2).sum(1) / safe
        found = {"total": total, "depth": depth, "length": np.sqrt(np.maximum(spread, 0))}
        return found | ({"width": cells.sum(1) @ radius / safe} if self.config.rings > 1 else {})

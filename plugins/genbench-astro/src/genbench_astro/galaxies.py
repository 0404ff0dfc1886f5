"""The dataset of galaxies: images from the cache, split, with observables and the cost of the simulator."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from genbench.budget import Sizes
from genbench.data import split
from genbench.loading import tell_loading
from genbench.protocol import Array, Data, Simulator
from genbench_images.observables import galaxy_observables

from genbench_astro import GalaxiesConfig
from genbench_astro.cache import images

__all__ = ["SOFTENING", "Galaxies"]

SOFTENING = 3.0  # standard deviations of the noise, at which the scale changes from linear to logarithmic


class Galaxies:
    """Single galaxies, which are the same for all seeds of a run and split differently by each.

    Pixels are arcsinh(counts / 3 noise), as surveys display them, so that faint wings are visible beside bright
    centres.
    """

    def __init__(self, config: GalaxiesConfig) -> None:
        self.config = config

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return disjoint splits (n, 1, size, size), float32; images that are not in the cache are drawn first."""
        wanted = sizes.train + sizes.test + sizes.reference
        drawn, cost = images(asdict(self.config), wanted, tell_loading)
        drawn = np.arcsinh(drawn / np.float32(SOFTENING))
        parts = (drawn[index, None] for index in split(drawn, sizes, rng))
        return Data(*parts, observables=self._observables, simulator=Simulator(cost, f"GalSim {self.config.galsim}"))

    def _observables(self, x: Array) -> dict[str, Array]:
        """Return the observables of images (n, 1, size, size), each (n,): in pixels, and in units of the noise."""
        stretched = np.clip(np.asarray(x, dtype=np.float64)[:, 0], -30, 30)  # samples of a model may be anywhere
        return galaxy_observables(SOFTENING * np.sinh(stretched))

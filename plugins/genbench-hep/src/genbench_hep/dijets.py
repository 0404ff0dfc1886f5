"""Dijets as they are asked for: the same features and observables as those stored with genbench, any number of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from genbench.budget import Sizes
from genbench.protocol import Data, Simulator
from genbench_tables.dijets import data_of

from genbench_hep import DijetsConfig
from genbench_hep.generate import generate, tell

__all__ = ["Dijets", "options_of"]

SIGNAL_ONLY = ("mass", "mass_heavy", "mass_light")


def options_of(config: DijetsConfig) -> dict[str, Any]:
    """Return the options that change an event, and no other: what the cache is kept by."""
    options = {"dataset": "dijets", **asdict(config)}
    without = ("pthat_min",) if config.process == "signal" else SIGNAL_ONLY
    return {name: value for name, value in options.items() if name not in (*without, "features", "processes")}


class Dijets:
    """Events of one process, the same ones for each seed of a run: a seed splits them in another way."""

    def __init__(self, config: DijetsConfig) -> None:
        self.config = config

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return disjoint splits; events that the cache lacks are generated first, which may take minutes."""
        config, wanted = self.config, sizes.train + sizes.test + sizes.reference
        with tell(f"dijets ({config.process})") as progress:
            made = generate(options_of(config), wanted, config.processes, progress)
        simulator = Simulator(float(made.seconds.sum()), f"Pythia {config.pythia}")
        return data_of(made.events, config.features, config.tau, simulator, sizes, rng)

"""Dijets on demand, in any number: with the features and observables of those that are stored with genbench."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from genbench.budget import Sizes
from genbench.protocol import Data, Simulator
from genbench_tables.dijets import data_of

from genbench_hep import DijetsConfig
from genbench_hep.generate import generate, show_progress

__all__ = ["Dijets", "options_of"]

SIGNAL_ONLY = ("mass", "mass_heavy", "mass_light")


def options_of(config: DijetsConfig) -> dict[str, Any]:
    """Return the options that change events, which are the key of the cache."""
    options = {"dataset": "dijets", **asdict(config)}
    without = ("pthat_min",) if config.process == "signal" else SIGNAL_ONLY
    return {name: value for name, value in options.items() if name not in (*without, "features", "processes")}


class Dijets:
    """Events of one process, which are the same for all seeds of a run and split differently by each."""

    def __init__(self, config: DijetsConfig) -> None:
        self.config = config

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return disjoint splits; events that are not in the cache are generated first, which may take minutes."""
        config, wanted = self.config, sizes.train + sizes.test + sizes.reference
        with show_progress(f"dijets ({config.process})") as progress:
            generated = generate(options_of(config), wanted, config.processes, progress)
        simulator = Simulator(float(generated.seconds.sum()), f"Pythia {config.pythia}")
        return data_of(generated.events, config.features, config.tau, simulator, sizes, rng)

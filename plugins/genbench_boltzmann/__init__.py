"""Energy-based models of binary images: the restricted Boltzmann machine and the deep belief network."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import DataFacts, ModelSpec, Spec

__all__ = ["DBNConfig", "RBMConfig", "genbench_register", "two_levels"]


@dataclass(frozen=True)
class RBMConfig:
    """Options of the restricted Boltzmann machine."""

    hidden: int = 128  # hidden units
    chains: int = 100  # persistent Gibbs chains, whose states stand for the model in the gradient
    batch: int = 100  # rows of a batch
    learning_rate: float = 0.05  # at the start; it falls linearly to 0
    weight_decay: float = 5e-4  # of the weights: the penalty's gradient is this times the weight
    sampling_steps: int = 1000  # temperatures that a sample is annealed through
    ais_chains: int = 500  # of the annealed importance sampling of log Z; up to 14 units, Z is an exact sum
    ais_steps: int = 4000  # temperatures that these chains are annealed through

    def __post_init__(self) -> None:
        _check(self)
        if self.hidden < 1:
            raise ValueError(f"hidden must be in [1, inf), got {self.hidden}")


@dataclass(frozen=True)
class DBNConfig:
    """Options of the deep belief network."""

    layers: tuple[int, ...] = (128, 128)  # hidden units of each layer, from the data upwards
    chains: int = 100  # persistent Gibbs chains, whose states stand for the model in the gradient
    batch: int = 100  # rows of a batch
    learning_rate: float = 0.05  # of each layer, at the start of its stage; it falls linearly to 0
    weight_decay: float = 5e-4  # of the weights: the penalty's gradient is this times the weight
    sampling_steps: int = 1000  # temperatures that a state of the upper two layers is annealed through

    def __post_init__(self) -> None:
        _check(self)
        if not self.layers or min(self.layers) < 1:
            raise ValueError(f"layers must be numbers of units in [1, inf), at least one, got {self.layers}")


MIN_COUNTS = {"chains": 1, "batch": 1, "sampling_steps": 1, "ais_chains": 2, "ais_steps": 1}


def _check(config: RBMConfig | DBNConfig) -> None:
    for name, low in MIN_COUNTS.items():
        if (value := getattr(config, name, low)) < low:
            raise ValueError(f"{name} must be in [{low}, inf), got {value}")
    if not 0 < config.learning_rate < math.inf:
        raise ValueError(f"learning_rate must be in (0.0, inf), got {config.learning_rate}")
    if not 0 <= config.weight_decay < 1:
        raise ValueError(f"weight_decay must be in [0.0, 1.0), got {config.weight_decay}")


def two_levels(facts: DataFacts) -> str | None:
    """Return why data are not images of two levels; None where they are, or nothing is known of their levels yet."""
    if facts.levels is not None:
        return None if facts.levels == 2 else f"needs binary images, these have {facts.levels} grey levels"
    complete = facts.shape is not None and facts.rows is not None  # there are none, where all else is known
    return "needs binary images, these have no grey levels" if complete else None


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``rbm`` and ``dbn``."""
    return [
        ModelSpec(
            "rbm",
            "genbench_boltzmann.rbm:RBM",
            RBMConfig,
            "restricted Boltzmann machine, learned with persistent chains; its likelihood is by annealing",
            density="estimate",
            support="discrete",
            data=("image",),
            suits=two_levels,
            steps=15_000,
            paper="Smolensky 1986, ISBN 0-262-68053-X; Tieleman 2008, doi:10.1145/1390156.1390290",
        ),
        ModelSpec(
            "dbn",
            "genbench_boltzmann.dbn:DBN",
            DBNConfig,
            "deep belief network: restricted Boltzmann machines that are learned one on top of the other",
            data=("image",),
            suits=two_levels,
            steps=20_000,
            paper="Hinton et al. 2006, doi:10.1162/neco.2006.18.7.1527",
        ),
    ]

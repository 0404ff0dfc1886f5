"""Electromagnetic showers in a calorimeter, given the energy of the photon: a fast simulator for conditional models."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

from genbench.hooks import hookimpl
from genbench.spec import DatasetSpec, Spec

__all__ = ["ShowersConfig", "genbench_register"]


@dataclass(frozen=True)
class ShowersConfig:
    """Options of the calorimeter and of the energies."""

    layers: int = 8  # of equal thickness, along the shower
    rings: int = 3  # of each layer, around the axis of the shower
    depth: float = 24.0  # of all layers together, in radiation lengths
    low: float = 1.0  # GeV, lowest incident energy; the energies are log-uniform
    high: float = 100.0  # GeV, highest incident energy
    sampling: float = 0.1  # resolution of the visible energy at 1 GeV, which falls as 1/√E
    noise: float = 0.005  # GeV, standard deviation of the electronic noise of a cell

    def __post_init__(self) -> None:
        limits = {
            "layers": (2, 64),
            "rings": (1, 16),
            "depth": (5, 100),
            "low": (0.5, inf),
            "sampling": (0.001, 1),
            "noise": (1e-6, 1),
        }
        for name, (least, most) in limits.items():
            value = getattr(self, name)
            if not (least <= value <= most and value < inf):
                raise ValueError(f"{name} must be in [{least:g}, {most:g}], got {value}")
        if not self.low < self.high <= 10_000:
            raise ValueError(f"high must be in ({self.low:g}, 10000], got {self.high}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the spec of ``showers``."""
    return [
        DatasetSpec(
            "showers",
            "genbench_showers.showers:Showers",
            ShowersConfig,
            "electromagnetic showers in a calorimeter given the energy of the photon: shares of it in layers and rings",
            observables=True,
            simulator=True,
            conditions=True,
            licence="MIT",
            source="drawn by genbench",
            paper="Grindhammer & Peters 2000, arXiv:hep-ex/0001020",
        )
    ]

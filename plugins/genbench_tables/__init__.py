"""Tables from physics experiments, stored with the package or read from the user's disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from genbench.hooks import hookimpl
from genbench.spec import DatasetSpec, Spec

__all__ = ["MagicConfig", "genbench_register"]


@dataclass(frozen=True)
class MagicConfig:
    """Options of the MAGIC gamma telescope data."""

    label: Literal["all", "gamma", "hadron"] = "all"  # which showers; all of them, those of gammas, or of hadrons

    def __post_init__(self) -> None:
        if self.label not in ("all", "gamma", "hadron"):
            raise ValueError(f"label must be 'all', 'gamma' or 'hadron', got {self.label!r}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of the tables."""
    return [
        DatasetSpec(
            "magic",
            "genbench_tables.magic:Magic",
            MagicConfig,
            "air showers seen by the MAGIC gamma telescope: 10 parameters of each image, simulated",
            rows=18905,
            licence="CC BY 4.0",
            source="R. K. Bock, UCI Machine Learning Repository, doi:10.24432/C52C8B",
            paper="Bock et al. 2004, doi:10.1016/j.nima.2003.08.157",
        ),
    ]

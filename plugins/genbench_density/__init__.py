"""Models that are fitted in closed form: a kernel density estimate, and the two baselines of every table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import ModelSpec, Spec

__all__ = ["KDEConfig", "genbench_register"]


@dataclass(frozen=True)
class KDEConfig:
    """Options of the kernel density estimate."""

    bandwidth: float = 0.0  # standard deviation of the kernel, in the model's units; 0: chosen by held-out likelihood
    candidates: int = 20  # bandwidths that are tried: twice Scott's rule, then each smaller by √2
    held_out: int = 2000  # rows, at most, whose likelihood chooses the bandwidth; each is left out of its own density

    def __post_init__(self) -> None:
        if not (0 <= self.bandwidth < math.inf):
            raise ValueError(f"bandwidth must be in [0.0, inf), got {self.bandwidth}")
        if self.candidates < 2:
            raise ValueError(f"candidates must be in [2, inf), got {self.candidates}")
        if self.held_out < 1:
            raise ValueError(f"held_out must be in [1, inf), got {self.held_out}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``kde``, ``gaussian`` and ``memoriser``."""
    return [
        ModelSpec(
            "kde",
            "genbench_density.kde:KDE",
            KDEConfig,
            "kernel density estimate: a Gaussian on every training point",
            density="exact",
            iterative=False,
            weights=True,
            paper="Parzen 1962, doi:10.1214/aoms/1177704472",
        ),
        ModelSpec(
            "gaussian",
            "genbench_density.gaussian:Gaussian",
            None,
            "one Gaussian with a full covariance: what any model should beat",
            density="exact",
            iterative=False,
            weights=True,
            conditions="optional",
            baseline=True,
        ),
        ModelSpec(
            "memoriser",
            "genbench_density.memoriser:Memoriser",
            None,
            "training rows drawn again with replacement: shows what copying scores",
            density="none",
            iterative=False,
            weights=True,
            conditions="optional",
            baseline=True,
        ),
    ]

"""Models without a network: a kernel density estimate, a Gaussian mixture, and the two baselines of every table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import DataFacts, ModelSpec, Spec

__all__ = ["GMMConfig", "KDEConfig", "genbench_register"]


MAX_DIMENSIONS = 1024  # of the full covariances of a mixture: one of them is then fitted in seconds


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


@dataclass(frozen=True)
class GMMConfig:
    """Options of the Gaussian mixture."""

    components: int = 0  # of the mixture; 0: chosen by the criterion
    max_components: int = 128  # that the criterion may choose
    criterion: str = (
        "auto"  # bic or held_out, the likelihood of held-out rows; auto: bic for vectors, held_out for images
    )
    shrinkage: float = 0.25  # rows a dimension that the mean covariance of the clusters counts as in each component

    def __post_init__(self) -> None:
        for name, low in {"components": 0, "max_components": 1, "shrinkage": 0.0}.items():
            if not low <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be in [{low}, inf), got {getattr(self, name)}")
        if self.criterion not in ("auto", "bic", "held_out"):
            raise ValueError(f"criterion must be one of ('auto', 'bic', 'held_out'), got {self.criterion!r}")


def suits_mixture(facts: DataFacts) -> str | None:
    """Return why full covariances cannot be fitted to such data, or None."""
    dimensions = math.prod(facts.shape or ())
    if dimensions <= MAX_DIMENSIONS:
        return None
    return (
        f"it fits full covariances in at most {MAX_DIMENSIONS} dimensions, these data have {dimensions}: take gaussian"
    )


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``kde``, ``gmm``, ``gaussian`` and ``memoriser``."""
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
            "gmm",
            "genbench_density.gmm:GMM",
            GMMConfig,
            "mixture of Gaussians with full covariances, by expectation maximisation; their number by BIC",
            density="exact",
            iterative=False,
            weights=True,
            suits=suits_mixture,
            paper="Dempster, Laird & Rubin 1977, doi:10.1111/j.2517-6161.1977.tb01600.x",
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

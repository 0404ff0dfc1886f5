"""What samples are good for: how much worse a prediction is that was learnt from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Spec

__all__ = ["UtilityConfig", "genbench_register"]


@dataclass(frozen=True)
class UtilityConfig:
    """Options of the utility."""

    targets: int = 16  # columns that are predicted from the others, at most; evenly spaced where there are more

    def __post_init__(self) -> None:
        if self.targets < 1:
            raise ValueError(f"targets must be in [1, inf), got {self.targets}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the spec of ``utility``."""
    return [
        MetricSpec(
            "utility",
            "genbench_utility.metric:utility",
            UtilityConfig,
            "R² that is lost where a prediction (of labels, columns, halves of images) is learnt from samples",
            unit="R²",
            best=0.0,
            needs=("samples", "train"),
            paper="Esteban et al. 2017, arXiv:1706.02633; Jordon et al. 2019, ICLR",
        ),
    ]

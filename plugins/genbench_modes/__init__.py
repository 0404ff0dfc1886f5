"""Scores of samples for data whose modes are known."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import MetricSpec, Spec

__all__ = ["ModesConfig", "genbench_register"]


@dataclass(frozen=True)
class ModesConfig:
    """Options of the scores of modes."""

    samples: int = 2500  # that are used, at most; published values are of 2,500
    radius: float = 3.0  # standard deviations: a sample that is closer to a mode is of high quality

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError(f"samples must be in [1, inf), got {self.samples}")
        if not 0 < self.radius < math.inf:
            raise ValueError(f"radius must be in (0.0, inf), got {self.radius}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``modes``, ``high_quality`` and ``mode_kl``."""
    veegan, pacgan = "Srivastava et al. 2017, arXiv:1705.07761", "Lin et al. 2018, arXiv:1712.04086"
    return [
        MetricSpec(
            "modes",
            "genbench_modes.modes:modes",
            ModesConfig,
            "number of modes that 2,500 samples hit",
            better="higher",
            unit="modes",
            needs=("samples", "modes"),
            data=("vector",),
            paper=veegan,
        ),
        MetricSpec(
            "high_quality",
            "genbench_modes.modes:high_quality",
            ModesConfig,
            "share of samples within 3 standard deviations of a mode",
            better="higher",
            detects=("heavy_tails",),
            unit="percent",
            needs=("samples", "modes"),
            data=("vector",),
            paper=veegan,
        ),
        MetricSpec(
            "mode_kl",
            "genbench_modes.modes:mode_kl",
            ModesConfig,
            "KL divergence of the modes' weights among samples from the true weights",
            unit="nats",
            version=2,
            needs=("samples", "modes"),
            best=0.0,
            data=("vector",),
            paper=pacgan,
        ),
    ]

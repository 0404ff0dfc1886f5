"""Flow matching: an ordinary differential equation that carries noise to data along straight paths."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import ModelSpec, Spec

__all__ = ["FlowMatchingConfig", "genbench_register"]


@dataclass(frozen=True)
class FlowMatchingConfig:
    """Options of flow matching."""

    solver: str = "heun"  # of the equation in sampling: heun or midpoint, both of second order
    sampling_steps: int = 20  # of the solver; the number of function evaluations is about twice that
    likelihood_steps: int = 0  # of the fourth-order solver of the likelihood; 0: 25 for vectors, 8 for images
    network: str = "auto"  # perceptron or unet; auto: unet for images
    width: int = 0  # units of a hidden layer, channels in a U-Net; 0: 128 units, 32 channels
    batch: int = 0  # rows of a batch; 0: 512, or 64 with a U-Net
    learning_rate: float = 2e-3  # of Adam; it falls to 0 along half a cosine
    ema: float = 0.999  # decay of the moving average of the weights, which samples are made with

    def __post_init__(self) -> None:
        for name, allowed in {"solver": ("heun", "midpoint"), "network": ("auto", "perceptron", "unet")}.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        for name, low in {"sampling_steps": 1, "likelihood_steps": 0, "width": 0, "batch": 0}.items():
            if getattr(self, name) < low:
                raise ValueError(f"{name} must be in [{low}, inf), got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be in (0.0, inf), got {self.learning_rate}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be in [0.0, 1.0), got {self.ema}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the spec of ``flow_matching``."""
    return [
        ModelSpec(
            "flow_matching",
            "genbench_flow_matching.flow_matching:FlowMatching",
            FlowMatchingConfig,
            "flow matching along straight paths, with averaged weights and Heun's solver",
            density="estimate",
            steps={"vector": 5000, "image": 1500},
            conditions="optional",
            paper="Lipman et al. 2023, arXiv:2210.02747",
        )
    ]

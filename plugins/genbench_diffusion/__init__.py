"""Denoising diffusion: the model of Ho et al. 2020, with schedule, variances and sampling of later papers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import DensityKind, ModelSpec, Spec
from genbench_diffusion.schedule import betas

__all__ = ["DDPMConfig", "genbench_register"]


@dataclass(frozen=True)
class DDPMConfig:
    """Options of the diffusion model."""

    timesteps: int = 1000  # T, steps of the chain that adds noise
    schedule: str = "cosine"  # noise of each step: cosine (Nichol & Dhariwal 2021) or linear (Ho et al. 2020)
    variance: str = "analytic"  # of the reverse steps: lower and upper of Ho et al., analytic by Bao et al. 2022
    sampler: str = "auto"  # ancestral (the reverse chain) or ddim (Song et al. 2021); auto is ddim for images
    sampling_steps: int = 0  # timesteps that a sample visits, evenly spaced among the T; 0 is 100, and 25 for images
    likelihood: str = "bound"  # bound is variational; ode estimates the density by the probability-flow ODE
    bound_terms: int = 0  # of the T terms, drawn for each row; 0 draws what a few seconds allow, T sums them all
    ode_steps: int = 25  # steps of the fourth-order solver
    network: str = "auto"  # perceptron or unet; auto is a U-Net for images
    width: int = 0  # of the hidden layers; 0 is 128, and 32 channels in a U-Net
    batch: int = 0  # rows of a training step; 0 is 512, and 64 for a U-Net
    learning_rate: float = 2e-3  # of Adam, falling to 0 as half a cosine
    ema: float = 0.999  # decay of the average of the weights that samples

    def __post_init__(self) -> None:
        choices = {
            "schedule": ("cosine", "linear"),
            "variance": ("analytic", "lower", "upper"),
            "sampler": ("auto", "ancestral", "ddim"),
            "likelihood": ("bound", "ode"),
            "network": ("auto", "perceptron", "unet"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        least = {"timesteps": 2, "sampling_steps": 0, "bound_terms": 0, "ode_steps": 1, "width": 0, "batch": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise ValueError(f"{name} must be in [{low}, inf), got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be in (0.0, inf), got {self.learning_rate}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be in [0.0, 1.0), got {self.ema}")
        betas(self.schedule, self.timesteps)  # refuses a chain that does not end in noise

    @property
    def density(self) -> DensityKind:
        """What ``log_prob`` returns: bound or estimate."""
        return "bound" if self.likelihood == "bound" else "estimate"


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the spec of ``ddpm``."""
    return [
        ModelSpec(
            "ddpm",
            "genbench_diffusion.ddpm:DDPM",
            DDPMConfig,
            "denoising diffusion (Ho et al. 2020): cosine schedule, averaged weights, ancestral or DDIM sampling",
            density="bound",
            steps={"vector": 4500, "image": 800},
            paper="arXiv:2006.11239",
        )
    ]

"""Denoising diffusion: the model of Ho et al. 2020, with the schedules, variances and samplers of later papers."""

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
    schedule: str = "cosine"  # of the noise: cosine (Nichol & Dhariwal 2021) or linear (Ho et al. 2020)
    variance: str = "analytic"  # of the reverse steps: lower or upper (Ho et al.) or analytic (Bao et al. 2022)
    sampler: str = "auto"  # ancestral (the reverse chain) or ddim (Song et al. 2021); auto: ddim for images
    sampling_steps: int = 0  # timesteps in sampling, evenly spaced among the T; 0: 100 for vectors, 25 for images
    likelihood: str = "bound"  # of all T steps; sampled: of those that ancestral samples take; ode: an estimate
    bound_terms: int = 0  # of the bound, one a step, drawn for each row; 0: what a few seconds allow; T: all
    ode_steps: int = 25  # of the fourth-order solver
    network: str = "auto"  # perceptron or unet; auto: unet for images
    width: int = 0  # units of a hidden layer, channels in a U-Net; 0: 128 units, 32 channels
    batch: int = 0  # rows of a batch; 0: 512, or 64 with a U-Net
    learning_rate: float = 2e-3  # of Adam; it falls to 0 along half a cosine
    ema: float = 0.999  # decay of the moving average of the weights, which samples are made with

    def __post_init__(self) -> None:
        choices = {
            "schedule": ("cosine", "linear"),
            "variance": ("analytic", "lower", "upper"),
            "sampler": ("auto", "ancestral", "ddim"),
            "likelihood": ("bound", "sampled", "ode"),
            "network": ("auto", "perceptron", "unet"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        minima = {"timesteps": 2, "sampling_steps": 0, "bound_terms": 0, "ode_steps": 1, "width": 0, "batch": 0}
        for name, low in minima.items():
            if getattr(self, name) < low:
                raise ValueError(f"{name} must be in [{low}, inf), got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be in (0.0, inf), got {self.learning_rate}")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be in [0.0, 1.0), got {self.ema}")
        betas(self.schedule, self.timesteps)  # raises ValueError where the chain does not end in noise

    @property
    def density(self) -> DensityKind:
        """What ``log_prob`` returns: bound or estimate."""
        return "estimate" if self.likelihood == "ode" else "bound"


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the spec of ``ddpm``."""
    return [
        ModelSpec(
            "ddpm",
            "genbench_diffusion.ddpm:DDPM",
            DDPMConfig,
            "denoising diffusion with a cosine schedule, averaged weights, ancestral or DDIM sampling",
            density="bound",
            steps={"vector": 4500, "image": 800},
            paper="Ho et al. 2020, arXiv:2006.11239",
        )
    ]

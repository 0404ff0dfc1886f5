"""Denoising diffusion: the chain of Ho et al. 2020, and the continuous noise levels of Karras et al. 2022."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import DensityKind, ModelSpec, Spec
from genbench_diffusion.schedule import betas

__all__ = ["DDPMConfig", "EDMConfig", "genbench_register"]


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
        _check(self, minima)
        betas(self.schedule, self.timesteps)  # raises ValueError where the chain does not end in noise

    @property
    def density(self) -> DensityKind:
        """What ``log_prob`` returns: bound or estimate."""
        return "estimate" if self.likelihood == "ode" else "bound"


@dataclass(frozen=True)
class EDMConfig:
    """Options of the diffusion model of Karras et al.; levels of noise are in units of the data."""

    sigma_min: float = 0.002  # lowest level of noise in sampling
    sigma_max: float = 20.0  # highest level of noise in sampling
    rho: float = 7.0  # how much closer the levels of sampling are to each other where they are low
    sampling_steps: int = 24  # of Heun's method; the network is evaluated twice in each but the last
    noise_mean: float | None = None  # of ln(sigma) in training, P_mean in the paper; none: -1.8, or -0.5 for images
    noise_std: float = 1.4  # standard deviation of ln(sigma) in training, P_std in the paper
    likelihood_steps: int = 0  # of the fourth-order solver of the likelihood; 0: 25 for vectors, 8 for images
    network: str = "auto"  # perceptron or unet; auto: unet for images
    width: int = 0  # units of a hidden layer, channels in a U-Net; 0: 128 units, 32 channels
    batch: int = 0  # rows of a batch; 0: 512, or 64 with a U-Net
    learning_rate: float = 2e-3  # of Adam; it falls to 0 along half a cosine
    ema: float = 0.999  # decay of the moving average of the weights, which samples are made with

    def __post_init__(self) -> None:
        if self.network not in (allowed := ("auto", "perceptron", "unet")):
            raise ValueError(f"network must be one of {allowed}, got {self.network!r}")
        _check(self, {"sampling_steps": 1, "likelihood_steps": 0, "width": 0, "batch": 0})
        if not 0 < self.sigma_min < self.sigma_max < math.inf:
            raise ValueError(
                f"sigma_min must be in (0.0, sigma_max), got {self.sigma_min} with sigma_max={self.sigma_max}"
            )
        for name in ("rho", "noise_std"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be in (0.0, inf), got {getattr(self, name)}")
        if self.noise_mean is not None and not math.isfinite(self.noise_mean):
            raise ValueError(f"noise_mean must be finite, got {self.noise_mean}")


def _check(config: DDPMConfig | EDMConfig, minima: Mapping[str, int]) -> None:
    for name, low in minima.items():
        if getattr(config, name) < low:
            raise ValueError(f"{name} must be in [{low}, inf), got {getattr(config, name)}")
    if not 0 < config.learning_rate < math.inf:
        raise ValueError(f"learning_rate must be in (0.0, inf), got {config.learning_rate}")
    if not 0 <= config.ema < 1:
        raise ValueError(f"ema must be in [0.0, 1.0), got {config.ema}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``ddpm`` and ``edm``."""
    return [
        ModelSpec(
            "ddpm",
            "genbench_diffusion.ddpm:DDPM",
            DDPMConfig,
            "denoising diffusion with a cosine schedule, averaged weights, ancestral or DDIM sampling",
            density="bound",
            steps={"vector": 4500, "image": 800},
            conditions="optional",
            paper="Ho et al. 2020, arXiv:2006.11239",
        ),
        ModelSpec(
            "edm",
            "genbench_diffusion.edm:EDM",
            EDMConfig,
            "diffusion preconditioned at each level of noise, with averaged weights and Heun's solver",
            density="estimate",
            steps={"vector": 3000, "image": 1000},
            conditions="optional",
            paper="Karras et al. 2022, arXiv:2206.00364",
        ),
    ]

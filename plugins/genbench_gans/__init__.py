"""Adversarial models: the original GAN and the Wasserstein GAN with gradient penalty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from genbench.hooks import hookimpl
from genbench.spec import ModelSpec, Spec

__all__ = ["GANConfig", "WGANGPConfig", "genbench_register"]


@dataclass(frozen=True)
class GANConfig:
    """Options of the original GAN."""

    latent: int = 0  # dimensions of the code; 0 picks those of a vector, at least 2, and 32 for images
    width: int = 128  # units of a hidden layer, for vectors; before the score, for images
    depth: int = 3  # hidden layers, for vectors
    channels: int = 16  # at full resolution, for images; coarser ones have up to four times as many
    r1: float = 0.0  # weight of the R1 penalty, half the squared gradient at real data; 0 leaves it out
    instance_noise: float = 0.0  # standard deviation of noise on what the discriminator sees, at first; falls to 0
    batch: int = 0  # rows of a batch; 0 picks 256 for vectors, 64 for images
    learning_rate: float = 0.0  # of Adam, both networks; 0 picks 1e-3 for vectors, 5e-4 for images
    flat: float = 0.6  # fraction of the budget before the learning rate falls, as a cosine, to 0
    average: float = 0.999  # largest decay of the averaged generator, which at step t is t / (t + 10)

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class WGANGPConfig:
    """Options of the Wasserstein GAN with gradient penalty."""

    latent: int = 0  # dimensions of the code; 0 picks those of a vector, at least 2, and 32 for images
    width: int = 128  # units of a hidden layer, for vectors; before the score, for images
    depth: int = 3  # hidden layers, for vectors
    channels: int = 16  # at full resolution, for images; coarser ones have up to four times as many
    penalty: float = 0.3  # weight of the gradient penalty
    critic_steps: int = 4  # updates of the critic for one of the generator
    batch: int = 0  # rows of a mini-batch, of which a step draws critic_steps; 0 picks 64 for vectors, 32 for images
    learning_rate: float = 2e-3  # of Adam, both networks
    flat: float = 0.6  # fraction of the budget before the learning rate falls, as a cosine, to 0
    average: float = 0.999  # largest decay of the averaged generator, which at step t is t / (t + 10)

    def __post_init__(self) -> None:
        _check(self)
        if self.learning_rate == 0:
            raise ValueError(f"learning_rate must be in (0.0, inf), got {self.learning_rate}")


AT_LEAST = {
    "latent": 0, "width": 1, "depth": 1, "channels": 1, "batch": 0, "critic_steps": 1,
    "penalty": 0.0, "r1": 0.0, "instance_noise": 0.0, "learning_rate": 0.0,
}  # fmt: skip


def _check(config: GANConfig | WGANGPConfig) -> None:
    for field in fields(config):
        name, value = field.name, getattr(config, field.name)
        if name in AT_LEAST and not AT_LEAST[name] <= value < float("inf"):
            raise ValueError(f"{name} must be in [{AT_LEAST[name]}, inf), got {value}")
        if name in ("flat", "average") and not 0 <= value < 1:
            raise ValueError(f"{name} must be in [0.0, 1.0), got {value}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``gan`` and ``wgan_gp``."""
    return [
        ModelSpec(
            "gan",
            "genbench_gans.gan:GAN",
            GANConfig,
            "generative adversarial network, non-saturating: fast to sample, may leave modes out",
            steps={"vector": 4000, "image": 3500},
            paper="Goodfellow et al. 2014, arXiv:1406.2661",
        ),
        ModelSpec(
            "wgan_gp",
            "genbench_gans.wgan_gp:WGANGP",
            WGANGPConfig,
            "Wasserstein GAN with gradient penalty: a critic instead of a discriminator",
            steps={"vector": 6500, "image": 1500},
            paper="Gulrajani et al. 2017, arXiv:1704.00028",
        ),
    ]

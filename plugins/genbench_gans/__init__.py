"""Adversarial models: the original GAN, and the Wasserstein GAN with clipped weights and with gradient penalty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from genbench.hooks import hookimpl
from genbench.spec import ModelSpec, Spec

__all__ = ["GANConfig", "WGANConfig", "WGANGPConfig", "genbench_register"]


@dataclass(frozen=True)
class GANConfig:
    """Options of the original GAN."""

    latent: int = 0  # dimensions of the code; 0: those of a vector, at least 2, or 32 for images
    width: int = 128  # units of a hidden layer for vectors, of the layer before the score for images
    depth: int = 3  # hidden layers, for vectors
    channels: int = 16  # at full resolution, for images; up to four times as many at coarser ones
    r1: float = 0.0  # weight of the R1 penalty, half the squared gradient at real data; 0: no penalty
    instance_noise: float = 0.0  # initial standard deviation of the noise on the discriminator's inputs; falls to 0
    batch: int = 0  # rows of a batch; 0: 256 for vectors, 64 for images
    learning_rate: float = 0.0  # of Adam, for both networks; 0: 1e-3 for vectors, 5e-4 for images
    flat: float = 0.6  # fraction of the budget after which the learning rate falls to 0 along half a cosine
    average: float = 0.999  # largest decay of the averaged generator; at step t it is t / (t + 10) if that is smaller

    def __post_init__(self) -> None:
        _check(self)


@dataclass(frozen=True)
class WGANConfig:
    """Options of the Wasserstein GAN with weight clipping."""

    latent: int = 0  # dimensions of the code; 0: those of a vector, at least 2, or 32 for images
    width: int = 128  # units of a hidden layer for vectors, of the layer before the score for images
    depth: int = 3  # hidden layers, for vectors
    channels: int = 16  # at full resolution, for images; up to four times as many at coarser ones
    clip: float = 0.01  # largest absolute value of a weight of the critic
    critic_steps: int = 5  # updates of the critic for each update of the generator
    batch: int = 0  # rows of a mini-batch, of which a step takes critic_steps; 0: 64 for vectors, 32 for images
    learning_rate: float = 5e-4  # of RMSprop, for both networks
    flat: float = 0.6  # fraction of the budget after which the learning rate falls to 0 along half a cosine
    average: float = 0.999  # largest decay of the averaged generator; at step t it is t / (t + 10) if that is smaller

    def __post_init__(self) -> None:
        _check(self)
        _check_positive(self, "learning_rate", "clip")


@dataclass(frozen=True)
class WGANGPConfig:
    """Options of the Wasserstein GAN with gradient penalty."""

    latent: int = 0  # dimensions of the code; 0: those of a vector, at least 2, or 32 for images
    width: int = 128  # units of a hidden layer for vectors, of the layer before the score for images
    depth: int = 3  # hidden layers, for vectors
    channels: int = 16  # at full resolution, for images; up to four times as many at coarser ones
    penalty: float = 0.3  # weight of the gradient penalty
    critic_steps: int = 4  # updates of the critic for each update of the generator
    batch: int = 0  # rows of a mini-batch, of which a step takes critic_steps; 0: 64 for vectors, 32 for images
    learning_rate: float = 2e-3  # of Adam, for both networks
    flat: float = 0.6  # fraction of the budget after which the learning rate falls to 0 along half a cosine
    average: float = 0.999  # largest decay of the averaged generator; at step t it is t / (t + 10) if that is smaller

    def __post_init__(self) -> None:
        _check(self)
        _check_positive(self, "learning_rate")


MINIMA = {
    "latent": 0, "width": 1, "depth": 1, "channels": 1, "batch": 0, "critic_steps": 1,
    "penalty": 0.0, "clip": 0.0, "r1": 0.0, "instance_noise": 0.0, "learning_rate": 0.0,
}  # fmt: skip


def _check(config: GANConfig | WGANConfig | WGANGPConfig) -> None:
    for field in fields(config):
        name, value = field.name, getattr(config, field.name)
        if name in MINIMA and not MINIMA[name] <= value < float("inf"):
            raise ValueError(f"{name} must be in [{MINIMA[name]}, inf), got {value}")
        if name in ("flat", "average") and not 0 <= value < 1:
            raise ValueError(f"{name} must be in [0.0, 1.0), got {value}")


def _check_positive(config: WGANConfig | WGANGPConfig, *names: str) -> None:
    for name in names:
        if getattr(config, name) == 0:
            raise ValueError(f"{name} must be in (0.0, inf), got {getattr(config, name)}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``gan``, ``wgan`` and ``wgan_gp``."""
    return [
        ModelSpec(
            "gan",
            "genbench_gans.gan:GAN",
            GANConfig,
            "generative adversarial network with the non-saturating loss: fast to sample, may miss modes",
            steps={"vector": 4000, "image": 3500},
            conditions="optional",
            paper="Goodfellow et al. 2014, arXiv:1406.2661",
        ),
        ModelSpec(
            "wgan",
            "genbench_gans.wgan:WGAN",
            WGANConfig,
            "Wasserstein GAN with weight clipping, whose critic is too simple for many modes: see wgan_gp",
            steps={"vector": 2500, "image": 1500},
            paper="Arjovsky et al. 2017, arXiv:1701.07875",
        ),
        ModelSpec(
            "wgan_gp",
            "genbench_gans.wgan_gp:WGANGP",
            WGANGPConfig,
            "Wasserstein GAN with gradient penalty: a critic in place of the discriminator",
            steps={"vector": 6500, "image": 1500},
            conditions="optional",
            paper="Gulrajani et al. 2017, arXiv:1704.00028",
        ),
    ]

"""Autoencoders: a plain one, with a density fitted on its codes after training, a variational and a denoising one."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from genbench.hooks import hookimpl
from genbench.spec import ModelSpec, Spec

__all__ = ["AEConfig", "DAEConfig", "VAEConfig", "genbench_register"]

CAPABILITIES = ("encode", "decode", "reconstruct")


@dataclass(frozen=True)
class AEConfig:
    """Options of the autoencoder."""

    latent: int | None = None  # dimensions of the code; none: those of the data, at most 16
    width: int = 128  # units of a hidden layer; for images, 3/8 as many channels
    batch: int = 64  # rows of a batch
    lr: float = 3e-3  # learning rate at the start; it falls to 0 along a cosine

    def __post_init__(self) -> None:
        _check_network(self)


@dataclass(frozen=True)
class VAEConfig:
    """Options of the variational autoencoder."""

    latent: int | None = None  # dimensions of the code; none: those of the data, at most 16
    beta: float = 1.0  # weight of the KL term; 1 is the evidence lower bound
    prior: Literal["mixture", "normal"] = (
        "mixture"  # what codes are sampled from: a Gaussian mixture fitted on the codes after training, or N(0, I)
    )
    likelihood: Literal["iwae", "elbo"] = (
        "iwae"  # the bound that log_prob returns, under the prior above: importance-weighted, or evidence lower bound
    )
    k: int | None = None  # codes drawn for the bound at each point; none: 128 for vectors, 16 for images
    sigma: float = 0.02  # initial standard deviation of the Gaussian decoder, in the model's units; it is learned
    width: int = 128  # units of a hidden layer; for images, 3/8 as many channels
    batch: int = 64  # rows of a batch
    lr: float = 3e-3  # learning rate at the start; it falls to 0 along a cosine

    def __post_init__(self) -> None:
        _check_network(self)
        for name in ("beta", "sigma"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be in (0.0, inf), got {getattr(self, name)}")
        if self.k is not None and self.k < 1:
            raise ValueError(f"k must be in [1, inf), got {self.k}")
        if self.prior not in ("mixture", "normal"):
            raise ValueError(f"prior must be 'mixture' or 'normal', got {self.prior!r}")
        if self.likelihood not in ("iwae", "elbo"):
            raise ValueError(f"likelihood must be 'iwae' or 'elbo', got {self.likelihood!r}")


@dataclass(frozen=True)
class DAEConfig:
    """Options of the denoising autoencoder."""

    noise: float = 0.5  # standard deviation of the noise that ``reconstruct`` removes, in the model's units
    low: float = 0.01  # lowest noise level, which is removed from samples at the end
    high: float = 4.0  # highest noise level, which hides the data: samples start there
    levels: int = 100  # of noise, from high to low, at each of which the network is evaluated once for a sample
    width: int = 128  # units of a hidden layer; for images, 3/8 as many channels
    batch: int = 128  # rows of a batch
    lr: float = 3e-3  # learning rate at the start; it falls to 0 along a cosine

    def __post_init__(self) -> None:
        _check_network(self)
        for name in ("noise", "low"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be in (0.0, inf), got {getattr(self, name)}")
        if not self.low < self.high < math.inf:
            raise ValueError(f"high must be in (low, inf) = ({self.low}, inf), got {self.high}")
        if self.levels < 1:
            raise ValueError(f"levels must be in [1, inf), got {self.levels}")


def _check_network(config: AEConfig | DAEConfig | VAEConfig) -> None:
    if not isinstance(config, DAEConfig) and config.latent is not None and config.latent < 1:
        raise ValueError(f"latent must be in [1, inf), got {config.latent}")
    if config.width < 8:
        raise ValueError(f"width must be in [8, inf), got {config.width}")
    if config.batch < 1:
        raise ValueError(f"batch must be in [1, inf), got {config.batch}")
    if not 0 < config.lr < math.inf:
        raise ValueError(f"lr must be in (0.0, inf), got {config.lr}")


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``ae``, ``dae`` and ``vae``."""
    return [
        ModelSpec(
            "ae",
            "genbench_autoencoders.ae:AE",
            AEConfig,
            "autoencoder; samples are drawn from a Gaussian mixture fitted on its codes, and decoded",
            density="none",
            steps={"vector": 1000, "image": 600},
            capabilities=CAPABILITIES,
            paper="Hinton & Salakhutdinov 2006, doi:10.1126/science.1127647; Ghosh et al. 2020, arXiv:1903.12436",
        ),
        ModelSpec(
            "dae",
            "genbench_autoencoders.dae:DAE",
            DAEConfig,
            "denoising autoencoder of all noise levels; samples are drawn by annealed Langevin dynamics",
            density="none",
            steps={"vector": 3000, "image": 900},
            capabilities=("reconstruct",),
            paper="Vincent et al. 2008, doi:10.1145/1390156.1390294; Song & Ermon 2019, arXiv:1907.05600",
        ),
        ModelSpec(
            "vae",
            "genbench_autoencoders.vae:VAE",
            VAEConfig,
            "variational autoencoder; its prior is a Gaussian mixture, fitted on the codes after training",
            density="bound",
            steps={"vector": 2500, "image": 1000},
            capabilities=CAPABILITIES,
            conditions="optional",
            paper="Kingma & Welling 2014, arXiv:1312.6114",
        ),
    ]

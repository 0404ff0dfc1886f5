"""Autoregressive models: each value is predicted from those before it, and the product is the exact likelihood."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from genbench.hooks import hookimpl
from genbench.spec import DataFacts, ModelSpec, Spec

__all__ = ["MADEConfig", "PixelCNNConfig", "VQVAEConfig", "genbench_register", "needs_levels"]


@dataclass(frozen=True)
class MADEConfig:
    """Options of MADE."""

    width: int = 512  # units of a hidden layer
    layers: int = 2  # hidden layers
    components: int = 10  # Gaussians of a column; integer images have a probability for each grey level instead
    dropout: float | None = (
        None  # share of the units that are dropped in training; none: 0.5 for integer images, else 0
    )
    batch: int = 0  # rows of a batch; 0: 64 integer images, or 512 other rows
    learning_rate: float = 2e-3  # of Adam; it falls to 0 along half a cosine
    weight_decay: float = 0.05  # of weights, relative to the learning rate
    ema: float = 0.99  # decay of the moving average of the weights, which samples are made with

    def __post_init__(self) -> None:
        _check(self, width=1, layers=1, components=1, batch=0)


@dataclass(frozen=True)
class PixelCNNConfig:
    """Options of PixelCNN."""

    channels: int = 64  # of each layer; an even number
    blocks: int = 5  # gated blocks, with dilations of 1 and 2 in turn
    dropout: float = 0.4  # share of the channels that are dropped in each block, in training
    batch: int = 0  # images of a batch; 0: as many as have 4,096 pixels, 16 to 64
    learning_rate: float = 3e-3  # of Adam; it falls to 0 along half a cosine
    weight_decay: float = 0.05  # of weights, relative to the learning rate
    ema: float = 0.99  # decay of the moving average of the weights, which samples are made with

    def __post_init__(self) -> None:
        _check(self, channels=2, blocks=0, batch=0)
        if self.channels % 2:
            raise ValueError(f"channels must be even, for values and their gates, got {self.channels}")


@dataclass(frozen=True)
class VQVAEConfig:
    """Options of the VQ-VAE."""

    codes: int = 64  # in the codebook
    channels: int = 96  # of the convolutions at the codes; an even number, half as many at the pixels
    dropout: float = 0.1  # share of the channels that are dropped in each block of the coder, in training
    beta: float = 0.25  # weight of the commitment of the encoder to its codes
    prior_channels: int = 64  # of each layer of the prior; an even number
    prior_blocks: int = 3  # gated blocks of the prior
    prior_dropout: float = 0.3  # share of the channels that are dropped in each block of the prior, in training
    batch: int = 64  # images of a batch
    learning_rate: float = 3e-3  # of Adam; it falls to 0 along half a cosine, in each stage
    weight_decay: float = 0.01  # of weights, relative to the learning rate
    ema: float = 0.99  # decay of the moving average of the weights, which samples are made with

    def __post_init__(self) -> None:
        _check(self, codes=2, channels=2, prior_channels=2, prior_blocks=0, batch=1)
        if not 0 <= self.prior_dropout < 1:
            raise ValueError(f"prior_dropout must be in [0.0, 1.0), got {self.prior_dropout}")
        if not 0 < self.beta < math.inf:
            raise ValueError(f"beta must be in (0.0, inf), got {self.beta}")
        for name in ("channels", "prior_channels"):
            if getattr(self, name) % 2:
                raise ValueError(f"{name} must be even, got {getattr(self, name)}")


def _check(config: object, **low: int) -> None:
    """Raise ValueError for options out of range; ``low`` are the least values of those that are whole numbers."""
    for name, least in low.items():
        if getattr(config, name) < least:
            raise ValueError(f"{name} must be in [{least}, inf), got {getattr(config, name)}")
    for name in ("dropout", "ema"):
        if not 0 <= (getattr(config, name) or 0.0) < 1:
            raise ValueError(f"{name} must be in [0.0, 1.0), got {getattr(config, name)}")
    if not 0 < getattr(config, "learning_rate") < math.inf:  # noqa: B009
        raise ValueError(f"learning_rate must be in (0.0, inf), got {getattr(config, 'learning_rate')}")  # noqa: B009
    if not 0 <= getattr(config, "weight_decay") < math.inf:  # noqa: B009
        raise ValueError(f"weight_decay must be in [0.0, inf), got {getattr(config, 'weight_decay')}")  # noqa: B009


def needs_levels(facts: DataFacts) -> str | None:
    """Return why data without grey levels do not suit a model of levels; None where they do, or it is not known."""
    if facts.shape is not None and facts.levels is None and facts.kind == "image":
        return "it learns probabilities of grey levels, which these images do not have"
    return None


@hookimpl
def genbench_register() -> Iterable[Spec]:
    """Return the specs of ``pixelcnn``, ``made`` and ``vqvae``."""
    return [
        ModelSpec(
            "made",
            "genbench_autoregressive.made:MADE",
            MADEConfig,
            "masked dense network that predicts each column or pixel from those before it; exact, with cached sampling",
            density="exact",
            support="discrete",
            steps={"vector": 3000, "image": 600},
            conditions="optional",
            paper="Germain et al. 2015, arXiv:1502.03509",
        ),
        ModelSpec(
            "pixelcnn",
            "genbench_autoregressive.pixelcnn:PixelCNN",
            PixelCNNConfig,
            "causal convolutions that predict each pixel from those before it; exact, with cached sampling",
            density="exact",
            support="discrete",
            data=("image",),
            steps=500,
            conditions="optional",
            suits=needs_levels,
            paper="van den Oord et al. 2016, arXiv:1606.05328",
        ),
        ModelSpec(
            "vqvae",
            "genbench_autoregressive.vqvae:VQVAE",
            VQVAEConfig,
            "vector-quantised autoencoder of images with an autoregressive prior over its discrete codes",
            density="bound",
            support="discrete",
            data=("image",),
            steps=850,
            suits=needs_levels,
            capabilities=("reconstruct",),
            paper="van den Oord et al. 2017, arXiv:1711.00937",
        ),
    ]

"""Encoders and decoders: residual perceptrons for vectors, strided convolutions for images."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu

__all__ = ["decoder", "encoder", "joined", "latent_dimensions"]

BLOCKS = 3  # of a residual perceptron
DROPOUT = 0.1  # for images only: without it, the networks memorise a thousand of them


def latent_dimensions(latent: int | None, shape: tuple[int, ...]) -> int:
    """Return the dimensions of the code: ``latent``, or those of the data, at most 16, where it is None."""
    return latent or min(math.prod(shape), 16)


def encoder(shape: tuple[int, ...], outputs: int, width: int) -> nn.Module:
    """Return the network (n, *shape) -> (n, outputs)."""
    return perceptron(shape[0], outputs, width) if len(shape) == 1 else downward(shape, outputs, 3 * width // 8)


def decoder(latent: int, shape: tuple[int, ...], width: int) -> nn.Module:
    """Return the network (n, latent) -> (n, *shape)."""
    return perceptron(latent, shape[0], width) if len(shape) == 1 else upward(latent, shape, 3 * width // 8)


def joined(x: Tensor, c: Tensor | None) -> Tensor:
    """Return x (n, *shape) with features c (n, features) of conditions as further columns, or channels of images."""
    if c is None:
        return x
    return torch.cat([x, c.view(*c.shape, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])], 1)


class Residual(nn.Module):
    """A block h + W silu(h), near the identity at the start of training."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.SiLU(), nn.Linear(width, width))

    def forward(self, h: Tensor) -> Tensor:
        change: Tensor = self.body(h)
        return h + change


class Perceptron(nn.Sequential):
    """A residual perceptron (n, inputs) -> (n, outputs).

    Its layers are evaluated without calling each as a module, which costs a tenth of the time at these widths.
    """

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        blocks = [Residual(width) for _ in range(BLOCKS)]
        super().__init__(nn.Linear(inputs, width), *blocks, nn.SiLU(), nn.Linear(width, outputs))
        self._affine = [layer for layer in self.modules() if isinstance(layer, nn.Linear)]

    def forward(self, x: Tensor) -> Tensor:
        """Map x (n, inputs) to (n, outputs)."""
        first, *hidden, last = [(layer.weight, layer.bias) for layer in self._affine]
        h = linear(x, *first)
        for weight, bias in hidden:
            h = h + linear(silu(h), weight, bias)
        return linear(silu(h), *last)


def perceptron(inputs: int, outputs: int, width: int) -> Perceptron:
    """Return the residual perceptron (n, inputs) -> (n, outputs)."""
    return Perceptron(inputs, outputs, width)


def downward(shape: tuple[int, ...], outputs: int, channels: int) -> nn.Sequential:
    """Return the convolutions (n, C, H, W) -> (n, outputs), which halve the image twice."""
    colours, height, width = shape
    rows, columns = math.ceil(height / 4), math.ceil(width / 4)
    return nn.Sequential(
        nn.Conv2d(colours, channels // 2, 3, padding=1),
        nn.SiLU(),
        nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1),  # (n, channels, H/2, W/2), rounded up
        nn.SiLU(),
        nn.Conv2d(channels, channels, 3, stride=2, padding=1),  # (n, channels, H/4, W/4), rounded up
        nn.SiLU(),
        nn.Flatten(),
        nn.Dropout(DROPOUT),
        nn.Linear(channels * rows * columns, outputs),
    )


def upward(latent: int, shape: tuple[int, ...], channels: int) -> nn.Sequential:
    """Return the transposed convolutions (n, latent) -> (n, C, H, W), which double the image twice and crop it."""
    colours, height, width = shape
    rows, columns = math.ceil(height / 4), math.ceil(width / 4)
    return nn.Sequential(
        nn.Linear(latent, channels * rows * columns),
        nn.SiLU(),
        nn.Dropout(DROPOUT),
        nn.Unflatten(1, (channels, rows, columns)),
        nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1),
        nn.SiLU(),
        nn.ConvTranspose2d(channels, channels // 2, 4, stride=2, padding=1),
        nn.SiLU(),
        Crop(height, width),
        nn.Conv2d(channels // 2, colours, 3, padding=1),
    )


class Crop(nn.Module):
    """The upper left part of an image."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width = height, width

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, : self.height, : self.width]

"""The networks F(x, φ, c): a residual perceptron for vectors, a U-Net for images.

Both are given the level of noise as the angle φ = atan(σ_t / α_t) between data and noise, in [0, π/2], by Fourier
features, and conditions c, where there are any, by an embedding that is added to that of the angle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from genbench.spec import Column

if TYPE_CHECKING:
    from genbench_diffusion import DDPMConfig, EDMConfig

HARMONICS = 16  # of the angle
MAX_FREQUENCIES = 16  # of a coordinate, 0.5 to 32 radians per standard deviation: modes 1/50 wide need the highest
MAX_FEATURES = 256  # of all coordinates together: where these are many, each has only the lowest frequencies


def build(config: DDPMConfig | EDMConfig, shape: tuple[int, ...], conditions: int) -> tuple[nn.Module, int]:
    """Return the network for data of this shape and as many features of conditions, and the rows of a batch."""
    if len(shape) == 3 and config.network != "perceptron":
        return UNet(shape, config.width or 32, conditions), config.batch or 64
    if config.network == "unet":
        raise ValueError(f"network=unet needs images, got vectors of shape {shape}: take network=perceptron")
    return Perceptron(shape, config.width or 128, conditions=conditions), config.batch or 512


def features_of(columns: Sequence[Column]) -> int:
    """Return how many features ``condition_features`` makes of conditions with these columns; 0 without conditions."""
    return sum(len(column.levels) if column.kind == "category" else 1 for column in columns)


class Embedding(nn.Module):
    """An embedding of the angle, by sine and cosine of 16 even multiples of it, and of the conditions."""

    harmonics: Tensor  # (16,)

    def __init__(self, features: int, conditions: int) -> None:
        super().__init__()
        self.register_buffer("harmonics", 2.0 * torch.arange(1, HARMONICS + 1))
        self.angle = nn.Linear(2 * HARMONICS, features)
        if conditions:
            self.given = nn.Sequential(nn.Linear(conditions, features), nn.SiLU(), nn.Linear(features, features))

    def forward(self, angle: Tensor, c: Tensor | None) -> Tensor:
        """Map angles (b,) or (1,), and conditions (b, conditions) where there are any, to (b or 1, features)."""
        phase = angle[:, None] * self.harmonics  # (b, 16)
        e: Tensor = self.angle(torch.cat([phase.sin(), phase.cos()], 1))
        return e if c is None else e + self.given(c)


class Perceptron(nn.Module):
    """Fourier features of x, φ and conditions, three residual SiLU layers, and an output that starts at 0.

    A feature of frequency f is damped by exp(-f² sin²φ / 2), the mean of cos(f σ ε), so that structure finer than the
    noise is not memorised (the integrated encoding of Barron et al. 2021, arXiv:2103.13415).
    """

    frequencies: Tensor  # (number,)

    def __init__(self, shape: tuple[int, ...], width: int, blocks: int = 3, conditions: int = 0) -> None:
        super().__init__()
        self.shape, d = shape, math.prod(shape)
        number = min(MAX_FREQUENCIES, MAX_FEATURES // (2 * d))
        self.register_buffer("frequencies", 0.5 * 64.0 ** (torch.arange(number) / (MAX_FREQUENCIES - 1)))
        self.embedding = Embedding(width, conditions)
        self.input_layer = nn.Linear(d * (1 + 2 * number), width)
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.output_layer = start_at_zero(nn.Linear(width, d))

    def forward(self, x: Tensor, angle: Tensor, c: Tensor | None = None) -> Tensor:
        """Map x (b, *shape), φ (b,) or (1,), and c (b, conditions) to (b, *shape)."""
        x = x.flatten(1)
        phase = x[:, :, None] * self.frequencies  # (b, d, number)
        damping = torch.exp(-0.5 * (self.frequencies * angle.sin()[:, None]).square())[:, None]  # (b, 1, number)
        features = torch.cat([phase.sin() * damping, phase.cos() * damping], 2).flatten(1)
        h = self.input_layer(torch.cat([x, features], 1)) + self.embedding(angle, c)  # (b, width)
        for block in self.blocks:
            h = h + block(functional.silu(h))
        return torch.unflatten(self.output_layer(functional.silu(h)), 1, self.shape)


class Residual(nn.Module):
    """Two convolutions with a shortcut; the embedding is added between them.

    Where there are conditions, it also scales and shifts what the second normalisation returns (Dhariwal & Nichol
    2021, arXiv:2105.05233, section 3.1).
    """

    def __init__(self, channels: int, out: int, features: int, *, conditional: bool = False) -> None:
        super().__init__()
        self.first = nn.Sequential(group_norm(channels), nn.SiLU(), nn.Conv2d(channels, out, 3, padding=1))
        self.angle = nn.Linear(features, out)
        self.second = nn.Sequential(group_norm(out), nn.SiLU(), start_at_zero(nn.Conv2d(out, out, 3, padding=1)))
        self.shortcut = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()
        self.modulation = start_at_zero(nn.Linear(features, 2 * out)) if conditional else None

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        """Map h (b, channels, H, W) and the embedding (b or 1, features) to (b, out, H, W)."""
        norm, activation, convolution = self.second
        changed: Tensor = norm(self.first(h) + self.angle(e)[:, :, None, None])
        if self.modulation is not None:
            scale, shift = self.modulation(e)[:, :, None, None].chunk(2, 1)
            changed = changed * (1 + scale) + shift
        changed = convolution(activation(changed))
        shortcut: Tensor = self.shortcut(h)
        return shortcut + changed


class UNet(nn.Module):
    """Residual blocks at two resolutions, joined by skip connections (Ronneberger et al. 2015, arXiv:1505.04597).

    Images of more than 16 pixels along a side are first halved by a strided convolution: at full resolution they would
    cost most of the time. Conditions are also added as an image, at the coarse resolution: convolutions of noise alone
    could hardly make the mean image of a class, which depends on the place.
    """

    def __init__(self, shape: tuple[int, ...], width: int, conditions: int = 0) -> None:
        super().__init__()
        channels, features, stride = shape[0], 2 * width, 2 if max(shape[1:]) > 16 else 1
        residual = partial(Residual, features=features, conditional=conditions > 0)
        self.embedding = Embedding(features, conditions)
        self.input_layer = nn.Conv2d(channels, width, 2 * stride + 1, stride, padding=stride)
        self.fine = residual(width, width)
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList(residual(2 * width, 2 * width) for _ in range(2))
        self.up = nn.Conv2d(2 * width, width, 1)
        self.join = residual(2 * width, width)
        self.norm = group_norm(width)
        self.output_layer = start_at_zero(
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1)
            if stride == 2
            else nn.Conv2d(width, channels, 3, padding=1)
        )
        if conditions:
            sides = [math.ceil(math.ceil(side / stride) / 2) for side in shape[1:]]
            self.map = nn.Sequential(nn.Linear(features, 2 * width * math.prod(sides)), nn.Unflatten(1, (-1, *sides)))

    def forward(self, x: Tensor, angle: Tensor, c: Tensor | None = None) -> Tensor:
        """Map x (b, channels, H, W), φ (b,) or (1,), and c (b, conditions) to (b, channels, H, W)."""
        e = functional.silu(self.embedding(angle, c))
        fine = self.fine(self.input_layer(x), e)  # (b, width, H or H/2, ...)
        h = self.down(fine)  # (b, 2 width, half of that, ...)
        if c is not None:
            h = h + self.map(e)
        for block in self.coarse:
            h = block(h, e)
        h = functional.interpolate(self.up(h), fine.shape[2:])
        h = functional.silu(self.norm(self.join(torch.cat([h, fine], 1), e)))
        out: Tensor = self.output_layer(h)
        return out[:, :, : x.shape[2], : x.shape[3]]


def start_at_zero(layer: nn.Module) -> nn.Module:
    """Return the layer with all of its parameters set to 0."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def group_norm(channels: int) -> nn.GroupNorm:
    """Return a group normalisation with 8 groups, or the largest common divisor of 8 and the channels."""
    return nn.GroupNorm(math.gcd(8, channels), channels)

"""The networks F(x, t, c): a residual perceptron for vectors, a U-Net for images.

Both are given the time by Fourier features, to which an embedding of the conditions is added where there are any.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

HARMONICS = 16  # of the angle that stands for the time
MAX_FREQUENCIES = 16  # of a coordinate, 0.5 to 32 radians per standard deviation: modes 1/50 wide need the highest
MAX_FEATURES = 256  # of all coordinates together: where these are many, each has only the lowest frequencies


class TimeFeatures(nn.Module):
    """An embedding of t, by sine and cosine of 16 even multiples of atan((1 - t) / t), and of the conditions.

    The angle between data and noise is finer than t itself where little of either is left.
    """

    harmonics: Tensor  # (16,)

    def __init__(self, features: int, conditions: int) -> None:
        super().__init__()
        self.register_buffer("harmonics", 2.0 * torch.arange(1, HARMONICS + 1))
        self.time = nn.Linear(2 * HARMONICS, features)
        self.given = (
            nn.Sequential(nn.Linear(conditions, features), nn.SiLU(), nn.Linear(features, features))
            if conditions
            else None
        )

    def forward(self, t: Tensor, c: Tensor | None) -> Tensor:
        """Map t (b,) or (1,), and conditions c (b, conditions) where there are any, to (b or 1, features)."""
        phase = torch.atan2(1 - t, t)[:, None] * self.harmonics  # (b, 16)
        e: Tensor = self.time(torch.cat([phase.sin(), phase.cos()], 1))
        return e if self.given is None else e + self.given(c)


class Perceptron(nn.Module):
    """Fourier features of x, time and conditions, three residual SiLU layers, and an output that starts at 0.

    A feature of frequency f is damped by exp(-f² σ² / 2), the mean of cos(f σ ε), σ being the share of noise in x, so
    that structure finer than the noise is not memorised (the integrated encoding of Barron et al. 2021,
    arXiv:2103.13415).
    """

    frequencies: Tensor  # (number,)

    def __init__(self, shape: tuple[int, ...], conditions: int, width: int, blocks: int = 3) -> None:
        super().__init__()
        self.shape, d = shape, math.prod(shape)
        number = min(MAX_FREQUENCIES, MAX_FEATURES // (2 * d))
        self.register_buffer("frequencies", 0.5 * 64.0 ** (torch.arange(number) / (MAX_FREQUENCIES - 1)))
        self.time = TimeFeatures(width, conditions)
        self.input_layer = nn.Linear(d * (1 + 2 * number), width)
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.output_layer = start_at_zero(nn.Linear(width, d))

    def forward(self, x: Tensor, t: Tensor, c: Tensor | None) -> Tensor:
        """Map x (b, *shape), t (b,) or (1,), and c (b, conditions) to (b, *shape)."""
        x = x.flatten(1)
        phase = x[:, :, None] * self.frequencies  # (b, d, number)
        share = (1 - t) / torch.hypot(t, 1 - t)  # (b,) of noise, in [0, 1]
        damping = torch.exp(-0.5 * (self.frequencies * share[:, None]).square())[:, None]  # (b, 1, number)
        features = torch.cat([phase.sin() * damping, phase.cos() * damping], 2).flatten(1)
        h = self.input_layer(torch.cat([x, features], 1)) + self.time(t, c)  # (b, width)
        for block in self.blocks:
            h = h + block(functional.silu(h))
        return torch.unflatten(self.output_layer(functional.silu(h)), 1, self.shape)


class Residual(nn.Module):
    """Two convolutions with a shortcut; features of time and conditions are added between them."""

    def __init__(self, channels: int, out: int, features: int) -> None:
        super().__init__()
        self.first = nn.Sequential(group_norm(channels), nn.SiLU(), nn.Conv2d(channels, out, 3, padding=1))
        self.time = nn.Linear(features, out)
        self.second = nn.Sequential(group_norm(out), nn.SiLU(), start_at_zero(nn.Conv2d(out, out, 3, padding=1)))
        self.shortcut = nn.Conv2d(channels, out, 1) if channels != out else nn.Identity()

    def forward(self, h: Tensor, e: Tensor) -> Tensor:
        """Map h (b, channels, H, W) and features e (b or 1, features) to (b, out, H, W)."""
        changed: Tensor = self.second(self.first(h) + self.time(e)[:, :, None, None])
        shortcut: Tensor = self.shortcut(h)
        return shortcut + changed


class UNet(nn.Module):
    """Residual blocks at two resolutions, joined by a skip connection (Ronneberger et al. 2015, arXiv:1505.04597).

    Images of more than 16 pixels along a side are first halved by a strided convolution: at full resolution they would
    cost most of the time.
    """

    def __init__(self, shape: tuple[int, ...], conditions: int, width: int) -> None:
        super().__init__()
        channels, features, stride = shape[0], 2 * width, 2 if max(shape[1:]) > 16 else 1
        self.time = TimeFeatures(features, conditions)
        self.input_layer = nn.Conv2d(channels, width, 2 * stride + 1, stride, padding=stride)
        self.fine = Residual(width, width, features)
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList(Residual(2 * width, 2 * width, features) for _ in range(2))
        self.up = nn.Conv2d(2 * width, width, 1)
        self.join = Residual(2 * width, width, features)
        self.norm = group_norm(width)
        self.output_layer = start_at_zero(
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1)
            if stride == 2
            else nn.Conv2d(width, channels, 3, padding=1)
        )

    def forward(self, x: Tensor, t: Tensor, c: Tensor | None) -> Tensor:
        """Map x (b, channels, H, W), t (b,) or (1,), and c (b, conditions) to (b, channels, H, W)."""
        e = functional.silu(self.time(t, c))
        fine = self.fine(self.input_layer(x), e)  # (b, width, H or H/2, ...)
        h = self.down(fine)  # (b, 2 width, half of that, ...)
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

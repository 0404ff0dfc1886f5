"""The networks F(x, σ) of the denoising autoencoder: a residual perceptron for vectors, a U-Net for images.

Both are given the noise level by Fourier features of its logarithm, and their output starts at 0.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genbench_autoencoders.networks import perceptron

__all__ = ["denoiser"]

FREQUENCIES = (0.5, 1.0, 2.0, 4.0)  # radians per unit of log σ


def denoiser(shape: tuple[int, ...], width: int) -> nn.Module:
    """Return the network (n, *shape), (n,) -> (n, *shape)."""
    return VectorDenoiser(shape[0], width) if len(shape) == 1 else ImageDenoiser(shape[0], 3 * width // 8)


def noise_features(sigma: Tensor) -> Tensor:
    """Return features (n, 8) of noise levels (n,)."""
    phase = sigma.log()[:, None] * torch.tensor(FREQUENCIES, device=sigma.device)
    return torch.cat([phase.sin(), phase.cos()], 1)


class VectorDenoiser(nn.Module):
    """A residual perceptron of the row and the features of its noise level."""

    def __init__(self, dimensions: int, width: int) -> None:
        super().__init__()
        self.body = perceptron(dimensions + 2 * len(FREQUENCIES), dimensions, width)
        zero(self.body[-1])

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Map x (n, d) and noise levels (n,) to (n, d)."""
        out: Tensor = self.body(torch.cat([x, noise_features(sigma)], 1))
        return out


class ImageDenoiser(nn.Module):
    """Convolutions that halve an image twice and double it again; each resolution is added to itself on the way up."""

    def __init__(self, colours: int, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.first = nn.Conv2d(colours, half, 3, padding=1)
        self.down = nn.ModuleList([nn.Conv2d(half, channels, 3, 2, 1), nn.Conv2d(channels, channels, 3, 2, 1)])
        self.noise = nn.ModuleList([nn.Linear(2 * len(FREQUENCIES), size) for size in (half, channels, channels)])
        self.middle = nn.Sequential(
            nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1),
            nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1),
        )  # fmt: skip
        self.up = nn.ModuleList(
            [nn.ConvTranspose2d(channels, channels, 4, 2, 1), nn.ConvTranspose2d(channels, half, 4, 2, 1)]
        )
        self.last = nn.Sequential(nn.SiLU(), nn.Conv2d(half, half, 3, padding=1), nn.SiLU())
        self.out = nn.Conv2d(half, colours, 3, padding=1)
        zero(self.out)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Map x (n, C, H, W) and noise levels (n,) to (n, C, H, W)."""
        features, act = noise_features(sigma), nn.functional.silu
        noise = [layer(features)[:, :, None, None] for layer in self.noise]
        full = self.first(x) + noise[0]  # (n, channels / 2, H, W)
        half = self.down[0](act(full)) + noise[1]  # (n, channels, H / 2, W / 2), rounded up
        quarter = self.down[1](act(half)) + noise[2]  # (n, channels, H / 4, W / 4), rounded up
        quarter = quarter + self.middle(quarter)
        half = half + self.up[0](act(quarter))[:, :, : half.shape[2], : half.shape[3]]
        full = full + self.up[1](act(half))[:, :, : full.shape[2], : full.shape[3]]
        out: Tensor = self.out(self.last(full))
        return out


def zero(layer: nn.Module) -> None:
    """Set all parameters of a layer to 0."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)

"""The networks of the VQ-VAE: convolutions that halve an image, a codebook, and convolutions that restore the image."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from genbench_autoregressive.codebook import Codebook
from genbench_autoregressive.distributions import Categorical, LogisticMixture
from genbench_autoregressive.features import LevelFeatures

__all__ = ["Coder"]

EMBEDDING = 8  # numbers that stand for a grey level
DIMENSIONS = 8  # of a code's vector


class Residual(nn.Module):
    """h plus two convolutions of it, with dropout of whole channels between them."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.SiLU(),
            nn.Dropout2d(dropout),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, h: Tensor) -> Tensor:
        """Map h (n, channels, H, W) to the same shape."""
        change: Tensor = self.body(h)
        return h + change


class Coder(nn.Module):
    """Encoder, codebook and decoder of images (colours, H, W) of grey levels.

    The grid of codes has half the sides of the image, a quarter beyond 16 pixels. The decoder returns the parameters of
    the distribution of each pixel's level given the codes, under which the pixels are independent.
    """

    def __init__(
        self, shape: tuple[int, ...], levels: int, distribution: Categorical | LogisticMixture, *,
        codes: int, channels: int, dropout: float,
    ) -> None:  # fmt: skip
        super().__init__()
        self.shape, self.distribution = shape, distribution
        halvings = 1 if max(shape[1:]) <= 16 else 2
        self.stride = 2**halvings
        self.grid = (-(-shape[1] // self.stride), -(-shape[2] // self.stride))  # rows and columns of codes
        widths = [channels // 2, *[channels] * halvings]
        self.inputs = LevelFeatures(levels, EMBEDDING)
        down: list[nn.Module] = [nn.Conv2d(EMBEDDING * shape[0], widths[0], 3, padding=1)]
        up: list[nn.Module] = []
        for fine, rough in pairwise(widths):
            down += [nn.SiLU(), nn.Conv2d(fine, rough, 4, stride=2, padding=1)]
            up = [nn.SiLU(), nn.ConvTranspose2d(rough, fine, 4, stride=2, padding=1), *up]
        self.encoder = nn.Sequential(*down, Residual(channels, dropout), nn.SiLU(), nn.Conv2d(channels, DIMENSIONS, 1))
        self.codebook = Codebook(codes, DIMENSIONS)
        self.decoder = nn.Sequential(
            nn.Conv2d(DIMENSIONS, channels, 3, padding=1),
            Residual(channels, dropout),
            Residual(channels, dropout),
            *up,
            Residual(widths[0], dropout),
            nn.SiLU(),
            nn.Conv2d(widths[0], distribution.outputs * shape[0], 3, padding=1),
        )

    def encode(self, level: Tensor) -> Tensor:
        """Return vectors (n, rows, columns, DIMENSIONS) of images of levels (n, colours, H, W)."""
        x = self.inputs(level).permute(0, 1, 4, 2, 3).flatten(1, 2)  # (n, colours EMBEDDING, H, W)
        height, width = (self.stride * size for size in self.grid)
        x = functional.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]))
        z: Tensor = self.encoder(x.contiguous(memory_format=torch.channels_last))
        return z.permute(0, 2, 3, 1)

    def codes(self, level: Tensor) -> Tensor:
        """Return the codes (n, rows, columns) of images of levels (n, colours, H, W)."""
        return self.codebook.nearest(self.encode(level))

    def decode(self, vectors: Tensor) -> Tensor:
        """Return parameters (n, colours, H, W, outputs) of each pixel's level for vectors (n, rows, columns, ..)."""
        out: Tensor = self.decoder(vectors.permute(0, 3, 1, 2))[:, :, : self.shape[1], : self.shape[2]]
        return torch.unflatten(out, 1, (self.shape[0], -1)).permute(0, 1, 3, 4, 2)

    def log_prob(self, level: Tensor, codes: Tensor) -> Tensor:
        """Return log p(x | codes) (n,) in nats of images of levels (n, colours, H, W)."""
        return self.log_mass(level, self.codebook.vectors[codes])

    def log_mass(self, level: Tensor, vectors: Tensor) -> Tensor:
        """Return the log-probability (n,) of images of levels (n, colours, H, W) given vectors."""
        return self.distribution.log_prob(self.decode(vectors), level).flatten(1).sum(1)

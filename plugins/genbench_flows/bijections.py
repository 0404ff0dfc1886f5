"""Bijections x -> z of rows (n, d), given features c (n, given) of conditions, with the log of their determinant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Bijection", "Chain", "Pixels", "Reverse"]


class Bijection(nn.Module):
    """A map from data to noise: ``forward`` evaluates densities, ``inverse`` makes samples."""

    def forward(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return z (n, d) and log |det ∂z/∂x| (n,)."""
        raise NotImplementedError

    def inverse(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Return the x (n, d) whose image is z (n, d)."""
        raise NotImplementedError


class Chain(Bijection):
    """Bijections one after the other."""

    def __init__(self, parts: Iterable[Bijection]) -> None:
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return z (n, d) and log |det ∂z/∂x| (n,)."""
        total = torch.zeros_like(x[:, 0])
        for part in self.parts:
            x, log_det = part(x, c)
            total = total + log_det
        return x, total

    def inverse(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Return the x (n, d) whose image is z (n, d)."""
        for part in reversed(self.parts):
            z = cast("Bijection", part).inverse(z, c)
        return z


class Reverse(Bijection):
    """The columns in reverse order: what came last in one autoregressive transform comes first in the next one."""

    def forward(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Return z (n, d) and zeros (n,)."""
        return x.flip(1), torch.zeros_like(x[:, 0])

    def inverse(self, z: Tensor, c: Tensor | None) -> Tensor:  # noqa: ARG002
        """Return x (n, d)."""
        return z.flip(1)


class Pixels(Bijection):
    """Pixels in [-1, 1] to numbers of mean 0 and standard deviation 1 without bounds.

    Dequantised pixels are first mapped by logit(α + (1 - 2α) (x + 1) / 2), as in Dinh et al. 2017, section 4.1. Other
    pixels, whose values may lie on or beyond the bounds, are only standardised.
    """

    ALPHA = 0.01
    MIN_STD = 1e-3  # of a pixel that is the same in all images

    mean: Tensor  # (d,)
    std: Tensor  # (d,)

    def __init__(self, d: int, *, bounded: bool) -> None:
        super().__init__()
        self.bounded = bounded
        self.register_buffer("mean", torch.zeros(d))
        self.register_buffer("std", torch.ones(d))

    @torch.no_grad()
    def set_moments(self, x: Tensor) -> None:
        """Standardise by the moments of rows x (n, d)."""
        y, _ = self._unbounded(x)
        self.mean.copy_(y.mean(0))
        self.std.copy_(y.std(0, correction=0).clamp(min=self.MIN_STD))

    def _unbounded(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y (n, d) and the logarithm of its derivative (n,)."""
        if not self.bounded:
            return x, torch.zeros_like(x[:, 0])
        half = 0.5 * (1 - 2 * self.ALPHA)
        u = (0.5 + half * x).clamp(1e-6, 1 - 1e-6)  # in [α, 1 - α] for x in [-1, 1]
        y = u.logit()
        # y' = half / (u (1 - u)), and log u + log(1 - u) = -softplus(-y) - softplus(y)
        return y, (functional.softplus(y) + functional.softplus(-y) + torch.log(x.new_tensor(half))).sum(1)

    def forward(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Return z (n, d) and log |det ∂z/∂x| (n,)."""
        y, log_det = self._unbounded(x)
        return (y - self.mean) / self.std, log_det - self.std.log().sum()

    def inverse(self, z: Tensor, c: Tensor | None) -> Tensor:  # noqa: ARG002
        """Return x (n, d)."""
        y = z * self.std + self.mean
        return (y.sigmoid() - 0.5) / (0.5 * (1 - 2 * self.ALPHA)) if self.bounded else y

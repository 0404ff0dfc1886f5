"""RealNVP, a flow of affine couplings (Dinh et al. 2017, arXiv:1605.08803).

z = b ⊙ x + (1 - b) ⊙ (x ⊙ exp(s(b ⊙ x, c)) + t(b ⊙ x, c))       in each coupling, with masks b that alternate
log p(x | c) = log N(z; 0, I) + Σ_couplings Σ_i (1 - b_i) s_i
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from genbench_flows import RealNVPConfig
from genbench_flows.bijections import Bijection, Chain
from genbench_flows.flow import Flow

__all__ = ["Coupling", "RealNVP", "checkerboard"]

MAX_LOG_SCALE = 4.0  # of one coupling: s is bounded smoothly, so that samples far out stay finite


class Coupling(Bijection):
    """A shift and a scale of some columns, which depend on the others; it starts as the identity."""

    mask: Tensor  # (d,): 1 for the columns that stay

    def __init__(self, mask: Tensor, given: int, width: int) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        d = len(mask)
        output = nn.Linear(width, 2 * d)
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)
        self.network = nn.Sequential(nn.Linear(d + given, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), output)

    def scale_and_shift(self, kept: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return s and t, (n, d) each and 0 where columns stay, for b ⊙ x (n, d)."""
        s, t = self.network(kept if c is None else torch.cat([kept, c], 1)).chunk(2, 1)
        change = 1 - self.mask
        return change * MAX_LOG_SCALE * (s / MAX_LOG_SCALE).tanh(), change * t

    def forward(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return z (n, d) and log |det ∂z/∂x| (n,)."""
        s, t = self.scale_and_shift(self.mask * x, c)
        return x * s.exp() + t, s.sum(1)

    def inverse(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Return the x (n, d) whose image is z (n, d)."""
        s, t = self.scale_and_shift(self.mask * z, c)
        return (z - t) * (-s).exp()


class RealNVP(Flow):
    """RealNVP.

    What differs from the paper (Dinh et al. 2017): images are flattened, with checkerboard masks and no convolutions
    or scales, for images of this size; no batch normalisation, because the data are standardised and each coupling
    starts as the identity; the weights are averaged ones, the best on held-out rows.
    """

    config: RealNVPConfig

    def build(self, shape: tuple[int, ...], given: int) -> Bijection:
        """Return the couplings for flattened rows of a shape, given so many features of conditions."""
        board, parts = checkerboard(shape), list[Bijection]()
        for k in range(self.config.transforms):
            parts.append(Coupling(board if k % 2 else 1 - board, given, self.config.width))
        return Chain(parts)


def checkerboard(shape: tuple[int, ...]) -> Tensor:
    """Return (d,): 0 and 1 alternating, in vectors and along the rows and columns of images."""
    place = sum(torch.meshgrid(*(torch.arange(size) for size in shape), indexing="ij"))
    assert isinstance(place, Tensor)
    return (place % 2).flatten().float()

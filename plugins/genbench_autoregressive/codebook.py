"""A codebook that follows the vectors assigned to each of its codes (van den Oord et al. 2017, appendix A.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Codebook"]

DECAY = 0.98  # of the counts and sums of each code, a step
MIN_SHARE = 0.05  # of the mean count of a code, below which it is restarted


class Codebook(nn.Module):
    """Codes 0 .. codes - 1, each with a vector: the moving average of the vectors to which it is the nearest.

    A code that hardly any vector is near to is restarted at one of the vectors of a batch (Dhariwal et al. 2020,
    arXiv:2005.00341). Nothing here waits for the device.
    """

    vectors: Tensor  # (codes, dimensions)
    counts: Tensor  # (codes,)
    sums: Tensor  # (codes, dimensions)

    def __init__(self, codes: int, dimensions: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(codes, dimensions))
        self.register_buffer("counts", torch.zeros(codes))
        self.register_buffer("sums", torch.zeros(codes, dimensions))

    def nearest(self, z: Tensor) -> Tensor:
        """Return the code (..) of each vector z (.., dimensions)."""
        return (z @ self.vectors.T - 0.5 * self.vectors.square().sum(1)).argmax(-1)

    @torch.no_grad()
    def start(self, z: Tensor) -> None:
        """Set the codes to vectors drawn from z (n, dimensions)."""
        self._restart(torch.ones_like(self.counts, dtype=torch.bool), z)

    @torch.no_grad()
    def update(self, z: Tensor, code: Tensor) -> None:
        """Move the codes towards their vectors z (n, dimensions), and restart those that are not used."""
        assigned = nn.functional.one_hot(code, len(self.counts)).to(z.dtype)  # (n, codes)
        self.counts.lerp_(assigned.sum(0), 1 - DECAY)
        self.sums.lerp_(assigned.T @ z, 1 - DECAY)
        self.vectors.copy_(self.sums / self.counts[:, None].clamp(min=1e-12))
        self._restart(self.counts < MIN_SHARE * self.counts.mean(), z)

    def _restart(self, which: Tensor, z: Tensor) -> None:
        """Set the codes of a mask (codes,) to vectors drawn from z (n, dimensions), with the mean count."""
        drawn = z[torch.randint(len(z), (len(which),), device=z.device)]
        count = torch.full_like(self.counts, len(z) / len(which))
        self.vectors.copy_(torch.where(which[:, None], drawn, self.vectors))
        self.counts.copy_(torch.where(which, count, self.counts))
        self.sums.copy_(torch.where(which[:, None], drawn * count[:, None], self.sums))

"""Masked autoregressive flow (Papamakarios et al. 2017, arXiv:1705.07057).

z_i = (x_i - μ_i) exp(-α_i),  (μ_i, α_i) = network(x_1 .. x_{i-1}, c)     in each transform; the next has the columns
log p(x | c) = log N(z; 0, I) - Σ_transforms Σ_i α_i                      reversed
"""

from __future__ import annotations

import math

from torch import Tensor

from genbench_flows import MAFConfig
from genbench_flows.bijections import Bijection, Chain, Reverse
from genbench_flows.flow import Flow
from genbench_flows.masked import MaskedNetwork

__all__ = ["MAF", "AffineTransform"]

MAX_LOG_SCALE = 4.0  # of one transform: α is bounded smoothly, so that samples far out stay finite


class AffineTransform(Bijection):
    """A shift and a scale of each column, which depend on the columns before it; it starts as the identity."""

    def __init__(self, network: MaskedNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return z (n, d) and log |det ∂z/∂x| (n,)."""
        mu, alpha = parameters(self.network(x, c))
        return (x - mu) * (-alpha).exp(), -alpha.sum(1)

    def inverse(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Return the x (n, d) whose image is z (n, d)."""

        def invert(column: Tensor, theta: Tensor) -> Tensor:
            mu, alpha = parameters(theta)
            return column * alpha.exp() + mu

        return self.network.solve(z, c, invert)


def parameters(theta: Tensor) -> tuple[Tensor, Tensor]:
    """Return μ and α, (...) each, of the network's outputs (..., 2)."""
    return theta[..., 0], MAX_LOG_SCALE * (theta[..., 1] / MAX_LOG_SCALE).tanh()


class MAF(Flow):
    """Masked autoregressive flow.

    What differs from the paper (Papamakarios et al. 2017): no batch normalisation between transforms, because the data
    are standardised and each transform starts as the identity; more transforms of narrower networks; α is bounded; the
    weights are averaged ones, the best on held-out rows.
    """

    config: MAFConfig

    def build(self, shape: tuple[int, ...], given: int) -> Bijection:
        """Return the transforms for flattened rows of a shape, given so many features of conditions."""
        d, parts = math.prod(shape), list[Bijection]()
        for k in range(self.config.transforms):
            parts += [Reverse()] * (k > 0)
            parts.append(AffineTransform(MaskedNetwork(d, given, self.config.width, 2)))
        return Chain(parts)

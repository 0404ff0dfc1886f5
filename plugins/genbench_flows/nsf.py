"""Neural spline flow, autoregressive (Durkan et al. 2019, arXiv:1906.04032).

    z_i = g(x_i; θ_i),  θ_i = network(x_1 .. x_{i-1}, c)        in each transform; the next one has the columns reversed
    log p(x | c) = log N(z; 0, I) + Σ_transforms Σ_i log g'(x_i; θ_i)

g is a monotone rational-quadratic spline with linear tails.
"""

from __future__ import annotations

import math

from torch import Tensor

from genbench_flows import NSFConfig
from genbench_flows.bijections import Bijection, Chain, Reverse
from genbench_flows.flow import Flow, on_plane
from genbench_flows.masked import MaskedNetwork
from genbench_flows.splines import outputs_for, spline, spline_inverse

__all__ = ["NSF", "SplineTransform"]


class SplineTransform(Bijection):
    """A spline of each column, whose parameters depend on the columns before it; it starts as the identity."""

    def __init__(self, network: MaskedNetwork, bound: float) -> None:
        super().__init__()
        self.network, self.bound = network, bound

    def forward(self, x: Tensor, c: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return z (n, d) and log |det ∂z/∂x| (n,)."""
        z, log_slope = spline(x, self.network(x, c), self.bound)
        return z, log_slope.sum(1)

    def inverse(self, z: Tensor, c: Tensor | None) -> Tensor:
        """Return the x (n, d) whose image is z (n, d)."""
        return self.network.solve(z, c, lambda column, theta: spline_inverse(column, theta, self.bound))


class NSF(Flow):
    """Neural spline flow.

    What differs from the paper (Durkan et al. 2019):

        here                              in the paper                reason
        --------------------------------  --------------------------  -------------------------------------------------
        columns reversed between          LU-factorised linear maps   two or three transforms need no more, and the
        transforms                                                    order of columns stays readable
        two masked hidden layers          residual blocks             a cheaper step
        averaged weights, the best on     the last weights            training sets are small
        held-out rows
    """

    config: NSFConfig

    def build(self, shape: tuple[int, ...], given: int) -> Bijection:
        """Return the transforms for flattened rows of a shape, given so many features of conditions."""
        d, plane, config = math.prod(shape), on_plane(shape), self.config
        bins, width = config.bins or (32 if plane else 8), config.width or (64 if plane else 128)
        bound, parts = config.bound or (4.0 if plane else 5.0), list[Bijection]()
        for k in range(config.transforms or (2 if plane else 3)):
            parts += [Reverse()] * (k > 0)
            parts.append(SplineTransform(MaskedNetwork(d, given, width, outputs_for(bins)), bound))
        return Chain(parts)

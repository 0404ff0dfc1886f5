"""MADE (Germain et al. 2015, arXiv:1502.03509): a dense network whose masks make it autoregressive.

p(x | c) = ∏_i p(x_i | x_1 .. x_{i-1}, c)                               over columns, or over pixels row by row
h_1 = (W_1 ∘ M_1) x + U c,   h_k = h_{k-1} + (W_k ∘ M_k) silu(h_{k-1})                       masks M of 0 and 1
parameters of p(x_i | ..) = (V ∘ M_V)_i silu(h_K) + (A ∘ M_A)_i x                  with direct connections A
"""

from __future__ import annotations

import math

from torch import Tensor

from genbench_autoregressive import MADEConfig
from genbench_autoregressive.autoregressive import Autoregressive
from genbench_autoregressive.distributions import Distribution, GaussianMixture, distribution_for
from genbench_autoregressive.features import LevelFeatures, NumberFeatures
from genbench_autoregressive.masked import MaskedNetwork, draw_columns

__all__ = ["MADE"]

EMBEDDING = 8  # numbers that stand for a grey level


class MADE(Autoregressive[MADEConfig]):
    """A masked dense network: a mixture of Gaussians a column, or the probability of each grey level of a pixel.

    What is not in the paper (Germain et al. 2015):

        here                                 in the paper              reason
        -----------------------------------  ------------------------  ------------------------------------------------
        columns of numbers: a mixture of     binary data               Uria et al. 2013, arXiv:1306.0186
        Gaussians each, from the numbers
        and their harmonics
        a probability for each grey level,   binary data               Salimans et al. 2017, arXiv:1701.05517
        above 32 a mixture of logistics
        levels enter as learned vectors,     binary data               levels next to each other mean much the same
        which start as harmonics
        one order, of the columns            an order for each batch,  sampling computes each unit once; one model has
                                             and an average over 32    one exact density
        degrees of units spread evenly       drawn at random           each degree has as many units
        residual SiLU layers                 ReLU layers               trains in fewer steps
        dropout, weight decay, averaged      early stopping            small data are memorised
        weights, the best ones on held-out
        rows
    """

    def build(self) -> tuple[MaskedNetwork, Distribution]:
        """Return the network over the columns or pixels, and the distribution of one."""
        config = self.config
        distribution = distribution_for(self.levels) if self.levels else GaussianMixture(config.components)
        inputs = LevelFeatures(self.levels, EMBEDDING) if self.levels else NumberFeatures()
        network = MaskedNetwork(
            inputs, math.prod(self.shape), distribution.outputs, width=config.width, layers=config.layers,
            dropout=self.dropout, conditions=self.features,
        )  # fmt: skip
        return network, distribution

    @property
    def dropout(self) -> float:
        """The share of units that are dropped in training."""
        default = 0.5 if self.levels else 0.0
        return default if self.config.dropout is None else self.config.dropout

    def draw(self, n: int, c: Tensor | None) -> Tensor:
        """Return values (n, d), given c (n, features)."""
        assert isinstance(self.network, MaskedNetwork)
        return draw_columns(self.network, self.distribution, n, c)

    def to_values(self, x: Tensor) -> Tensor:
        """Return the columns of vectors, or the levels of the pixels of images, (n, d)."""
        return (self.level_of(x) if self.levels else x).flatten(1)

    def from_values(self, values: Tensor) -> Tensor:
        """Return rows (n, *shape) of values (n, d)."""
        return (self.centre_of(values) if self.levels else values).view(-1, *self.shape)

    def batch_rows(self) -> int:
        """Return 64 integer images or 512 other rows."""
        return 64 if self.levels else 512

    def activations(self) -> int:
        """Return how many values the layers keep of a row."""
        outputs = math.prod(self.shape) * self.distribution.outputs
        return outputs + self.config.width * (self.config.layers + 1)

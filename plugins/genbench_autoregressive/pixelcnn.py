"""PixelCNN (van den Oord et al. 2016, arXiv:1606.05328): an image as a sequence of pixels, each given those before.

p(x | c) = ∏_i p(x_i | x_1 .. x_{i-1}, c)           over pixels row by row, and over the channels of each pixel
h' = h + V (tanh(W_1 * h + U_1 c) · σ(W_2 * h + U_2 c))       gated blocks of causal convolutions *
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from genbench.protocol import RunContext, TrainingData
from genbench_autoregressive import PixelCNNConfig
from genbench_autoregressive.autoregressive import Autoregressive
from genbench_autoregressive.causal import CausalNetwork, draw_grid
from genbench_autoregressive.distributions import Distribution, distribution_for

__all__ = ["PixelCNN"]

BATCH_PIXELS = 4096  # of a batch, where its rows are not set
MIN_BATCH, MAX_BATCH = 16, 64


class PixelCNN(Autoregressive[PixelCNNConfig]):
    """Causal convolutions with the exact probability of the grey levels of an image; samples cost one pass in total.

    What is not in the paper (van den Oord et al. 2016):

        here                                 in the paper              reason
        -----------------------------------  ------------------------  ------------------------------------------------
        one stack of convolutions, which     two: of the rows above,   a convolution that sees above right needs no
        see left, above left, above and      and of the row            second stack to avoid a blind spot
        above right
        a first layer of reach 3, blocks     7x7, then 3x3             few layers see all of a small image
        with dilations 1 and 2 in turn
        levels enter as learned vectors,     grey values               levels next to each other mean much the same,
        which start as harmonics                                       0 and the highest are special
        each row and column has a learned    none                      images that are centred are not stationary
        map, each pixel a bias that starts
        at the frequencies of its levels
        above 32 levels: a mixture of        256 probabilities         fewer weights: Salimans et al. 2017,
        logistic distributions                                         arXiv:1701.05517
        the channels of a pixel are columns  masks by channel          the same law with one kind of mask
        next to each other
        dropout of whole channels, weight    none                      small data are memorised
        decay, averaged weights, the best
        ones on held-out rows
        sampling keeps activations           one pass for each pixel   the same samples for the cost of one pass
    """

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Maximise the likelihood of the levels of ``data.train`` (n, *shape); raises ValueError if there are none."""
        if data.levels is None:
            raise ValueError("pixelcnn learns probabilities of grey levels, which these images do not have")
        super().fit(data, run)

    def build(self) -> tuple[CausalNetwork, Distribution]:
        """Return the network over a grid (H, W colours), and the distribution of a level."""
        config, (colours, height, width) = self.config, self.shape
        assert self.levels is not None
        distribution = distribution_for(self.levels)
        network = CausalNetwork(
            self.levels, distribution.outputs, (height, width * colours), channels=config.channels,
            blocks=config.blocks, dropout=config.dropout, conditions=self.features, step=colours,
        )  # fmt: skip
        return network, distribution

    def draw(self, n: int, c: Tensor | None) -> Tensor:
        """Return levels (n, H, W colours), given c (n, features)."""
        assert isinstance(self.network, CausalNetwork)
        return draw_grid(self.network, self.distribution, n, c)

    def to_values(self, x: Tensor) -> Tensor:
        """Return the levels (n, H, W colours) of images x (n, colours, H, W)."""
        return self.level_of(x).permute(0, 2, 3, 1).flatten(2)

    def from_values(self, values: Tensor) -> Tensor:
        """Return images (n, colours, H, W) of levels (n, H, W colours)."""
        pixels = torch.unflatten(values, 2, (self.shape[2], self.shape[0])).permute(0, 3, 1, 2)
        return self.centre_of(pixels).contiguous()

    def batch_rows(self) -> int:
        """Return as many images as have 4,096 values together, 16 to 64."""
        return max(MIN_BATCH, min(MAX_BATCH, BATCH_PIXELS // math.prod(self.shape)))

    def activations(self) -> int:
        """Return how many values the layers keep of an image."""
        return math.prod(self.shape) * self.config.channels * (self.config.blocks + 1)

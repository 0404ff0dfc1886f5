"""A causal convolutional network over a grid of symbols, and the same network evaluated one symbol at a time.

The symbol in row r and column c is predicted from those in earlier rows, and from those to its left. A residual network
of causal convolutions keeps that order in each layer; hence the activations at (r, c) never change once the symbols up
to there are known. ``Cache`` keeps them, and computes at each symbol only what is new.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from genbench_autoregressive.autoregressive import Network
from genbench_autoregressive.distributions import Distribution
from genbench_autoregressive.features import LevelFeatures

__all__ = ["Cache", "CausalConvolution", "CausalNetwork", "draw_grid"]

EMBEDDING = 8  # numbers that stand for a symbol
REACH = 3  # rows above and columns to the left that the first layer sees
DILATIONS = (1, 2)  # of the blocks in turn


class CausalConvolution(nn.Module):
    """A convolution over the rows above and the columns to the left, (n, H, W, channels) -> (n, H, W, out).

    It sees ``rows`` rows above, ``columns`` columns on both sides there, and as many to the left in the same row, in
    steps of ``dilation`` (rows, columns); and its own position if ``present``.
    """

    mask: Tensor  # (rows + 1, 2 columns + 1)

    def __init__(
        self,
        channels: int,
        out: int,
        reach: tuple[int, int],
        dilation: tuple[int, int] = (1, 1),
        *,
        present: bool,
    ) -> None:
        super().__init__()
        (self.rows, self.columns), self.dilation = reach, dilation
        mask = torch.ones(self.rows + 1, 2 * self.columns + 1)
        mask[-1, self.columns + present :] = 0
        self.register_buffer("mask", mask)
        bound = (channels * float(mask.sum())) ** -0.5
        self.weight = nn.Parameter(torch.empty(out, channels, *mask.shape).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(out))

    def forward(self, h: Tensor) -> Tensor:
        """Map h (n, H, W, channels) to (n, H, W, out)."""
        side, top = self.columns * self.dilation[1], self.rows * self.dilation[0]
        padded = functional.pad(h, (0, 0, side, side, top, 0)).permute(0, 3, 1, 2)  # in memory, channels stay last
        out = functional.conv2d(padded, self.weight * self.mask, self.bias, dilation=self.dilation)
        return out.permute(0, 2, 3, 1)

    def taps(self, *, above: bool) -> list[tuple[int, int, Tensor]]:
        """Return (row, column, weights (channels, out)) of all taps above, or in the same row, relative to a symbol."""
        found = []
        for i, j in self.mask.nonzero().tolist():
            if (i < self.rows) == above:
                place = (i - self.rows) * self.dilation[0], (j - self.columns) * self.dilation[1]
                found.append((*place, self.weight[:, :, i, j].T.contiguous()))
        return found


class GatedBlock(nn.Module):
    """h + V (tanh(u) · σ(w)), where (u, w) is a causal convolution of h plus a linear map of conditions.

    Source: van den Oord et al. 2016, arXiv:1606.05328, eq. 2 and 3.
    """

    def __init__(self, channels: int, convolution: CausalConvolution, conditions: int) -> None:
        super().__init__()
        self.convolution = convolution
        self.out = nn.Linear(channels // 2, channels)
        self.given = nn.Linear(conditions, channels, bias=False) if conditions else None

    def forward(self, h: Tensor, convolved: Tensor, c: Tensor | None) -> Tensor:
        """Return the sum (.., channels) for h (.., channels), its convolution, and c (.., conditions)."""
        if self.given is not None:
            convolved = convolved + self.given(c)
        value, gate = convolved.chunk(2, -1)
        change: Tensor = self.out(value.tanh() * gate.sigmoid())
        return h + change


class CausalNetwork(Network):
    """Gated residual blocks of causal convolutions, with the place of each symbol as a further input.

    ``symbols`` is their number, ``outputs`` that of the parameters of the distribution of one symbol, ``grid`` the rows
    and columns, of which ``step`` next to each other are the channels of one pixel.
    """

    def __init__(
        self,
        symbols: int,
        outputs: int,
        grid: tuple[int, int],
        *,
        channels: int,
        blocks: int,
        dropout: float,
        conditions: int = 0,
        step: int = 1,
    ) -> None:
        super().__init__()
        self.grid, self.dropout = grid, dropout
        self.inputs = LevelFeatures(symbols, EMBEDDING)
        self.first = CausalConvolution(EMBEDDING, channels, (REACH, REACH * step), present=False)
        self.row = nn.Parameter(torch.zeros(grid[0], 1, channels))
        self.column = nn.Parameter(torch.zeros(grid[1], channels))
        dilations = [DILATIONS[k % len(DILATIONS)] for k in range(blocks)]
        self.gated = [
            GatedBlock(channels, CausalConvolution(channels, channels, (1, 1), (d, d * step), present=True), conditions)
            for d in dilations
        ]
        self.blocks = nn.ModuleList(self.gated)
        self.head = nn.Sequential(nn.SiLU(), nn.Linear(channels, channels), nn.SiLU(), nn.Linear(channels, outputs))
        self.bias = nn.Parameter(torch.zeros(*grid, outputs))  # of each place

    def forward(self, symbols: Tensor, c: Tensor | None = None) -> Tensor:
        """Return the parameters (n, H, W, outputs) of each of the symbols (n, H, W), given c (n, conditions)."""
        c = None if c is None else c[:, None, None]
        h = self.first(self.inputs(symbols)) + self.row + self.column
        return self.rest(h, c, lambda block, h: block.convolution(self.drop(h))) + self.bias

    def rest(self, h: Tensor, c: Tensor | None, convolve: Callable[[GatedBlock, Tensor], Tensor]) -> Tensor:
        """Return what the blocks and the head make of h (.., channels), where ``convolve`` is their convolution."""
        for block in self.gated:
            h = block(h, convolve(block, h), c)
        out: Tensor = self.head(h)
        return out

    def drop(self, h: Tensor) -> Tensor:
        """Return h (n, H, W, channels) with channels dropped in all of a row's places, in training."""
        if not self.training or not self.dropout:
            return h
        kept = torch.rand(len(h), 1, 1, h.shape[-1], device=h.device) >= self.dropout
        return h * (kept / (1 - self.dropout))


class Cache:
    """A network without dropout, evaluated symbol by symbol for n rows at once; each symbol costs only what is new.

    ``parameters(r, c)`` is called for all places, row by row from left to right, and ``put`` after each.
    """

    def __init__(self, network: CausalNetwork, n: int, c: Tensor | None = None) -> None:
        self.network, self.c = network, c
        height, self.width = network.grid
        layers = [network.first, *(block.convolution for block in network.gated)]
        self.layers = {id(layer): k for k, layer in enumerate(layers)}
        self.bias = [layer.bias for layer in layers]
        self.above = [layer.taps(above=True) for layer in layers]
        self.beside = [layer.taps(above=False) for layer in layers]
        self.inputs = [self.bias[0].new_zeros(height, self.width, n, layer.weight.shape[1]) for layer in layers]
        self.partial: list[Tensor] = []  # (W, n, out) of each layer: what the rows above contribute to this row

    def parameters(self, r: int, c: int) -> Tensor:
        """Return the parameters (n, outputs) of the distribution of the symbols at (r, c), given those before."""
        if c == 0:
            self.partial = [self._from_above(k, r) for k in range(len(self.layers))]
        network = self.network
        h = self._from_beside(0, r, c) + network.row[r] + network.column[c]

        def convolve(block: GatedBlock, h: Tensor) -> Tensor:
            k = self.layers[id(block.convolution)]
            self.inputs[k][r, c] = h
            return self._from_beside(k, r, c)

        return network.rest(h, self.c, convolve) + network.bias[r, c]

    def put(self, r: int, c: int, symbols: Tensor) -> None:
        """Take the symbols (n,) at (r, c)."""
        self.inputs[0][r, c] = self.network.inputs(symbols)

    def _from_above(self, k: int, r: int) -> Tensor:
        """Return what layer k makes of the rows above row r, (W, n, out)."""
        inputs, width = self.inputs[k], self.width
        out = self.bias[k].expand(width, inputs.shape[2], -1).clone(memory_format=torch.contiguous_format)
        for i, j, weight in self.above[k]:
            low, high = max(0, -j), min(width, width - j)
            if r + i >= 0 and low < high:
                out[low:high].flatten(0, 1).addmm_(inputs[r + i, low + j : high + j].flatten(0, 1), weight)
        return out

    def _from_beside(self, k: int, r: int, c: int) -> Tensor:
        """Return layer k at (r, c), (n, out): what is known from above, and what the row adds up to here."""
        out = self.partial[k][c]
        for _, j, weight in self.beside[k]:
            if c + j >= 0:
                out = torch.addmm(out, self.inputs[k][r, c + j], weight)
        return out


def draw_grid(network: CausalNetwork, distribution: Distribution, n: int, c: Tensor | None = None) -> Tensor:
    """Return symbols (n, H, W), drawn one place after the other, given c (n, conditions) where there are some."""
    height, width = network.grid
    cache = Cache(network, n, c)
    grid = torch.empty(height, width, n, dtype=torch.long, device=network.bias.device)
    for r in range(height):
        for column in range(width):
            grid[r, column] = distribution.draw(cache.parameters(r, column))
            cache.put(r, column, grid[r, column])
    return grid.permute(2, 0, 1)

"""A masked dense network (MADE), and the same network evaluated one column at a time."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from genbench_autoregressive.autoregressive import Network
from genbench_autoregressive.distributions import Distribution
from genbench_autoregressive.features import LevelFeatures, NumberFeatures

__all__ = ["ColumnCache", "MaskedLinear", "MaskedNetwork", "draw_columns"]


class MaskedLinear(nn.Linear):
    """A linear map whose weights are 0 where ``mask`` (outputs, inputs) is."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0], bias=False)
        self.register_buffer("mask", mask.float())
        with torch.no_grad():  # each unit has inputs of its own number
            self.weight.mul_((mask.shape[1] / mask.sum(1, keepdim=True).clamp(min=1)).sqrt()).mul_(self.mask)

    def forward(self, h: Tensor) -> Tensor:
        """Map h (.., inputs) to (.., outputs)."""
        return functional.linear(h, self.masked())

    def masked(self) -> Tensor:
        """Return the weights (outputs, inputs), 0 where the mask is."""
        return self.weight * self.mask


class MaskedNetwork(Network):
    """Residual layers of units that each see the columns up to a degree of their own (Germain et al. 2015, eq. 13-15).

    A unit of degree m sees the first m columns; the parameters of column i, counted from 0, those of degree i or less.
    Units are sorted by degree, so that those of one degree stand together: once m columns are known, units of degree m
    never change, and are computed once. ``inputs`` maps columns (.., d) to features (.., d, features).
    """

    def __init__(
        self, inputs: LevelFeatures | NumberFeatures, columns: int, outputs: int, *,
        width: int, layers: int, dropout: float, conditions: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.inputs, self.outputs, self.dropout = inputs, outputs, dropout
        degree = torch.arange(width) * columns // width  # (width,) in 0 .. columns - 1, sorted
        column = torch.arange(columns)
        known = column.repeat_interleave(inputs.features)  # of each input, its column
        self.ends = [int((degree <= m).sum()) for m in range(columns)]  # of the units of each degree
        self.first = MaskedLinear(degree[:, None] > known)
        self.first_bias = nn.Parameter(torch.zeros(width))
        self.given = nn.Linear(conditions, width, bias=False) if conditions else None
        self.hidden = [MaskedLinear(degree[:, None] >= degree) for _ in range(layers - 1)]
        self.layers = nn.ModuleList(self.hidden)
        self.biases = nn.ParameterList(torch.zeros(width) for _ in range(layers - 1))
        predicted = column.repeat_interleave(outputs)
        self.last = MaskedLinear(predicted[:, None] >= degree)
        self.direct = MaskedLinear(predicted[:, None] > known)
        with torch.no_grad():
            self.last.weight.mul_(0.1)
            self.direct.weight.zero_()
        self.bias = nn.Parameter(torch.zeros(columns, outputs))

    def forward(self, values: Tensor, c: Tensor | None = None) -> Tensor:
        """Return the parameters (n, d, outputs) of each of the columns (n, d), given c (n, conditions)."""
        x = self.inputs(values).flatten(1)
        h = self.first(x) + self.start(c)
        for layer, bias in zip(self.hidden, self.biases, strict=True):
            h = h + layer(self.drop(functional.silu(h))) + bias
        out: Tensor = self.last(self.drop(functional.silu(h))) + self.direct(self.drop(x))
        return torch.unflatten(out, 1, self.bias.shape) + self.bias

    def start(self, c: Tensor | None) -> Tensor:
        """Return what the first layer has without columns, (width,) or (n, width)."""
        return self.first_bias if self.given is None else self.first_bias + self.given(c)

    def drop(self, h: Tensor) -> Tensor:
        """Return h (n, units) with units dropped, in training."""
        return functional.dropout(h, self.dropout, self.training)


class ColumnCache:
    """A network without dropout, evaluated column by column for n rows at once; each column costs only what is new.

    ``parameters(i)`` is called for the columns 0, 1, .. in turn, and ``put`` after each: it adds the new column to the
    first layer's preactivations. ``parameters`` then computes the units of degree i alone, in each layer.
    """

    def __init__(self, network: MaskedNetwork, n: int, c: Tensor | None = None) -> None:
        self.network = network
        self.first, self.direct, self.last = (
            layer.masked().T for layer in (network.first, network.direct, network.last)
        )
        self.layers = [layer.masked().T for layer in network.hidden]
        width = self.first.shape[1]
        self.before = network.start(c).expand(n, width).clone()  # preactivations of the first layer
        self.active = [self.before.new_zeros(n, width) for _ in range(len(self.layers) + 1)]
        self.known = self.before.new_zeros(n, self.first.shape[0])  # features of the columns so far

    def parameters(self, i: int) -> Tensor:
        """Return the parameters (n, outputs) of column i, given those before."""
        network, outputs = self.network, self.network.outputs
        begin, end = (network.ends[i - 1] if i else 0), network.ends[i]
        h = self.before[:, begin:end]
        self.active[0][:, begin:end] = functional.silu(h)
        for k, (weight, bias) in enumerate(zip(self.layers, network.biases, strict=True)):
            h = h + self.active[k][:, :end] @ weight[:end, begin:end] + bias[begin:end]
            self.active[k + 1][:, begin:end] = functional.silu(h)
        place, inputs = slice(i * outputs, (i + 1) * outputs), i * network.inputs.features
        out = torch.addmm(network.bias[i], self.active[-1][:, :end], self.last[:end, place])
        return out.addmm_(self.known[:, :inputs], self.direct[:inputs, place])

    def put(self, i: int, values: Tensor) -> None:
        """Take the values (n,) of column i."""
        width, end = self.network.inputs.features, self.network.ends[i]
        place = slice(i * width, (i + 1) * width)
        self.known[:, place] = self.network.inputs(values)
        self.before[:, end:].addmm_(self.known[:, place], self.first[place, end:])


def draw_columns(network: MaskedNetwork, distribution: Distribution, n: int, c: Tensor | None = None) -> Tensor:
    """Return values (n, d), drawn one column after the other, given c (n, conditions) where there are some."""
    cache, columns = ColumnCache(network, n, c), []
    for i in range(len(network.bias)):
        columns.append(distribution.draw(cache.parameters(i)))
        cache.put(i, columns[-1])
    return torch.stack(columns, 1)

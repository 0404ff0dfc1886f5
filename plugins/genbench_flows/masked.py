"""A network whose outputs for column i depend on the columns before it (MADE: Germain et al. 2015, arXiv:1502.03509).

    h¹ = a((W¹ ⊙ M¹) x + U c + b¹),  h² = a((W² ⊙ M²) h¹ + b²),  θ_i = (W³ ⊙ M³)_i h² + b³_i

A hidden unit of degree m sees the first m columns, and those of the layer before whose degree is at most m; θ_i sees
units of degree at most i, that is x_0 .. x_{i-1}. Conditions c are seen by all units of the first layer.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["MaskedNetwork"]

Invert = Callable[[Tensor, Tensor], Tensor]  # column of z (n,), its parameters (n, outputs) -> column of x (n,)


class MaskedNetwork(nn.Module):
    """Two masked hidden layers, and an output layer that starts at 0.

    Hidden units are in the order of their degrees, so that ``solve`` computes each of them once.
    """

    input_mask: Tensor  # (width, d + given)
    hidden_mask: Tensor  # (width, width)
    output_mask: Tensor  # (d * outputs, width)

    def __init__(self, d: int, given: int, width: int, outputs: int) -> None:
        super().__init__()
        self.d, self.outputs = d, outputs
        lowest = 0 if given or d == 1 else 1  # a unit of degree 0 is a constant where there are no conditions
        degrees = lowest + torch.arange(width) * (d - lowest) // width  # (width,), rising, at most d - 1
        columns = torch.arange(d)
        seen = (columns < degrees[:, None]).float()  # (width, d)
        self.register_buffer("input_mask", torch.cat([seen, torch.ones(width, given)], 1))
        self.register_buffer("hidden_mask", (degrees <= degrees[:, None]).float())
        self.register_buffer("output_mask", (degrees <= columns[:, None]).float().repeat_interleave(outputs, 0))
        self.counts = [int((degrees <= i).sum()) for i in range(d)]  # units that θ_i sees
        self.input_layer = nn.Linear(d + given, width)
        self.hidden_layer = nn.Linear(width, width)
        self.output_layer = nn.Linear(width, d * outputs)
        nn.init.zeros_(self.output_layer.weight)
        nn.init.zeros_(self.output_layer.bias)

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        """Return θ (n, d, outputs) for x (n, d) and features of conditions c (n, given)."""
        h = x if c is None else torch.cat([x, c], 1)
        h = torch.relu(functional.linear(h, self.input_layer.weight * self.input_mask, self.input_layer.bias))
        h = torch.relu(functional.linear(h, self.hidden_layer.weight * self.hidden_mask, self.hidden_layer.bias))
        theta = functional.linear(h, self.output_layer.weight * self.output_mask, self.output_layer.bias)
        return theta.view(-1, self.d, self.outputs)

    def solve(self, z: Tensor, c: Tensor | None, invert: Invert) -> Tensor:
        """Return the x (n, d) of which column i is ``invert(z_i, θ_i)``, where θ_i depends on those before it.

        Each pass computes only the hidden units that one more column makes known: all d passes together cost as many
        products as one forward pass.
        """
        hidden = self.hidden_layer.weight * self.hidden_mask
        given = (
            self.input_layer.bias if c is None else c @ self.input_layer.weight[:, self.d :].T + self.input_layer.bias
        )
        output = self.output_layer.weight.view(self.d, self.outputs, -1)
        first, second = (z.new_empty(len(z), hidden.shape[0]) for _ in range(2))
        x, known = torch.empty_like(z), 0
        for i, count in enumerate(self.counts):
            new, known = slice(known, count), count
            if new.stop > new.start:
                before = x[:, :i] @ self.input_layer.weight[new, :i].T + given[..., new]
                first[:, new] = torch.relu(before)
                before = functional.linear(first[:, :count], hidden[new, :count], self.hidden_layer.bias[new])
                second[:, new] = torch.relu(before)
            bias = self.output_layer.bias[i * self.outputs : (i + 1) * self.outputs]
            x[:, i] = invert(z[:, i], functional.linear(second[:, :count], output[i, :, :count], bias))
        return x

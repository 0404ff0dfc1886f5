"""Adam for one of two networks, with a learning rate that follows the budget."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

__all__ = ["Adam"]


class Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980) for one network: a loss changes the weights of this network only."""

    def __init__(self, network: nn.Module, learning_rate: float, betas: tuple[float, float]) -> None:
        self.weights = list(network.parameters())
        self.learning_rate = learning_rate
        self._adam = torch.optim.Adam(self.weights, learning_rate, betas, fused=True)

    def descend(self, loss: torch.Tensor, factor: float) -> None:
        """Take one step down the gradient of ``loss``, with the learning rate times ``factor``."""
        self.step(torch.autograd.grad(loss, self.weights), factor)

    def step(self, gradients: Sequence[torch.Tensor], factor: float) -> None:
        """Take one step down ``gradients``, which are in the order of the network's parameters."""
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient
        self._adam.param_groups[0]["lr"] = factor * self.learning_rate
        self._adam.step()

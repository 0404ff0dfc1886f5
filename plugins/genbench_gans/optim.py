"""Optimisers for one of two networks, with a learning rate that follows the budget."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

__all__ = ["Adam", "Optimiser", "RMSprop"]


class Optimiser:
    """An optimiser of one network: a loss changes the weights of this network only."""

    def __init__(self, optimiser: torch.optim.Optimizer) -> None:
        [group] = optimiser.param_groups
        self.weights: list[nn.Parameter] = group["params"]
        self.learning_rate: float = group["lr"]
        self._optimiser = optimiser

    def descend(self, loss: torch.Tensor, factor: float) -> None:
        """Take one step down the gradient of ``loss``, with the learning rate times ``factor``."""
        self.step(torch.autograd.grad(loss, self.weights), factor)

    def step(self, gradients: Sequence[torch.Tensor], factor: float) -> None:
        """Take one step down ``gradients``, which are in the order of the network's parameters."""
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient
        self._optimiser.param_groups[0]["lr"] = factor * self.learning_rate
        self._optimiser.step()


class Adam(Optimiser):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980)."""

    def __init__(self, network: nn.Module, learning_rate: float, betas: tuple[float, float]) -> None:
        super().__init__(torch.optim.Adam(network.parameters(), learning_rate, betas, fused=True))


class RMSprop(Optimiser):
    """RMSprop (Tieleman & Hinton 2012), which has no momentum: the gradient of a critic changes with each step."""

    def __init__(self, network: nn.Module, learning_rate: float) -> None:
        super().__init__(torch.optim.RMSprop(network.parameters(), learning_rate, foreach=True))

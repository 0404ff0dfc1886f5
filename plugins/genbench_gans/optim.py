"""Adam with a learning rate that follows the budget, and a moving average of the weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import torch
from torch import nn

__all__ = ["Adam", "Average", "flat_then_cosine"]


def flat_then_cosine(progress: float, flat: float) -> float:
    """Return a factor of the learning rate: 1 up to ``progress`` = ``flat``, then half a cosine that is 0 at 1."""
    return 1.0 if progress <= flat else 0.5 + 0.5 * math.cos(math.pi * (progress - flat) / (1 - flat))


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


class Average:
    """Moving average of a network's weights over about the last tenth of the steps.

    The decay at step t is t / (t + 10), at most ``decay``: 0.998 is reached at step 4,990, 0.999 at step 9,990.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._decay, self._steps = decay, 0
        self._latest: list[torch.Tensor] = list(network.parameters())
        self._mean: list[torch.Tensor] = list(self.network.parameters())

    @torch.no_grad()
    def update(self) -> None:
        """Add the present weights to the average."""
        self._steps += 1
        decay = min(self._decay, self._steps / (self._steps + 10))
        torch._foreach_lerp_(self._mean, self._latest, 1 - decay)

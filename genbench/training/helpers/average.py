"""A moving average of the weights of a network."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


class Average(Generic[Network]):
    """Moving average of a network's weights; ``network`` is a copy that has them, without gradient, to evaluate.

    The decay at step t is t / (t + ``lag``), at most ``decay``: over about the last tenth of the steps at first, and
    with 0.999 over the last 1,000 from step 9,000 on. Buffers are copied, not averaged.
    Source: Polyak & Juditsky 1992, doi:10.1137/0330046; the growing decay: Karras et al. 2024, arXiv:2312.02696.
    """

    def __init__(self, network: Network, decay: float = 0.999, lag: int = 9) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay, self._lag, self._steps = decay, lag, 0
        self._latest: list[torch.Tensor] = list(network.parameters())
        self._mean: list[torch.Tensor] = list(self.network.parameters())
        self._buffers = list(zip(self.network.buffers(), network.buffers(), strict=True))

    @torch.no_grad()
    def update(self) -> None:
        """Add the present weights to the average: after each step of the optimiser."""
        self._steps += 1
        decay = min(self._decay, self._steps / (self._steps + self._lag))
        torch._foreach_lerp_(self._mean, self._latest, 1 - decay)
        for ours, theirs in self._buffers:
            ours.copy_(theirs)

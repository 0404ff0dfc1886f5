"""Maximum likelihood with what small data need: weight decay, averaged weights, and the best ones on held-out rows."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from genbench.protocol import RunContext, Sampler
from genbench.training import Average, cosine

__all__ = ["BestWeights", "Recipe", "Rows", "groups_of", "held_part", "maximise_likelihood"]

MAX_HELD_OUT = 500  # rows that choose the weights
HELD_OUT_CHECKS = 25  # of the likelihood on held-out rows, during training

Rows = tuple[Tensor, Tensor | None]  # rows (n, ...) and features of their conditions (n, k)
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: rows of a batch, learning rate of Adam, weight decay."""

    batch: int
    learning_rate: float
    weight_decay: float


class BestWeights(Generic[Network]):
    """A copy of a network as it was at the highest likelihood so far; nothing here waits for the device."""

    def __init__(self, network: Network) -> None:
        self.network = copy.deepcopy(network)
        self.highest = torch.tensor(-math.inf, device=next(network.parameters()).device)

    @torch.no_grad()
    def offer(self, network: Network, likelihood: Tensor) -> None:
        """Keep the weights and buffers of a network if its likelihood, a number, is the highest so far."""
        better = likelihood > self.highest
        for kept, latest in zip(tensors_of(self.network), tensors_of(network), strict=True):
            kept.copy_(torch.where(better, latest, kept))
        self.highest = torch.where(better, likelihood, self.highest)


def maximise_likelihood(
    network: Network,
    average: Average[Network],
    log_prob: Callable[[Network, Tensor, Tensor | None], Tensor],
    parts: tuple[Rows, Rows],
    recipe: Recipe,
    run: RunContext,
    sample: Sampler | None = None,
) -> Network:
    """Train a network and return a copy with the averaged weights that were best on held-out rows.

    ``log_prob(network, rows, conditions)`` returns nats (n,); ``parts`` are the rows to train on, and those held out.
    The learning rate falls to 0 along half a cosine.
    """
    (rows, given), (held, held_given) = parts
    held, held_given = held_part(held), None if held_given is None else held_part(held_given)
    best, checks = BestWeights(average.network), 0
    adam = torch.optim.AdamW(groups_of(network, recipe.weight_decay), lr=recipe.learning_rate, fused=True)
    for x, c in run.batches((rows, given), recipe.batch, sample=sample, dequantise=False):
        for group in adam.param_groups:
            group["lr"] = recipe.learning_rate * cosine(run.progress)
        loss: Any = -log_prob(network, x, c).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        average.update()
        run.log(loss=loss)
        if run.progress * HELD_OUT_CHECKS >= checks + 1:
            checks += 1
            with torch.no_grad():
                best.offer(average.network, log_prob(average.network, held, held_given).mean())
    with torch.no_grad():
        best.offer(average.network, log_prob(average.network, held, held_given).mean())
    run.report(held_out_nats=best.highest)
    return best.network


def groups_of(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Return the parameters in two groups: weights of layers, which decay, and all others."""
    parts: tuple[list[Tensor], list[Tensor]] = ([], [])
    for name, parameter in network.named_parameters():
        parts[not name.endswith("weight")].append(parameter)
    return [{"params": parts[0], "weight_decay": weight_decay}, {"params": parts[1], "weight_decay": 0.0}]


def tensors_of(network: nn.Module) -> list[Tensor]:
    """Return the weights and buffers of a network."""
    return [*network.parameters(), *network.buffers()]


def held_part(rows: Tensor) -> Tensor:
    """Return as many of the held-out rows as choose the weights."""
    return rows[:MAX_HELD_OUT]

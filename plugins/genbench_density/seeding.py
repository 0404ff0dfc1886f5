"""Where components of a mixture start: greedy k-means++ (Arthur & Vassilvitskii 2007), then a few steps of k-means."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["clusters", "seeds"]

ITERATIONS = 10  # of k-means: it is only a start


def clusters(x: Tensor, share: Tensor, k: int) -> Tensor:
    """Return in which of k clusters each row of x (n, d) is, (n, k) of 0 and 1; rows count by their ``share`` (n,)."""
    centres = seeds(x, share, k)
    for _ in range(ITERATIONS):
        inside = nearest(x, centres)
        weight = share @ inside  # (k,)
        mean = (inside * share[:, None]).T @ x / weight.clamp(min=torch.finfo(x.dtype).tiny)[:, None]
        centres = torch.where(weight[:, None] > 0, mean, centres)
    return nearest(x, centres)


def nearest(x: Tensor, centres: Tensor) -> Tensor:
    """Return (n, k): 1 in the column of the nearest centre (k, d) of each row, and else 0."""
    distance = torch.addmm(centres.square().sum(1), x, centres.T, alpha=-2)  # less the square of x
    return torch.zeros_like(distance).scatter_(1, distance.argmin(1, keepdim=True), 1.0)


def seeds(x: Tensor, share: Tensor, k: int) -> Tensor:
    """Return k rows (k, d): each is one of a few drawn by their squared distance to the nearest row before them.

    Of these, 2 + log k, the one is taken that leaves the smallest sum of such distances.
    """
    square, trials = x.square().sum(1, keepdim=True), 2 + int(math.log(k))
    chosen = [x[torch.multinomial(share, 1)].squeeze(0)]
    distance = (x - chosen[0]).square().sum(1, keepdim=True)  # (n, 1) to the nearest row that is chosen
    for _ in range(k - 1):
        density = share * distance.squeeze(1) + torch.finfo(x.dtype).tiny  # rows may all be equal
        drawn = x[torch.multinomial(density, trials, replacement=True)]  # (trials, d)
        to_drawn = torch.addmm(square + drawn.square().sum(1), x, drawn.T, alpha=-2).clamp_(min=0)
        to_drawn = torch.minimum(to_drawn, distance)  # (n, trials)
        best = (share @ to_drawn).argmin()
        chosen.append(drawn[best])
        distance = to_drawn[:, best].unsqueeze(1)
    return torch.stack(chosen)

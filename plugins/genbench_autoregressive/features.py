"""What a network is given for a value: for one of several symbols, or for a number."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["LevelFeatures", "NumberFeatures"]

MAX_ONE_HOT = 64  # symbols; more are grey levels, of which neighbours are much the same
HARMONICS = 4  # of a grey level, where there are more
FREQUENCIES = 6  # of a number, 1 to 32 radians per standard deviation


class LevelFeatures(nn.Module):
    """A learned linear map of one-hot symbols, or of harmonics of a grey level where there are more than 64."""

    table: Tensor  # (symbols, ...)

    def __init__(self, symbols: int, features: int) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("table", torch.eye(symbols) if symbols <= MAX_ONE_HOT else harmonics(symbols))
        self.map = nn.Linear(self.table.shape[1], features, bias=False)
        nn.init.normal_(self.map.weight)
        if symbols <= MAX_ONE_HOT:  # at the start, levels next to each other are similar
            smooth = harmonics(symbols).T[:features]  # (at most features, symbols)
            with torch.no_grad():
                self.map.weight[: len(smooth)] = 2**0.5 * smooth

    def forward(self, symbols: Tensor) -> Tensor:
        """Map symbols (..) to (.., features)."""
        return functional.embedding(symbols, self.map(self.table))


class NumberFeatures(nn.Module):
    """A number, and its sine and cosine at several frequencies, which show narrow modes."""

    frequencies: Tensor  # (FREQUENCIES,)
    features = 1 + 2 * FREQUENCIES

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("frequencies", 2.0 ** torch.arange(FREQUENCIES))

    def forward(self, values: Tensor) -> Tensor:
        """Map numbers (..) to (.., features)."""
        phase = values[..., None] * self.frequencies
        return torch.cat([values[..., None], phase.sin(), phase.cos()], -1)


def harmonics(symbols: int) -> Tensor:
    """Return each grey level in [-1, 1], and its sine and cosine at several frequencies, (symbols, features)."""
    level = torch.linspace(-1, 1, symbols)
    phase = math.pi / 2 * level[:, None] * 2.0 ** torch.arange(HARMONICS)
    return torch.cat([level[:, None], torch.stack([phase.sin(), phase.cos()], 2).flatten(1)], 1)

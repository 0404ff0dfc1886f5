"""What the adversarial models share once they are trained: samples of the averaged generator, and its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import nn

from genbench.protocol import Array, Column
from genbench.training import Average, condition_features, from_arrays, to_arrays

from .networks import draw, features_of, generator, latent_size

__all__ = ["GeneratorModel"]


class GeneratorSizes(Protocol):
    """The options of a generator, which all configs have."""

    @property
    def latent(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def depth(self) -> int: ...
    @property
    def channels(self) -> int: ...


class GeneratorModel:
    """A model whose samples come from a generator with averaged weights, given conditions where there are any."""

    average: Average[nn.Module]
    columns: tuple[Column, ...] = ()
    config: GeneratorSizes

    def __init__(self, config: GeneratorSizes) -> None:
        self.config = config

    def new_generator(self, shape: tuple[int, ...], columns: tuple[Column, ...] = ()) -> nn.Module:
        """Return an untrained generator of samples of this shape, given these conditions."""
        c = self.config
        self.shape, self.columns, self.latent = shape, columns, c.latent or latent_size(shape)
        return generator(shape, self.latent, c.width, c.depth, c.channels, features_of(columns))

    def features(self, conditions: torch.Tensor | None) -> torch.Tensor | None:
        """Return conditions (n, k) as the networks take them, (n, features)."""
        return None if conditions is None else condition_features(conditions, self.columns)

    def sample(self, n: int, conditions: torch.Tensor | None = None) -> torch.Tensor:
        """Return (n, *shape) samples of the averaged generator, without gradient.

        They are given conditions (n, k) if it was trained with some.
        """
        if not hasattr(self, "average"):
            raise RuntimeError("fit the model before sampling")
        return draw(self.average.network, self.latent, n, self.features(conditions))

    def state(self) -> dict[str, Array]:
        """Return the averaged generator as arrays by name; the other network is not needed to sample."""
        return to_arrays(network=self.average.network, shape=self.shape, columns=self.columns)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take the place of the model whose state this is."""
        parts = from_arrays(state)
        network = self.new_generator(tuple(parts["shape"]), tuple(parts["columns"]))
        network.load_state_dict(parts["network"])
        self.average = Average(network)

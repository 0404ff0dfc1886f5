"""What autoregressive models share: training, sampling in blocks, the exact likelihood, and the state of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import Average, condition_features, from_arrays, to_arrays
from genbench_autoregressive.distributions import Categorical, Distribution
from genbench_autoregressive.likelihood import Recipe, Rows, maximise_likelihood

__all__ = ["Autoregressive", "Network", "start_at_frequencies"]

BLOCK_VALUES = 1 << 24  # activations that are kept at once for sampling, or computed for a likelihood


class Network(nn.Module, ABC):
    """A network that maps values (n, *places) to the parameters of each one's distribution, given those before it."""

    bias: nn.Parameter  # (*places, outputs), which is added to the parameters

    @abstractmethod
    def forward(self, values: Tensor, c: Tensor | None = None) -> Tensor:
        """Return parameters (n, *places, outputs) for values (n, *places), given c (n, conditions)."""


class Options(Protocol):
    """The options of training."""

    @property
    def batch(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def ema(self) -> float: ...


Config = TypeVar("Config", bound=Options)


class Autoregressive(ABC, Generic[Config]):
    """A model p(x | c) = ∏_i p(x_i | x_1 .. x_{i-1}, c) of values x_i in some order."""

    network: Network
    distribution: Distribution

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def build(self) -> tuple[Network, Distribution]:
        """Return a network for ``shape``, ``levels`` and ``features`` of conditions, and a value's distribution."""

    @abstractmethod
    def draw(self, n: int, c: Tensor | None) -> Tensor:
        """Return values (n, *places) drawn one after the other, given c (n, features)."""

    @abstractmethod
    def to_values(self, x: Tensor) -> Tensor:
        """Return the values (n, *places) of rows x (n, *shape)."""

    @abstractmethod
    def from_values(self, values: Tensor) -> Tensor:
        """Return rows (n, *shape) of values (n, *places)."""

    @abstractmethod
    def batch_rows(self) -> int:
        """Return the rows of a batch where the option is 0."""

    @abstractmethod
    def activations(self) -> int:
        """Return how many activations of a row are in memory at once."""

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Maximise the likelihood of ``data.train`` (n, *shape), given its conditions where there are some."""
        config = self.config
        self.shape, self.levels, self.columns = data.shape, data.levels, data.condition_columns
        given = self._features(None if data.conditions is None else data.conditions[:1])
        self.features = 0 if given is None else given.shape[1]
        network, self.distribution = self.build()
        network.to(run.device)
        train, held = (self._rows(part) for part in data.validation())
        if isinstance(self.distribution, Categorical):
            start_at_frequencies(network, train[0])
        average = Average(network, config.ema)
        self.network = average.network  # which snapshots are drawn with
        recipe = Recipe(config.batch or self.batch_rows(), config.learning_rate, config.weight_decay)
        self.network = maximise_likelihood(network, average, self._log_prob, (train, held), recipe, run, self.sample)

    def _rows(self, part: Any) -> Rows:
        """Return the values of rows, and the features of their conditions."""
        rows, conditions = part if isinstance(part, tuple) else (part, None)
        return self.to_values(rows), self._features(conditions)

    def _features(self, conditions: Tensor | None) -> Tensor | None:
        return None if conditions is None else condition_features(conditions, self.columns)

    def _log_prob(self, network: Network, values: Tensor, c: Tensor | None) -> Tensor:
        return self.distribution.log_prob(network(values, c), values).flatten(1).sum(1)

    @torch.no_grad()
    def log_prob(self, x: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return nats (n,) of x (n, *shape), given conditions (n, k) if any: of integer images log-probabilities."""
        values, c, size = self.to_values(x), self._features(conditions), self._block()
        given = [None] * len(values) if c is None else torch.split(c, size)
        parts = zip(torch.split(values, size), given, strict=False)
        return torch.cat([self._log_prob(self.network, *part) for part in parts])

    @torch.no_grad()
    def sample(self, n: int, conditions: Tensor | None = None) -> Tensor:
        """Return (n, *shape), given conditions (n, k) if it was trained with some; pixels at the centres of levels."""
        if not hasattr(self, "network"):
            raise RuntimeError("fit the model before sampling")
        c, size, blocks = self._features(conditions), self._block(), []
        for start in range(0, n, size):
            rows = min(size, n - start)
            blocks.append(self.draw(rows, None if c is None else c[start : start + rows]))
        return self.from_values(torch.cat(blocks))

    def _block(self) -> int:
        """Return how many rows are sampled or evaluated together."""
        return max(16, BLOCK_VALUES // self.activations())

    def level_of(self, x: Tensor) -> Tensor:
        """Return the grey levels of pixels x in [-1, 1], integers of the same shape."""
        assert self.levels is not None
        return ((x + 1) * (self.levels / 2)).floor().clamp(0, self.levels - 1).long()

    def centre_of(self, level: Tensor) -> Tensor:
        """Return the centres of grey levels in [-1, 1]."""
        assert self.levels is not None
        return (2 * level.float() + 1) / self.levels - 1

    def parameters(self) -> Iterator[Tensor]:
        """Return the learned tensors."""
        return self.network.parameters()

    def state(self) -> dict[str, Array]:
        """Return what sampling and the likelihood need."""
        plain = {name: getattr(self, name) for name in ("shape", "levels", "features", "columns")}
        return to_arrays(network=self.network, **plain)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Become the model that had this state."""
        parts = from_arrays(state)
        self.shape, self.levels = tuple(parts["shape"]), parts["levels"]
        self.features, self.columns = parts["features"], tuple(parts["columns"])
        self.network, self.distribution = self.build()
        self.network.load_state_dict(parts["network"])
        self.network.eval().requires_grad_(False)


@torch.no_grad()
def start_at_frequencies(network: Network, values: Tensor) -> None:
    """Set the bias of each place to the logarithm of how often each symbol stands there in values (n, *places)."""
    bias = network.bias
    symbols = bias.shape[-1]
    counts = torch.full_like(bias, 1 / symbols).view(-1, symbols)
    places = torch.arange(len(counts), device=bias.device).expand(len(values), -1)
    counts.index_put_((places.flatten(), values.flatten()), counts.new_ones(()), accumulate=True)
    bias.copy_((counts / counts.sum(-1, keepdim=True)).log().view_as(bias))

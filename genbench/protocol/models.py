"""What a model receives, and the methods that it must have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from genbench.protocol.datasets import Array
from genbench.protocol.run_context import RunContext
from genbench.spec import Column

if TYPE_CHECKING:  # metrics and datasets need no torch, and then start without it
    import torch


@dataclass(frozen=True)
class TrainingData:
    """The data that a model is trained on: standardised training rows, float32, on the run's device.

    Vectors have mean 0 and standard deviation 1 in each column. Images lie in [-1, 1]; integer images are dequantised:
    pixel x of 0 .. levels - 1 is drawn uniformly from [2x/levels - 1, 2(x+1)/levels - 1), again in each batch.

    Where rows have weights, a model whose spec says ``weights=True`` receives them; any other receives rows that were
    drawn by weight, of which heavy ones stand several times. ``conditions`` are None for a model that declares none.
    """

    train: torch.Tensor  # (n, *shape)
    levels: int | None = None
    weights: torch.Tensor | None = None  # (n,) of mean 1, none negative
    conditions: torch.Tensor | None = None  # (n, k): categories as codes from 0, other kinds standardised
    condition_columns: tuple[Column, ...] = ()
    columns: tuple[Column, ...] = field(default=(), kw_only=True)  # of vectors, in this space
    split_seed: int = field(default=0, kw_only=True)  # of the dataset, the same for all models
    row_numbers: Array | None = field(default=None, kw_only=True)  # (n,) where rows drawn by weight stand repeatedly

    def to_levels(self, x: torch.Tensor) -> torch.Tensor:
        """Return the grey levels, integers 0 .. levels - 1, of pixels in [-1, 1]; raises ValueError without levels."""
        if self.levels is None:
            raise ValueError("these data have no grey levels")
        return ((x + 1) * (self.levels / 2)).floor().clamp(0, self.levels - 1).long()

    def from_levels(self, k: torch.Tensor) -> torch.Tensor:
        """Return the centres, in [-1, 1], of grey levels k; raises ValueError without levels."""
        if self.levels is None:
            raise ValueError("these data have no grey levels")
        return (2 * k.float() + 1) / self.levels - 1

    def validation(self, share: float = 0.1) -> tuple[Any, Any]:
        """Return the training rows in two parts: to train on, and a ``share`` of them that is held out.

        Each part is rows (m, *shape), or the tuple of rows and conditions (m, k) where there are conditions, as
        ``run.batches`` takes them. All models of a run get the same parts, each in the order of ``train``; no row
        stands in both. At least one row is held out; of a single row, both parts are that row. Raises ValueError for a
        share outside of (0, 1).
        """
        if not 0 < share < 1:
            raise ValueError(f"share must be in (0, 1), got {share}")
        numbers = np.arange(len(self.train)) if self.row_numbers is None else self.row_numbers
        distinct = np.unique(numbers)
        if len(distinct) < 2:
            return self._part(slice(None)), self._part(slice(None))
        order = np.random.Generator(np.random.PCG64(self.split_seed)).permutation(len(distinct))
        held = np.isin(numbers, distinct[order[: max(1, int(len(distinct) * share + 1e-9))]])
        return self._part(np.flatnonzero(~held)), self._part(np.flatnonzero(held))

    def _part(self, index: Any) -> Any:
        rows = self.train[index]
        return rows if self.conditions is None else (rows, self.conditions[index])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: (d,) or (channels, height, width)."""
        return tuple(self.train.shape[1:])

    @property
    def kind(self) -> str:
        """``vector`` or ``image``."""
        return "vector" if self.train.dim() == 2 else "image"


@runtime_checkable
class Model(Protocol):
    """A generative model: built from its config, it does nothing until ``fit``.

    The core seeds torch, numpy and random before each call, so global generators may be used freely. ``log_prob``,
    ``parameters`` (an iterable of the learned tensors) and the capabilities of the spec are optional; where the
    training data have conditions, capabilities take them as second argument, (n, k). Also optional are ``state``,
    which returns what sampling needs as numpy arrays by name, and ``restore(state)``: on a new model of the same
    config, it then samples and evaluates its likelihood as the trained one does.
    """

    def fit(self, data: TrainingData, run: RunContext) -> None:
        """Train on ``data.train``; a second call starts from scratch."""
        ...

    def sample(self, n: int) -> torch.Tensor:
        """Return new samples (n, *shape) in the units of ``TrainingData``, on the run's device, without gradient.

        Where the training data have conditions it is called as ``sample(n, conditions)``, with one row (n, k) for each
        sample, in the units of ``TrainingData.conditions``.
        """
        ...


class Likelihood(Protocol):
    """A model whose spec declares a density.

    After ``fit`` it may have two texts for whoever reads its likelihood: ``log_prob_note``, which is shown with the
    table (of what it is the density, if not of the samples), and ``log_prob_defect``, why its values mean nothing for
    these data: they are then marked, and not ranked.
    """

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return the log-density (n,) in nats of x (n, *shape), in the units of ``TrainingData``.

        Where the training data have conditions it is called as ``log_prob(x, conditions)``: the density given those.
        """
        ...

"""What a dataset returns: its splits, and what else is known of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from genbench.budget import Sizes
from genbench.spec import Column

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Modes:
    """Modes of a known density, in the data's own units: centres (k, d), one standard deviation, weights (k,).

    The weights sum to 1.
    """

    centres: Array
    std: float
    weights: Array


@dataclass(frozen=True)
class Simulator:
    """An expensive simulator that a model may replace, with its measured cost in seconds per sample."""

    seconds_per_sample: float
    name: str


@dataclass(frozen=True)
class WeightedRows:
    """Training rows (n, *shape) in the data's units, weights (n,) of mean 1, none negative, and conditions (n, k)."""

    rows: Array
    weights: Array
    conditions: Array | None = None


@dataclass(frozen=True)
class Data:
    """The three splits of a dataset in its own units, with what else is known of it.

    ``train``, ``test``, ``reference`` are (n, d) for vectors and (n, channels, height, width) for images; they do not
    share rows. ``log_prob`` maps (n, *shape) to (n,) nats: the exact log-density, where it is known. ``levels`` is the
    number of grey levels of integer images 0 .. levels - 1. ``labels`` maps a split's name to (n,) integers.
    ``weights`` maps each split's name to (n,) event weights, also negative ones: the law of the data is that of the
    weighted rows. The core then draws the splits by weight, and puts all training rows into ``weighted``.
    ``conditions`` maps each split's name to (n, k) numbers in their own units, of ``condition_columns``, given which
    rows are drawn: they are no part of the rows, and ``log_prob`` then takes them as second argument.
    ``outliers`` (n, *shape) are rows of another law, which no split holds: models should tell them from test rows.
    Where rows have conditions, ``conditions["outliers"]`` are those given which outliers are judged.
    ``observables`` maps (n, *shape) to named (n,) arrays: derived quantities in which users of these data look for
    differences. ``notes`` are shown to the user.
    """

    train: Array
    test: Array
    reference: Array
    _: KW_ONLY
    log_prob: Callable[..., Array] | None = None
    entropy: float | None = None  # nats, of the exact density
    modes: Modes | None = None
    columns: tuple[Column, ...] = ()
    levels: int | None = None
    labels: Mapping[str, Array] | None = None
    weights: Mapping[str, Array] | None = None
    weighted: WeightedRows | None = None  # by the core only
    conditions: Mapping[str, Array] | None = None
    condition_columns: tuple[Column, ...] = ()
    outliers: Array | None = None
    observables: Callable[[Array], Mapping[str, Array]] | None = None
    simulator: Simulator | None = None
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one sample: (d,) or (channels, height, width)."""
        return tuple(self.train.shape[1:])


@runtime_checkable
class Dataset(Protocol):
    """A dataset: built from its config, it does nothing until it is loaded."""

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return disjoint splits of at most ``sizes`` rows; ``rng`` is the only source of chance.

        No copy of a row is in two splits. Rows that are equal because their columns are discrete may be:
        ``genbench.data.split`` tells them apart.
        """
        ...

"""Features for ridge regression: piecewise linear functions of each column, and products of two columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Basis", "fit_basis"]

Array = npt.NDArray[Any]
MAX_COLUMNS = 256  # that features are made of; evenly spaced where there are more
MAX_SPLINES = 160  # piecewise linear functions of all columns together
MAX_KNOTS = 9  # of one column
MAX_PRODUCTS = 100


@dataclass(frozen=True)
class Basis:
    """Functions of rows (n, d) whose parameters come from training rows, with mean 0 and standard deviation 1 there.

    ``uses`` names the columns that each feature is made of.
    """

    low: Array  # (d,) range of the training rows, outside of which features stay constant
    high: Array
    hinges: tuple[tuple[int, Array], ...]  # column and knots
    products: Array  # (k, 2) columns
    core: Array  # (2, d) range of all but the outermost hundredth of the training rows, for products
    mean: Array  # (p,)
    scale: Array  # (p,)
    uses: tuple[frozenset[int], ...]

    def __call__(self, rows: Array) -> Array:
        """Return the features (n, 1 + p), the first of which is 1."""
        features = (self.raw(rows) - self.mean) / self.scale
        return np.concatenate([np.ones((len(rows), 1)), features], axis=1)

    def raw(self, rows: Array) -> Array:
        """Return the features (n, p) as they are."""
        width = np.where(self.high > self.low, self.high - self.low, 1.0)
        unit = (np.clip(rows, self.low, self.high) - self.low) / width
        parts = [np.maximum(unit[:, column, None] - knots, 0.0) for column, knots in self.hinges]
        core = np.clip(rows, *self.core)
        core = (core - self.core[0]) / np.where(self.core[1] > self.core[0], self.core[1] - self.core[0], 1.0) - 0.5
        return np.concatenate([*parts, core[:, self.products[:, 0]] * core[:, self.products[:, 1]]], axis=1)

    def without(self, hidden: Iterable[int]) -> Array:
        """Return the indices of the constant and of the features that use no hidden column."""
        hidden = set(hidden)
        return np.array([0, *(1 + i for i, used in enumerate(self.uses) if not used & hidden)])


def fit_basis(train: Array, *, products: bool) -> Basis:
    """Return the basis of training rows (n, d): knots at their quantiles, between the values of a column of few."""
    low, high = train.min(0), train.max(0)
    columns = np.flatnonzero(low < high)
    if len(columns) > MAX_COLUMNS:
        columns = columns[np.linspace(0, len(columns) - 1, MAX_COLUMNS).round().astype(int)]
    most = int(np.clip(MAX_SPLINES // max(len(columns), 1) - 1, 0, MAX_KNOTS))
    hinges = tuple((int(c), _knots((train[:, c] - low[c]) / (high[c] - low[c]), most)) for c in columns)
    pairs = np.array(list(combinations(columns[:64].tolist(), 2)) if products else [], dtype=np.int64).reshape(-1, 2)
    if len(pairs) > MAX_PRODUCTS:
        pairs = pairs[np.linspace(0, len(pairs) - 1, MAX_PRODUCTS).round().astype(int)]
    uses = [frozenset({column}) for column, knots in hinges for _ in knots]
    uses += [frozenset(map(int, pair)) for pair in pairs]
    core = np.quantile(train, [0.005, 0.995], axis=0)
    unscaled = Basis(low, high, hinges, pairs, core, np.zeros(len(uses)), np.ones(len(uses)), tuple(uses))
    features = unscaled.raw(train)
    scale = features.std(0)
    scale[scale < 1e-9] = np.inf  # a feature that does not vary is 0
    return Basis(low, high, hinges, pairs, core, features.mean(0), scale, tuple(uses))


def _knots(values: Array, most: int) -> Array:
    """Return the first value, from which a linear function rises, and at most ``most`` inner ones."""
    distinct = np.unique(values)
    if len(distinct) <= most + 2:
        return distinct[:-1]
    inner = np.unique(np.quantile(values, np.arange(1, most + 1) / (most + 1)))
    return np.concatenate([[0.0], inner[(inner > 0.0) & (inner < 1.0)]])

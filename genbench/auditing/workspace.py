"""The space in which faults are injected, and the real rows there with their modes and classes.

For vectors it is the space that models are trained in, standardised and with logarithms; for images, their grey levels.
Metrics also get the rows in the data's own units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from genbench.protocol import Array, Data
from genbench.training.standardise import ImageSpace, Transform, VectorSpace

DEFAULT_MODES = 8
MAX_EXPONENT = 700.0  # exp(700) is finite, exp(710) is not


@dataclass(frozen=True)
class RealRows:
    """Real rows (., d), the centres of their modes (k, d) and the standard deviation of each column (d,).

    ``train`` are the rows that a model would be trained on, ``spare`` fresh ones besides those with a fault. ``shape``
    is that of an image, () for tables, and ``levels`` the number of its grey levels. ``period`` (d,) are the periods of
    the columns of a table, nan for those that are not periodic, and ``zero`` (d,) is where the data's own zero lies.
    ``classes`` holds the label of each fresh row by the row's bytes, where the data have labels.
    """

    train: Array
    spare: Array
    centres: Array
    scale: Array
    shape: tuple[int, ...] = ()
    levels: int | None = None
    period: Array | None = None
    zero: Array | None = None
    classes: Mapping[bytes, int] = field(default_factory=dict)

    def label(self, rows: Array) -> Array:
        """Return for each row the index of the nearest mode, (n,)."""
        return self._tree.query(rows)[1]  # type: ignore[no-any-return]

    def class_of(self, rows: Array) -> Array:
        """Return the label of each row (n,); -1 for rows that are not among the fresh ones."""
        return np.array([self.classes.get(row.tobytes(), -1) for row in np.ascontiguousarray(rows)], dtype=np.intp)

    @cached_property
    def varying(self) -> Array:
        """The indices of the columns that are not constant."""
        return np.flatnonzero(self.scale > 0)

    @cached_property
    def periodic(self) -> Array:
        """Which columns are periodic, (d,) bool."""
        return np.zeros(len(self.scale), bool) if self.period is None else ~np.isnan(self.period)

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.centres)

    @cached_property
    def weights(self) -> Array:
        """The share of the training and spare rows in each mode (k,), always positive."""
        known = np.concatenate([self.train, self.spare])
        counts = np.bincount(self.label(known), minlength=len(self.centres)).astype(np.float64)
        counts = np.maximum(counts, 0.5)
        shares: Array = counts / counts.sum()
        return shares

    @cached_property
    def spacing(self) -> float:
        """The median distance of a training row to its nearest neighbour."""
        return float(np.median(cKDTree(self.train).query(self.train, k=2)[0][:, 1]))


@dataclass(frozen=True)
class Workspace:
    """The space in which faults are injected: float64 rows (n, d) that map to the data's units without loss."""

    space: Transform
    shape: tuple[int, ...]

    def from_data(self, rows: Array) -> Array:
        """Return rows of the data (n, *shape) in this space, (n, d)."""
        if isinstance(self.space, VectorSpace):
            # in single precision first, as models give rows: mapping there and back then changes nothing
            return self.space.standardise(rows.astype(np.float64)).astype(np.float64)
        return self.space.to_scores(rows)

    def to_data(self, rows: Array) -> Array:
        """Return rows (n, *shape) in the data's units; integer images are rounded to their grey levels."""
        if isinstance(self.space, VectorSpace):
            mean, scale = self.space.mean, self.space.scale
            limit = np.where(self.space.log, MAX_EXPONENT, np.inf)
            return self.space.restore(np.clip(rows, (-limit - mean) / scale, (limit - mean) / scale))
        assert isinstance(self.space, ImageSpace)
        rows = rows.reshape(len(rows), *self.shape)
        if self.space.levels is None:
            return rows * (self.space.high - self.space.low) + self.space.low
        top = self.space.levels - 1
        return np.clip(np.round(rows * top), 0, top).astype(np.uint8 if top < 256 else np.int64)

    def real_rows(self, train: Array, pool: Array, centres: Array, labels: Array | None = None) -> RealRows:
        """Return the real rows of this space; ``labels`` (n,) are those of the pool, where the data have any."""
        classes = {} if labels is None else {row.tobytes(): int(k) for row, k in zip(pool, labels, strict=True)}
        scale = train.std(0)
        if isinstance(self.space, ImageSpace):
            return RealRows(train, pool, centres, scale, self.shape, self.space.levels, classes=classes)
        assert isinstance(self.space, VectorSpace)
        period = np.where(self.space.log, np.nan, self.space.period / self.space.scale)
        zero = -self.space.mean / self.space.scale
        return RealRows(train, pool, centres, scale, period=period, zero=zero, classes=classes)


def find_modes(data: Data, train: Array, work: Workspace, modes: int | None, seed: int) -> tuple[Array, bool]:
    """Return the centres (k, d) of the modes, and whether the dataset declares them; else k-means finds them.

    ``modes`` is the number to look for, by default the declared ones or 8; at most one for every ten training rows.
    """
    if data.modes is not None and modes is None:
        return work.from_data(np.asarray(data.modes.centres, dtype=np.float64).reshape(-1, *work.shape)), True
    from sklearn.cluster import KMeans

    wanted = min(modes or DEFAULT_MODES, max(1, len(train) // 10))
    found = KMeans(wanted, n_init=4, random_state=seed).fit(train)
    return np.asarray(found.cluster_centers_), False

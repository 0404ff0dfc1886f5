"""The space in which faults are injected, the real rows there with their modes, and which faults apply to them.

For vectors it is the space that models are trained in, standardised and with logarithms; for images, their grey levels.
Metrics also get the rows in the data's own units.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import rankdata

from genbench.protocol import Array, Data
from genbench.training.standardise import ImageSpace, Transform, VectorSpace

DEFAULT_MODES = 8
MAX_COLUMN_PAIRS = 500  # that are tested for dependence
MAX_EXPONENT = 700.0  # exp(700) is finite, exp(710) is not
DEPENDENCE_SDS = 5.0  # of the null distribution, from which columns count as dependent


@dataclass(frozen=True)
class RealRows:
    """Real rows (., d), the centres of their modes (k, d) and the standard deviation of each column (d,).

    ``train`` are the rows that a model would be trained on, ``spare`` fresh ones besides those with a fault.
    """

    train: Array
    spare: Array
    centres: Array
    scale: Array

    def label(self, rows: Array) -> Array:
        """Return for each row the index of the nearest mode, (n,)."""
        return self._tree.query(rows)[1]  # type: ignore[no-any-return]

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
            return self.space.to_model(rows.astype(np.float64), np.random.default_rng(0)).astype(np.float64)
        return self.space.to_scores(rows)

    def to_data(self, rows: Array) -> Array:
        """Return rows (n, *shape) in the data's units; integer images are rounded to their grey levels."""
        if isinstance(self.space, VectorSpace):
            mean, scale = self.space.mean, self.space.scale
            limit = np.where(self.space.log, MAX_EXPONENT, np.inf)
            return self.space.from_model(np.clip(rows, (-limit - mean) / scale, (limit - mean) / scale))
        assert isinstance(self.space, ImageSpace)
        rows = rows.reshape(len(rows), *self.shape)
        if self.space.levels is None:
            return rows * (self.space.high - self.space.low) + self.space.low
        top = self.space.levels - 1
        return np.clip(np.round(rows * top), 0, top).astype(np.uint8 if top < 256 else np.int64)


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


def why_not_applicable(name: str, rows: Array, real: RealRows) -> str:
    """Return why this fault would change nothing in these data, or an empty string."""
    if name in ("dropped_modes", "uneven_weights", "ridges") and len(real.centres) < 2:
        return "there is only one mode"
    if name == "lost_correlation" and not _dependent(rows, np.zeros(len(rows), np.intp)):
        return "the columns are independent"
    if name == "lost_mode_correlation" and not _dependent(rows, real.label(rows)):
        return "the columns are independent within the modes"
    return ""


def _dependent(rows: Array, labels: Array) -> bool:
    """Return whether any two columns depend on each other within the groups, by chi-squared tests on binned ranks.

    The threshold is five standard deviations of the null distribution beyond the expected maximum over all pairs.
    """
    groups = [rows[labels == label] for label in np.unique(labels)]
    ranked = [(np.apply_along_axis(rankdata, 0, group) / (len(group) + 1), len(group)) for group in groups]
    d = rows.shape[1]
    pairs = np.stack(np.triu_indices(d, 1), axis=1)
    if len(pairs) > MAX_COLUMN_PAIRS:
        pairs = pairs[np.linspace(0, len(pairs) - 1, MAX_COLUMN_PAIRS).astype(int)]
    limit = DEPENDENCE_SDS + np.sqrt(2 * np.log(max(len(pairs), 1)))
    for first, second in pairs:
        total = freedom = 0.0
        for ranks, n in ranked:
            bins = 8 if n >= 640 else 4 if n >= 80 else 2
            if n < 20:
                continue
            cells = (ranks[:, first] * bins).astype(int) * bins + (ranks[:, second] * bins).astype(int)
            table = np.bincount(cells, minlength=bins * bins).reshape(bins, bins)
            expected = np.outer(table.sum(1), table.sum(0)) / n
            total += float(((table - expected) ** 2 / np.maximum(expected, 1e-9)).sum())
            freedom += (bins - 1) ** 2
        if freedom and (total - freedom) / np.sqrt(2 * freedom) > limit:
            return True
    return False

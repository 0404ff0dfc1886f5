"""What faults are made from: real rows, where their modes lie, and whether there is anything for a fault to spoil.

Faults happen in the space that models are trained in, standardised and with its logarithms, or in grey levels of
images, and are told to metrics in the data's own units too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import rankdata

from genbench.protocol import Array, Data
from genbench.training.standardise import ImageSpace, Transform, VectorSpace

__all__ = ["Ground", "Workspace", "clusters", "nothing_to_lose"]

PAIRS = 500  # pairs of columns looked at, at most
LARGEST = 700.0  # exp(700) is finite, exp(710) is not
CERTAIN = 5.0  # standard deviations of the null


@dataclass(frozen=True)
class Ground:
    """Real rows (., d) and their modes: centres (k, d), shares of the rows (k,) and a column's standard deviation (d,).

    ``train`` is what a model would have seen, ``spare`` fresh real rows beside those that a fault is injected into.
    """

    train: Array
    spare: Array
    centres: Array
    scale: Array

    def label(self, rows: Array) -> Array:
        """Return the index (n,) of the mode that each row is nearest to."""
        return self._tree.query(rows)[1]  # type: ignore[no-any-return]

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self.centres)

    @cached_property
    def weights(self) -> Array:
        """The share of the training and spare rows in each mode, none of them 0."""
        known = np.concatenate([self.train, self.spare])
        counts = np.bincount(self.label(known), minlength=len(self.centres)).astype(np.float64)
        counts = np.maximum(counts, 0.5)
        shares: Array = counts / counts.sum()
        return shares

    @cached_property
    def spacing(self) -> float:
        """The median distance of a training row to its nearest other."""
        return float(np.median(cKDTree(self.train).query(self.train, k=2)[0][:, 1]))


@dataclass(frozen=True)
class Workspace:
    """The space faults happen in: rows (n, d) float64 that stand for rows in the data's units without loss."""

    space: Transform
    shape: tuple[int, ...]

    def enter(self, rows: Array) -> Array:
        """Return rows (n, *shape) in the data's units as (n, d)."""
        if isinstance(self.space, VectorSpace):
            # single precision first: what models give too, and what goes there and back is the same
            return self.space.to_model(rows.astype(np.float64), np.random.default_rng(0)).astype(np.float64)
        return self.space.to_scores(rows)

    def leave(self, rows: Array) -> Array:
        """Return (n, *shape) in the data's units; integer images are rounded to their grey levels."""
        if isinstance(self.space, VectorSpace):
            limit = np.where(self.space.log, LARGEST, np.inf)  # of a logarithm whose exponential is a number
            return self.space.from_model(
                np.clip(
                    rows, (-limit - self.space.mean) / self.space.scale, (limit - self.space.mean) / self.space.scale
                )
            )
        assert isinstance(self.space, ImageSpace)
        rows = rows.reshape(len(rows), *self.shape)
        if self.space.levels is None:
            return rows * (self.space.high - self.space.low) + self.space.low
        top = self.space.levels - 1
        return np.clip(np.round(rows * top), 0, top).astype(np.uint8 if top < 256 else np.int64)


def clusters(data: Data, train: Array, work: Workspace, modes: int | None, seed: int) -> tuple[Array, bool]:
    """Return the centres (k, d) of the modes, and whether the dataset declares them; else they are found by k-means.

    ``modes`` is the number to look for, by default 8; the rows decide where there are fewer distinct ones.
    """
    if data.modes is not None and modes is None:
        return work.enter(np.asarray(data.modes.centres, dtype=np.float64).reshape(-1, *work.shape)), True
    from sklearn.cluster import KMeans

    wanted = min(modes or 8, max(1, len(train) // 10))
    found = KMeans(wanted, n_init=4, random_state=seed).fit(train)
    return np.asarray(found.cluster_centers_), False


def nothing_to_lose(name: str, rows: Array, ground: Ground) -> str:
    """Return why this fault would change nothing in such data, or an empty string."""
    if name in ("dropped_modes", "uneven_weights", "ridges") and len(ground.centres) < 2:
        return "there is only one mode"
    if name == "lost_correlation" and not _dependent(rows, np.zeros(len(rows), np.intp)):
        return "the columns are independent"
    if name == "lost_mode_correlation" and not _dependent(rows, ground.label(rows)):
        return "the columns are independent within the modes"
    return ""


def _dependent(rows: Array, labels: Array) -> bool:
    """Return whether any two columns depend on each other within the groups, by chi-squared over bins of their ranks.

    The threshold is that of five standard deviations of the null, beyond what the largest of so many would have.
    """
    groups = [rows[labels == label] for label in np.unique(labels)]
    ranked = [(np.apply_along_axis(rankdata, 0, group) / (len(group) + 1), len(group)) for group in groups]
    d = rows.shape[1]
    pairs = np.stack(np.triu_indices(d, 1), axis=1)
    pairs = pairs[np.linspace(0, len(pairs) - 1, min(PAIRS, len(pairs))).astype(int)] if len(pairs) else pairs
    limit = CERTAIN + np.sqrt(2 * np.log(max(len(pairs), 1)))
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

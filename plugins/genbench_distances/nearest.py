"""Nearest neighbours with exact distances: by a tree in few dimensions, by matrix products in many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

__all__ = [
    "BLOCK_DISTANCES",
    "MAX_TREE_COLUMNS",
    "nearest_other",
    "nearest_to",
    "pairwise_distances",
    "square_distance_blocks",
]

Array = npt.NDArray[Any]
MAX_TREE_COLUMNS = 8  # up to which a tree is faster than matrix products
BLOCK_DISTANCES = 4_000_000  # computed at once
MIN_SQUARE_RATIO = 1e-8  # squared distance over squared norm: below, rounding decides which row is nearest


def nearest_other(rows: Array, k: int) -> tuple[Array, Array]:
    """Return distances and indices of the k nearest other rows (n, k), nearest first."""
    n, d = rows.shape
    if d <= MAX_TREE_COLUMNS:
        distances, indices = cKDTree(rows).query(rows, k=k + 1)
        itself = indices == np.arange(n)[:, None]
        itself[~itself.any(1), k] = True  # a row with many duplicates may not be among its neighbours: drop the last
        return distances[~itself].reshape(n, k), indices[~itself].reshape(n, k)
    centred = rows - np.median(rows, axis=0)  # an outlier would move the mean, and cost all other rows digits
    norms = np.einsum("ij,ij->i", centred, centred)
    distances, indices = np.empty((n, k)), np.empty((n, k), dtype=np.intp)
    for start, squares in square_distance_blocks(centred, norms, centred, norms):
        block = np.arange(len(squares))
        squares[block, start + block] = np.inf
        candidates = min(k + 3, n - 1)  # more than k, as rounding may exchange the last ones
        near = _smallest(squares, candidates)
        found = _exact(rows[start + block], rows, near)
        order = np.argsort(found, axis=1, kind="stable")[:, :k]
        distances[start + block] = np.take_along_axis(found, order, 1)
        indices[start + block] = np.take_along_axis(near, order, 1)
    inexact = np.flatnonzero((distances[:, -1] > 0) & (distances[:, -1] ** 2 < MIN_SQUARE_RATIO * norms))
    step = max(1, BLOCK_DISTANCES // n)
    for part in np.split(inexact, range(step, len(inexact), step)):
        squares = cdist(rows[part], rows, "sqeuclidean")
        squares[np.arange(len(part)), part] = np.inf
        near = np.argsort(squares, axis=1, kind="stable")[:, :k]
        distances[part], indices[part] = np.sqrt(np.take_along_axis(squares, near, 1)), near
    return distances, indices


def _smallest(values: Array, k: int) -> Array:
    """Return the columns of the k smallest values of each row (b, k), in any order.

    Values above the k-th smallest of every 16th value are ruled out first, so that only a few hundred are sorted.
    """
    if values.shape[1] < 64 * k:
        return np.argpartition(values, k - 1, axis=1)[:, :k]
    bound = np.partition(values[:, ::16], k - 1, axis=1)[:, k - 1]
    rows, columns = np.nonzero(values <= bound[:, None])
    order = np.lexsort((values[rows, columns], rows))
    first = np.searchsorted(rows, np.arange(len(values)))
    smallest: Array = columns[order][first[:, None] + np.arange(k)]
    return smallest


def nearest_to(rows: Array, queries: Array) -> tuple[Array, Array]:
    """Return the distance and the index (m,) of the row of ``rows`` (n, d) that is nearest to each query (m, d)."""
    if rows.shape[1] <= MAX_TREE_COLUMNS:
        distances, indices = cKDTree(rows).query(queries)
        return distances, indices
    centre = np.median(rows, axis=0)
    x, y = queries - centre, rows - centre
    distances, indices = np.empty(len(x)), np.empty(len(x), dtype=np.intp)
    candidates = min(3, len(rows))  # more than 1, as rounding may exchange them
    x_norms, y_norms = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", y, y)
    for start, squares in square_distance_blocks(x, x_norms, y, y_norms):
        block = slice(start, start + len(squares))
        near = _smallest(squares, candidates)
        found = _exact(queries[block], rows, near)
        best = found.argmin(1)[:, None]
        distances[block] = np.take_along_axis(found, best, 1)[:, 0]
        indices[block] = np.take_along_axis(near, best, 1)[:, 0]
    return distances, indices


def square_distance_blocks(x: Array, x_norms: Array, y: Array, y_norms: Array) -> Iterator[tuple[int, Array]]:
    """Yield the first row of each block of x, and the squared distances of the block's rows to all rows of y.

    Rows must be centred: the rounding errors are those of the squared norms.
    """
    step = max(1, BLOCK_DISTANCES // len(y))
    right = np.column_stack([y, np.ones(len(y)), y_norms]).T  # |x|² - 2xy + |y|² as one product
    for start in range(0, len(x), step):
        block = slice(start, start + step)
        left = np.column_stack([-2.0 * x[block], x_norms[block], np.ones(len(x[block]))])
        squares = left @ right
        yield start, squares


def _exact(x: Array, y: Array, indices: Array) -> Array:
    """Return the distances (b, k) of each row of x (b, d) to the rows of y that ``indices`` (b, k) name for it."""
    distances = np.empty(indices.shape)
    for column in range(indices.shape[1]):
        gaps = x - y[indices[:, column]]
        distances[:, column] = np.einsum("ij,ij->i", gaps, gaps)
    return np.sqrt(distances, out=distances)


def pairwise_distances(x: Array, y: Array, rows: Array, others: Array) -> Array:
    """Return the distances (p,) of the pairs of a row of x and a row of y with these indices (p,)."""
    distances = np.empty(len(rows))
    step = max(1, BLOCK_DISTANCES // x.shape[1])
    for start in range(0, len(rows), step):
        gaps = x[rows[start : start + step]] - y[others[start : start + step]]
        distances[start : start + step] = np.sqrt(np.einsum("ij,ij->i", gaps, gaps))
    return distances

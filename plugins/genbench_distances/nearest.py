"""Nearest neighbours with exact distances: a tree in few dimensions, blocks of products in many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

__all__ = ["BLOCK", "TREE", "nearest_other", "nearest_to", "pairwise_distances", "products"]

Array = npt.NDArray[Any]
TREE = 8  # columns, up to which a tree is faster than all products
BLOCK = 4_000_000  # distances at once
LOST = 1e-8  # squared distance over squared norm, below which products do not know who is nearest


def nearest_other(rows: Array, k: int) -> tuple[Array, Array]:
    """Return distances and indices of the k nearest other rows (n, k), nearest first."""
    n, d = rows.shape
    if d <= TREE:
        distances, indices = cKDTree(rows).query(rows, k=k + 1)
        own = indices == np.arange(n)[:, None]
        own[~own.any(1), k] = True  # among many duplicates a row may not find itself: then one of them goes
        return distances[~own].reshape(n, k), indices[~own].reshape(n, k)
    centred = rows - np.median(rows, axis=0)  # outliers would move the mean, and take digits from all others
    norms = np.einsum("ij,ij->i", centred, centred)
    distances, indices = np.empty((n, k)), np.empty((n, k), dtype=np.intp)
    for start, squares in products(centred, norms, centred, norms):
        block = np.arange(len(squares))
        squares[block, start + block] = np.inf
        spare = min(k + 3, n - 1)  # rounding may exchange the last of them
        near = _smallest(squares, spare)
        found = _exact(rows[start + block], rows, near)
        order = np.argsort(found, axis=1, kind="stable")[:, :k]
        distances[start + block] = np.take_along_axis(found, order, 1)
        indices[start + block] = np.take_along_axis(near, order, 1)
    lost = np.flatnonzero((distances[:, -1] > 0) & (distances[:, -1] ** 2 < LOST * norms))
    step = max(1, BLOCK // n)
    for some in np.split(lost, range(step, len(lost), step)):
        squares = cdist(rows[some], rows, "sqeuclidean")
        squares[np.arange(len(some)), some] = np.inf
        near = np.argsort(squares, axis=1, kind="stable")[:, :k]
        distances[some], indices[some] = np.sqrt(np.take_along_axis(squares, near, 1)), near
    return distances, indices


def _smallest(values: Array, k: int) -> Array:
    """Return the columns of the k smallest values of each row (b, k), in any order.

    What is above the k-th smallest of every 16th value is out, so that only a few hundred are sorted.
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
    """Return distance and index of the row (n, d) nearest to each query (m, d): two arrays (m,)."""
    if rows.shape[1] <= TREE:
        distances, indices = cKDTree(rows).query(queries)
        return distances, indices
    centre = np.median(rows, axis=0)
    x, y = queries - centre, rows - centre
    distances, indices = np.empty(len(x)), np.empty(len(x), dtype=np.intp)
    spare = min(3, len(rows))
    for start, squares in products(x, np.einsum("ij,ij->i", x, x), y, np.einsum("ij,ij->i", y, y)):
        block = slice(start, start + len(squares))
        near = _smallest(squares, spare)
        found = _exact(queries[block], rows, near)
        best = found.argmin(1)[:, None]
        distances[block] = np.take_along_axis(found, best, 1)[:, 0]
        indices[block] = np.take_along_axis(near, best, 1)[:, 0]
    return distances, indices


def products(x: Array, x_norms: Array, y: Array, y_norms: Array) -> Iterator[tuple[int, Array]]:
    """Yield (start, squared distances of some rows of x to all of y); centred, and rounded as their norms."""
    step = max(1, BLOCK // len(y))
    right = np.column_stack([y, np.ones(len(y)), y_norms]).T  # |x|² - 2xy + |y|² as one product
    for start in range(0, len(x), step):
        block = slice(start, start + step)
        left = np.column_stack([-2.0 * x[block], x_norms[block], np.ones(len(x[block]))])
        squares = left @ right
        yield start, squares


def _exact(x: Array, y: Array, indices: Array) -> Array:
    """Return the distances of each row of x (b, d) to its own rows of y (b, k), from differences."""
    distances = np.empty(indices.shape)
    for column in range(indices.shape[1]):
        gaps = x - y[indices[:, column]]
        distances[:, column] = np.einsum("ij,ij->i", gaps, gaps)
    return np.sqrt(distances, out=distances)


def pairwise_distances(x: Array, y: Array, rows: Array, others: Array) -> Array:
    """Return the distances of given rows of x and of y, one by one."""
    distances = np.empty(len(rows))
    step = max(1, BLOCK // x.shape[1])
    for start in range(0, len(rows), step):
        gaps = x[rows[start : start + step]] - y[others[start : start + step]]
        distances[start : start + step] = np.sqrt(np.einsum("ij,ij->i", gaps, gaps))
    return distances

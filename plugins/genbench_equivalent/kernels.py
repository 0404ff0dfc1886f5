"""Sums over all pairs of rows of the distance and of Gaussian kernels at all bandwidths, in one pass.

A tile of squared distances stays in the processor's cache while all kernels are computed from it. The square of the
square root of a kernel is that kernel, summed as a scalar product; its fourth power is the square root of the next
kernel, with half the bandwidth. Sums are kept by groups for the jackknife.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist, pdist

from genbench.protocol import jackknife_groups

__all__ = ["FACTORS", "Grouped", "Scale", "grouped", "kernel_sums", "scale_of", "spread"]

Array = npt.NDArray[Any]
Squares = Callable[[slice, slice, Array], None]
FACTORS = tuple(2.0**power for power in range(1, -7, -1))  # bandwidths in medians: 2 .. 1/64
N_SUMS = 1 + len(FACTORS)  # of the distance, then of the kernels
TILE_ROWS = 256  # 256 x 256 numbers of four bytes are a quarter of a megabyte
MAX_MEDIAN_ROWS = 2000  # whose pairs the median is computed from
MAX_SPREAD_ROWS = 1000  # whose pairs the variance of the kernels is computed from
MAX_PRODUCT_COLUMNS = 3  # up to which one product in double precision is the fastest
# squared norms, in squared medians, up to which single precision suffices: with few columns, and with more
MAX_SINGLE_NORMS = (1e8, 50.0)
MAX_EXPONENT = 300  # of two: squares of such numbers do not overflow or vanish
MAX_MEDIANS = 1e100  # rows farther from the centre are moved to this distance
KERNELS_PER_EXPONENTIAL = 4  # computed by squaring, which adds up rounding errors, before the next exponential


@dataclass(frozen=True)
class Scale:
    """The mean (d,) of real rows, and the median of their distances."""

    centre: Array
    median: float


@dataclass(frozen=True)
class Grouped:
    """Centred rows in units of the median, in the order of their groups."""

    rows: Array  # (n, d)
    bounds: Array  # (G + 1,) where each group begins

    @property
    def sizes(self) -> Array:
        """Rows of each group (G,)."""
        return np.diff(self.bounds)


def scale_of(rows: Array) -> Scale:
    """Return the scale of real rows (n, d), from the distances of at most 2,000 of them.

    Where more than half of the distances are 0, the median is that of the others; it is 0 where all rows are equal.
    """
    exponent = int(np.frexp(np.abs(rows - rows[0]).max())[1])
    exponent = exponent if abs(exponent) > MAX_EXPONENT else 0
    rows = np.ldexp(rows, -exponent)
    distances = pdist(rows[_order(len(rows))[:MAX_MEDIAN_ROWS]])
    median = float(np.median(distances))
    if not median:
        distances = distances[distances > 0]
        median = float(np.median(distances)) if len(distances) else 0.0
    return Scale(np.ldexp(rows.mean(0), exponent), float(np.ldexp(median, exponent)))


def grouped(rows: Array, scale: Scale, groups: int) -> Grouped:
    """Return the rows (n, d), centred and in units of the median, in the groups of ``jackknife_groups``."""
    labels = jackknife_groups(len(rows), groups)
    order = np.lexsort((_order(len(rows)), labels))  # random within groups too
    scaled = np.clip((rows[order] - scale.centre) / scale.median, -MAX_MEDIANS, MAX_MEDIANS)
    largest = float(np.einsum("ij,ij->i", scaled, scaled).max())
    single = largest < MAX_SINGLE_NORMS[rows.shape[1] > MAX_PRODUCT_COLUMNS]
    bounds = np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=groups))])
    return Grouped(np.ascontiguousarray(scaled, np.float32 if single else np.float64), bounds)


def _order(n: int) -> Array:
    """Return a random order of n rows, always the same."""
    return np.random.Generator(np.random.PCG64(n)).permutation(n)


def kernel_sums(x: Grouped, y: Grouped | None = None) -> Array:
    """Return the sums, by ordered pairs of groups (1 + K, G, G), of |x-y| and of exp(-|x-y|²/2h²) for K bandwidths h.

    Without ``y`` the pairs are those of x with itself, each row with itself included.
    """
    symmetric, other = y is None, x if y is None else y
    dtype = np.result_type(x.rows, other.rows)
    left, right = x.rows.astype(dtype, copy=False), other.rows.astype(dtype, copy=False)
    sums = np.zeros((N_SUMS, len(x.sizes), len(other.sizes)))
    squares, kernel, work = (np.ones(TILE_ROWS * TILE_ROWS, dtype) for _ in range(3))
    write_squares = _squares_of(left, right)
    for rows in _blocks(x):
        for columns in _blocks(other):
            if symmetric and columns.start < rows.start:
                continue
            shape = (rows.stop - rows.start, columns.stop - columns.start)
            tile, power, free = (buffer[: shape[0] * shape[1]].reshape(shape) for buffer in (squares, kernel, work))
            write_squares(slice(rows.start, rows.stop), slice(columns.start, columns.stop), tile)
            values = _tile_sums(tile, power, free, rows.edges, columns.edges)
            sums[:, rows.groups, columns.groups] += values
            if symmetric and rows.start != columns.start:
                sums[:, columns.groups, rows.groups] += values.transpose(0, 2, 1)
    return sums


@dataclass(frozen=True)
class _Block:
    """At most `TILE_ROWS` rows: a part of one group, or whole groups, which begin at ``edges`` within the block."""

    start: int
    stop: int
    groups: slice
    edges: Array


def _blocks(x: Grouped) -> list[_Block]:
    """Return the blocks of all rows; small groups share a block, as a tile of few rows is mostly overhead."""
    together = max(1, TILE_ROWS // int(x.sizes.max()))
    blocks = []
    for first in range(0, len(x.sizes), together):
        bounds = x.bounds[first : first + together + 1]
        groups = slice(first, first + len(bounds) - 1)
        parts = -(-int(bounds[-1] - bounds[0]) // TILE_ROWS)
        for a, b in pairwise(np.linspace(bounds[0], bounds[-1], parts + 1).astype(int).tolist()):
            blocks.append(_Block(a, b, groups, bounds[:-1] - a if parts == 1 else np.zeros(1, int)))
    return blocks


def _tile_sums(squares: Array, kernel: Array, work: Array, rows: Array, columns: Array) -> Array:
    """Return the sums (1 + K, groups, groups) over a tile of squared distances (a, b), whose groups begin at edges.

    ``kernel`` and ``work`` (a, b) are overwritten.
    """
    values, flat = np.empty((N_SUMS, len(rows), len(columns))), kernel.reshape(-1)
    whole = len(rows) == len(columns) == 1
    np.sqrt(squares, out=kernel)
    values[0] = kernel.sum(dtype=np.float64) if whole else _by_groups(kernel, rows, columns)
    for at, factor in enumerate(FACTORS):
        if at % KERNELS_PER_EXPONENTIAL:
            np.multiply(kernel, kernel, out=kernel)
            np.multiply(kernel, kernel, out=kernel)
        else:
            np.multiply(squares, -0.25 / factor**2, out=kernel)
            np.exp(kernel, out=kernel)
        values[1 + at] = flat @ flat if whole else _by_groups(np.multiply(kernel, kernel, out=work), rows, columns)
    return values


def _by_groups(tile: Array, rows: Array, columns: Array) -> Array:
    """Return the sums of a tile over the groups of its rows and of its columns."""
    sums: Array = np.add.reduceat(np.add.reduceat(tile, rows, axis=0), columns, axis=1, dtype=np.float64)
    return sums


def _squares_of(x: Array, y: Array) -> Squares:
    """Return a function that writes the squared distances of some rows of x (n, d) to some rows of y (m, d).

    With few columns it is one product in double precision, of which the norms are columns: this is the fastest, and as
    exact as differences in single precision.
    """
    if x.shape[1] > MAX_PRODUCT_COLUMNS:
        return functools.partial(_by_norms, x, y, *(np.einsum("ij,ij->i", rows, rows) for rows in (x, y)))
    left, right = x.astype(np.float64), y.astype(np.float64)
    norms = [np.einsum("ij,ij->i", rows, rows)[:, None] for rows in (left, right)]
    factors = (
        np.hstack([-2.0 * left, norms[0], np.ones_like(norms[0])]),
        np.hstack([right, np.ones_like(norms[1]), norms[1]]),
    )
    return functools.partial(_by_product, factors[0], np.ascontiguousarray(factors[1].T))


def _by_norms(x: Array, y: Array, x_norms: Array, y_norms: Array, some: slice, others: slice, out: Array) -> None:
    np.matmul(-2.0 * x[some], y[others].T, out=out)
    out += x_norms[some, None]
    out += y_norms[others]
    np.maximum(out, 0.0, out=out)


def _by_product(left: Array, right: Array, some: slice, others: slice, out: Array) -> None:
    np.maximum(left[some] @ right[:, others], 0.0, out=out, casting="same_kind")


def spread(x: Grouped) -> tuple[Array, Array]:
    """Return mean and variance (1 + K,) of the distance and of each kernel over pairs of real rows.

    The mean is c = E|X-X'|, or k(0) - E k(X,X'); the variance is that of the centred kernel, E k̃(X,X')², by U-centring
    (Székely & Rizzo 2014, arXiv:1310.2926), from at most 1,000 rows.
    """
    rows = x.rows[:MAX_SPREAD_ROWS]  # they are in random order
    n = len(rows)
    totals, squares = np.zeros((N_SUMS, n)), np.zeros(N_SUMS)
    for start in range(0, n, TILE_ROWS):
        block = cdist(rows[start : start + TILE_ROWS], rows, "sqeuclidean")  # (b, n)
        kernels = (np.sqrt(block), *(np.exp(block / (-2.0 * factor**2)) for factor in FACTORS))
        for at, kernel in enumerate(kernels):
            kernel[np.arange(len(kernel)), np.arange(start, start + len(kernel))] = 0.0
            totals[at, start : start + TILE_ROWS] = kernel.sum(1)
            squares[at] += np.vdot(kernel, kernel)
    total = totals.sum(1)
    centred = squares - 2 * (totals**2).sum(1) / (n - 2) + total**2 / ((n - 1) * (n - 2))
    mean = total / (n * (n - 1))
    mean[1:] = 1 - mean[1:]
    return mean, centred / (n * (n - 3))

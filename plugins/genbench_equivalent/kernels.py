"""Sums of the distance and of Gaussian kernels at all bandwidths over all pairs of rows, in one pass.

A tile of squared distances stays in the cache while every kernel is taken of it: from the square root of one kernel,
its square is that kernel (summed as a scalar product) and its fourth power the square root of the next, of half the
bandwidth. Sums are kept group by group for the jackknife.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist, pdist

__all__ = ["FACTORS", "Grouped", "Scale", "grouped", "kernel_sums", "scale_of", "spread"]

Array = npt.NDArray[Any]
Squares = Callable[[slice, slice, Array], None]
FACTORS = tuple(2.0**power for power in range(1, -7, -1))  # bandwidths in medians: 2 .. 1/64
WIDTH = 1 + len(FACTORS)  # the distance, then the kernels
TILE = 256  # rows: 256 x 256 numbers of four bytes are a quarter of a megabyte
FEW = 2000  # rows, at most, whose pairs tell the median
FEWER = 1000  # rows, at most, whose pairs tell the spread
FEW_COLUMNS = 3  # up to which a product in eight bytes is the fastest
EXACT = (1e8, 50.0)  # squared norms in squared medians, of few columns and of more, that four bytes suffice for
ORDINARY = 300  # powers of two up to which squares are ordinary numbers
FAR = 1e100  # medians, beyond which all is equally far
RESTART = 4  # kernels, after which rounding has been squared often enough


@dataclass(frozen=True)
class Scale:
    """Where real rows lie and how far apart: their mean (d,) and the median of their distances."""

    centre: Array
    median: float


@dataclass(frozen=True)
class Grouped:
    """Centred rows (n, d) in units of the median, in the order of their groups, which begin at ``bounds`` (G + 1,)."""

    rows: Array
    bounds: Array

    @property
    def sizes(self) -> Array:
        """Rows of each group (G,)."""
        return np.diff(self.bounds)


def scale_of(rows: Array) -> Scale:
    """Return the scale of real rows (n, d): the median distance of at most 2,000, of those that differ if most do not.

    The median is 0 where all rows are equal.
    """
    exponent = int(np.frexp(np.abs(rows - rows[0]).max())[1])
    exponent = exponent if abs(exponent) > ORDINARY else 0
    rows = np.ldexp(rows, -exponent)
    some = rows[_shuffled(len(rows))[:FEW]]
    distances = pdist(some)
    median = float(np.median(distances))
    if not median:
        distances = distances[distances > 0]
        median = float(np.median(distances)) if len(distances) else 0.0
    return Scale(np.ldexp(rows.mean(0), exponent), float(np.ldexp(median, exponent)))


def grouped(rows: Array, scale: Scale, groups: int) -> Grouped:
    """Return the rows (n, d), less the centre and in medians, in ``groups`` groups drawn at random, always the same."""
    placed = np.clip((rows[_shuffled(len(rows))] - scale.centre) / scale.median, -FAR, FAR)
    largest = float(np.einsum("ij,ij->i", placed, placed).max())
    small = largest < EXACT[rows.shape[1] > FEW_COLUMNS]
    bounds = np.linspace(0, len(rows), groups + 1).astype(int)
    return Grouped(np.ascontiguousarray(placed, np.float32 if small else np.float64), bounds)


def _shuffled(n: int) -> Array:
    return np.random.Generator(np.random.PCG64(n)).permutation(n)


def kernel_sums(x: Grouped, y: Grouped | None = None) -> Array:
    """Return the sums over ordered pairs of groups (1 + K, G, G) of |x-y| and of exp(-|x-y|²/2h²) for each bandwidth h.

    Without ``y``, x meets itself, each row included.
    """
    symmetric, other = y is None, x if y is None else y
    dtype = np.result_type(x.rows, other.rows)
    left, right = x.rows.astype(dtype, copy=False), other.rows.astype(dtype, copy=False)
    sums = np.zeros((WIDTH, len(x.sizes), len(other.sizes)))
    squares, kernel, ones = (np.ones(TILE * TILE, dtype) for _ in range(3))
    distances = _squares_of(left, right)
    for g, a, b in _cuts(x):
        for h, c, d in _cuts(other):
            if symmetric and c < a:
                continue
            size = (b - a) * (d - c)
            tile, work = (part[:size].reshape(b - a, d - c) for part in (squares, kernel))
            values = _tile_sums(distances, (slice(a, b), slice(c, d)), tile, work, ones[:size])
            sums[:, g, h] += values
            if symmetric and a != c:
                sums[:, h, g] += values
    return sums


def _cuts(x: Grouped) -> Iterator[tuple[int, int, int]]:
    for group, (start, stop) in enumerate(pairwise(x.bounds)):
        edges = np.linspace(start, stop, -(-int(stop - start) // TILE) + 1).astype(int)
        yield from ((group, int(a), int(b)) for a, b in pairwise(edges))


def _tile_sums(distances: Squares, where: tuple[slice, slice], squares: Array, kernel: Array, ones: Array) -> Array:
    """Return the sums of one tile (1 + K,); ``squares`` and ``kernel`` (a, b) and ``ones`` (a b,) are its workplace."""
    values, flat = np.empty(WIDTH), kernel.reshape(-1)
    distances(*where, squares)
    np.sqrt(squares, out=kernel)
    values[0] = flat @ ones
    for at, factor in enumerate(FACTORS):
        if at % RESTART:
            np.multiply(kernel, kernel, out=kernel)
            np.multiply(kernel, kernel, out=kernel)
        else:
            np.multiply(squares, -0.25 / factor**2, out=kernel)
            np.exp(kernel, out=kernel)
        values[1 + at] = flat @ flat
    return values


def _squares_of(x: Array, y: Array) -> Squares:
    """Return what writes the squared distances of some rows of x (n, d) to some of y (m, d).

    Of few columns by a product in eight bytes, whatever the rows have: with the norms as columns it is the fastest, and
    as exact as differences in four.
    """
    if x.shape[1] > FEW_COLUMNS:
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
    """Return what one pair of real rows tells of the distance and of each kernel: (1 + K,) means, (1 + K,) variances.

    The mean is c = E|X-X'|, or k(0) - E k(X,X'); the variance is that of the centred kernel, E k̃(X,X')², by U-centring
    (Székely & Rizzo 2014, arXiv:1310.2926), from at most 1,000 rows.
    """
    rows = x.rows[:FEWER]  # in random order
    n = len(rows)
    totals, squares = np.zeros((WIDTH, n)), np.zeros(WIDTH)
    for start in range(0, n, TILE):
        block = cdist(rows[start : start + TILE], rows, "sqeuclidean")  # (b, n)
        kernels = (np.sqrt(block), *(np.exp(block / (-2.0 * factor**2)) for factor in FACTORS))
        for at, kernel in enumerate(kernels):
            kernel[np.arange(len(kernel)), np.arange(start, start + len(kernel))] = 0.0
            totals[at, start : start + TILE] = kernel.sum(1)
            squares[at] += np.vdot(kernel, kernel)
    whole = totals.sum(1)
    centred = squares - 2 * (totals**2).sum(1) / (n - 2) + whole**2 / ((n - 1) * (n - 2))
    mean = whole / (n * (n - 1))
    mean[1:] = 1 - mean[1:]
    return mean, centred / (n * (n - 3))

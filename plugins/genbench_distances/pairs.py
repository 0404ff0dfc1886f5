"""Sums over all pairs of rows, by groups of the jackknife, in tiles that fit in the processor's cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from genbench.protocol import RealSide, jackknife_groups

__all__ = ["Side", "Tile", "pair_sums", "real_side", "side", "square_distances", "tiles"]

Array = npt.NDArray[Any]
TILE_ROWS = 256  # 256 x 256 distances are half a megabyte
MIN_SQUARE_RATIO = 1e-6  # squared distance over squared norms: below, the product has lost too many digits
MIN_SINGLE_RATIO = 1e-4  # the same in single precision


@dataclass(frozen=True)
class Side:
    """Centred rows in the order of their groups.

    The product of ``left`` of one side and ``right`` of another is |x|² - 2xy + |y|², the squared distances.
    """

    rows: Array  # (n, d)
    norms: Array  # (n,) squared, of the rows
    bounds: Array  # (G + 1,) where each group begins
    left: Array  # (n, d + 2)
    right: Array  # (d + 2, n)

    @property
    def sizes(self) -> Array:
        """Rows of each group (G,)."""
        return np.diff(self.bounds)


@dataclass(frozen=True)
class Tile:
    """Squared distances of some rows of one group to some rows of another; the next tile overwrites them."""

    groups: tuple[int, int]
    squares: Array
    diagonal: bool  # of rows to themselves
    twice: bool  # counts for its mirror image too


def side(rows: Array, centre: Array, groups: int) -> Side:
    """Return the rows (n, d) minus ``centre`` (d,), in ``groups`` groups."""
    labels = jackknife_groups(len(rows), groups)
    ordered = rows[np.argsort(labels, kind="stable")] - centre
    bounds = np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=groups))])
    norms, ones = np.einsum("ij,ij->i", ordered, ordered), np.ones(len(rows))
    right = np.ascontiguousarray(np.column_stack([ordered, ones, norms]).T)
    return Side(ordered, norms, bounds, np.column_stack([-2.0 * ordered, norms, ones]), right)


def real_side(real: RealSide, groups: int) -> tuple[Side, Array]:
    """Return the real rows in groups, and their mean (d,); both are computed once for all models."""
    centre = real.once("mean", lambda: real.rows.mean(0))
    return real.once(("side", groups), lambda: side(real.rows, centre, groups)), centre


def square_distances(x: Side, some: slice, y: Side, others: slice, out: Array) -> Array:
    """Write the squared distances of some rows of x to some rows of y into ``out``, and return it.

    Matrix products lose digits of small distances; these are computed again from differences.
    """
    np.matmul(x.left[some], y.right[:, others], out=out)
    near = (MIN_SQUARE_RATIO if out.dtype == np.float64 else MIN_SINGLE_RATIO) * (
        x.norms[some].max() + y.norms[others].max()
    )
    if out.min() < near:
        rows, columns = np.nonzero(out < near)
        if len(rows) > out.size // 64:
            out[:] = cdist(x.rows[some], y.rows[others], "sqeuclidean")
            return out
        out[rows, columns] = ((x.rows[some][rows] - y.rows[others][columns]) ** 2).sum(1)
    return out


def _blocks(side: Side) -> list[tuple[int, int, int]]:
    """Return the group, first and last row (exclusive) of each block of at most `TILE_ROWS` rows."""
    pieces = []
    for group, (start, stop) in enumerate(pairwise(side.bounds)):
        edges = np.linspace(start, stop, -(-int(stop - start) // TILE_ROWS) + 1).astype(int)
        pieces += [(group, int(a), int(b)) for a, b in pairwise(edges)]
    return pieces


def tiles(x: Side, y: Side | None = None, *, single: bool = False) -> Iterator[Tile]:
    """Yield all squared distances of x to y; without ``y``, of x to itself, with one of each two mirror images only.

    ``single`` makes them in single precision, twice as fast.
    """
    if single:
        x, y = _single(x), None if y is None else _single(y)
    symmetric, other = y is None, x if y is None else y
    buffer = np.empty(TILE_ROWS * TILE_ROWS, x.left.dtype)
    columns = _blocks(other)
    for i, (g, a, b) in enumerate(_blocks(x)):
        for j, (h, c, d) in enumerate(columns):
            if symmetric and j < i:
                continue
            out = buffer[: (b - a) * (d - c)].reshape(b - a, d - c)
            square_distances(x, slice(a, b), other, slice(c, d), out)
            yield Tile((g, h), out, symmetric and i == j, symmetric and i != j)


def _single(side: Side) -> Side:
    return replace(side, left=side.left.astype(np.float32), right=side.right.astype(np.float32))


def pair_sums(
    x: Side, y: Side | None, function: Callable[[Array], Sequence[float]], width: int = 1, *, single: bool = False
) -> Array:
    """Return ``width`` sums of a function of squared distances, (width, G, G), over ordered pairs of two groups.

    ``function`` maps a tile (a, b), which it may overwrite, to its ``width`` sums. Without ``y`` the pairs are those of
    x with itself, each row with itself included. ``single`` gives tiles in single precision.
    """
    sums = np.zeros((width, len(x.sizes), len((x if y is None else y).sizes)))
    for tile in tiles(x, y, single=single):
        g, h = tile.groups
        values = np.asarray(function(tile.squares))
        sums[:, g, h] += values
        if tile.twice:
            sums[:, h, g] += values
    return sums

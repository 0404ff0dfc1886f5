"""Wasserstein distances on the line, from sorted values, with and without each group of the jackknife."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import jackknife_groups

__all__ = ["Sorted", "line_costs", "line_noise", "line_products", "line_replicates", "sort"]

Array = npt.NDArray[Any]
MIN_PIECES = 5  # for a variance of products of different pieces


@dataclass(frozen=True)
class Sorted:
    """Values along each of c lines in rising order, and the row and the group of each."""

    values: Array  # (c, n)
    rows: Array  # (c, n)
    labels: Array  # (c, n)

    def without(self, group: int) -> Array:
        """Return the values without a group, still sorted (c, n - size)."""
        return self._select(self.labels != group)

    def alone(self, group: int) -> Array:
        """Return the values of a group, sorted (c, size)."""
        return self._select(self.labels == group)

    def mean_quantiles(self, groups: int, size: int) -> Array:
        """Return the quantile functions (c, groups, size) of groups, each the mean over pieces of ``size`` rows."""
        n = self.values.shape[1]
        pieces = n // (groups * size) * groups
        piece = np.random.Generator(np.random.PCG64([n, groups])).permutation(n) // size
        piece = np.minimum(piece, pieces).astype(np.min_scalar_type(pieces))  # the last has the rows that are not used
        order = np.argsort(piece[self.rows], axis=1, kind="stable")[:, : pieces * size]
        values = np.take_along_axis(self.values, order, 1)
        quantiles: Array = values.reshape(len(values), -1, groups, size).mean(1)
        return quantiles

    def _select(self, mask: Array) -> Array:
        values: Array = self.values[mask].reshape(len(self.values), -1)
        return values


def sort(lines: Array, groups: int) -> Sorted:
    """Return the values of c lines (c, n) sorted, with the group of each; without groups where ``groups`` is 0."""
    if not groups:
        return Sorted(np.sort(lines, axis=1), np.empty((len(lines), 0), int), np.empty((len(lines), 0)))
    order = np.argsort(lines, axis=1).astype(np.int32)
    values = np.take_along_axis(lines, order, 1)
    return Sorted(values, order, jackknife_groups(lines.shape[1], groups)[order])


@lru_cache(maxsize=8)
def _coupling(n: int, m: int) -> tuple[Array, Array, Array]:
    """Return the indices of n and of m sorted values that are coupled, and the mass that moves between them."""
    ends_x, ends_y = np.arange(1, n + 1) * m, np.arange(1, m + 1) * n  # in units of 1/(nm), which are exact
    ends = np.union1d(ends_x, ends_y)
    return np.searchsorted(ends_x, ends), np.searchsorted(ends_y, ends), np.diff(ends, prepend=0) / (n * m)


def line_costs(x: Array, y: Array) -> Array:
    """Return W₁ and W₂² (2, c) of sorted values (c, n) and (c, m)."""
    n, m = x.shape[1], y.shape[1]
    if n == m:
        gaps = x - y
        return np.stack([np.abs(gaps).mean(1), np.einsum("ij,ij->i", gaps, gaps) / n])
    rows_x, rows_y, mass = _coupling(n, m)
    gaps = x[:, rows_x] - y[:, rows_y]
    return np.stack([np.abs(gaps) @ mass, np.einsum("ij,ij,j->i", gaps, gaps, mass)])


def line_replicates(x: Sorted, y: Sorted, groups: int) -> tuple[Array, Array]:
    """Return W₁ and W₂² without each group, and of each group alone: (2, G, c) both, or (2, 0, c) if G is 1."""
    if groups == 1:
        return np.empty((2, 0, len(x.values))), np.empty((2, 0, len(x.values)))
    without = [line_costs(x.without(g), y.without(g)) for g in range(groups)]
    alone = [line_costs(x.alone(g), y.alone(g)) for g in range(groups)]
    return np.stack(without, axis=1), np.stack(alone, axis=1)


def line_products(x: Sorted, y: Sorted, groups: int) -> list[Array]:
    """Return the products (c, G, G) of the differences of the quantile functions of G pieces, for three numbers G.

    All pieces of both sides are of equal sizes, since the mean of a quantile function depends on the number of rows.
    They are empty if ``groups`` is 1.
    """
    if groups == 1:
        return [np.empty((len(x.values), 0, 0))] * 3
    found = []
    for number in (groups, max(groups // 2, MIN_PIECES), MIN_PIECES):
        size = min(x.values.shape[1], y.values.shape[1]) // number
        gaps = x.mean_quantiles(number, size) - y.mean_quantiles(number, size)
        found.append(gaps @ gaps.transpose(0, 2, 1) / size)
    return found


def line_noise(x: Sorted, y: Sorted) -> Array:
    """Return the mean of W₁ (c,) between samples of the same sizes if the distributions were equal.

    The difference of the distribution functions then is normal with variance F(1 - F)/n + G(1 - G)/m.
    """
    squares = [(_width(side.values) ** 2 / side.values.shape[1]) for side in (x, y)]
    noise: Array = np.sqrt(2 / np.pi * (squares[0] + squares[1]))
    return noise


def _width(values: Array) -> Array:
    """Return the integral of √(F(1 - F)) (c,) of sorted values (c, n)."""
    share = np.arange(1, values.shape[1]) / values.shape[1]
    width: Array = np.diff(values, axis=1) @ np.sqrt(share * (1 - share))
    return width

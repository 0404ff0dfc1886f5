"""A linear classifier of products of up to three columns, of which only those are used that differ between classes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve
from scipy.special import ndtri
from scipy.stats import rankdata

__all__ = ["MAX_COLUMNS", "fit_products", "normal_scores", "principal_scores"]

Array = npt.NDArray[Any]
MAX_COLUMNS = 32  # that are multiplied with each other: 6,544 products
MAX_PRODUCTS = 48  # that are used
ROWS_PER_PRODUCT = 10  # of training rows, at least
MIN_PRODUCTS = 4  # that are used, however little they differ
BLOCK_ROWS = 2048
RIDGE = 0.05  # added to the correlations of products
PCA_ROWS = 2000  # that the principal directions are computed from
PCA_STEPS = 3  # of the power iteration
EXTREME_SHARE = 0.005  # of the values of a column, beyond which they are clipped at twice the width of the rest


def normal_scores(rows: Array) -> Array:
    """Return the columns of rows (n, c), each with its ranks replaced by quantiles of the normal distribution."""
    scores: Array = ndtri(rankdata(rows, axis=0) / (len(rows) + 1))
    return scores


def principal_scores(rows: Array, number: int, rng: np.random.Generator) -> Array:
    """Return the rows (n, d) along their principal directions (n, number), by a randomised power iteration.

    Outliers are clipped. Halko, Martinsson & Tropp 2011, arXiv:0909.4061.
    """
    n, d = rows.shape
    some = rows[np.sort(rng.permutation(n)[:PCA_ROWS])]
    low, high = np.quantile(some, [EXTREME_SHARE, 1 - EXTREME_SHARE], axis=0)
    margin = np.where(high > low, high - low, np.ptp(some, axis=0))
    low, high = low - margin, high + margin
    some = np.clip(some, low, high)
    centre = some.mean(0)
    some -= centre
    basis = rng.standard_normal((d, min(number + 8, d)))
    for _ in range(PCA_STEPS):
        basis = np.linalg.qr(some.T @ (some @ basis))[0]
    found = np.linalg.svd(some @ basis, full_matrices=False)[2]
    vectors = basis @ found[:number].T
    blocks = [(np.clip(rows[i : i + BLOCK_ROWS], low, high) - centre) @ vectors for i in range(0, n, BLOCK_ROWS)]
    return np.concatenate(blocks)


def fit_products(rows: Array, labels: Array) -> Callable[[Array], Array]:
    """Return the decision function of a classifier of rows (n, c), c <= 32, by boolean labels (n,).

    Candidates are all products of one, two and three columns, repeated ones included. Of p candidates of a degree those
    are used whose means differ by more than √(2 log p) standard errors, which the largest of p differences by chance
    are about (Donoho & Johnstone 1994, doi:10.1093/biomet/81.3.425). The weights are those of a linear discriminant
    with a ridge.
    """
    candidates = _candidates(rows.shape[1])
    most = min(MAX_PRODUCTS, max(1, len(rows) // ROWS_PER_PRODUCT))
    used = candidates[_differing(rows, labels, candidates, most)]
    products = _products(rows, used)
    means = [products[labels == label].mean(0) for label in (False, True)]
    centred = products - np.where(labels[:, None], means[1], means[0])
    width = np.sqrt((centred**2).mean(0))
    width[width == 0] = 1.0
    correlations = centred.T @ centred / len(rows) / np.outer(width, width)
    correlations[np.diag_indices(len(used))] += RIDGE + len(used) / len(rows)
    weights = solve(correlations, (means[1] - means[0]) / width, assume_a="pos") / width

    def decide(some: Array) -> Array:
        decision: Array = _products(some, used) @ weights
        return decision

    return decide


def _candidates(c: int) -> Array:
    """Return the columns (p, 3) of all products, in rising order; column c is that of ones."""
    i, j, k = np.indices((c + 1, c + 1, c + 1)).reshape(3, -1)
    return np.stack([i, j, k], axis=1)[(i <= j) & (j <= k) & (i < c)]


def _products(rows: Array, used: Array) -> Array:
    """Return the products (n, p) of columns ``used`` (p, 3) of rows (n, c)."""
    padded = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    found: Array = padded[:, used[:, 0]] * padded[:, used[:, 1]] * padded[:, used[:, 2]]
    return found


def _differing(rows: Array, labels: Array, candidates: Array, most: int) -> Array:
    """Return which of the candidates differ most between the classes, relative to what chance allows."""
    c = rows.shape[1]
    first, second = np.triu_indices(c + 1)
    position = np.zeros((c + 1, c + 1), int)
    position[first, second] = np.arange(len(first))
    means, variances = [], []
    for label in (False, True):
        one = rows[labels == label]
        sums, squares = np.zeros((2, len(first), c + 1))
        for start in range(0, len(one), BLOCK_ROWS):
            padded = one[start : start + BLOCK_ROWS]
            padded = np.concatenate([padded, np.ones((len(padded), 1))], axis=1)
            pairs = padded[:, first] * padded[:, second]
            sums += pairs.T @ padded
            squares += (pairs**2).T @ padded**2
        at = position[candidates[:, 0], candidates[:, 1]], candidates[:, 2]
        mean = sums[at] / len(one)
        means.append(mean)
        variances.append(np.maximum(squares[at] / len(one) - mean**2, 0.0) / max(len(one) - 1, 1))
    error = np.sqrt(variances[0] + variances[1])
    gap = np.abs(means[1] - means[0])
    excess = np.divide(gap, error, out=np.zeros_like(gap), where=error > 1e-9)
    degree = (candidates < c).sum(1)
    for n in (1, 2, 3):
        excess[degree == n] /= math.sqrt(2 * math.log(max(int((degree == n).sum()), 2)))
    order = np.argsort(-excess, kind="stable")[:most]
    return order[: max(MIN_PRODUCTS, int((excess[order] > 1).sum()))]

"""Ridge regression from sums of products by groups of rows: fits without each group cost no further pass over rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from genbench.protocol import jackknife_groups
from genbench_utility.basis import Basis
from genbench_utility.tasks import Targets

__all__ = ["GROUPS", "Moments", "fits", "moments", "penalty_of", "r_squared"]

Array = npt.NDArray[Any]
GROUPS = 20
FOLDS = 5  # of the cross-validation of the penalty
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1)  # times the number of rows
BLOCK_ROWS = 8192


@dataclass(frozen=True)
class Moments:
    """Sums over the rows of each group: of features times features, features times targets, and of targets."""

    products: Array  # (G, p, p)
    mixed: Array  # (G, p, q)
    squares: Array  # (G, q) of targets
    sums: Array  # (G, q)
    sizes: Array  # (G,)

    def chosen(self, features: Array, targets: Array) -> Moments:
        """Return the moments of some features and some targets."""
        return Moments(
            self.products[:, features[:, None], features], self.mixed[:, features[:, None], targets],
            self.squares[:, targets], self.sums[:, targets], self.sizes,
        )  # fmt: skip

    def kept(self, groups: Array) -> Moments:
        """Return the moments of each set of groups, from its indicator (S, G)."""
        weights = groups.astype(np.float64)
        each = (self.products, self.mixed, self.squares, self.sums, self.sizes)
        return Moments(*(np.tensordot(weights, values, 1) for values in each))


def moments(basis: Basis, targets: list[Targets], labels: Array | None, rows: Array, groups: int) -> Moments:
    """Return the moments of rows (n, d) in groups of the jackknife; ``labels`` (n, k) are targets after the others."""
    group = jackknife_groups(len(rows), groups)
    found: list[list[Array]] = []
    for g in range(groups):
        index, total = np.flatnonzero(group == g), None
        for start in range(0, len(index), BLOCK_ROWS):
            some = index[start : start + BLOCK_ROWS]
            x, extra = basis(rows[some]), [] if labels is None else [labels[some]]
            y = np.concatenate([*(target.of(rows[some]) for target in targets), *extra], axis=1)
            parts = [x.T @ x, x.T @ y, (y**2).sum(0), y.sum(0), np.array(float(len(some)))]
            total = parts if total is None else [a + b for a, b in zip(total, parts, strict=True)]
        assert total is not None
        found.append(total)
    return Moments(*(np.stack(each) for each in zip(*found, strict=True)))


def fits(train: Moments, penalty: float) -> Array:
    """Return the coefficients (S, p, q) for each set of groups (S, ...); the constant is not penalised."""
    p = train.products.shape[1]
    found = []
    for products, mixed, size in zip(train.products, train.mixed, train.sizes, strict=True):
        ridge = np.full(p, penalty * size)
        ridge[0] = 0.0
        try:
            found.append(cho_solve(cho_factor(products + np.diag(ridge)), mixed))
        except LinAlgError:  # samples whose features are all equal
            found.append(np.linalg.lstsq(products + np.diag(ridge), mixed, rcond=None)[0])
    return np.stack(found)


def r_squared(test: Moments, coefficients: Array) -> Array:
    """Return R² (S,) of coefficients (S, p, q) on test rows (S, ...): of all targets together, by sums of squares."""
    explained = 2 * (coefficients * test.mixed).sum((1, 2))
    explained -= (coefficients * (test.products @ coefficients)).sum((1, 2))
    left = test.squares.sum(1) - explained
    total = (test.squares - test.sums**2 / test.sizes[:, None]).sum(1)
    return np.asarray(1.0 - left / np.where(total > 0, total, np.nan))


def penalty_of(train: Moments) -> float:
    """Return the penalty with the smallest error of five-fold cross-validation over whole groups."""
    groups = len(train.sizes)
    if groups < FOLDS:
        return PENALTIES[-1]
    held = np.arange(groups) % FOLDS == np.arange(FOLDS)[:, None]
    rest, tested = train.kept(~held), train.kept(held)
    scores = [float(r_squared(tested, fits(rest, penalty)).mean()) for penalty in PENALTIES]
    return PENALTIES[int(np.nanargmax(scores))] if np.isfinite(scores).any() else PENALTIES[-1]

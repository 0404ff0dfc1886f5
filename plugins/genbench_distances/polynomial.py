"""Kernel distance (KID): squared MMD with the cubic kernel, from moment tensors or from blocks of products."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score
from genbench_distances.jackknife import Interval, assign, bounded, count, jackknife, leave_out

__all__ = ["kid"]

Array = npt.NDArray[Any]
MOST = 64  # columns, up to which the third moments are cheaper than all pairs
BLOCK = 1_000_000  # products at once


def kid(evidence: Evidence) -> Score:
    """Return the squared maximum mean discrepancy with kernel (x·y/d + 1)³, of all samples; lower is better.

    Unbiased, so that it may be negative; without a unit; any sizes from 2. In raw units it depends on where the origin
    is. Only in Inception's features is it the KID of Bińkowski et al. 2018, arXiv:1801.01401.
    """
    n, m, d = len(evidence.real.rows), len(evidence.fake), evidence.fake.shape[1]
    if min(n, m) < 2:
        return Score(None, n_real=n, n_fake=m, warnings=("needs at least 2 rows of either side",))
    value, interval = (_from_moments if d <= MOST else _from_blocks)(evidence, count(n, m))
    params = {"kernel": "(x.y/d + 1)^3", "estimator": "U"}
    return bounded(value, interval, n_real=n, n_fake=m, params=params)


def _unbiased(between: Any, real: Any, fake: Any, real_self: Any, fake_self: Any, n: Any, m: Any) -> Any:
    """Return MMD² from sums of the kernel over ordered pairs, each row with itself included."""
    return (real - real_self) / (n * (n - 1)) + (fake - fake_self) / (m * (m - 1)) - 2 * between / (n * m)


def _self(rows: Array) -> Array:
    """Return k(x, x) (n,)."""
    s = np.einsum("ij,ij->i", rows, rows) / rows.shape[1] + 1.0
    return s * s * s  # type: ignore[no-any-return]


def _by_group(values: Array, labels: Array, groups: int) -> Array:
    return np.bincount(labels, values, minlength=groups)


def _moments(rows: Array, groups: int) -> Array:
    """Return sums of (1, √3 x, √3 xx, xxx), scaled, over the rows of each group: (G, number of monomials).

    The kernel is 1 + 3s + 3s² + s³ with s = x·y/d, and the sum over pairs of s^p is the product of the sums of the
    p-fold products of x and of y. Of xx only one half is kept, the rest being its mirror image.
    """
    d = rows.shape[1]
    i, j = np.triu_indices(d)
    mirror = np.where(i == j, 1.0, np.sqrt(2.0))
    scaled, labels = rows / np.sqrt(d), assign(len(rows), groups)
    moments = []
    for g in range(groups):
        x = scaled[labels == g]
        first, second, third = np.zeros(d), np.zeros(len(i)), np.zeros((len(i), d))
        step = max(1, BLOCK // len(i))
        for start in range(0, len(x), step):
            part = x[start : start + step]
            squares = part[:, i] * part[:, j] * mirror
            first += part.sum(0)
            second += squares.sum(0)
            third += squares.T @ part
        root = np.sqrt(3.0)
        moments.append(np.concatenate([[len(x)], root * first, root * second, third.ravel()]))
    return np.array(moments)


def _from_moments(evidence: Evidence, groups: int) -> tuple[float, Interval | None]:
    real, fake = evidence.real, evidence.fake
    p = real.once(("third moments", groups), lambda: _moments(real.rows, groups))
    q = _moments(fake, groups)
    own = [_by_group(_self(rows), assign(len(rows), groups), groups) for rows in (real.rows, fake)]
    P, Q = p.sum(0), q.sum(0)
    value = float(_unbiased(P @ Q, P @ P, Q @ Q, own[0].sum(), own[1].sum(), P[0], Q[0]))
    if groups == 1:
        return value, None
    replicates = []
    for g in range(groups):
        a, b = P - p[g], Q - q[g]
        selves = [o.sum() - o[g] for o in own]
        replicates.append(_unbiased(a @ b, a @ a, b @ b, *selves, a[0], b[0]))
    return value, jackknife(value, np.array(replicates))


def _from_blocks(evidence: Evidence, groups: int) -> tuple[float, Interval | None]:
    real, fake = evidence.real, evidence.fake
    labels = [assign(len(rows), groups) for rows in (real.rows, fake)]
    sizes = [np.bincount(some, minlength=groups) for some in labels]
    own = [_by_group(_self(rows), some, groups) for rows, some in zip((real.rows, fake), labels, strict=True)]
    within_real = real.once(("cubic", groups), lambda: _block_sums(real.rows, real.rows, labels[0], labels[0], groups))
    within_fake = _block_sums(fake, fake, labels[1], labels[1], groups)
    between = _block_sums(real.rows, fake, *labels, groups)
    sums = (between.sum(), within_real.sum(), within_fake.sum(), own[0].sum(), own[1].sum())
    value = float(_unbiased(*sums, len(real.rows), len(fake)))
    if groups == 1:
        return value, None
    lesser = [total.sum() - total for total in own]
    others = (len(real.rows) - sizes[0], len(fake) - sizes[1])
    parts = (leave_out(between), leave_out(within_real), leave_out(within_fake))
    replicates = _unbiased(*parts, *lesser, *others)
    return value, jackknife(value, replicates)


def _block_sums(x: Array, y: Array, x_labels: Array, y_labels: Array, groups: int) -> Array:
    """Return sums of the kernel over ordered pairs of two groups (G, G); of x with itself each block is met once."""
    same = x is y
    x_order, y_order = np.argsort(x_labels, kind="stable"), np.argsort(y_labels, kind="stable")
    x, y = x[x_order], y[y_order]
    x_bounds, y_bounds = (np.searchsorted(np.sort(some), np.arange(groups + 1)) for some in (x_labels, y_labels))
    sums = np.zeros((groups, groups))
    for g in range(groups):
        left = x[x_bounds[g] : x_bounds[g + 1]] / x.shape[1]
        for h in range(g if same else 0, groups):
            right = y[y_bounds[h] : y_bounds[h + 1]]
            step = max(1, BLOCK // max(1, len(right)))
            for start in range(0, len(left), step):
                s = left[start : start + step] @ right.T
                s += 1.0
                sums[g, h] += np.einsum("ij,ij,ij->", s, s, s)
            if same:
                sums[h, g] = sums[g, h]
    return sums

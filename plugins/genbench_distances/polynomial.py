"""Kernel distance (KID): squared MMD with the cubic kernel, from moments in few columns, from all pairs in many."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score, jackknife_groups
from genbench_distances.contrast import Contrast
from genbench_distances.jackknife import bounded, count

__all__ = ["kid"]

Array = npt.NDArray[Any]
MAX_MOMENT_COLUMNS = 64  # up to which the third moments are cheaper than all pairs
BLOCK_PRODUCTS = 1_000_000  # computed at once
MAX_ROW_SHARE = 1 / 3  # of the sum of k(x, x) over a side: above, its mean need not exist, or is not reached


def kid(evidence: Evidence) -> Score:
    """Return the squared maximum mean discrepancy with kernel (x·y/d + 1)³, of all samples; lower is better.

    It is E k(X,X') + E k(Y,Y') - 2 E k(X,Y), unbiased, so it may be negative; it has no unit and needs at least 2 rows
    of either side. In raw units it depends on the origin, and large offsets leave it no digits. The interval is of the
    population value. It is the KID of Bińkowski et al. 2018, arXiv:1801.01401, only in Inception's features.
    """
    n, m, d = len(evidence.real.rows), len(evidence.fake), evidence.fake.shape[1]
    if min(n, m) < 2:
        return Score(None, n_real=n, n_fake=m, warnings=("needs at least 2 rows of either side",))
    params = {"kernel": "(x.y/d + 1)^3", "estimator": "U"}
    with np.errstate(over="ignore", invalid="ignore"):
        sums = (_from_moments if d <= MAX_MOMENT_COLUMNS else _from_blocks)(evidence, count(n, m))
        value, interval = sums.value(), sums.interval()
    if not math.isfinite(value):
        warnings = ("the kernel overflows at the scale of the data: score in standardised space",)
        return Score(None, n_real=n, n_fake=m, params=params, warnings=warnings)
    rows = {"real rows": evidence.real.once("largest k(x, x)", lambda: _largest_share(evidence.real.rows))}
    rows["samples"] = _largest_share(evidence.fake)
    side = max(rows, key=lambda name: rows[name])
    if rows[side] <= MAX_ROW_SHARE:
        return bounded(value, interval, n_real=n, n_fake=m, params=params)
    missing = (
        f"no interval: one of the {side} makes up {100 * rows[side]:.0f} % of the sum of k(x, x), as in heavy tails"
    )
    score = bounded(value, None, n_real=n, n_fake=m, params=params, missing=missing)
    return score if interval is None else replace(score, replicates=interval.replicates)  # equal tails may be compared


def _largest_share(rows: Array) -> float:
    """Return the largest k(x, x) of rows (n, d), divided by their sum."""
    selves = _selves(rows)
    return float(selves.max() / selves.sum())


def _selves(rows: Array) -> Array:
    """Return k(x, x) of each row (n,)."""
    s = np.einsum("ij,ij->i", rows, rows) / rows.shape[1] + 1.0
    cubes: Array = s * s * s
    return cubes


def _sides(evidence: Evidence, groups: int) -> tuple[tuple[Array, Array], dict[str, Array]]:
    """Return the group of each row of both sides, and the fields of a `Contrast` that depend on one side alone."""
    sides = {"real": evidence.real.rows, "fake": evidence.fake}
    labels = {name: jackknife_groups(len(rows), groups) for name, rows in sides.items()}
    fields = {}
    for name, rows in sides.items():
        fields[f"{name}_selves"] = np.bincount(labels[name], _selves(rows), minlength=groups)
        fields[f"{name}_sizes"] = np.bincount(labels[name], minlength=groups)
    return (labels["real"], labels["fake"]), fields


def _moments(rows: Array, groups: int) -> Array:
    """Return sums of (1, √3 x, √3 xx, xxx), scaled, over the rows of each group: (G, number of monomials).

    The kernel is 1 + 3s + 3s² + s³ with s = x·y/d, and the sum over pairs of s^p is the scalar product of the sums of
    the p-fold products of x and of y. Of xx, which is symmetric, only one half is kept.
    """
    d = rows.shape[1]
    i, j = np.triu_indices(d)
    mirror = np.where(i == j, 1.0, np.sqrt(2.0))
    scaled, labels = rows / np.sqrt(d), jackknife_groups(len(rows), groups)
    moments = []
    for g in range(groups):
        x = scaled[labels == g]
        first, second, third = np.zeros(d), np.zeros(len(i)), np.zeros((len(i), d))
        step = max(1, BLOCK_PRODUCTS // len(i))
        for start in range(0, len(x), step):
            part = x[start : start + step]
            squares = part[:, i] * part[:, j] * mirror
            first += part.sum(0)
            second += squares.sum(0)
            third += squares.T @ part
        root = np.sqrt(3.0)
        moments.append(np.concatenate([[len(x)], root * first, root * second, third.ravel()]))
    return np.array(moments)


def _from_moments(evidence: Evidence, groups: int) -> Contrast:
    real = evidence.real
    p = real.once(("third moments", groups), lambda: _moments(real.rows, groups))
    q = _moments(evidence.fake, groups)
    return Contrast(p @ q.T, p @ p.T, q @ q.T, **_sides(evidence, groups)[1])


def _from_blocks(evidence: Evidence, groups: int) -> Contrast:
    real, fake = evidence.real, evidence.fake
    labels, fields = _sides(evidence, groups)
    within_real = real.once(("cubic", groups), lambda: _block_sums(real.rows, real.rows, labels[0], labels[0], groups))
    within_fake = _block_sums(fake, fake, labels[1], labels[1], groups)
    return Contrast(_block_sums(real.rows, fake, *labels, groups), within_real, within_fake, **fields)


def _block_sums(x: Array, y: Array, x_labels: Array, y_labels: Array, groups: int) -> Array:
    """Return sums of the kernel over ordered pairs of two groups (G, G); of x with itself, one half is computed."""
    same = x is y
    x_order, y_order = np.argsort(x_labels, kind="stable"), np.argsort(y_labels, kind="stable")
    x, y = x[x_order], y[y_order]
    x_bounds, y_bounds = (np.searchsorted(np.sort(labels), np.arange(groups + 1)) for labels in (x_labels, y_labels))
    sums = np.zeros((groups, groups))
    for g in range(groups):
        left = x[x_bounds[g] : x_bounds[g + 1]] / x.shape[1]
        for h in range(g if same else 0, groups):
            right = y[y_bounds[h] : y_bounds[h + 1]]
            step = max(1, BLOCK_PRODUCTS // max(1, len(right)))
            for start in range(0, len(left), step):
                s = left[start : start + step] @ right.T
                s += 1.0
                sums[g, h] += np.einsum("ij,ij,ij->", s, s, s)
            if same:
                sums[h, g] = sums[g, h]
    return sums

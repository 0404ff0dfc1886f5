"""Vendi score: the effective number of different rows, as a ratio of samples to real rows."""

from __future__ import annotations

import math

import numpy as np

from genbench.protocol import Array, Evidence, Score, jackknife_groups
from genbench_features import VendiConfig

__all__ = ["effective_number", "vendi"]

GROUPS = 20  # of the jackknife
QUANTILE = 2.093  # Student's t at 97.5 % with 19 degrees of freedom
MAX_INTERVAL_DIMENSIONS = 256


def vendi(evidence: Evidence, config: VendiConfig) -> Score:
    """Return the Vendi score of samples divided by that of equally many held-out rows; neither direction is better.

    The score is exp(-Σ λ log λ) for the eigenvalues λ of K/n, where K is the cosine similarity of the features: 1 where
    all n rows are alike, n where they are orthogonal. A ratio below 1 means less diverse than the data (lost modes,
    repeated points), above 1 more diverse (noise): it says nothing of quality, and is not ranked. ``detail`` has both
    scores. At most ``max_rows`` rows of each side are used. The interval is of the mean at these sizes, by a jackknife
    of both sides. Friedman & Dieng 2022, arXiv:2210.02410.
    """
    n = min(len(evidence.real.rows), len(evidence.fake), config.max_rows)
    if n < 2:
        return Score(None, n_real=n, n_fake=n, warnings=("needs at least 2 rows of either side",))
    real = evidence.real.once(("vendi", n), lambda: _scores(_thinned(evidence.real.rows, n)))
    fake = _scores(_thinned(evidence.fake, n))
    value = float(fake[0] / real[0])
    detail = {"samples": float(fake[0]), "real": float(real[0])}
    if len(real) == 1:
        reason = f"no interval: {2 * GROUPS} rows and at most {MAX_INTERVAL_DIMENSIONS} dimensions are needed"
        return Score(value, n_real=n, n_fake=n, detail=detail, warnings=(reason,))
    replicates = fake[1:] / real[1:]
    error = math.sqrt((GROUPS - 1) / GROUPS * float(((replicates - replicates.mean()) ** 2).sum()))
    about = {"interval": "delete-a-group jackknife", "interval_of": "these sizes", "standard_error": error}
    return Score(
        value, low=max(value - QUANTILE * error, 0.0), high=value + QUANTILE * error, level=0.95, n_real=n, n_fake=n,
        detail=detail | about, replicates=replicates.tolist(),
    )  # fmt: skip


def effective_number(rows: Array) -> float:
    """Return the Vendi score of rows (n, d) with the cosine similarity, between 1 and n."""
    return float(_scores(rows, groups=0)[0])


def _scores(rows: Array, groups: int = GROUPS) -> Array:
    """Return the score of all rows, and without each group where an interval can be had: (1,) or (1 + G,)."""
    largest = np.abs(rows).max(1, keepdims=True)
    scaled = rows / np.where(largest > 0, largest, 1.0)
    norms = np.linalg.norm(scaled, axis=1, keepdims=True)
    # a row of zeros has no direction: it is alike only other rows of zeros
    unit = np.concatenate([scaled / np.where(norms > 0, norms, 1.0), norms == 0], axis=1)
    n, d = unit.shape
    if n < 2 * groups or d > MAX_INTERVAL_DIMENSIONS or not groups:
        return np.array([_exponential_entropy(unit @ unit.T if n < d else unit.T @ unit, n)])
    group = jackknife_groups(n, groups)
    parts = np.stack([unit[group == g].T @ unit[group == g] for g in range(groups)])
    sizes, total = np.bincount(group, minlength=groups), parts.sum(0)
    without = [_exponential_entropy(total - part, int(n - size)) for part, size in zip(parts, sizes, strict=True)]
    return np.array([_exponential_entropy(total, n), *without])


def _exponential_entropy(products: Array, n: int) -> float:
    # K/n and the products of columns have the same eigenvalues other than 0
    values = np.linalg.eigvalsh(products) / n
    values = values[values > 1e-15]
    return math.exp(-float((values * np.log(values)).sum()))


def _thinned(rows: Array, most: int) -> Array:
    """Return at most this many rows, random since files may be sorted, the same for all models."""
    if len(rows) <= most:
        return rows
    return rows[np.random.Generator(np.random.PCG64(len(rows))).permutation(len(rows))[:most]]

"""Distances within each class, or within bins of a numerical condition."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from genbench.protocol import Evidence, Score, jackknife_groups
from genbench_conditional import EnergyByConditionConfig
from genbench_conditional.shares import GROUPS, LEVEL, Array, rows_without_conditions

__all__ = ["energy_by_condition"]

MIN_ROWS = 10  # of either side, in a class or bin
MAX_ROWS = 2000  # of either side, in a class or bin, whose distances are taken
STUDENT = 2.093  # Student's t at 97.5 % with 19 degrees of freedom


def energy_by_condition(evidence: Evidence, config: EnergyByConditionConfig) -> Score:
    """Return the mean energy distance of samples and held-out rows of one class or bin, in units of the space.

    Each class of a category, and each of ``bins`` bins of a number with equally many held-out rows, counts alike; those
    with fewer than 10 rows of either side are left out. Each value is the unbiased estimate, 0 on average for equal
    distributions; lower is better. ``detail["by_condition"]`` has all, ``detail["worst"]`` names the largest. The
    interval is of the mean, by a jackknife of 20 groups of rows.
    """
    found: dict[str, Array] = {}
    for name, real, fake in _parts(evidence, config.bins):
        if min(len(real), len(fake)) >= MIN_ROWS:
            found[name] = _energy(real[:MAX_ROWS], fake[:MAX_ROWS])
    sizes: dict[str, Any] = {"n_real": len(evidence.real.rows), "n_fake": len(evidence.fake)}
    if not found:
        return Score(None, warnings=(f"needs {MIN_ROWS} rows of either side in a class or bin",), **sizes)
    values = {name: float(each[0]) for name, each in found.items()}
    detail: dict[str, Any] = {"by_condition": values, "worst": max(values, key=values.__getitem__)}
    value = float(np.mean(list(values.values())))
    replicates = np.mean([each[1:] for each in found.values()], axis=0)
    if not np.isfinite(replicates).all():
        return Score(value, detail=detail, warnings=("no interval: too few rows in a class or bin",), **sizes)
    error = math.sqrt((GROUPS - 1) / GROUPS * float(((replicates - replicates.mean()) ** 2).sum()))
    detail |= {"standard_error": error, "interval": "delete-a-group jackknife", "interval_of": "population"}
    return Score(
        value, low=value - STUDENT * error, high=value + STUDENT * error, level=LEVEL, detail=detail,
        replicates=replicates.tolist(), **sizes,
    )  # fmt: skip


def _parts(evidence: Evidence, bins: int) -> Iterator[tuple[str, Array, Array]]:
    """Yield the name, the held-out rows and the samples of each class or bin of each condition."""
    real, fake = (rows_without_conditions(evidence, rows) for rows in (evidence.real.rows, evidence.fake))
    of_real, of_fake = evidence.conditions_test, evidence.conditions_fake
    assert of_real is not None
    assert of_fake is not None
    of_fake = of_fake[: len(fake)]
    for i, column in enumerate(evidence.condition_columns):
        mine, its = of_real[:, i], of_fake[:, i]
        if column.kind == "category":
            for code, level in enumerate(column.levels):
                yield f"{column.name}={level}", real[mine == code], fake[its == code]
            continue
        edges = np.unique(np.quantile(mine, np.arange(1, bins) / bins))
        at, where = np.searchsorted(edges, mine, "right"), np.searchsorted(edges, its, "right")
        for k in range(len(edges) + 1):
            yield _bin_name(column.name, edges, k), real[at == k], fake[where == k]


def _bin_name(name: str, edges: Array, k: int) -> str:
    """Return the name of the bin between the edges k - 1 and k, of which the outermost have one only."""
    low = f"{edges[k - 1]:.4g}" if k > 0 else ""
    high = f"{edges[k]:.4g}" if k < len(edges) else ""
    if low and high:
        return f"{low}<={name}<{high}"
    return f"{name}<{high}" if high else f"{name}>={low}" if low else name


def _energy(real: Array, fake: Array) -> Array:
    """Return (1 + G,) the unbiased energy distance of rows (n, d) and (m, d): of all, and without each group."""
    groups = [np.eye(GROUPS)[jackknife_groups(len(rows), GROUPS)] for rows in (real, fake)]
    between = groups[0].T @ cdist(real, fake) @ groups[1]  # (G, G) sums of distances
    within = [each.T @ cdist(rows, rows) @ each for each, rows in zip(groups, (real, fake), strict=True)]
    counts = [each.sum(0) for each in groups]
    keep = np.concatenate([np.ones((1, GROUPS)), 1 - np.eye(GROUPS)])  # (1 + G, G)
    n, m = (keep @ count for count in counts)
    cross, own_real, own_fake = (np.einsum("kg,gh,kh->k", keep, sums, keep) for sums in (between, *within))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(2 * cross / (n * m) - own_real / (n * (n - 1)) - own_fake / (m * (m - 1)))

"""Calibration of densities: how often held-out rows fall in the model's highest-density regions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score, jackknife_groups

__all__ = ["calibration"]

Array = npt.NDArray[Any]
LEVEL = 0.95
GROUPS = 20  # of the jackknife
QUANTILE = 2.093  # Student's t at 97.5 % with 19 degrees of freedom
NULL_MEAN = math.sqrt(math.pi / 32)  # mean of the area between a Brownian bridge and 0 (Shepp 1982)
MIN_ROWS = 2 * GROUPS  # of either side, for an interval
GRID = 1000  # levels at which the curve is taken
LEVELS = tuple(round(0.1 * i, 1) for i in range(1, 10))  # that are listed
ALPHA = 0.05  # of the test behind the words over- and underconfident


def calibration(evidence: Evidence) -> Score:
    """Return the mean absolute difference of coverage and nominal level, between 0 and 0.5; lower is better.

    For each held-out row, its rank is the share of the model's own samples with a higher model density: the level of
    the smallest highest-density region that holds it. If the rows follow the model, ranks are uniform, and a region of
    level α holds a share α of the rows. The value is ∫|coverage(α) - α| dα over (0, 1); ties count as uniform within
    their range. Chance alone gives ``detail["floor"]``, √(π/32) √(1/n + 1/m) for n rows and m samples. It needs no
    normalised density: bounds and estimates are ranked too, so a value near 0 says that data and samples are alike as
    the density sees them, not that it integrates to 1. It is blind to lost modes of equal height.

    ``detail`` has the coverage at the levels 0.1 to 0.9, and ``coverage_minus_level``, its mean difference from the
    level: below 0 the model is overconfident (narrower than the data), above 0 underconfident (wider). ``p_value`` is
    that of Kolmogorov and Smirnov. The interval is of the population value: its lower end allows for the whole bias of
    chance, its upper end for none. Hermans et al. 2022, arXiv:2110.06581; Lemos et al. 2023, arXiv:2302.03026.
    """
    test, fake = evidence.density_test, evidence.density_fake
    if test is None or fake is None:
        reason = "the model has no likelihood" if test is None else "the model's density at its samples is not known"
        return Score(None, warnings=(reason,))
    rows, samples = (np.asarray(density.values, np.float64) for density in (test, fake))
    n, m, params = len(rows), len(samples), {"kind": test.kind}
    if not n or not m or np.isnan(rows).any() or np.isnan(samples).any():
        reason = f"{np.isnan(rows).sum()} of {n} rows and {np.isnan(samples).sum()} of {m} samples have no log-density"
        reason = reason if n and m else "there are no held-out rows or no samples with a density"
        return Score(None, n_real=n, n_fake=m, params=params, warnings=(reason,))
    grid = (np.arange(GRID) + 0.5) / GRID
    curve = _coverage(rows, samples, grid)
    value, effective = _area(curve, grid), 1 / n + 1 / m
    floor = min(NULL_MEAN * math.sqrt(effective), 0.5)
    bias, p_value = float((curve - grid).mean()), _p_value(float(np.abs(curve - grid).max()), effective)
    detail: dict[str, Any] = {
        "coverage": dict(zip(map(str, LEVELS), _coverage(rows, samples, np.array(LEVELS)).tolist(), strict=True)),
        "coverage_minus_level": bias,
        "verdict": "no deviation" if p_value > ALPHA else "overconfident" if bias < 0 else "underconfident",
        "p_value": p_value,
        "p_value_from": "Kolmogorov-Smirnov, asymptotic",
        "floor": floor,
    }
    if min(n, m) < MIN_ROWS:
        warnings = (f"no interval: {MIN_ROWS} rows of either side are needed",)
        return Score(value, n_real=n, n_fake=m, params=params, detail=detail, warnings=warnings)
    replicates = _without_groups(rows, samples, grid)
    error = math.sqrt((GROUPS - 1) / GROUPS * float(((replicates - replicates.mean()) ** 2).sum()))
    half = QUANTILE * error
    low, high = max(value - floor - half, 0.0), min(value + half, 0.5)
    detail |= {"interval": "delete-a-group jackknife", "interval_of": "population", "standard_error": error}
    return Score(
        value, low=low, high=high, level=LEVEL, n_real=n, n_fake=m, params=params, detail=detail,
        replicates=replicates.tolist(),
    )  # fmt: skip


def _coverage(rows: Array, samples: Array, levels: Array) -> Array:
    """Return the share of rows inside the highest-density region of each level (k,).

    The rank of a row is uniform between the shares of samples with a higher density and with one at least as high.
    """
    ordered = np.sort(samples)
    higher = len(ordered) - np.searchsorted(ordered, rows, side="right")
    as_high = len(ordered) - np.searchsorted(ordered, rows, side="left")
    # a row falls in one of the m + 1 gaps between samples; among equal densities it falls in any of theirs
    begin, end = higher / (len(ordered) + 1), (as_high + 1) / (len(ordered) + 1)
    tied = as_high > higher
    counts = np.searchsorted(np.sort((begin + end)[~tied] / 2), levels, side="right").astype(np.float64)
    ranges, repeats = np.unique(np.stack([begin[tied], end[tied]]), axis=1, return_counts=True)
    for (first, last), repeat in zip(ranges.T, repeats, strict=True):
        counts += repeat * np.clip((levels - first) / (last - first), 0.0, 1.0)
    return counts / len(rows)


def _area(curve: Array, grid: Array) -> float:
    return float(np.abs(curve - grid).mean())


def _without_groups(rows: Array, samples: Array, grid: Array) -> Array:
    """Return the value without each group of the jackknife (G,)."""
    row_groups, sample_groups = jackknife_groups(len(rows), GROUPS), jackknife_groups(len(samples), GROUPS)
    return np.array(
        [
            _area(_coverage(rows[row_groups != g], samples[sample_groups != g], grid), grid)
            for g in range(GROUPS)
        ]
    )  # fmt: skip


def _p_value(largest: float, effective: float) -> float:
    from scipy.special import kolmogorov

    return float(kolmogorov(largest / math.sqrt(effective)))

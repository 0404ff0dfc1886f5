"""How well the anomaly score of a model tells outliers from held-out rows.

The score of a row is the model's own ``anomaly_score``, minus its log-density, or the squared error of its
reconstruction. Each is another quantity: the value names its own, and the detail has those of the others.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score, jackknife_groups
from genbench_tasks import AUCConfig, SICConfig
from genbench_tasks.jackknife import GROUPS, LEVEL, MIN_ROWS

__all__ = ["anomaly_auc", "anomaly_sic"]

Array = npt.NDArray[Any]
SCORES = {  # in the order of preference, with the reason why a model has none
    "anomaly_score": "the model has no anomaly score of its own",
    "density": "the model has no likelihood of outliers",
    "reconstruction": "the model has no reconstructions of outliers",
}
QUANTILE = 1.959964  # of the normal distribution, at 97.5 %


def anomaly_auc(evidence: Evidence, config: AUCConfig) -> Score:
    """Return the probability that an outlier has a higher anomaly score than a held-out row; higher is better.

    It is the area under the ROC curve of outliers against held-out rows, with ties counted half; 0.5 is chance, and
    below it outliers look more normal than the data. The interval is by the variance of DeLong et al. 1988
    (doi:10.2307/2531595), on the scale of the logit. ``params`` names the score, ``detail`` has the area of each that
    the model has. A density changes with the coordinates of the rows, and its order with it: that in the data's own
    units is meant.
    """
    found = _scores(evidence, config.by)
    if isinstance(found, str):
        return Score(None, warnings=(found,))
    name, rows, outliers = found
    value, of_outliers, of_rows = _area(rows, outliers)
    params, detail = _described(name), dict[str, Any](by=_areas(evidence))
    counts: dict[str, Any] = {"n_real": len(rows), "params": params | {"outliers": len(outliers)}}
    if min(len(rows), len(outliers)) < MIN_ROWS:
        why = f"no interval: {MIN_ROWS} rows and outliers are needed"
        return Score(value, detail=detail, warnings=(why,), **counts)
    error = math.sqrt(of_outliers.var(ddof=1) / len(outliers) + of_rows.var(ddof=1) / len(rows))
    if not error > 0 or not 0 < value < 1:
        return Score(value, detail=detail, warnings=("no interval: the scores do not overlap",), **counts)
    logit, half = math.log(value / (1 - value)), QUANTILE * error / (value * (1 - value))
    low, high = (1 / (1 + math.exp(-(logit + side * half))) for side in (-1, 1))
    detail |= {"interval": "DeLong, of the logit", "interval_of": "population", "standard_error": error}
    replicates = _areas_without_groups(rows, outliers)
    return Score(value, low=low, high=high, level=LEVEL, detail=detail, replicates=replicates, **counts)


def anomaly_sic(evidence: Evidence, config: SICConfig) -> Score:
    """Return the largest significance improvement of a cut on the anomaly score; higher is better.

    For the share TPR of outliers and FPR of held-out rows that pass a cut it is TPR / √FPR, by which the significance
    S / √B of a small signal grows (LHC Olympics, arXiv:2101.08320); 1 is no cut. Only cuts that at least ``background``
    held-out rows pass are tried, so that it is not the chance of a few: it is at most √(rows / background). ``detail``
    has both shares at the best cut. The interval is that of the two shares there (binomial, on the scale of the
    logarithm), and does not allow for the choice of the cut.
    """
    found = _scores(evidence, config.by)
    if isinstance(found, str):
        return Score(None, warnings=(found,))
    name, rows, outliers = found
    counts: dict[str, Any] = {
        "n_real": len(rows),
        "params": _described(name) | {"outliers": len(outliers), "min_background": config.background},
    }
    if len(rows) < config.background:
        return Score(None, warnings=(f"{len(rows)} held-out rows: {config.background} must pass a cut",), **counts)
    cuts = np.unique(np.concatenate([rows, outliers]))  # a row passes that is at least as anomalous
    above = len(rows) - np.searchsorted(np.sort(rows), cuts, side="left")
    passed = len(outliers) - np.searchsorted(np.sort(outliers), cuts, side="left")
    allowed = above >= config.background
    improvement = np.where(allowed, passed / len(outliers) / np.sqrt(np.maximum(above, 1) / len(rows)), -np.inf)
    best = int(improvement.argmax())
    tpr, fpr = float(passed[best] / len(outliers)), float(above[best] / len(rows))
    largest = math.sqrt(len(rows) / config.background)
    detail: dict[str, Any] = {"tpr": tpr, "fpr": fpr, "largest_possible": largest}
    value = float(improvement[best])
    error = math.sqrt((1 - tpr) / (tpr * len(outliers)) + (1 - fpr) / (4 * fpr * len(rows)))
    if not error > 0:
        return Score(value, detail=detail, warnings=("no interval: the best cut is none",), **counts)
    detail |= {"interval": "binomial, at the best cut", "standard_error": value * error}
    low, high = (value * math.exp(side * QUANTILE * error) for side in (-1, 1))
    return Score(value, low=low, high=high, level=LEVEL, detail=detail, **counts)


def _scores(evidence: Evidence, by: str | None) -> tuple[str, Array, Array] | str:
    """Return the name of a score, those of held-out rows (n,) and of outliers (m,), or why there are none."""
    tasks = evidence.tasks
    if tasks is None or not tasks.anomaly:
        return "the model has no anomaly score, likelihood or reconstruction of outliers"
    name = by or next((each for each in SCORES if each in tasks.anomaly), "")
    if name not in tasks.anomaly:
        failed = [f"{method} failed: {why}" for method, why in tasks.problems.items()]
        return "; ".join([SCORES.get(name, "the model has no known score"), *failed])
    rows, outliers = (np.asarray(each, dtype=np.float64) for each in tasks.anomaly[name])
    if not len(rows) or not len(outliers):
        return "there are no held-out rows, or no outliers"
    bad = int(np.isnan(rows).sum() + np.isnan(outliers).sum())
    return f"{bad} scores are not numbers" if bad else (name, rows, outliers)


def _described(name: str) -> dict[str, Any]:
    return {"score": name, "quantity": f"by {name}"}


def _areas(evidence: Evidence) -> dict[str, float]:
    """Return the area under the ROC curve by each score that the model has."""
    tried = ((name, _scores(evidence, name)) for name in SCORES)
    return {name: _area(found[1], found[2])[0] for name, found in tried if not isinstance(found, str)}


def _area(rows: Array, outliers: Array) -> tuple[float, Array, Array]:
    """Return the area under the ROC curve, and what each outlier (m,) and each row (n,) contributes to it."""
    of_outliers = _share_below(outliers, rows)
    of_rows = 1 - _share_below(rows, outliers)
    return float(of_outliers.mean()), of_outliers, of_rows


def _share_below(values: Array, others: Array) -> Array:
    """Return for each value (n,) the share of the others (m,) that are lower, those equal counted half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    share: Array = below / (2 * len(others))
    return share


def _areas_without_groups(rows: Array, outliers: Array) -> list[float]:
    of_rows, of_outliers = jackknife_groups(len(rows), GROUPS), jackknife_groups(len(outliers), GROUPS)
    return [_area(rows[of_rows != g], outliers[of_outliers != g])[0] for g in range(GROUPS)]

"""Classifier two-sample test: whether boosted trees can tell samples from real rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score
from genbench_distances import C2STConfig
from genbench_distances.ranks import QUANTILE, Area, area

__all__ = ["c2st"]

Array = npt.NDArray[Any]
RATE, LEAVES = 0.06, 8  # small trees: deeper ones lose 0.03 of the area on a thousand rows
FEWEST = 4  # rows of either side in a fold


def c2st(evidence: Evidence, config: C2STConfig) -> Score:
    """Return the area under the ROC curve of a classifier of samples against real rows; lower is better.

    0.5 for a perfect model, 1 where every row is told apart; without a unit. Histogram-based gradient boosting, rows
    shuffled into folds, each scored by the classifier that did not see it; mean over folds. Below 0.5 is not better but
    suspicious: copies of real rows lie in two folds, under opposite labels. ``detail["p_value"]`` is that of labels
    exchanged at random. Lopez-Paz & Oquab 2017, arXiv:1610.06545.
    """
    rng = evidence.rng("c2st")
    real, fake = _shuffled(evidence.real.rows, config.max_rows, rng), _shuffled(evidence.fake, config.max_rows, rng)
    n, m = len(real), len(fake)
    sizes = {"n_real": n, "n_fake": m}
    folds = min(config.folds, n // FEWEST, m // FEWEST)
    if folds < 2:
        return Score(None, warnings=(f"needs at least {2 * FEWEST} rows of either side",), **sizes)
    areas = [_fold(real, fake, folds, fold, config.trees, int(rng.integers(2**31))) for fold in range(folds)]
    value = float(np.mean([a.value for a in areas]))
    error, null_error = (math.sqrt(sum(e * e for e in some)) / folds for some in _errors(areas))
    z = (value - 0.5) / null_error if null_error > 0 else 0.0
    detail = {"p_value": math.erfc(abs(z) / math.sqrt(2)), "folds": [a.value for a in areas], "interval": "DeLong"}
    low, high = max(value - QUANTILE * error, 0.0), min(value + QUANTILE * error, 1.0)
    params = {"classifier": "histogram gradient boosting", "folds": folds, "trees": config.trees}
    return Score(value, low=low, high=high, level=0.95, params=params, detail=detail, **sizes)


def _errors(areas: list[Area]) -> tuple[list[float], list[float]]:
    return [a.error for a in areas], [a.null_error for a in areas]


def _shuffled(rows: Array, most: int, rng: np.random.Generator) -> Array:
    return rows[rng.permutation(len(rows))[:most]]


def _fold(real: Array, fake: Array, folds: int, fold: int, trees: int, seed: int) -> Area:
    """Return the area on every ``folds``-th row, of a classifier of the others."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    held_real, held_fake = (np.arange(len(rows)) % folds == fold for rows in (real, fake))
    rows = np.concatenate([real[~held_real], fake[~held_fake]])
    labels = np.repeat([0, 1], [int((~held_real).sum()), int((~held_fake).sum())])
    # no class weights: the area does not depend on them, and they make the trees ten times slower
    classifier = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=RATE,
        max_leaf_nodes=LEAVES,
        early_stopping=False,
        random_state=seed,
    ).fit(rows, labels)
    decide = classifier.decision_function
    return area(decide(real[held_real]), decide(fake[held_fake]))

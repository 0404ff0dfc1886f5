"""Classifier two-sample test: how well boosted trees distinguish samples from real rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score
from genbench_distances import C2STConfig
from genbench_distances.jackknife import SIZES, Interval, bounded
from genbench_distances.ranks import area, width
from genbench_distances.scale import any_scale

__all__ = ["c2st"]

Array = npt.NDArray[Any]
LEARNING_RATE = 0.06
MAX_LEAVES = 8  # of a tree: larger trees lose 0.03 of the area on a thousand rows
MIN_FOLD_ROWS = 4  # of either side
MIN_SPLIT_ROWS = 40  # of both sides together: scikit-learn leaves at least 20 rows on either side of a split
PROBE_ROWS = 1000  # of either side that all classifiers score, to measure the noise of the training
NO_SPLIT = (
    f"no interval: no tree found a split, so 0.5 does not mean that the sides agree; a classifier needs "
    f"{MIN_SPLIT_ROWS} training rows of both sides together, and rows that differ"
)


@any_scale(0)
def c2st(evidence: Evidence, config: C2STConfig) -> Score:
    """Return the area under the ROC curve of a classifier of samples against real rows; lower is better.

    It is 0.5 for a perfect model, 1 where every row is classified correctly; without a unit. The classifier is
    histogram-based gradient boosting. Rows are shuffled into folds, each scored by the classifier that was trained
    without it; the value is the mean over folds. Below 0.5 is not better but suspicious: copies of real rows are in two
    folds, with opposite labels. Where no tree found a split the value is 0.5, without interval, and a warning says so.

    The interval is of the mean at these sizes, by DeLong et al. (1988), and wider: the labels of a fold both test one
    classifier and train the others, so that part of the scores' variance which they cause counts twice (exactly so for
    a smoother that is linear in the labels and symmetric). At an area of 1 it is the bound that this number of pairs
    allows. ``detail["p_value"]`` is that of exchanged labels: in closed form, with the null variance of ranks doubled
    likewise, or with ``permutations`` the share of trainings on randomly exchanged labels whose area is as far from
    0.5. Lopez-Paz & Oquab 2017, arXiv:1610.06545.
    """
    rng = evidence.rng("c2st")
    real, fake = _shuffled(evidence.real.rows, config.max_rows, rng), _shuffled(evidence.fake, config.max_rows, rng)
    n, m = len(real), len(fake)
    folds = min(config.folds, n // MIN_FOLD_ROWS, m // MIN_FOLD_ROWS)
    if folds < 2:
        return Score(None, n_real=n, n_fake=m, warnings=(f"needs at least {2 * MIN_FOLD_ROWS} rows of either side",))
    found = _cross_fitted(real, fake, folds, config.trees, rng)
    value, thinned = found.value, max(len(evidence.real.rows), len(evidence.fake)) > config.max_rows
    p_value, how = found.p_value, "ranks, doubled variance"
    if config.permutations:
        again = [_exchanged(real, fake, folds, config.trees, rng) for _ in range(config.permutations)]
        p_value = (1 + sum(abs(a - 0.5) >= abs(value - 0.5) for a in again)) / (1 + len(again))
        how = f"{config.permutations} permutations"
    detail = {"p_value": p_value, "p_value_from": how, "folds": found.folds, "noise_share": found.noise}
    half, error = width(value, found.error, min(n, m))
    split = any(found.null_errors)  # otherwise all rows of all folds have the same score
    return bounded(
        value, Interval(value - half, value + half, value, error) if split else None, least=0.0, most=1.0,
        of=SIZES, method="DeLong, folds correlated", missing=NO_SPLIT, detail=detail, n_real=n, n_fake=m,
        params={"classifier": "histogram gradient boosting", "folds": folds, "trees": config.trees},
        warnings=(f"of {config.max_rows} rows of a side at most",) if thinned else (),
    )  # fmt: skip


@dataclass(frozen=True)
class Fitted:
    """Areas of the folds and their errors, and the share of the scores' variance that the training labels cause."""

    folds: list[float]
    errors: list[float]
    null_errors: list[float]
    noise: float

    @property
    def value(self) -> float:
        """Mean over folds."""
        return float(np.mean(self.folds))

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return math.sqrt(sum(e * e for e in self.errors) * (1 + self.noise)) / len(self.folds)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of an area of 0.5, in the normal approximation."""
        error = math.sqrt(2 * sum(e * e for e in self.null_errors)) / len(self.folds)
        return math.erfc(abs(self.value - 0.5) / error / math.sqrt(2)) if error else 1.0


def _cross_fitted(real: Array, fake: Array, folds: int, trees: int, rng: np.random.Generator) -> Fitted:
    """Return the area on each fold, by a classifier that was trained on the others."""
    fold = [np.arange(len(rows)) % folds for rows in (real, fake)]
    probe = np.concatenate([real[:PROBE_ROWS], fake[:PROBE_ROWS]])
    probe_fold = np.concatenate([index[:PROBE_ROWS] for index in fold])
    areas, scores = [], []
    for test in range(folds):
        classifier = _classifier(real[fold[0] != test], fake[fold[1] != test], trees, int(rng.integers(2**31)))
        decide = classifier.decision_function
        areas.append(area(decide(real[fold[0] == test]), decide(fake[fold[1] == test])))
        scores.append(decide(probe))
    noise = _noise_share(np.array(scores), probe_fold)
    return Fitted([a.value for a in areas], [a.error for a in areas], [a.null_error for a in areas], noise)


def _noise_share(scores: Array, fold: Array) -> float:
    """Return the share of the variance of scores (K, p), of K classifiers, that the labels in training cause.

    Two classifiers share all of their training folds but one, and so differ in one part of K - 1 of their noise. For
    each row only those are compared that were trained on it, all but that of its own fold.
    """
    folds = len(scores)
    if folds < 3:
        return 1.0
    trained_on = scores.T[np.arange(folds) != fold[:, None]].reshape(-1, folds - 1)  # (p, K - 1)
    noise = (folds - 1) * float(trained_on.var(1, ddof=1).mean())
    total = float(scores[fold, np.arange(len(fold))].var())
    return min(noise / total, 1.0) if total > 0 else 1.0


def _exchanged(real: Array, fake: Array, folds: int, trees: int, rng: np.random.Generator) -> float:
    """Return the value with the labels of real rows and samples exchanged at random."""
    rows = np.concatenate([real, fake])[rng.permutation(len(real) + len(fake))]
    return _cross_fitted(rows[: len(real)], rows[len(real) :], folds, trees, rng).value


def _shuffled(rows: Array, most: int, rng: np.random.Generator) -> Array:
    return rows[rng.permutation(len(rows))[:most]]


def _classifier(real: Array, fake: Array, trees: int, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # without class weights: the area does not depend on them, and they make the trees ten times slower
    classifier = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=MAX_LEAVES,
        early_stopping=False,
        random_state=seed,
    )
    return classifier.fit(np.concatenate([real, fake]), np.repeat([0, 1], [len(real), len(fake)]))

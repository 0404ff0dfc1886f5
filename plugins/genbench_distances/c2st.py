"""Classifier two-sample test: whether boosted trees can tell samples from real rows."""

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
RATE, LEAVES = 0.06, 8  # small trees: deeper ones lose 0.03 of the area on a thousand rows
FEWEST = 4  # rows of either side in a fold
SPLITTABLE = 40  # rows of both sides, below which scikit-learn splits no leaf: it leaves 20 on either side
PROBES = 1000  # rows of either side that all classifiers score
BLIND = (
    f"no interval: no tree found a split, so that 0.5 says nothing; they need {SPLITTABLE} rows of both sides "
    "together outside a fold, and rows that differ"
)


@any_scale(0)
def c2st(evidence: Evidence, config: C2STConfig) -> Score:
    """Return the area under the ROC curve of a classifier of samples against real rows; lower is better.

    0.5 for a perfect model, 1 where every row is told apart; without a unit. Histogram-based gradient boosting, rows
    shuffled into folds, each scored by the classifier that did not see it; mean over folds. Below 0.5 is not better but
    suspicious: copies of real rows lie in two folds, under opposite labels. Where no tree found a split it is 0.5,
    without interval, and a warning says so.

    The interval, of the mean at these sizes, is DeLong's et al. (1988), enlarged: the labels of a fold both test one
    classifier and teach the others, so the part of the scores' variance that those labels make counts twice (it does
    exactly for a smoother that is linear in the labels and symmetric); at 1 it is what so many pairs of rows can say.
    ``detail["p_value"]`` is that of labels exchanged at random. In closed form, with the null variance of ranks doubled
    likewise; with ``permutations`` it is the share of so many trainings anew on exchanged labels that are as far from
    0.5. Lopez-Paz & Oquab 2017, arXiv:1610.06545.
    """
    rng = evidence.rng("c2st")
    real, fake = _shuffled(evidence.real.rows, config.max_rows, rng), _shuffled(evidence.fake, config.max_rows, rng)
    n, m = len(real), len(fake)
    folds = min(config.folds, n // FEWEST, m // FEWEST)
    if folds < 2:
        return Score(None, n_real=n, n_fake=m, warnings=(f"needs at least {2 * FEWEST} rows of either side",))
    found = _cross_fitted(real, fake, folds, config.trees, rng)
    value, thinned = found.value, max(len(evidence.real.rows), len(evidence.fake)) > config.max_rows
    p_value, how = found.p_value, "ranks, doubled variance"
    if config.permutations:
        again = [_exchanged(real, fake, folds, config.trees, rng) for _ in range(config.permutations)]
        p_value = (1 + sum(abs(a - 0.5) >= abs(value - 0.5) for a in again)) / (1 + len(again))
        how = f"{config.permutations} permutations"
    detail = {"p_value": p_value, "p_value_from": how, "folds": found.folds, "noise_share": found.noise}
    half, error = width(value, found.error, min(n, m))
    told = any(found.null_errors)  # else all rows of all folds have one score
    return bounded(
        value, Interval(value - half, value + half, value, error) if told else None, least=0.0, most=1.0,
        of=SIZES, method="DeLong, folds correlated", missing=BLIND, detail=detail, n_real=n, n_fake=m,
        params={"classifier": "histogram gradient boosting", "folds": folds, "trees": config.trees},
        warnings=(f"of {config.max_rows} rows of a side at most",) if thinned else (),
    )  # fmt: skip


@dataclass(frozen=True)
class Fitted:
    """Areas of the folds, and the share of the scores' variance that the labels in training make."""

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
        """Two-sided, in the normal approximation."""
        error = math.sqrt(2 * sum(e * e for e in self.null_errors)) / len(self.folds)
        return math.erfc(abs(self.value - 0.5) / error / math.sqrt(2)) if error else 1.0


def _cross_fitted(real: Array, fake: Array, folds: int, trees: int, rng: np.random.Generator) -> Fitted:
    """Return the areas on every ``folds``-th row, each of a classifier of the others."""
    fold = [np.arange(len(rows)) % folds for rows in (real, fake)]
    probe = np.concatenate([real[:PROBES], fake[:PROBES]])
    probe_fold = np.concatenate([some[:PROBES] for some in fold])
    areas, scores = [], []
    for held in range(folds):
        classifier = _classifier(real[fold[0] != held], fake[fold[1] != held], trees, int(rng.integers(2**31)))
        decide = classifier.decision_function
        areas.append(area(decide(real[fold[0] == held]), decide(fake[fold[1] == held])))
        scores.append(decide(probe))
    noise = _noise_share(np.array(scores), probe_fold)
    return Fitted([a.value for a in areas], [a.error for a in areas], [a.null_error for a in areas], noise)


def _noise_share(scores: Array, fold: Array) -> float:
    """Return the share of the variance of scores (K, p) that comes of the labels in training.

    Classifiers that share all folds but one differ in one part of K - 1 of their noise. Those that have all seen a row,
    which are all but that of its own fold, have learned its label alike.
    """
    folds = len(scores)
    if folds < 3:
        return 1.0
    seen = scores.T[np.arange(folds) != fold[:, None]].reshape(-1, folds - 1)  # (p, K - 1)
    noise = (folds - 1) * float(seen.var(1, ddof=1).mean())
    total = float(scores[fold, np.arange(len(fold))].var())
    return min(noise / total, 1.0) if total > 0 else 1.0


def _exchanged(real: Array, fake: Array, folds: int, trees: int, rng: np.random.Generator) -> float:
    """Return the value with real and generated rows exchanged at random."""
    rows = np.concatenate([real, fake])[rng.permutation(len(real) + len(fake))]
    return _cross_fitted(rows[: len(real)], rows[len(real) :], folds, trees, rng).value


def _shuffled(rows: Array, most: int, rng: np.random.Generator) -> Array:
    return rows[rng.permutation(len(rows))[:most]]


def _classifier(real: Array, fake: Array, trees: int, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # no class weights: the area does not depend on them, and they make the trees ten times slower
    classifier = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=RATE,
        max_leaf_nodes=LEAVES,
        early_stopping=False,
        random_state=seed,
    )
    return classifier.fit(np.concatenate([real, fake]), np.repeat([0, 1], [len(real), len(fake)]))

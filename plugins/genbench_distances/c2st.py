"""Classifier two-sample test: how well one of two families of classifiers distinguishes samples from real rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score, jackknife_groups
from genbench_distances import C2STConfig
from genbench_distances.jackknife import SIZES, Interval, bounded, count
from genbench_distances.products import MAX_COLUMNS, fit_products, normal_scores, principal_scores
from genbench_distances.ranks import Area, area, width
from genbench_distances.resolution import Comparable, comparable
from genbench_distances.scale import any_scale

__all__ = ["c2st"]

Array = npt.NDArray[Any]
LEARNING_RATE = 0.06
MAX_LEAVES = 8  # of a tree: larger trees lose 0.03 of the area on a thousand rows
MAX_TREE_COLUMNS = 512  # of more columns as many are drawn at random, and the principal directions are added
MIN_FOLD_ROWS = 4  # of either side
PROBE_ROWS = 1000  # of either side that all classifiers score, to measure the noise of the training
NAMED_COLUMNS = 5  # in a warning
TREES, PRODUCTS = "boosted trees", "products of columns"
NO_DIFFERENCE = "no interval: all rows have the same score, so 0.5 does not mean that the sides agree; more rows needed"

Decision = Callable[[Array], Array]


@any_scale(0)
def c2st(evidence: Evidence, config: C2STConfig) -> Score:
    """Return the area under the ROC curve of a classifier of samples against real rows; lower is better.

    It is 0.5 for a perfect model, 1 where every row is classified correctly; without a unit. There are two families of
    classifiers: histogram-based gradient boosting, and a linear one of products of up to three columns, which sees
    dependences of three columns that no pair of them shows. Rows are shuffled into folds, each scored by a classifier
    that was trained without it; the value is the mean over folds. The family is chosen for each fold by halves of its
    training rows, so that having looked twice raises no value: ``detail`` has the areas of both, and which was chosen.
    A sample that equals a real row is in the same fold, since a classifier that was trained on the one would judge the
    other by the wrong label: equal sides have 0.5. Where all rows have the same score the value is 0.5, without
    interval, and a warning says so.

    Both sides are compared at the resolution of single precision, in which models write their samples: an integer is an
    integer on both. Columns that are constant among the real rows are left out, and a warning says how many samples
    differ there.

    The interval is of the mean at these sizes, by DeLong et al. (1988), and wider: the labels of a fold both test one
    classifier and train the others, so that part of the scores' variance which they cause counts twice (exactly so for
    a smoother that is linear in the labels and symmetric). At an area of 1 it is the bound that this number of pairs
    allows. The replicates are areas without each jackknife group, of the same classifiers, their deviations widened to
    the error of the interval. ``detail["p_value"]`` is that of exchanged labels: in closed form, with the null variance
    of ranks doubled likewise, or with ``permutations`` the share of trainings on randomly exchanged labels whose area
    is as far from 0.5. Lopez-Paz & Oquab 2017, arXiv:1610.06545.
    """
    rng = evidence.rng("c2st")
    real, fake = evidence.real.rows, evidence.fake
    groups = count(len(real), len(fake))
    chosen = [rng.permutation(len(rows))[: config.max_rows] for rows in (real, fake)]
    n, m = (len(rows) for rows in chosen)
    folds = min(config.folds, n // MIN_FOLD_ROWS, m // MIN_FOLD_ROWS)
    if folds < 2:
        return Score(None, n_real=n, n_fake=m, warnings=(f"needs at least {2 * MIN_FOLD_ROWS} rows of either side",))
    rows = comparable(evidence, real[chosen[0]], fake[chosen[1]])
    order = _equal_rows_first(rows.real, rows.fake)
    rows = replace(rows, real=rows.real[order[0]], fake=rows.fake[order[1]])
    chosen = [kept[first] for kept, first in zip(chosen, order, strict=True)]
    labelled = [jackknife_groups(len(side), groups) for side in (real, fake)]
    group = np.concatenate([labels[kept] for labels, kept in zip(labelled, chosen, strict=True)])
    found = _cross_fitted(_families(rows, config.trees, rng), n, m, folds, rng)
    value, thinned = found.value, max(len(real), len(fake)) > config.max_rows
    p_value, how = found.p_value, "ranks, doubled variance"
    if config.permutations:
        families = _families(rows, config.trees, rng)
        again = [_cross_fitted(families, n, m, folds, rng, exchange=True).value for _ in range(config.permutations)]
        p_value = (1 + sum(abs(a - 0.5) >= abs(value - 0.5) for a in again)) / (1 + len(again))
        how = f"{config.permutations} permutations"
    detail = {
        "p_value": p_value,
        "p_value_from": how,
        "folds": [each.value for each in found.areas],
        "noise_share": found.noise,
        "family": max(found.chosen, key=found.chosen.count),
        "chosen": found.chosen,
        "areas": found.of_families,
    }
    half, error = width(value, found.error, min(n, m))
    replicates = found.replicates(group, groups, error)
    interval = Interval(value - half, value + half, value, error, replicates) if found.differs else None
    params = {"classifiers": [TREES, PRODUCTS], "folds": folds, "trees": config.trees}
    return bounded(
        value, interval, least=0.0, most=1.0,
        of=SIZES, method="DeLong, folds correlated", missing=NO_DIFFERENCE, detail=detail, n_real=n, n_fake=m,
        params=params, warnings=_warnings(evidence, rows, config.max_rows if thinned else 0),
    )  # fmt: skip


def _equal_rows_first(real: Array, fake: Array) -> tuple[Array, Array]:
    """Return orders of real rows (n, c) and samples (m, c) in which rows that both sides have come first, in pairs.

    Only rows that occur equally often on both sides are paired: pairs of others, as of counts, would leave what one
    side has more of by chance to all folds alike, and so be learned.
    """
    both = np.ascontiguousarray(np.concatenate([real, fake]))
    row_type = np.dtype((np.void, both.dtype.itemsize * both.shape[1]))
    value = np.unique(both.view(row_type).ravel(), return_inverse=True)[1]
    values, kinds = (value[: len(real)], value[len(real) :]), int(value.max()) + 1
    equal = np.bincount(values[0], minlength=kinds) == np.bincount(values[1], minlength=kinds)
    keys = [np.where(equal[side], _occurrence(side, kinds), -1 - i) for i, side in enumerate(values)]
    _, first, second = np.intersect1d(keys[0], keys[1], return_indices=True)
    shuffled = np.argsort(first, kind="stable")  # in the order of the real rows, not of their values
    orders = []
    for pair, side in ((first[shuffled], real), (second[shuffled], fake)):
        others = np.ones(len(side), bool)
        others[pair] = False
        orders.append(np.concatenate([pair, np.flatnonzero(others)]))
    return orders[0], orders[1]


def _occurrence(value: Array, kinds: int) -> Array:
    """Return a number for each value and how often it occurred before, (n,)."""
    order = np.argsort(value, kind="stable")
    first = np.searchsorted(value[order], value[order])
    before = np.empty(len(value), np.int64)
    before[order] = np.arange(len(value)) - first
    key: Array = before * kinds + value
    return key


def _warnings(evidence: Evidence, rows: Comparable, thinned_to: int) -> tuple[str, ...]:
    """Return what was left out: rows, and columns that are constant among the real rows."""
    warnings = [f"of {thinned_to} rows of a side at most"] if thinned_to else []
    if rows.deviating:
        names = [evidence.columns[i] if i < len(evidence.columns) else f"x{i}" for i in rows.constant]
        listed = ", ".join(names[:NAMED_COLUMNS]) + (", ..." if len(names) > NAMED_COLUMNS else "")
        share = f"{rows.deviating} of {len(rows.fake)} samples"
        warnings.append(f"constant columns left out: {listed}; {share} differ from the constant")
    return tuple(warnings)


@dataclass(frozen=True)
class Family:
    """Classifiers of one kind, and the rows of both sides as they see them, real ones first."""

    name: str
    rows: Array  # (n + m, c)
    fit: Callable[[Array, Array], Decision]


def _families(sides: Comparable, trees: int, rng: np.random.Generator) -> list[Family]:
    """Return both families; the products are of principal directions where there are more than 32 columns."""
    rows = np.concatenate([sides.real, sides.fake])
    seed = int(rng.integers(2**31))
    seen, multiplied = rows, rows
    if rows.shape[1] > MAX_COLUMNS:
        multiplied = principal_scores(rows, MAX_COLUMNS, rng)
    if rows.shape[1] > MAX_TREE_COLUMNS:
        some = np.sort(rng.permutation(rows.shape[1])[:MAX_TREE_COLUMNS])
        seen = np.concatenate([rows[:, some], multiplied], axis=1)
    return [
        Family(TREES, seen, lambda x, y: _trees(x, y, trees, seed)),
        Family(PRODUCTS, normal_scores(multiplied), fit_products),
    ]


def _trees(rows: Array, labels: Array, trees: int, seed: int) -> Decision:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # without class weights: the area does not depend on them, and they make the trees ten times slower
    classifier = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=MAX_LEAVES,
        early_stopping=False,
        random_state=seed,
    )
    decide: Decision = classifier.fit(rows, labels).decision_function
    return decide


@dataclass(frozen=True)
class Fitted:
    """What the classifiers of all folds say of the rows that they were not trained on.

    ``scores`` are those of the family that was chosen for the fold, ``noise`` the share of their variance that the
    labels in training cause.
    """

    scores: Array  # (n + m,)
    labels: Array  # (n + m,) True for samples
    fold: Array  # (n + m,)
    areas: list[Area]
    noise: float
    chosen: list[str]
    of_families: dict[str, float]

    @property
    def value(self) -> float:
        """Mean over folds."""
        return float(np.mean([each.value for each in self.areas]))

    @property
    def differs(self) -> bool:
        """Whether in any fold rows have different scores."""
        return any(each.null_error for each in self.areas)

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return math.sqrt(sum(each.error**2 for each in self.areas) * (1 + self.noise)) / len(self.areas)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of an area of 0.5, in the normal approximation."""
        error = math.sqrt(2 * sum(each.null_error**2 for each in self.areas)) / len(self.areas)
        return math.erfc(abs(self.value - 0.5) / error / math.sqrt(2)) if error else 1.0

    def replicates(self, group: Array, groups: int, error: float) -> tuple[float, ...]:
        """Return the value without each of the groups, deviations widened to a jackknifed error of ``error``."""
        if groups == 1:
            return ()
        without = np.array([self._without(group == g) for g in range(groups)])
        gaps = without - without.mean()
        jackknifed = math.sqrt((groups - 1) / groups * float((gaps**2).sum()))
        return tuple((self.value + gaps * (error / jackknifed if jackknifed else 0.0)).tolist())

    def _without(self, left_out: Array) -> float:
        areas = []
        for fold in range(len(self.areas)):
            kept = (self.fold == fold) & ~left_out
            x, y = self.scores[kept & ~self.labels], self.scores[kept & self.labels]
            areas.append(area(x, y).value if len(x) and len(y) else self.areas[fold].value)
        return float(np.mean(areas))


def _cross_fitted(
    families: list[Family], n: int, m: int, folds: int, rng: np.random.Generator, *, exchange: bool = False
) -> Fitted:
    """Return what classifiers say of each fold that were trained on the others, and chosen by halves of the others.

    With ``exchange`` the labels are exchanged at random.
    """
    position = np.concatenate([np.arange(n), np.arange(m)])
    labels = np.arange(n + m) >= n
    if exchange:
        order = rng.permutation(n + m)
        families = [Family(family.name, family.rows[order], family.fit) for family in families]
    fold, half = position % folds, position // folds % 2 == 0
    probe = np.flatnonzero(position < PROBE_ROWS)
    chosen: list[int] = []
    probed = np.empty((len(families), folds, len(probe)))
    scores = np.empty((len(families), n + m))
    for test in range(folds):
        own, train = fold == test, fold != test
        distances = [_distance(family, labels, train & half, train & ~half) for family in families]
        chosen.append(int(np.argmax(distances)))
        for i, family in enumerate(families):
            decide = family.fit(family.rows[train], labels[train])
            probed[i, test], scores[i, own] = decide(family.rows[probe]), decide(family.rows[own])
    by_fold = [[_area(each[fold == test], labels[fold == test]) for test in range(folds)] for each in scores]
    noise = [_noise_share(each, fold[probe]) for each in probed]
    return Fitted(
        np.array(scores)[np.array(chosen)[fold], np.arange(n + m)],
        labels,
        fold,
        [by_fold[i][test] for test, i in enumerate(chosen)],
        float(np.mean([noise[i] for i in chosen])),
        [families[i].name for i in chosen],
        {families[i].name: float(np.mean([each.value for each in areas])) for i, areas in enumerate(by_fold)},
    )


def _distance(family: Family, labels: Array, train: Array, test: Array) -> float:
    """Return how far from 0.5 the area is on some rows, of a classifier that was trained on others."""
    if len(np.unique(labels[train])) < 2 or len(np.unique(labels[test])) < 2:
        return 0.0
    decide = family.fit(family.rows[train], labels[train])
    return abs(_area(decide(family.rows[test]), labels[test]).value - 0.5)


def _area(scores: Array, labels: Array) -> Area:
    return area(scores[~labels], scores[labels])


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

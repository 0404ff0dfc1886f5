"""How much worse a prediction for real rows is that was learnt from samples instead of real rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score
from genbench_utility import UtilityConfig
from genbench_utility.basis import Basis, fit_basis
from genbench_utility.ridge import GROUPS, Moments, fits, moments, penalty_of, r_squared
from genbench_utility.tasks import Targets, Task, column_groups, image_tasks, pooled, spaced, targets_of

__all__ = ["utility"]

Array = npt.NDArray[Any]
LEVEL = 0.95
QUANTILE = 2.093  # Student's t at 97.5 % with 19 degrees of freedom
MIN_ROWS = 20  # of samples, of training rows, and of held-out rows
MIN_INTERVAL_ROWS = 2 * GROUPS
HARDLY_PREDICTABLE = 0.05  # R² of real training rows


@dataclass(frozen=True)
class Prepared:
    """What depends on the real rows alone: tasks, features, and R² after training on real rows."""

    tasks: list[Task]
    basis: Basis
    targets: list[Targets]
    classes: Array  # (k,) of the labels, empty where they are not predicted
    chosen: list[tuple[Array, Array]]  # features and targets of each task
    penalties: list[float]
    test: Moments
    real: Array  # (tasks, 1 + G) R² after training on real rows: of all groups, and without each group

    def scores(self, train: Moments, penalties: Sequence[float]) -> Array:
        """Return R² (tasks, 1 + G) on held-out rows after training on rows with these moments."""
        return _scores(train, self.test, self.chosen, penalties)


def utility(evidence: Evidence, config: UtilityConfig) -> Score:
    """Return the R² that is lost by training on samples: that of real training rows minus that of samples.

    "Train on synthetic, test on real" against "train on real, test on real". Both predictors are tested on held-out
    real rows and trained on equally many rows, the smaller of both numbers. Where samples come with labels, the labels
    are predicted; else each column from all others (at most 16, evenly spaced; ``params["quantity"]`` says which), and
    of images the right half from the left and the lower from the upper, pooled to 8 x 8 cells. R² of several targets is
    1 - (sum of squared errors) / (sum of squares around the mean); categories (labels, and columns of 3 to 10 distinct
    values) count as one 0/1 target each. The value is the mean over tasks; 0 for a perfect model, lower is better, in
    units of R² (dimensionless, at most about 1 unless samples mislead). It sees lost dependence, lost classes and
    noise; it is blind to faults of columns that no other column predicts, and to dependence that takes three columns.

    The predictor is ridge regression on piecewise linear functions of each column and products of two, whose penalty is
    cross-validated on real training rows. The interval is of the mean at these sizes, by a jackknife of 20 groups of
    training rows, samples and held-out rows, all trained again; near 0 it is up to √2 too wide. ``detail`` has both R²
    for each target. Esteban et al. 2017, arXiv:1706.02633; Jordon et al. 2019, ICLR.
    """
    train, fake, real = evidence.train, evidence.fake, evidence.real.rows
    if train is None:
        return Score(None, n_fake=len(fake), warnings=("needs the training rows",))
    n = min(len(train), len(fake))
    if min(n, len(real)) < MIN_ROWS:
        reason = f"needs at least {MIN_ROWS} training rows, samples and held-out rows"
        return Score(None, n_real=len(real), n_fake=len(fake), warnings=(reason,))
    labelled = not any(each is None for each in (evidence.labels_train, evidence.labels_test, evidence.labels_fake))
    groups = GROUPS if min(n, len(real)) >= MIN_INTERVAL_ROWS else 1
    prepared = evidence.real.once(
        ("utility", n, labelled, config.targets), lambda: _prepare(evidence, n, groups, labelled, config.targets)
    )
    quantity = "labels" if labelled else "halves of images" if _is_image(evidence) else "columns"
    params = {"quantity": quantity, "n_train": n, "predictor": "ridge on splines and products"}
    sizes: dict[str, Any] = {"n_real": len(real), "n_fake": n, "params": params}
    if prepared is None:
        return Score(None, warnings=("nothing to predict: needs two columns that vary",), **sizes)
    rows = _subset(len(fake), n)
    samples, labels = _cells(evidence, fake[rows]), None
    if labelled:
        labels = _one_hot(np.asarray(evidence.labels_fake)[rows], prepared.classes)
    found = prepared.scores(moments(prepared.basis, prepared.targets, labels, samples, groups), prepared.penalties)
    lost = (prepared.real - found).mean(0)
    value, real_mean = float(lost[0]), float(prepared.real[:, 0].mean())
    detail: dict[str, Any] = {
        "real": real_mean,
        "samples": float(found[:, 0].mean()),
        "targets": {
            task.name: {"real": float(a), "samples": float(b)}
            for task, a, b in zip(prepared.tasks, prepared.real[:, 0], found[:, 0], strict=True)
        },
    }
    warnings: tuple[str, ...] = ()
    if real_mean < HARDLY_PREDICTABLE:
        warnings = (f"real rows predict little (R² {real_mean:.2g}): there is little to lose",)
    if groups == 1:
        missing = f"no interval: {MIN_INTERVAL_ROWS} training rows, samples and held-out rows are needed"
        return Score(value, detail=detail, warnings=(*warnings, missing), **sizes)
    replicates = lost[1:]
    error = math.sqrt((GROUPS - 1) / GROUPS * float(((replicates - replicates.mean()) ** 2).sum()))
    detail |= {"interval": "delete-a-group jackknife", "interval_of": "these sizes", "standard_error": error}
    return Score(
        value, low=value - QUANTILE * error, high=value + QUANTILE * error, level=LEVEL, detail=detail,
        warnings=warnings, replicates=replicates.tolist(), **sizes,
    )  # fmt: skip


def _prepare(evidence: Evidence, n: int, groups: int, labelled: bool, most: int) -> Prepared | None:
    assert evidence.train is not None
    chosen_rows = _subset(len(evidence.train), n)
    train, test = _cells(evidence, evidence.train[chosen_rows]), _cells(evidence, evidence.real.rows)
    classes = np.array([])
    train_labels = test_labels = None
    if labelled:
        all_labels = np.asarray(evidence.labels_train)[chosen_rows]
        classes = np.unique(all_labels)
        train_labels = _one_hot(all_labels, classes)
        test_labels = _one_hot(np.asarray(evidence.labels_test), classes)
        tasks = [Task("labels", (), frozenset())]
    else:
        tasks = _tasks(evidence, train, most)
    if not tasks:
        return None
    columns = sorted({column for task in tasks for column in task.targets})
    targets = [targets_of(train, column) for column in columns]
    widths = [max(1, len(target.categories)) for target in targets]
    first = dict(zip(columns, np.cumsum([0, *widths]).tolist(), strict=False))
    width = dict(zip(columns, widths, strict=True))
    basis = fit_basis(train, products=not _is_image(evidence))
    chosen = []
    for task in tasks:
        numbers = [first[c] + i for c in task.targets for i in range(width[c])]
        if labelled:
            numbers = list(range(len(classes)))
        chosen.append((basis.without(task.hidden), np.array(numbers, dtype=np.int64)))
    on_train = moments(basis, targets, train_labels, train, groups)
    on_test = moments(basis, targets, test_labels, test, groups)
    penalties = [penalty_of(on_train.chosen(*each)) for each in chosen]
    scores = _scores(on_train, on_test, chosen, penalties)
    usable = [i for i, (features, _) in enumerate(chosen) if len(features) > 1 and np.isfinite(scores[i]).all()]
    if not usable:
        return None
    kept: dict[str, list[Any]] = {
        name: [each[i] for i in usable]
        for name, each in (("tasks", tasks), ("chosen", chosen), ("penalties", penalties))
    }
    return Prepared(
        kept["tasks"], basis, targets, classes, kept["chosen"], kept["penalties"], on_test, scores[usable]
    )  # fmt: skip


def _tasks(evidence: Evidence, train: Array, most: int) -> list[Task]:
    if _is_image(evidence):
        assert evidence.test_raw is not None
        cells = pooled(evidence, evidence.real.rows[:1])
        assert cells is not None
        return image_tasks(cells.shape[1:])
    tasks = column_groups(evidence.columns, train)
    return [tasks[i] for i in spaced(len(tasks), most)]


def _scores(train: Moments, test: Moments, chosen: list[tuple[Array, Array]], penalties: Sequence[float]) -> Array:
    """Return R² (tasks, 1 + G): of all groups, then without each, of both training and held-out rows."""
    groups = len(train.sizes)
    kept = np.ones((1, groups), bool)
    if groups > 1:
        kept = np.concatenate([kept, ~np.eye(groups, dtype=bool)])
    found = []
    for each, penalty in zip(chosen, penalties, strict=True):
        coefficients = fits(train.chosen(*each).kept(kept), penalty)
        found.append(r_squared(test.chosen(*each).kept(kept), coefficients))
    return np.stack(found)


def _is_image(evidence: Evidence) -> bool:
    return pooled(evidence, evidence.real.rows[:1]) is not None


def _cells(evidence: Evidence, rows: Array) -> Array:
    """Return the columns of rows: cells of pooled images, else as they are; without a label that rows are given."""
    if (cells := pooled(evidence, rows)) is not None:
        return cells.reshape(len(rows), -1)
    label_given = evidence.condition_scores and evidence.labels_fake is not None
    return rows[:, : -evidence.condition_scores] if label_given else rows


def _subset(rows: int, n: int) -> Array:
    """Return n of this many rows, random since files may be sorted, the same for all models."""
    if n == rows:
        return np.arange(rows)
    return np.random.Generator(np.random.PCG64(rows)).permutation(rows)[:n]


def _one_hot(labels: Array, classes: Array) -> Array:
    return np.asarray(labels[:, None] == classes, dtype=np.float64)

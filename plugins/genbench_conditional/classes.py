"""Whether samples show the class that they were drawn given, as a classifier of real rows sees it."""

from __future__ import annotations

import numpy as np

from genbench.protocol import Evidence, Score
from genbench_conditional import ClassAccuracyConfig
from genbench_conditional.shares import NO_CLASSES, Array, accuracy, class_names, rows_without_conditions

__all__ = ["class_accuracy"]


def class_accuracy(evidence: Evidence, config: ClassAccuracyConfig) -> Score:
    """Return the share of samples whose class a classifier recognises that was trained on real rows; higher is better.

    The classifier is a forest of extremely randomised trees (Geurts et al. 2006, doi:10.1007/s10994-006-6226-1) of the
    training rows. ``detail["held_out"]`` is its accuracy on held-out real rows: samples that exceed it show their
    classes more clearly than real rows do, which is no merit. ``detail["by_class"]`` has the accuracy of each class.
    The interval is Wilson's, for the classifier as it is.
    """
    names = class_names(evidence)
    if not names or evidence.conditions_fake is None or evidence.train is None or evidence.conditions_train is None:
        return Score(None, warnings=(NO_CLASSES,))
    predict = evidence.real.once(("class_accuracy", config.trees), lambda: _Forest(evidence, config.trees))
    given = evidence.conditions_fake[: len(evidence.fake), 0].astype(np.int64)
    right = (predict(rows_without_conditions(evidence, evidence.fake)) == given).astype(np.float64)
    sizes = {"n_real": len(evidence.real.rows), "n_fake": len(right)}
    return accuracy(right, given, names, {"held_out": predict.held_out}, **sizes)


class _Forest:
    """A classifier of rows, trained on real ones, and its accuracy on held-out real rows."""

    def __init__(self, evidence: Evidence, trees: int) -> None:
        from sklearn.ensemble import ExtraTreesClassifier

        assert evidence.train is not None
        assert evidence.conditions_train is not None
        assert evidence.conditions_test is not None
        seed = int(evidence.rng("class_accuracy").integers(2**31))
        self.forest = ExtraTreesClassifier(trees, min_samples_leaf=2, random_state=seed, n_jobs=1)
        self.forest.fit(
            rows_without_conditions(evidence, evidence.train), evidence.conditions_train[:, 0].astype(np.int64)
        )
        found = self(rows_without_conditions(evidence, evidence.real.rows))
        self.held_out = float((found == evidence.conditions_test[:, 0]).mean())

    def __call__(self, rows: Array) -> Array:
        """Return the class (n,) of each row (n, d)."""
        return np.asarray(self.forest.predict(rows))

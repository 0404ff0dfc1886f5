"""What a conditional model is given beside each row, in the units it is trained in, and as columns of scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genbench.errors import DataError
from genbench.protocol import Array, Column, Data
from genbench.training.standardise import VectorSpace, transform_of

SPLITS = ("train", "test", "reference")


@dataclass(frozen=True)
class ConditionSpace:
    """Conditions in the space of models, where categories are codes from 0 and numbers are standardised.

    Logarithmic ones are standardised as logarithms. In scores they are columns as those of a table.
    """

    space: VectorSpace
    columns: tuple[Column, ...]

    def to_model(self, conditions: Array) -> Array:
        """Return (n, k) float32 for conditions (n, k) in the data's units."""
        codes = [i for i, column in enumerate(self.columns) if column.kind == "category"]
        out = self.space.standardise(conditions)
        out[:, codes] = conditions[:, codes]
        return out

    def to_scores(self, conditions: Array) -> Array:
        """Return (n, k') float64 in the scoring space."""
        return self.space.to_scores(conditions)

    @property
    def levels(self) -> int:
        """How many classes there are where the condition is one category; 0 for any other conditions."""
        return len(self.columns[0].levels) if len(self.columns) == 1 else 0

    @property
    def score_columns(self) -> tuple[str, ...]:
        """Names of the k' scoring columns."""
        return self.space.columns


def condition_space(data: Data) -> ConditionSpace | None:
    """Return the space of the conditions of a dataset, fitted on its training rows; None where it has none.

    Raises DataError for conditions that do not fit their rows or their columns.
    """
    if data.conditions is None:
        return None
    columns = data.condition_columns
    for name in (*SPLITS, *(("outliers",) if "outliers" in data.conditions and data.outliers is not None else ())):
        found = data.conditions.get(name)
        expected = (len(getattr(data, name)), len(columns))
        if found is None or found.shape != expected or not np.isfinite(found).all():
            part = " split" if name in SPLITS else ""
            shape = "missing" if found is None else f"{found.shape}"
            raise DataError(f"conditions of the {name}{part}: {shape}, expected finite numbers of shape {expected}")
    return ConditionSpace(VectorSpace.fit(data.conditions["train"].astype(np.float64), columns), columns)


def conditions_of(data: Data, split: str) -> Array | None:
    """Return the conditions (n, k) of a split, or of the ``outliers``, in the data's units; None without any."""
    return None if data.conditions is None else data.conditions.get(split)


def true_log_prob(data: Data, rows: Array, conditions: Array | None) -> Array:
    """Return the exact log-density (n,) in nats of rows (n, *shape), given their conditions where there are any."""
    assert data.log_prob is not None
    return data.log_prob(rows) if conditions is None else data.log_prob(rows, conditions[: len(rows)])


def joint_scores(data: Data) -> Callable[[Array, Array | None], Array]:
    """Return the map of rows (n, *shape) and their conditions (n, k) to the scoring space, (n, d + k')."""
    space, conditions = transform_of(data), condition_space(data)

    def to_scores(rows: Array, given: Array | None) -> Array:
        scores = space.to_scores(rows)
        if conditions is None or given is None:
            return scores
        return np.concatenate([scores, conditions.to_scores(given[: len(rows)])], axis=1)

    return to_scores

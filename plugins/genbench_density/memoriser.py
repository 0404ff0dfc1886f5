"""Training rows drawn again: perfect by many scores, and worthless as a model."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from genbench.protocol import Array, RunContext, TrainingData
from genbench.training import condition_features, from_arrays, to_arrays

BLOCK_DISTANCES = 1 << 22  # in memory at once
TIED = 1e-5  # difference of two distances of conditions that rounding may make


class Memoriser:
    """Bootstrap of the training rows: each sample is an exact copy of one of them.

    Given conditions, it is a copy of one of the rows whose conditions are nearest.
    """

    def fit(self, data: TrainingData, run: RunContext) -> None:  # noqa: ARG002
        """Keep the rows."""
        self.rows, self.weights = data.train.clone(), data.weights  # (n, *shape), (n,)
        self.conditions, self.columns = data.conditions, data.condition_columns

    def sample(self, n: int, conditions: torch.Tensor | None = None) -> torch.Tensor:
        """Return (n, *shape): training rows, drawn with replacement, given conditions (n, k) if there were any."""
        if not hasattr(self, "rows"):
            raise RuntimeError("fit the model before sampling")
        if conditions is not None and self.conditions is not None:
            return self.rows[self._nearest(conditions)]
        if self.weights is not None:
            return self.rows[torch.multinomial(self.weights, n, replacement=True)]
        return self.rows[torch.randint(len(self.rows), (n,), device=self.rows.device)]

    def _nearest(self, conditions: torch.Tensor) -> torch.Tensor:
        """Return for each of the conditions (n, k) one of the rows with the nearest, by chance among equally near."""
        assert self.conditions is not None
        given = condition_features(self.conditions, self.columns)
        found = []
        for block in torch.split(condition_features(conditions, self.columns), max(1, BLOCK_DISTANCES // len(given))):
            distance = torch.cdist(block, given)  # (b, n)
            chance = (
                torch.rand_like(distance) if self.weights is None else torch.rand_like(distance).log() / -self.weights
            )
            near = distance <= distance.amin(1, keepdim=True) + TIED
            found.append(chance.masked_fill_(~near, float("inf")).argmin(1))
        return torch.cat(found)

    def state(self) -> dict[str, Array]:
        """Return the rows, with their weights and conditions, as arrays by name."""
        parts = {"rows": self.rows, "weights": self.weights, "conditions": self.conditions}
        return to_arrays(columns=self.columns, **parts)

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take the place of the model whose state this is."""
        parts = from_arrays(state)
        self.rows, self.weights = parts["rows"], parts["weights"]
        self.conditions, self.columns = parts["conditions"], parts["columns"]

    def parameters(self) -> list[torch.Tensor]:
        """Return the rows: nothing else was learned."""
        return [self.rows]

"""Training rows drawn again: perfect by many scores, and worthless as a model."""

from __future__ import annotations

import torch

from genbench.protocol import RunContext, TrainingData


class Memoriser:
    """Bootstrap of the training rows: each sample is an exact copy of one of them."""

    def fit(self, data: TrainingData, run: RunContext) -> None:  # noqa: ARG002
        """Keep the rows."""
        self.rows, self.weights = data.train.clone(), data.weights  # (n, *shape), (n,)

    def sample(self, n: int) -> torch.Tensor:
        """Return (n, *shape): training rows, drawn with replacement."""
        if not hasattr(self, "rows"):
            raise RuntimeError("fit the model before sampling")
        if self.weights is not None:
            return self.rows[torch.multinomial(self.weights, n, replacement=True)]
        return self.rows[torch.randint(len(self.rows), (n,), device=self.rows.device)]

    def parameters(self) -> list[torch.Tensor]:
        """Return the rows: nothing else was learned."""
        return [self.rows]

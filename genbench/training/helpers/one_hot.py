"""Conditions as a network takes them: a number as it is, a category as one column a level."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from genbench.spec import Column


def condition_features(conditions: torch.Tensor, columns: Sequence[Column]) -> torch.Tensor:
    """Return (n, features) of conditions (n, k) as ``TrainingData`` has them: categories become 0 and 1 a level."""
    parts = []
    for i, column in enumerate(columns):
        values = conditions[:, i : i + 1]
        if column.kind == "category":
            levels = torch.arange(len(column.levels), device=values.device, dtype=values.dtype)
            values = (values == levels).to(values.dtype)
        parts.append(values)
    return torch.cat(parts, 1)

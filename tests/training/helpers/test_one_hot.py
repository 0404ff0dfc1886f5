"""Conditions as a network takes them."""

from __future__ import annotations

import torch

from genbench.spec import Column
from genbench.training import condition_features


def test_a_category_is_a_column_a_level_and_a_number_stays() -> None:
    columns = (Column("energy"), Column("class", kind="category", levels=("a", "b", "c")))
    conditions = torch.tensor([[0.5, 2.0], [-1.0, 0.0]])
    expected = [[0.5, 0.0, 0.0, 1.0], [-1.0, 1.0, 0.0, 0.0]]
    assert condition_features(conditions, columns).tolist() == expected

"""The arrays of a trained model: what goes in comes out, and nothing but arrays is kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from genbench.spec import Column
from genbench.training import from_arrays, to_arrays


def test_every_kind_of_part_comes_back() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    columns = (Column("e", unit="GeV"), Column("label", kind="category", levels=("a", "b")))
    arrays = to_arrays(
        network=network, mean=torch.arange(3.0), counts=np.array([1, 2]), shape=(1, 8, 8), levels=None,
        columns=columns, nothing=(),
    )  # fmt: skip
    assert all(isinstance(value, np.ndarray) and value.dtype != object for value in arrays.values())
    parts = from_arrays(arrays)
    again = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    again.load_state_dict(parts["network"])
    x = torch.randn(5, 2)
    assert torch.equal(again.eval()(x), network.eval()(x))
    assert torch.equal(parts["mean"], torch.arange(3.0))
    assert parts["counts"].tolist() == [1, 2]
    assert (parts["shape"], parts["levels"], parts["nothing"]) == ([1, 8, 8], None, [])
    assert parts["columns"] == columns


def test_arrays_are_copies() -> None:
    network = nn.Linear(1, 1)
    arrays = to_arrays(network=network)
    before = arrays["network/weight"].copy()
    with torch.no_grad():
        network.weight.add_(1)
    assert np.array_equal(arrays["network/weight"], before)


def test_an_object_is_refused() -> None:
    with pytest.raises(TypeError, match="neither a network, a tensor nor a plain value"):
        to_arrays(network=nn.Linear(1, 1), config=object())


def test_foreign_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match="array 'plain' is missing"):
        from_arrays({"weight": np.zeros(3)})

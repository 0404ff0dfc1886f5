"""Contracts: shapes, what is computed once, and random numbers that a name and a seed decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from genbench.protocol import Data, Evidence, RealSide, TrainingData

ROWS = np.zeros((4, 2))


def test_shapes_and_kinds_are_those_of_a_row() -> None:
    images = np.zeros((4, 1, 8, 6))
    assert (Data(ROWS, ROWS, ROWS).shape, Data(images, images, images).shape) == ((2,), (1, 8, 6))
    for rows, shape, kind in ((ROWS, (2,), "vector"), (images, (1, 8, 6), "image")):
        data = TrainingData(torch.from_numpy(rows))
        assert (data.shape, data.kind) == (shape, kind)


def test_what_is_made_of_the_real_side_is_made_once() -> None:
    real, calls = RealSide(ROWS), []
    for key in ("a", "b", "a"):
        assert real.once(key, lambda key=key: calls.append(key) or key) == key
    assert calls == ["a", "b"]
    assert real.once("none", lambda: None) is real.once("none", lambda: 1) is None


def test_a_name_and_a_seed_decide_what_a_metric_draws() -> None:
    evidence = Evidence(RealSide(ROWS), ROWS, seed=3)
    one = evidence.rng("energy").random(5)
    np.testing.assert_array_equal(evidence.rng("energy").random(5), one)
    for other in (evidence.rng("mmd"), replace(evidence, seed=4).rng("energy"), evidence.rng("energyx")):
        assert not np.array_equal(other.random(5), one)


def test_validation_gives_all_models_the_same_rows() -> None:
    rows = torch.arange(200.0).view(100, 2)
    train, held = TrainingData(rows, split_seed=3).validation(0.2)
    again, other = TrainingData(rows.clone(), split_seed=3).validation(0.2), TrainingData(rows).validation(0.2)
    assert (len(train), len(held)) == (80, 20)
    assert torch.equal(torch.cat([train, held])[:, 0].sort().values, rows[:, 0])
    assert torch.equal(train[:, 0], train[:, 0].sort().values)
    assert torch.equal(held, again[1])
    assert not torch.equal(held, other[1])
    one = TrainingData(rows[:1]).validation()
    assert len(one[0]) == len(one[1]) == 1
    with pytest.raises(ValueError, match="share must be in"):
        TrainingData(rows).validation(1.0)


@pytest.mark.parametrize("levels", [2, 3, 17, 256])
def test_a_pixel_is_at_the_centre_of_its_level_and_anywhere_in_it(levels: int) -> None:
    data = TrainingData(torch.zeros(1, 1, 2, 2), levels)
    grey = torch.arange(levels).view(1, 1, 1, levels)
    pixels = data.from_levels(grey)
    assert pixels.min() == pytest.approx(1 / levels - 1)
    assert pixels.max() == pytest.approx(1 - 1 / levels)
    for share in (-0.99, 0.0, 0.99):  # of half a level
        assert torch.equal(data.to_levels(pixels + share / levels), grey)
    assert data.to_levels(torch.tensor([-7.0, 1.0, 7.0])).tolist() == [0, levels - 1, levels - 1]
    with pytest.raises(ValueError, match="no grey levels"):
        TrainingData(torch.zeros(1, 2)).to_levels(torch.zeros(1))

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


def test_validation_keeps_conditions_beside_their_rows_and_repeated_rows_in_one_part() -> None:
    numbers = np.repeat(np.arange(20), 3)
    rows = torch.as_tensor(numbers, dtype=torch.float32)[:, None]
    data = TrainingData(rows, conditions=10 * rows, row_numbers=numbers)
    (train, given), (held, held_given) = data.validation(0.25)
    assert torch.equal(given, 10 * train)
    assert torch.equal(held_given, 10 * held)
    assert len(held) == 15
    assert not set(train[:, 0].tolist()) & set(held[:, 0].tolist())


def test_levels_are_where_dequantised_pixels_lie() -> None:
    data = TrainingData(torch.zeros(1, 1, 2, 2), levels=5)
    levels = torch.arange(5)
    centres = data.from_levels(levels)
    assert centres.tolist() == pytest.approx([-0.8, -0.4, 0.0, 0.4, 0.8])
    assert torch.equal(data.to_levels(centres), levels)
    assert data.to_levels(torch.tensor([-1.0, -0.6001, -0.5999, 0.9999, 1.0])).tolist() == [0, 0, 1, 4, 4]
    without = TrainingData(torch.zeros(1, 2))
    for convert in (without.to_levels, without.from_levels):
        with pytest.raises(ValueError, match="no grey levels"):
            convert(levels)

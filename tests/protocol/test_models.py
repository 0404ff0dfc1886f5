"""What models receive: shapes, held-out rows, grey levels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from genbench.protocol import TrainingData


@pytest.mark.parametrize(("shape", "kind"), [((2,), "vector"), ((1, 8, 6), "image")])
def test_shapes_and_kinds_are_those_of_a_row(shape: tuple[int, ...], kind: str) -> None:
    data = TrainingData(torch.zeros(4, *shape))
    assert (data.shape, data.kind) == (shape, kind)


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

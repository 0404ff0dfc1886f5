"""What the steps of one cell share: a stream of random numbers for each."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from tiny_cells import Truth, Uniform, cell_of

from genbench.plan.cell import Cell
from genbench.training.load import load
from genbench.training.setup import setup_of
from genbench.training.standardise import transform_of


def streams(cell: Cell) -> dict[str, list[float]]:
    data = load(cell)
    setup = setup_of(cell, data, transform_of(data), lambda **_: None)
    names = [field.name for field in fields(setup) if field.name.endswith("_stream")]
    return {name: np.random.default_rng(getattr(setup, name)).random(3).tolist() for name in names}


def test_each_step_has_a_stream_of_its_own_that_model_and_seed_decide() -> None:
    one = streams(cell_of(Truth))
    assert set(one) == {
        "fit_stream",
        "sample_stream",
        "density_stream",
        "check_stream",
        "snapshot_stream",
        "task_stream",
    }
    assert len({tuple(numbers) for numbers in one.values()}) == len(one)
    assert streams(cell_of(Truth)) == one
    for other in (cell_of(Truth, seed=1), cell_of(Uniform)):
        assert all(numbers != one[name] for name, numbers in streams(other).items())

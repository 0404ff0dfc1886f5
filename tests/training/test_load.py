"""Loading the data of a cell, held to the contract."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_cells import Truth, Uniform, cell_of

from genbench.budget import Sizes
from genbench.errors import PluginError
from genbench.protocol import Data
from genbench.training.load import load, stream_of


class Listed:
    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        return Data(*([[1.0]] * 3,) * 3)  # type: ignore[arg-type]


class Thin:
    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        return Data(*(np.zeros(30),) * 3)


class Uneven:
    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        return Data(np.zeros((30, 2)), np.zeros((30, 3)), np.zeros((30, 2)))


class Wider:
    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        return Data(*(rng.normal(size=(30, 2)) for _ in range(3)), outliers=np.zeros((30, 3)))


class NotFinite:
    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        return Data(*(rng.normal(size=(30, 2)) for _ in range(3)), outliers=np.full((30, 2), np.nan))


@pytest.mark.parametrize("data", [Listed, Thin, Uneven, Wider, NotFinite])
def test_data_that_break_the_contract_are_the_plugins_fault(data: type) -> None:
    with pytest.raises(PluginError, match=f"dataset '{data.__name__}'"):
        load(cell_of(Truth, data))


class Overlapping:
    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        train, test, reference = rng.normal(size=(3, 40, 2))
        test[:7] = train[:7]
        reference[:2] = test[10:12]
        return Data(train, test, reference)


def test_copies_in_two_splits_are_counted_for_each() -> None:
    [note] = [note for note in load(cell_of(Truth, Overlapping)).notes if "copies of" in note]
    assert "7 of 40 test rows are copies of training rows" in note
    assert "2 of 40 reference rows are copies of others" in note


def test_only_the_numbers_that_a_model_trains_with_are_its_own() -> None:
    def numbers(model: type, name: str, seed: int = 0) -> list[int]:
        return stream_of(cell_of(model, seed=seed), name).generate_state(4).tolist()

    for name in ("data", "score", "validation"):
        assert numbers(Truth, name) == numbers(Uniform, name), "models are compared on the same rows"
    assert numbers(Truth, "fit") != numbers(Uniform, "fit")
    streams = [numbers(Truth, name, seed) for name in ("data", "score", "fit") for seed in (0, 1)]
    assert len({tuple(stream) for stream in streams}) == 6

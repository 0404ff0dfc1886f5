"""Event weights in a user's file."""

from __future__ import annotations

import numpy as np
import pytest

from genbench.budget import Sizes
from genbench.errors import DataError
from genbench.files import read
from genbench.files.weights import check_weights, sizes_before_drawing, weights_of


def data_with(tmp_path, weights):
    np.savez(tmp_path / "a.npz", data=np.arange(2.0 * len(weights)).reshape(-1, 2), w=weights)
    return read(tmp_path / "a.npz", beside={"--weights": ["w"]})


def test_weights_are_those_of_the_named_column(tmp_path):
    assert weights_of(data_with(tmp_path, np.arange(30.0))).tolist() == list(range(30))
    assert weights_of(read(tmp_path / "a.npz")) is None


@pytest.mark.parametrize(
    ("weights", "reason"),
    [(-np.ones(40), "sum is -40"), (np.zeros(40), "sum is 0"), (np.append(np.ones(99), 1e4), "only 1 of 100")],
)
def test_weights_by_which_nothing_can_be_drawn_are_refused(tmp_path, weights, reason):
    with pytest.raises(DataError, match=reason):
        check_weights(data_with(tmp_path, weights))
    check_weights(data_with(tmp_path, np.ones(40)))


def test_more_rows_are_held_out_where_few_will_be_drawn():
    sizes = Sizes(100, 200, 300)
    assert sizes_before_drawing(sizes, np.full(50, 0.3)) == sizes
    weights = np.exp(np.random.default_rng(0).normal(size=10_000))
    larger = sizes_before_drawing(sizes, weights)
    assert larger.train == 100
    assert 5 < larger.test / 200 < 20
    negative = weights * np.where(np.arange(10_000) % 5 == 0, -1, 1)
    assert sizes_before_drawing(sizes, negative).test > 1.4 * larger.test

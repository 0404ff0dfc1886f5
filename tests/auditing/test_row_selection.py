"""The rows that a fault changes."""

from __future__ import annotations

import numpy as np

from genbench.auditing.row_selection import choose_rows, replace_rows


def test_a_larger_share_includes_a_smaller_one_and_none_is_empty() -> None:
    rows = np.zeros((200, 2))
    small, large = (choose_rows(rows, size, np.random.default_rng(0)) for size in (0.1, 0.4))
    assert (len(small), len(large)) == (20, 80)
    assert set(small) < set(large)
    assert len(choose_rows(rows, 1e-6, np.random.default_rng(0))) == 1


def test_the_other_rows_stay_and_the_given_ones_are_not_touched() -> None:
    rows = np.arange(12.0).reshape(6, 2)
    out = replace_rows(rows, np.array([4, 1]), np.array([[-1.0, -2.0], [-3.0, -4.0]]))
    assert out.tolist() == [[0, 1], [-3, -4], [4, 5], [6, 7], [-1, -2], [10, 11]]
    assert (rows == np.arange(12.0).reshape(6, 2)).all()

"""Three columns lose what no two of them show, and keep the rest."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from genbench.auditing.faults import FAULTS
from genbench.auditing.triple_dependence import strongest_triple
from genbench.auditing.workspace import RealRows
from genbench.protocol import Array

N = 1600


def law(n: int, seed: int, correlation: float = 0.0) -> Array:
    """Return rows (n, 5), neighbours correlated, where the sign of the last is the product of those of two others."""
    rng = np.random.default_rng(seed)
    rows = rng.multivariate_normal(np.zeros(5), correlation ** np.abs(np.subtract.outer(range(5), range(5))), n)
    rows[:, 4] = np.abs(rows[:, 4]) * np.sign(rows[:, 1] * rows[:, 3])
    return rows


def ground(correlation: float = 0.0) -> RealRows:
    train, spare = law(N, 1, correlation), law(2 * N, 2, correlation)
    return RealRows(train, spare, np.zeros((1, 5)), train.std(0))


def mean_product(rows: Array, real: RealRows) -> float:
    return float(np.sign(rows - np.median(real.train, axis=0))[:, [1, 3, 4]].prod(1).mean())


def test_the_triple_is_found_and_none_where_columns_are_independent() -> None:
    triple, z = strongest_triple(ground())
    assert triple == [1, 3, 4]
    assert z > 30
    rng = np.random.default_rng(0)
    for columns in (8, 2):
        rows = rng.standard_normal((N, columns))
        assert strongest_triple(RealRows(rows, rows, rows[:1], rows.std(0)))[1] < 3


@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_the_product_of_three_signs_is_lost_and_every_pair_stays(correlation: float) -> None:
    real, rows = ground(correlation), law(N, 3, correlation)
    whole = mean_product(rows, real)
    assert whole > 0.5
    for size in (0.5, 1.0):
        faulty = FAULTS["lost_triple_dependence"](rows, size, np.random.default_rng(0), real)
        assert mean_product(faulty, real) == pytest.approx((1 - size) * whole, abs=0.02)
        assert (np.sort(faulty, axis=0) == np.sort(rows, axis=0)).all(), "every marginal"
        for i, j in combinations(range(5), 2):
            for sign in (1, -1):  # laws of a sum and a difference: joint ones of two columns, seen from two sides
                views = [each[:, i] + sign * each[:, j] for each in (rows, faulty)]
                assert ks_2samp(*views).pvalue > 0.05, (i, j, sign)


def test_the_signs_of_each_two_keep_their_table_exactly() -> None:
    real, rows = ground(0.3), law(N, 3, 0.3)
    faulty = FAULTS["lost_triple_dependence"](rows, 1.0, np.random.default_rng(0), real)
    signs = [np.sign(each - np.median(real.train, axis=0))[:, [1, 3, 4]] for each in (rows, faulty)]
    assert (signs[0].T @ signs[0] == signs[1].T @ signs[1]).all()


def test_a_larger_share_changes_the_same_rows_and_more() -> None:
    real, rows = ground(), law(N, 3)
    small, large = (
        (FAULTS["lost_triple_dependence"](rows, size, np.random.default_rng(0), real) != rows).any(1)
        for size in (0.2, 0.8)
    )
    assert large[small].all()
    assert small.sum() == pytest.approx(large.sum() / 4, abs=8)


def test_rows_are_matched_in_parts_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.auditing.triple_dependence.MAX_MATCHED_ROWS", 50)
    real, rows = ground(), law(N, 3)
    faulty = FAULTS["lost_triple_dependence"](rows, 1.0, np.random.default_rng(0), real)
    assert mean_product(faulty, real) == pytest.approx(0, abs=0.05)

"""Shifts of two sides: their tests agree with scipy's, and sides without spread have the p-value of chance."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from genbench.comparing.shift import Shift, one_sided_p_values, paired_shift, welch_shift

RNG = np.random.default_rng(0)
X, Y = RNG.normal(0.0, 1.0, 7), RNG.normal(0.5, 2.0, 7)


def test_welch_agrees_with_scipy() -> None:
    known = stats.ttest_ind(Y, X, equal_var=False, alternative="greater")
    shift = welch_shift(X, Y)
    assert shift.degrees == pytest.approx(known.df)
    assert shift.p_values()[0] == pytest.approx(known.pvalue)
    assert shift.mean - shift.half_width(0.01) == pytest.approx(known.confidence_interval(0.99).low)


def test_pairs_agree_with_scipy() -> None:
    known = stats.ttest_rel(Y, X, alternative="less")
    shift = paired_shift(Y - X)
    assert shift.degrees == known.df
    assert shift.p_values()[1] == pytest.approx(known.pvalue)


@pytest.mark.parametrize(("mean", "expected"), [(1.0, (0.1, 1.0)), (-1.0, (1.0, 0.1)), (0.0, (1.0, 1.0))])
def test_without_spread_p_is_chance(mean: float, expected: tuple[float, float]) -> None:
    shift = Shift(mean, 0.0, 1.0)
    assert shift.is_exact
    assert shift.p_values(0.1) == expected


def test_constant_sides_have_an_exact_shift() -> None:
    assert welch_shift(np.ones(3), np.full(3, 1.5)) == Shift(0.5, 0.0, 1.0)
    assert paired_shift(np.full(3, 0.5)).is_exact


def test_both_directions_of_a_test_of_scipy() -> None:
    greater, less = one_sided_p_values(stats.mannwhitneyu, Y, X)
    assert greater == stats.mannwhitneyu(Y, X, alternative="greater").pvalue
    assert less == stats.mannwhitneyu(Y, X, alternative="less").pvalue

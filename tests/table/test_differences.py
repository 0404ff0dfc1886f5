"""Differences of models, paired by seed: against scipy where there is a textbook answer, and what must not matter."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genbench.table.differences import Differences, Measured, holm


def column(rows, errors=None):
    errors = errors or [{}] * len(rows)
    return Differences(
        {str(i): Measured(dict(enumerate(row)), error) for i, (row, error) in enumerate(zip(rows, errors, strict=True))}
    )


def test_holm_is_the_textbook_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.02, math.nan])[0] == pytest.approx(0.04)  # a test that could not be made counts


def test_two_models_are_compared_by_the_paired_t_test():
    a, b = [1.0, 2.0, 1.5, 3.0], [1.4, 2.9, 1.7, 3.3]
    assert column([a, b]).difference("0", "1").p_value == pytest.approx(stats.ttest_rel(a, b).pvalue)


def test_with_many_seeds_the_pooled_test_is_the_paired_t_test_too():
    rng = np.random.default_rng(2)
    rows = rng.normal([[0.0], [0.1], [0.2]], 1.0, (3, 4000)) + rng.normal(0.0, 2.0, 4000)
    for one, other in (("0", "1"), ("1", "2")):
        expected = stats.ttest_rel(rows[int(one)], rows[int(other)]).pvalue
        assert math.log(column(rows).difference(one, other).p_value) == pytest.approx(math.log(expected), rel=0.1)


def test_models_with_other_seeds_are_compared_by_welch():
    models = {"a": Measured({0: 1.0, 1: 2.0, 2: 1.5}), "b": Measured({5: 4.0, 6: 7.0, 7: 5.0, 8: 6.0})}
    expected = stats.ttest_ind([1.0, 2.0, 1.5], [4.0, 7.0, 5.0, 6.0], equal_var=False).pvalue
    assert Differences(models).difference("a", "b").p_value == pytest.approx(expected)


def test_what_all_models_share_in_a_seed_does_not_count():
    rng = np.random.default_rng(3)
    rows = np.array([[0.0], [0.0], [1.0], [1.0]]) + rng.normal(0, 0.1, (4, 5))
    p = column(rows).difference("0", "2").p_value
    assert column(rows + rng.normal(0, 9.0, 5)).difference("0", "2").p_value == pytest.approx(p)
    assert p < 1e-4


def test_the_error_of_one_seed_is_that_of_the_jackknifed_difference():
    shared = np.linspace(-1.0, 1.0, 20)
    own = np.tile([0.1, -0.1], 10)
    models = {
        "a": Measured({0: 1.0}, {0: 5.0}, {0: 1.0 + shared}),
        "b": Measured({0: 2.0}, {0: 5.0}, {0: 2.0 + shared + own}),
    }
    found = Differences(models).difference("a", "b")
    assert found.error == pytest.approx(math.sqrt(19 / 20 * (own**2).sum()))
    assert found.p_value == pytest.approx(2 * stats.t.sf(1.0 / found.error, 19))
    unpaired = {name: Measured(m.values, m.errors) for name, m in models.items()}
    assert Differences(unpaired).difference("a", "b").error == pytest.approx(math.hypot(5.0, 5.0))


def test_sampling_errors_count_where_seeds_agree_by_chance():
    rows = [[1.0, 1.001, 0.999], [1.1, 1.101, 1.099], [1.2, 1.201, 1.199]]
    errors = [{0: 0.3, 1: 0.3, 2: 0.3}] * 3
    found = column(rows, errors).difference("0", "2")
    assert found.error == pytest.approx(math.hypot(0.3, 0.3) / math.sqrt(3))
    assert found.p_value > 0.2
    assert column(rows).difference("0", "2").p_value < 0.001


def test_nothing_is_told_where_no_error_is_known():
    assert math.isnan(column([[1.0], [2.0]]).difference("0", "1").p_value)
    assert math.isnan(column([[1.0], [2.0]]).adjusted()["0", "1"])


def test_equal_values_are_never_told_apart():
    assert column([[8.0, 8.0, 8.0], [8.0, 8.0, 8.0], [7.0, 7.1, 7.2]]).difference("0", "1").p_value == 1.0
    assert column([[8.0, 8.0], [7.0, 7.0]]).difference("0", "1").p_value == 0.0


def test_a_model_whose_seeds_disagree_far_more_than_those_of_the_others_is_unstable():
    steady = [[0.80, 0.81, 0.79], [0.70, 0.72, 0.71], [0.60, 0.60, 0.62]]
    assert column([*steady, [0.96, 0.95, 0.10]]).unstable == {"3"}
    assert column(steady).unstable == frozenset()
    wide = [{0: 0.5, 1: 0.5, 2: 0.5}]  # its sampling errors explain the spread
    assert column([*steady, [0.96, 0.95, 0.10]], [{}, {}, {}, *wide]).unstable == frozenset()
    assert column([[0.96, 0.95, 0.10], [0.8, 0.81, 0.79]]).unstable == frozenset(), "of two, neither can be blamed"


def test_an_unstable_model_does_not_widen_the_differences_of_the_others():
    steady = [[0.80, 0.81, 0.79], [0.70, 0.72, 0.71], [0.60, 0.60, 0.62]]
    alone = column(steady).difference("0", "1")
    beside = column([*steady, [0.96, 0.95, 0.10]]).difference("0", "1")
    assert beside.error == pytest.approx(alone.error)
    assert column([*steady, [0.96, 0.95, 0.10]]).difference("0", "3").error > 10 * alone.error


def test_the_spread_of_a_model_is_moderated_by_that_of_the_others():
    rows = [[1.0, 1.2, 1.4], [2.0, 2.1, 2.2], [3.0, 3.3, 3.6]]
    variance, degrees = column(rows).spread("1")
    pooled = np.mean([np.var(row, ddof=1) for row in rows])
    assert variance == pytest.approx((2 * pooled + 2 * np.var(rows[1], ddof=1)) / 4)
    assert degrees == 4
    assert column([[1.0]]).spread("0") is None
    assert column([[1.0, 3.0]]).spread("0") == (pytest.approx(2.0), 1.0)


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=2, max_size=5))
def test_a_difference_does_not_depend_on_the_order_of_the_models(rows):
    one, other = column(rows).difference("0", "1"), column(rows).difference("1", "0")
    assert one.value == -other.value
    assert one.error == pytest.approx(other.error, nan_ok=True)
    assert not one.p_value > 1.0

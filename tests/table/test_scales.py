"""The scale of a column: what counts as better, how errors are carried over, and what its ends do."""

import math

import numpy as np
import pytest

from genbench.table.scales import LINEAR, LOGARITHM, Values, comparison, display_scale


def values(*numbers, error=None, replicates=None):
    by_seed = dict(enumerate(numbers))
    return Values(
        by_seed, by_seed, {} if error is None else dict.fromkeys(by_seed, error),
        {} if replicates is None else dict.fromkeys(by_seed, np.asarray(replicates, float)),
    )  # fmt: skip


def only(differences, name="m"):
    return differences.models[name]


def test_costs_are_compared_as_logarithms():
    found = only(comparison({"m": values(10.0, 100.0)}, "lower", None, True))
    assert list(found.values.values()) == pytest.approx([math.log(10), math.log(100)])
    faster = comparison({"a": values(10.0), "b": values(20.0)}, "higher", None, True)
    assert faster.difference("b", "a").value == pytest.approx(-math.log(2)), "smaller is better"


def test_the_distance_from_the_best_value_counts_on_both_sides_of_it():
    found = comparison({"a": values(0.4, error=0.01, replicates=[0.39, 0.41]), "b": values(0.6)}, "lower", 0.5, False)
    assert found.difference("a", "b").value == pytest.approx(0.0)
    assert only(found, "a").replicates[0] == pytest.approx([0.11, 0.09])


def test_values_above_those_of_real_rows_are_as_good_as_they_and_no_better():
    models = {"narrow": values(0.99), "perfect": values(0.95), "poor": values(0.80)}
    found = comparison(models, "higher", None, False, floor=0.95)
    assert found.difference("narrow", "perfect").value == 0.0
    assert found.difference("poor", "perfect").value == pytest.approx(0.15)
    assert comparison(models, "higher", None, False).difference("narrow", "perfect").value == pytest.approx(-0.04)


def test_distances_are_linear_near_zero_and_logarithmic_far_from_it():
    models = {"near": values(0.0, error=0.01), "far": values(10.0, error=0.01), "farther": values(100.0, error=0.01)}
    scale = display_scale(models, "lower", 0.0, False)
    assert scale.map(0.002) - scale.map(0.001) == pytest.approx(scale.map(0.001) - scale.map(0.0), rel=0.01)
    assert scale.map(100.0) - scale.map(10.0) == pytest.approx(math.log(10.0), rel=1e-3)
    for x in (-0.3, 0.0, 0.02, 7.0):
        assert scale.inverse(float(scale.map(x))) == pytest.approx(x)
        step = float(scale.map(x + 1e-6)) - float(scale.map(x - 1e-6))
        assert scale.slope(x) == pytest.approx(step / 2e-6, rel=1e-3)


def test_without_errors_positive_distances_are_logarithms_and_other_columns_linear():
    assert display_scale({"m": values(1.0, 2.0)}, "lower", 0.0, False) is LOGARITHM
    assert display_scale({"m": values(1.0, 2.0)}, "lower", None, False) is LINEAR
    assert display_scale({"m": values(0.0, 2.0)}, "higher", None, True) is LINEAR


def test_errors_are_carried_over_by_the_slope():
    found = only(comparison({"m": values(50.0, error=5.0)}, "lower", None, True))
    assert found.errors[0] == pytest.approx(0.1)


def test_a_comparison_uses_values_with_their_bias_which_all_models_share():
    biased = Values({0: 1.2}, {0: 1.0})
    assert only(comparison({"m": biased}, "lower", None, False)).values[0] == 1.2

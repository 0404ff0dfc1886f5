"""Means over seeds and their intervals: by the textbook where there is one, open where they must be."""

import math

import numpy as np
import pytest
from scipy import stats

from genbench.table.estimate import Estimate, mean_interval, worth_interval
from genbench.table.scales import LINEAR, LOGARITHM


def test_costs_have_a_geometric_mean_and_limits_the_smallest():
    assert Estimate({0: 10.0, 1: 1000.0}, logarithmic=True).mean == pytest.approx(100.0)
    assert Estimate({0: 0.0, 1: 4.0}, logarithmic=True).mean == 2.0
    assert Estimate({0: 231.0, 1: 512.0}, limit=True).mean == 231.0
    assert Estimate({0: 1.0, 1: 3.0}).sd == pytest.approx(math.sqrt(2.0))
    assert Estimate({0: 1.0}).sd is None
    with pytest.raises(ValueError, match="at least one seed"):
        Estimate({})


def test_the_interval_of_a_mean_over_seeds_is_that_of_student():
    values = np.array([1.0, 2.0, 4.0])
    (low, high), error = mean_interval(values.mean(), LINEAR, (values.var(ddof=1), 2.0), None, 3)
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 2, values.mean(), stats.sem(values)))
    assert error == pytest.approx(stats.sem(values))


def test_the_larger_of_both_errors_counts():
    (_, by_sampling), _ = mean_interval(1.0, LINEAR, (0.01, 2.0), 5.0, 3)
    assert by_sampling == pytest.approx(1.0 + 5.0 * stats.t.ppf(0.975, 19))
    (_, by_seeds), _ = mean_interval(1.0, LINEAR, (300.0, 2.0), 5.0, 3)
    assert by_seeds == pytest.approx(1.0 + 10.0 * stats.t.ppf(0.975, 2))
    assert mean_interval(1.0, LINEAR, None, None, 3) is None


def test_intervals_of_costs_never_reach_zero():
    (low, high), error = mean_interval(10.0, LOGARITHM, (1.0, 2.0), None, 3)
    assert 0.0 < low < 10.0 < high
    assert low * high == pytest.approx(100.0)
    assert error == pytest.approx(10.0 * math.sqrt(1 / 3))


def test_the_interval_of_a_worth_stays_open_where_that_of_a_seed_is():
    ends = {0: (500.0, 60.0, math.inf), 1: (600.0, 300.0, 1200.0)}
    low, high = worth_interval(ends, None)
    assert 0.0 < low < math.sqrt(500.0 * 600.0)
    assert high == math.inf
    assert worth_interval({}, None) is None
    assert worth_interval({0: (math.inf, 10.0, math.inf), 1: (100.0, 50.0, 200.0)}, None) is None


def test_the_interval_of_a_worth_is_that_of_the_mean_of_logarithms():
    ends = dict.fromkeys(range(4), (100.0, 50.0, 400.0))
    assert worth_interval(ends, None) == pytest.approx((100.0 / math.sqrt(2.0), 200.0))
    wide = worth_interval(ends, (4.0, 3.0))
    assert wide[0] == pytest.approx(100.0 / math.exp(stats.t.ppf(0.975, 3)))


def test_the_interval_of_a_mean_worth_covers_the_truth_at_three_seeds():
    rng, hits = np.random.default_rng(5), 0
    for _ in range(500):
        logs = math.log(300.0) + 0.4 * rng.normal(size=3)
        ends = {i: (math.exp(x), math.exp(x - 1.96 * 0.4), math.exp(x + 1.96 * 0.4)) for i, x in enumerate(logs)}
        low, high = worth_interval(ends, None)
        hits += low <= 300.0 <= high
    assert hits / 500 >= 0.92

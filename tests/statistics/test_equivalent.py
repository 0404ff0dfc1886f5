"""The equivalent sample holds what it promises, on generators of known worth; the rule before it does not."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from genbench_equivalent import metric
from genbench_equivalent.worth import Smallest, smallest

from . import equivalent
from .equivalent import Cell, Mixture, distance_of, kernel_mean, law, simulate, worth_of

REPEATS = 6  # of three seeds each
QUICK = [
    Cell("gaussian", 2, "memoriser", 30, 300, 300),
    Cell("modes", 2, "shifted", 30, 300, 200),
    Cell("tails", 5, "memoriser", 150, 300, 300),
    Cell("tails", 5, "widened", 30, 300, 300),
    Cell("gaussian", 10, "shifted", 150, 300, 300),
    Cell("tails", 10, "fitted", 100, 300, 200),
    Cell("tails", 10, "jittered", 60, 300, 300),
    Cell("modes", 64, "fitted", 100, 300, 300),
    Cell("gaussian", 64, "widened", 30, 200, 300),
]
JITTERED = [Cell("tails", 5, "jittered", 60, 300, 300), Cell("tails", 10, "jittered", 60, 300, 300)]


@cache
def quick():
    return [simulate(cell, REPEATS) for cell in QUICK]


def test_intervals_and_limits_are_true_for_nine_generators_in_ten() -> None:
    assert np.mean([row["covered"] for row in quick()]) >= 0.95
    assert min(row["covered"] for row in quick()) >= 0.8  # 15 of 18


def test_values_are_within_a_factor_of_one_and_a_half_where_distinguished() -> None:
    distinguished = [row for row in quick() if row["distinguished"] > 0.5]
    assert len(distinguished) >= 8
    for row in distinguished:
        assert 1 / 1.5 < row["ratio"] < 1.5, row


def test_the_mean_over_seeds_is_within_its_error() -> None:
    counted = sum(row["seeds_counted"] for row in quick())
    assert counted > 40
    assert sum(row["seeds"] * row["seeds_counted"] for row in quick() if row["seeds_counted"]) >= 0.9 * counted


def smallest_upper_bound(found, n_real):
    """The rule of version 1, deliberately broken: the bandwidth with the smallest upper bound gives the value."""
    some = np.isfinite(found.high_of_all).any()
    bounds = found.high_of_all if some else np.where(found.distinguished, found.value, np.inf)
    is_limit = not found.distinguished.any()
    at = int(np.argmin(found.limit if is_limit else bounds))
    return Smallest(at, is_limit, float(found.value[at]), float(found.low[at]), float(found.high_of_all[at]))


def widest_bandwidth(found, n_real):
    """A single kernel as wide as the data, deliberately broken: it sees no narrow fault."""
    return Smallest(0, False, float(found.value[0]), float(found.low[0]), float(found.high[0]))


def jackknife_alone(found, n_real):
    """An interval without the variation of few events, deliberately broken: 1.5 standard errors either side."""
    least = smallest(found, n_real)
    if least.is_limit:
        return least
    far = float(2 / least.value - found.selection[least.at])
    return replace(least, low=1 / far, high=float(1 / max(found.selection[least.at], 1e-9)))


@pytest.mark.parametrize(
    ("rule", "cells"),
    [(smallest_upper_bound, JITTERED), (widest_bandwidth, [Cell("modes", 2, "widened", 150, 300, 300)])],
    ids=["smallest upper bound", "widest bandwidth"],
)
def test_broken_rules_are_seen(rule, cells, monkeypatch) -> None:
    for cell in cells:
        assert 1 / 1.5 < simulate(cell, 10)["ratio"] < 1.5
    monkeypatch.setattr(metric, "smallest", rule)
    assert max(simulate(cell, 10)["ratio"] for cell in cells) > 1.5


def test_an_interval_without_the_variation_of_few_events_is_seen(monkeypatch) -> None:
    monkeypatch.setattr(metric, "smallest", jackknife_alone)
    cell = Cell("gaussian", 2, "memoriser", 30, 300, 300)
    assert simulate(cell, 10)["covered"] < 0.9


@pytest.mark.parametrize(("name", "d"), [("modes", 2), ("tails", 5)])
def test_the_mean_of_a_kernel_is_that_of_many_pairs(name, d) -> None:
    truth, rng = law(name, d), np.random.default_rng(0)
    other = Mixture(np.ones(1), np.full((1, d), 0.3), np.eye(d)[None])
    x, y = truth.mixture.sample(40_000, rng), other.sample(40_000, rng)
    squares = ((x - y + np.sqrt(0.2) * rng.standard_normal(x.shape)) ** 2).sum(1)
    means = [np.exp(-squares / (2 * h * h)).mean() for h in truth.bandwidths]
    assert kernel_mean(truth.mixture, other, truth.bandwidths, 0.2) == pytest.approx(means, rel=0.05, abs=1e-3)


@pytest.mark.parametrize("generator", ["shifted", "widened"])
def test_generators_are_worth_what_they_say(generator) -> None:
    truth = law("tails", 5)
    moved = equivalent._moved(truth, 30, {"shifted": "shift", "widened": "width"}[generator])
    assert worth_of(truth, distance_of(truth, moved)) == pytest.approx(30, rel=0.01)


def test_a_jittered_memoriser_is_worth_the_distance_of_its_kernel_density() -> None:
    truth, noise = law("gaussian", 2), 0.4
    expected = []
    for draw in range(40):
        events = truth.mixture.sample(10, np.random.default_rng(draw))
        density = Mixture(np.full(10, 1 / 10), events, np.repeat(noise**2 * np.eye(2)[None], 10, axis=0))
        expected.append(distance_of(truth, density))
    stated = equivalent._jittered_worth(truth, 10, noise)
    assert worth_of(truth, np.mean(expected, axis=0)) == pytest.approx(stated, rel=0.2)


def test_the_library_of_python_with_the_name_of_this_folder_is_found() -> None:
    import statistics

    assert statistics.mean([1, 3]) == 2

"""Intervals cover, z keeps its size and nothing is better than real under the null, in a few dozen repeats."""

import numpy as np
import pytest
from intervals import repeat, scorers, table

from genbench.scoring import floor_test
from genbench_distances import neighbours

METRICS = ("energy", "frechet", "precision", "recall", "coverage", "density", "correlation")
REPEATS = 60


@pytest.fixture(scope="module")
def null():
    return {line.metric: line for line in table("heavy_tails", 300, 300, False, REPEATS, METRICS)}


@pytest.mark.parametrize("metric", METRICS)
def test_intervals_cover_and_z_keeps_its_size_under_the_null(null, metric):
    assert null[metric].coverage >= 0.90 - 2 * (0.9 * 0.1 / REPEATS) ** 0.5
    assert null[metric].large_z <= 1 / REPEATS
    assert null[metric].suspect <= 1 / REPEATS


def test_a_moved_law_is_seen_and_its_distance_is_covered():
    [energy] = table("heavy_tails", 300, 300, True, REPEATS, ["energy"])
    assert energy.coverage >= 0.90 - 2 * (0.9 * 0.1 / REPEATS) ** 0.5


def test_a_kernel_without_moments_has_no_interval_and_z_keeps_its_size():
    [kid] = table("heavy_tails", 300, 300, False, REPEATS, ["kid"])
    assert np.isnan(kid.coverage)
    assert kid.large_z <= 1 / REPEATS
    assert kid.suspect <= 1 / REPEATS


def test_halves_alone_cover_too_rarely_where_their_balls_reach_the_next_mode(monkeypatch):
    [kept] = table("grid25", 300, 600, False, REPEATS, ["density"])
    monkeypatch.setattr(neighbours, "COUNT_PART", 0.0)
    [broken] = table("grid25", 300, 600, False, REPEATS, ["density"])
    assert kept.coverage >= 0.90
    assert broken.coverage < 0.87


def test_a_z_by_the_spread_of_the_floor_alone_would_be_too_large(monkeypatch):
    """The deliberately broken subject: the distance from the floor in units of the floor's spread."""
    from laws import LAWS

    def z_values():
        chosen = scorers(["frechet"])
        found = [repeat(LAWS["heavy_tails"], 300, 300, False, chosen, seed)[0]["z"] for seed in range(REPEATS)]
        return np.array(found, float)

    kept = z_values()
    monkeypatch.setattr(floor_test, "_z", lambda gap, value, floor, *_: gap / floor["floor_sd"])
    broken = z_values()
    assert kept.std() < 1.15
    assert broken.std() > 1.3 * kept.std()

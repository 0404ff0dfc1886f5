"""Intervals of sliced distances, where the bias of a sample falls more slowly than 1/n: modes and heavy tails."""

from __future__ import annotations

import numpy as np
import pytest
from laws import LAWS, grid25, heavy_tails

from genbench.protocol import Evidence, RealSide
from genbench_distances import SlicedConfig, TransportConfig
from genbench_distances.sliced import directions, max_sliced_w2, sliced_w2
from genbench_distances.transport import w2

CONFIG = SlicedConfig(n_projections=12)
DRAWS = 40


def scores(metric, real, fake, n, m, config=CONFIG):
    found = []
    for seed in range(DRAWS):
        rng = np.random.default_rng([seed, n, m])
        found.append(metric(Evidence(RealSide(real(n, rng)), fake(m, rng), seed=seed), config))
    return found


def share_that_hold(found, truth):
    return np.mean([each.low <= truth <= each.high for each in found])


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("n", "m"), [(300, 300), (1000, 300), (1000, 1000)])
def test_equal_laws_are_zero_within_the_interval(law, n, m):
    found = scores(sliced_w2, LAWS[law], LAWS[law], n, m)
    assert share_that_hold(found, 0.0) >= 0.9
    assert np.mean([each.detail["debiased"] for each in found]) < 0.5 * np.mean([each.value for each in found])


@pytest.mark.parametrize("scale", [0.8, 1.25])
@pytest.mark.parametrize("law", ["grid25", "heavy_tails"])
def test_rescaled_laws_are_at_the_known_distance(law, scale):
    variance = np.cov(LAWS[law](200_000, np.random.default_rng(0)).T)
    vectors = directions(len(variance), CONFIG.n_projections, CONFIG.directions_seed)
    truth = abs(scale - 1) * np.einsum("ci,ij,cj->c", vectors, variance, vectors).mean() ** 0.5
    found = scores(sliced_w2, LAWS[law], lambda m, rng: scale * LAWS[law](m, rng), 500, 400)
    assert share_that_hold(found, truth) >= 0.9


def test_the_worst_direction_has_a_p_value_and_an_interval_that_agree():
    equal = scores(max_sliced_w2, heavy_tails, heavy_tails, 300, 300)
    p_values = np.array([each.detail["p_value"] for each in equal])
    assert share_that_hold(equal, 0.0) >= 0.9
    assert (p_values < 0.05).mean() <= 0.125
    assert 0.35 < p_values.mean() < 0.65
    shifted = max_sliced_w2(
        Evidence(RealSide(grid25(300, np.random.default_rng(1))), 0.8 + grid25(300, np.random.default_rng(2))), CONFIG
    )
    assert shifted.low > 0
    assert shifted.detail["p_value"] == 1 / 500


def test_one_dimension_shares_the_interval():
    found = scores(w2, *2 * [lambda n, rng: grid25(n, rng)[:, :1]], 1000, 1000, TransportConfig())
    assert share_that_hold(found, 0.0) >= 0.9

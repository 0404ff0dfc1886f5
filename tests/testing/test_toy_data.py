"""Laws with known answers: draws, densities and distances agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from genbench.testing.toy_data import CLUSTERS, Clusters, binary_images, energy_distance, images

RNG = np.random.default_rng(0)


def test_two_clusters_have_mean_0_spread_1_and_a_known_correlation() -> None:
    rows = CLUSTERS.draw(200_000, RNG)
    assert rows.mean(0) == pytest.approx([0, 0], abs=0.01)
    assert rows.std(0) == pytest.approx([1, 1], abs=0.01)
    assert np.corrcoef(rows.T)[0, 1] == pytest.approx(0.81, abs=0.01)
    assert np.bincount(CLUSTERS.nearest(rows)) / len(rows) == pytest.approx([0.5, 0.5], abs=0.01)


def test_the_density_is_that_of_the_draws() -> None:
    points = RNG.normal(size=(50, 3))
    standard = Clusters(np.zeros((1, 3)), 1.0, np.ones(1))
    assert standard.log_prob(points) == pytest.approx(stats.norm.logpdf(points).sum(1))
    two = CLUSTERS
    parts = [stats.norm.pdf(points[:, :2], centre, two.std).prod(1) for centre in two.centres]
    assert two.log_prob(points[:, :2]) == pytest.approx(np.log(sum(parts) / 2))
    far = np.full((1, 2), 100.0)
    assert np.isfinite(two.log_prob(far)).all(), "no density is nought in the logarithm"


def test_images_have_a_bright_half_and_stay_in_range() -> None:
    drawn = images(2000, RNG)
    assert drawn.shape == (2000, 1, 8, 8)
    assert -1 <= drawn.min() < drawn.max() <= 1
    upper, lower = drawn[:, 0, :4].mean((1, 2)), drawn[:, 0, 4:].mean((1, 2))
    assert np.abs(upper - lower) == pytest.approx(np.full(2000, 1.4), abs=0.15)
    assert (upper > lower).mean() == pytest.approx(0.5, abs=0.05)


def test_binary_images_have_bright_and_dark_rows() -> None:
    drawn = binary_images(4000, RNG)
    assert drawn.shape == (4000, 1, 8, 8)
    assert set(np.unique(drawn)) == {-0.5, 0.5}
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    pair = (drawn[..., 0] * drawn[..., 1]).mean(), (drawn[:, :, 0] * drawn[:, :, 1]).mean()  # of a row, of a column
    assert pair == pytest.approx((0.25 * 0.9**2, 0), abs=0.01)


def test_the_energy_distance_of_equal_laws_is_0_and_of_a_shift_is_known() -> None:
    x, y = RNG.normal(size=(2000, 1)), RNG.normal(size=(2000, 1))
    assert energy_distance(x, y) == pytest.approx(0, abs=0.01)
    # E|X - Y| of normal numbers m apart, less E|X - X'| = 2/sqrt(pi)
    m = 3.0
    expected = 2 * (
        2 * stats.norm.pdf(m / math.sqrt(2)) * math.sqrt(2) + m * (2 * stats.norm.cdf(m / math.sqrt(2)) - 1)
    )
    assert energy_distance(x, y + m) == pytest.approx(expected - 4 / math.sqrt(math.pi), rel=0.05)

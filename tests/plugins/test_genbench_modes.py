"""Modes hit, samples of high quality and weights of modes, on laws whose answers are known."""

import json
import math

import numpy as np
import pytest

from genbench.protocol import Evidence, Modes, RealSide
from genbench_modes import ModesConfig, genbench_register
from genbench_modes.modes import high_quality, mode_kl, modes

CENTRES = np.array([[i, j] for i in range(-2, 3) for j in range(-2, 3)]) * 2.0
GRID = Modes(CENTRES, 0.05, np.full(25, 1 / 25))
METRICS = {"modes": modes, "high_quality": high_quality, "mode_kl": mode_kl}


def grid(seed, n=10_000, std=0.05, among=25, weights=None):
    rng = np.random.default_rng(seed)
    return CENTRES[rng.choice(among, size=n, p=weights)] + std * rng.standard_normal((n, 2))


def evidence(samples, known=GRID, **fields):
    return Evidence(RealSide(samples), samples, fake_raw=samples, modes=known, **fields)


def score(name, rows, known=GRID, seed=0, **options):
    return METRICS[name](evidence(rows, known, seed=seed), ModesConfig(**options))


def test_perfect_samples_give_what_perfect_samples_give():
    found = score("high_quality", grid(1), samples=10_000)
    assert found.detail["perfect"] == pytest.approx(100 * (1 - math.exp(-4.5)))
    assert found.low < found.detail["perfect"] < found.high
    assert score("modes", grid(1)).value == 25
    assert score("modes", grid(1)).detail["of"] == 25
    found = score("mode_kl", grid(1))
    assert found.low == 0
    assert found.detail["floor"] == pytest.approx(0.0048, abs=1e-4)
    mean = np.mean([score("mode_kl", grid(seed)).value for seed in range(30)])
    assert mean == pytest.approx(found.detail["floor"], rel=0.2)


@pytest.mark.parametrize("d", [1, 2, 3, 10])
def test_perfect_share_in_any_dimension(d):
    samples = np.random.default_rng(1).standard_normal((40_000, d))
    found = score("high_quality", samples, Modes(np.zeros((1, d)), 1.0, np.ones(1)), samples=40_000)
    assert found.low < found.detail["perfect"] < found.high


def test_looks_at_2500_samples_and_is_deterministic():
    found = score("modes", grid(1))
    assert found.n_fake == 2500
    assert sum(found.detail["counts"]) <= 2500
    assert found == score("modes", grid(1))
    assert found.detail["counts"] != score("modes", grid(1), seed=1).detail["counts"]
    assert score("modes", grid(1, n=300)).n_fake == 300


def test_sorted_samples_lose_no_modes():
    samples = grid(1)
    assert score("modes", samples[np.lexsort(samples.T)]).value == 25


def test_dropped_modes():
    assert score("modes", grid(1, among=10)).value == 10
    assert score("high_quality", grid(1, among=10)).value == pytest.approx(98.9, abs=1)
    found = score("mode_kl", grid(1, among=10))
    assert found.low < math.log(2.5) < found.high


def test_uneven_weights():
    weights = np.arange(1, 26) / 325
    truth = float(weights @ np.log(weights * 25))
    found = score("mode_kl", grid(1, weights=weights))
    assert found.low < truth < found.high
    known = Modes(CENTRES, 0.05, weights)
    assert score("mode_kl", grid(1, weights=weights), known).value < 0.02  # those are the true weights here
    assert score("mode_kl", grid(1), known).value > 0.1


def test_interval_of_the_weights_holds_as_often_as_it_says():
    weights = np.arange(1, 26) / 325
    truth = float(weights @ np.log(weights * 25))
    found = [score("mode_kl", grid(seed, n=2500, weights=weights)) for seed in range(100)]
    assert all(each.low <= each.detail["debiased"] <= each.high for each in found)
    assert 0.89 <= np.mean([f.low <= truth <= f.high for f in found]) <= 1.0


@pytest.mark.parametrize(("modes_hit", "each"), [(25, 40), (4, 25)])
def test_equal_weights_that_are_met_exactly_leave_the_error_of_a_chi_square(modes_hit, each):
    """2n KL is then chi-squared with k - 1 degrees of freedom, of variance 2 (k - 1)."""
    known = Modes(CENTRES[:modes_hit], 0.05, np.full(modes_hit, 1 / modes_hit))
    found = score("mode_kl", np.repeat(CENTRES[:modes_hit], each, axis=0), known)
    n = modes_hit * each
    assert found.value == pytest.approx(0, abs=1e-12)
    assert found.detail["standard_error"] == pytest.approx(math.sqrt(2 * (modes_hit - 1)) / (2 * n), rel=1e-9)


def test_wide_modes_lose_quality():
    narrow, wide = score("high_quality", grid(1)), score("high_quality", grid(1, std=0.1))
    assert wide.value == pytest.approx(100 * (1 - math.exp(-4.5 / 4)), abs=3)
    assert wide.high < narrow.low
    assert score("high_quality", grid(1, std=0.01)).value == 100


def test_samples_between_the_modes():
    samples = CENTRES[np.zeros(500, int)] + 1.0
    assert score("modes", samples).value == 0
    assert score("high_quality", samples).value == 0
    found = score("mode_kl", samples)
    assert found.value is None
    assert found.warnings


@pytest.mark.parametrize("metric", METRICS)
def test_awkward(metric):
    for found in (
        score(metric, grid(1, n=1)),
        score(metric, np.zeros((40, 2))),
        score(metric, grid(1)[:, :1], Modes(np.array([[0.0], [2.0]]), 0.1, np.array([0.5, 0.5]))),
        METRICS[metric](evidence(grid(1), None), ModesConfig()),
    ):
        assert found.warnings if found.value is None else math.isfinite(found.value)
        assert found.low is None or found.low <= found.high
        json.dumps([found.params, found.detail], allow_nan=False)


def test_options_and_declarations():
    for options in ({"samples": 0}, {"radius": 0.0}):
        with pytest.raises(ValueError, match="must be in"):
            ModesConfig(**options)
    for spec in genbench_register():
        assert f"{spec.better} is better" in METRICS[spec.name].__doc__


def test_weights_of_hardly_any_samples_have_no_interval():
    far = np.full((990, 2), 99.0)
    few, enough = (score("mode_kl", np.concatenate([grid(1, n=n), far])) for n in (5, 200))
    assert few.value is not None
    assert (few.low, few.high, enough.low is None) == (None, None, False)
    assert any(text.startswith("no interval: only ") for text in few.warnings)

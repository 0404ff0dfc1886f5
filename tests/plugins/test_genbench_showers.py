"""Showers against what is known of them: where they are deepest, how well they are measured, how wide they are."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from genbench.budget import Sizes
from genbench_showers import ShowersConfig, genbench_register
from genbench_showers.profile import CRITICAL_ENERGY, core_and_tail, longitudinal, shares_of_layers, shares_of_rings
from genbench_showers.showers import Showers

ENERGIES = np.array([1.0, 3.0, 10.0, 30.0, 100.0])


def showers_of(energy, n=4000, **options):
    showers = Showers(replace(ShowersConfig(), **options))
    return showers.observables(showers.simulate(np.full(n, energy), np.random.default_rng(0)))


def test_depth_grows_with_the_logarithm_of_the_energy():
    depth = np.array([showers_of(energy, depth=40.0, layers=40)["depth"].mean() for energy in ENERGIES])
    slope, _ = np.polyfit(np.log(ENERGIES), depth, 1)
    # the mean depth is T α / (α - 1): the maximum moves by one radiation length for each e-fold of energy
    assert slope == pytest.approx(1.0, abs=0.12)
    assert np.abs(depth - np.polyval(np.polyfit(np.log(ENERGIES), depth, 1), np.log(ENERGIES))).max() < 0.15


def test_the_maximum_is_where_the_parametrisation_says():
    maximum, shape = longitudinal(np.full(50_000, 20.0), np.random.default_rng(0))
    y = math.log(20 / CRITICAL_ENERGY)
    assert np.log(maximum).mean() == pytest.approx(math.log(y - 0.812), abs=0.005)
    assert np.log(maximum).std() == pytest.approx(1 / (1.26 * y - 1.4), rel=0.02)
    assert np.corrcoef(np.log(maximum), np.log(shape))[0, 1] == pytest.approx(0.705 - 0.023 * y, abs=0.02)


def test_resolution_falls_as_one_over_the_root_of_the_energy():
    resolution = np.array([showers_of(e, depth=100.0, noise=1e-6)["total"].std() for e in ENERGIES])
    np.testing.assert_allclose(resolution * np.sqrt(ENERGIES), 0.1, rtol=0.06)


def test_noise_adds_to_the_resolution_at_low_energy():
    total = showers_of(1.0, depth=100.0, noise=0.05)["total"]
    assert total.std() == pytest.approx(math.hypot(0.1, 0.05 * math.sqrt(24)), rel=0.06)


@pytest.mark.parametrize("depth", [10.0, 24.0, 100.0])
def test_energy_is_conserved(depth):
    showers, energy = Showers(ShowersConfig(depth=depth)), np.repeat(ENERGIES, 500)
    shares = showers.deposited(energy, np.random.default_rng(0))
    assert (shares >= 0).all()
    assert (shares.sum(1) <= 1 + 1e-12).all()
    total = showers.simulate(energy, np.random.default_rng(0)).sum(1)
    expected = shares.sum(1).mean()
    assert total.mean() == pytest.approx(expected, abs=4 * total.std() / len(total) ** 0.5)
    assert (depth < 100) or shares.sum(1).min() > 0.999
    assert (depth > 10) or shares.sum(1)[energy == 100].mean() < 0.8  # the rest leaks out behind


def test_layers_share_the_gamma_profile():
    edges = np.linspace(0, 60, 6001)
    found = shares_of_layers(np.array([6.0]), np.array([4.0]), edges)[0]
    middle = (edges[1:] + edges[:-1]) / 2
    assert found.sum() == pytest.approx(1, abs=1e-6)
    assert middle[found.argmax()] == pytest.approx(6.0, abs=0.02)
    assert (found * middle).sum() == pytest.approx(4.0 * 6.0 / 3.0, rel=1e-4)


def test_rings_share_the_energy_of_a_layer_and_the_tail_is_wider():
    edges = np.array([0, 0.5, 1.0, np.inf])
    depth = np.linspace(0.1, 3, 30)
    core, tail, share = core_and_tail(np.full(30, 10.0), depth)
    assert (core > 0).all()
    assert (tail > core).all()
    assert ((share >= 0) & (share <= 1)).all()
    found = shares_of_rings(core, tail, share, edges)
    np.testing.assert_allclose(found.sum(1), 1)
    assert (found >= 0).all()
    one = shares_of_rings(np.array([0.5]), np.array([9.0]), np.array([1.0]), edges)[0]
    np.testing.assert_allclose(one, [0.5, 0.3, 0.2])  # r² / (r² + R²) is 1/2 at R


def test_showers_widen_with_depth():
    showers = Showers(ShowersConfig())
    cells = showers.deposited(np.full(500, 10.0), np.random.default_rng(0)).mean(0).reshape(8, 3)
    outer = cells[:, 2] / cells.sum(1)
    assert outer[5] > outer[1]


def test_splits_are_seeded_and_independent_of_the_training_rows():
    dataset = Showers(ShowersConfig())
    first, again = (dataset.load(Sizes(300, 200, 100), np.random.default_rng(3)) for _ in range(2))
    more = dataset.load(Sizes(600, 200, 100), np.random.default_rng(3))
    other = dataset.load(Sizes(300, 200, 100), np.random.default_rng(4))
    assert np.array_equal(first.train, again.train)
    assert np.array_equal(first.conditions["train"], again.conditions["train"])
    assert np.array_equal(first.test, more.test)
    assert not np.array_equal(first.test, other.test)


def test_data_are_complete():
    data = Showers(ShowersConfig(layers=5, rings=2)).load(Sizes(300, 200, 100), np.random.default_rng(0))
    assert data.train.shape == (300, 10)
    assert data.train.dtype == np.float32
    assert [column.name for column in data.columns][:3] == ["e_0_0", "e_0_1", "e_1_0"]
    [energy] = data.condition_columns
    assert (energy.name, energy.unit, energy.log) == ("energy", "GeV", True)
    given = np.log(data.conditions["train"])
    assert given.shape == (300, 1)
    assert given.min() >= 0
    assert given.max() <= math.log(100)
    assert abs(given.mean() - math.log(10)) < 0.3
    assert set(data.observables(data.test)) == {"total", "depth", "length", "width"}
    assert 0 < data.simulator.seconds_per_sample < 0.1


def test_observables_of_any_sample_are_finite():
    showers = Showers(ShowersConfig())
    rows = np.concatenate([np.zeros((1, 24)), np.full((1, 24), -1.0), np.eye(24)])
    found = showers.observables(rows)
    assert all(np.isfinite(values).all() for values in found.values())
    assert found["depth"][2] == pytest.approx(1.5)
    assert found["depth"][-1] == pytest.approx(22.5)


@pytest.mark.parametrize("wrong", [{"layers": 1}, {"rings": 0}, {"low": 0.1}, {"high": 1.0}, {"sampling": 0.0}])
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(ShowersConfig(), **wrong)


def test_registering_imports_no_scipy():
    code = "import sys, genbench_showers as m; m.genbench_register(); sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    [spec] = genbench_register()
    assert spec.is_conditional(ShowersConfig())

"""The Ising model: its partition function is that of counting, and spins are drawn with their probability."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import integrate, stats

from genbench.budget import Sizes
from genbench_images import IsingConfig
from genbench_images.ising import Ising, aligned, log_partition

EVERY = 2.0 * ((np.arange(2**16)[:, None] >> np.arange(16)) & 1).reshape(-1, 4, 4) - 1  # configurations of 4 x 4


def drawn(n=200, seed=0, **options):
    return Ising(IsingConfig(**options)).load(Sizes(n, 50, 50), np.random.default_rng(seed))


@pytest.mark.parametrize("coupling", [0.05, 0.3, 0.44, np.log(1 + np.sqrt(2)) / 2, 0.5, 1.5])
def test_the_partition_function_is_the_sum_over_all_configurations(coupling):
    whole = np.logaddexp.reduce(coupling * aligned(EVERY))
    assert log_partition(4, coupling) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("coupling", [0.3, 0.4, 0.5])
def test_large_lattices_have_the_free_energy_of_onsager(coupling):
    modulus = 2 * np.sinh(2 * coupling) / np.cosh(2 * coupling) ** 2

    def integrand(angle):
        return np.log((1 + np.sqrt(1 - (modulus * np.sin(angle)) ** 2)) / 2)

    onsager = np.log(2 * np.cosh(2 * coupling)) + integrate.quad(integrand, 0, np.pi)[0] / (2 * np.pi)
    degenerate = np.log(2) / 64**2 if coupling > 0.4407 else 0  # up or down
    assert log_partition(64, coupling) / 64**2 == pytest.approx(onsager + degenerate, abs=1e-5)


@pytest.mark.parametrize("temperature", [2.269, 4.0])
def test_spins_are_drawn_with_their_probability(temperature):
    dataset = Ising(SimpleNamespace(size=4, temperature=temperature))
    data = dataset.load(Sizes(8000, 1, 1), np.random.default_rng(0))
    levels, weights = np.unique(aligned(EVERY), return_counts=True)
    probability = weights * np.exp(levels / temperature - log_partition(4, 1 / temperature))
    found = aligned(2.0 * data.train[:, 0] - 1)
    counts = np.array([(found == level).sum() for level in levels])
    enough = probability * len(found) > 5
    assert probability.sum() == pytest.approx(1)
    assert counts[enough].sum() > 0.99 * len(found)
    expected = probability[enough] / probability[enough].sum() * counts[enough].sum()
    assert stats.chisquare(counts[enough], expected).pvalue > 1e-3
    # of configurations with the same energy none is preferred: each spin is up in half of them
    assert data.train.mean(0) == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(8000))


def test_probability_and_entropy_are_those_of_the_draws():
    for temperature in (2.269, 2.4):
        data = drawn(2000, temperature=temperature)
        log_p = data.log_prob(data.train)
        assert log_p.mean() == pytest.approx(-data.entropy, abs=4 * log_p.std() / np.sqrt(len(log_p)))
    assert drawn(1, temperature=100.0).entropy == pytest.approx(256 * np.log(2), rel=1e-3)


def test_what_is_no_configuration_has_no_probability():
    data = drawn(10)
    images = np.stack([data.test[0], data.test[0] + 1, data.test[0] * 0.5])
    values = data.log_prob(images)
    assert np.isfinite(values[0])
    assert (values[1:] == -np.inf).all()


def test_energy_and_order_of_known_configurations():
    data = drawn(10)
    i, j = np.indices((16, 16))
    images = np.stack([np.ones((16, 16)), np.zeros((16, 16)), (i + j) % 2, (i // 8) % 2])[:, None]
    seen = data.observables(images)
    np.testing.assert_allclose(seen["energy"], [-2, -2, 2, -1.75])
    np.testing.assert_allclose(seen["magnetisation"], [1, 1, 0, 0])
    np.testing.assert_allclose(seen["structure"][:3], 0, atol=1e-12)
    assert seen["structure"][3] == pytest.approx((2 / np.pi) ** 2 / 2, rel=0.02)  # a square wave across
    cold, hot = (drawn(300, temperature=t) for t in (2.3, 4.0))
    assert cold.observables(cold.train)["magnetisation"].mean() > 0.5
    assert hot.observables(hot.train)["magnetisation"].mean() < 0.2


def test_spins_depend_on_the_generator_alone():
    first, again, other, larger = (drawn(n, seed) for n, seed in ((100, 1), (100, 1), (100, 2), (150, 1)))
    np.testing.assert_array_equal(first.train, again.train)
    np.testing.assert_array_equal(first.test, larger.test)
    assert (first.train != other.train).any()
    assert first.levels == 2
    assert set(np.unique(first.train)) == {0, 1}
    assert first.train.dtype == np.uint8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 8}, r"size must be in \[16, 64\], got 8"),
        ({"temperature": 2.0}, r"temperature must be in \[2.269, 100\], got 2"),
    ],
)
def test_an_option_out_of_range_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        IsingConfig(**options)

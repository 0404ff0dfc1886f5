"""The cosmic web has its linear power where gravity is weak, moves by second-order theory, and is split by boxes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate

from genbench.budget import Sizes
from genbench.loading import heard_by
from genbench_images import CosmicWebConfig
from genbench_images.cosmic_web import FLOOR, SECOND_ORDER, CosmicWeb, density_of, displacement, power_spectrum

BOX = 128.0


def drawn(n=240, seed=0, sizes=None, **options):
    return CosmicWeb(CosmicWebConfig(**options)).load(sizes or Sizes(n, 24, 24), np.random.default_rng(seed))


def contrast(rows):
    return np.exp(rows[:, 0].astype(float)) - FLOOR


# ---------------------------------------------------------------------------------------------------- linear power


def test_power_has_the_variance_in_spheres_that_is_asked_for():
    def integrand(k):
        window = 3 * (np.sin(8 * k) - 8 * k * np.cos(8 * k)) / (8 * k) ** 3
        return k**2 * power_spectrum(np.array([k]), 0.7)[0] * window**2 / (2 * np.pi**2)

    parts = [integrate.quad(integrand, low, high, limit=200)[0] for low, high in ((1e-4, 0.1), (0.1, 1), (1, 20))]
    assert np.sqrt(sum(parts)) == pytest.approx(0.7, rel=2e-3)


def test_power_is_that_of_cold_dark_matter():
    k = np.geomspace(1e-4, 1, 2000)
    power = power_spectrum(k, 0.811)
    slope = np.gradient(np.log(power), np.log(k))
    assert slope[0] == pytest.approx(0.965, abs=0.02)  # as it began
    assert -2.5 < slope[-1] < -2.0
    assert k[power.argmax()] == pytest.approx(0.0165, rel=0.1)  # the horizon when matter and radiation were equal
    assert power.max() == pytest.approx(2.4e4, rel=0.1)  # Planck 2018's at redshift 0


# -------------------------------------------------------------------------------------------------------- particles


def test_plane_waves_move_particles_as_second_order_theory_says():
    size, amplitude = 16, 0.3
    k = 2 * np.pi / BOX
    for lattice, offset in ((0, 0.0), (1, 0.5)):
        x, y, z = k * BOX / size * (np.indices((size,) * 3) + offset)
        grid = k * BOX / size * np.indices((size,) * 3)
        modes = np.fft.rfftn(amplitude * np.cos(grid).sum(0))
        # φ = -δ/k² for each wave; χ is that of the products of pairs of waves
        found = displacement(modes, BOX)[lattice]
        first = -amplitude / k * np.sin([x, y, z])
        pairs = [np.sin(a) * (np.cos(b) + np.cos(c)) for a, b, c in ((x, y, z), (y, z, x), (z, x, y))]
        second = SECOND_ORDER * amplitude**2 / (2 * k) * np.array(pairs)
        np.testing.assert_allclose(found, first + second, atol=2e-5 * np.abs(first).max())
        assert np.abs(second).max() > 0.1 * np.abs(first).max()  # or it would not have been seen


def test_a_plane_wave_has_no_second_order():
    modes = np.fft.rfftn(np.broadcast_to(np.cos(2 * np.pi * np.arange(16) / 16), (16, 16, 16)))
    found = displacement(modes, 16.0)[0]
    np.testing.assert_allclose(found, 10 * displacement(modes / 10, 16.0)[0], atol=1e-5)
    assert np.abs(found[:2]).max() < 1e-5  # along the wave alone


def test_particles_are_shared_by_the_cells_around_them():
    at = density_of(np.array([[2.0], [0.0], [1.0]]), 4)
    assert at[2, 0, 1] == 1
    assert at.sum() == 1
    between = density_of(np.array([[3.75], [0.0], [1.5]]), 4)
    assert between[3, 0, 1] == between[3, 0, 2] == 0.125
    assert between[0, 0, 1] == between[0, 0, 2] == 0.375  # beyond the last cell is the first
    many = np.random.default_rng(0).uniform(-9, 9, (3, 5000))
    density = density_of(many, 8)
    assert density.sum() == pytest.approx(5000)
    np.testing.assert_allclose(density, density_of(many + 8, 8), atol=1e-9)
    np.testing.assert_allclose(density.transpose(2, 0, 1), density_of(many[[2, 0, 1]], 8), atol=1e-9)


# ------------------------------------------------------------------------------------------------------------- slabs


def ratio_to_linear(sigma8, boxes=60):
    """Power of slabs over that of linear theory in bins of wavenumber, and its standard error over boxes."""
    size, slabs = 32, 4
    maps = contrast(drawn(12 * boxes, sigma8=sigma8).train)
    power = np.abs(np.fft.fft2(maps)) ** 2 * (BOX / size**2) ** 2
    frequency = np.fft.fftfreq(size, 1 / size)
    radius = np.hypot(frequency, frequency[:, None])
    depth = np.arange(1 - size // 2, size // 2)
    k = 2 * np.pi / BOX * np.sqrt(np.maximum(radius, 1)[..., None] ** 2 + depth**2)
    slab = (power_spectrum(k, sigma8) * np.sinc(depth / slabs) ** 2).sum(-1) / BOX  # what a slab keeps of it
    cloud = (np.sinc(frequency / size) * np.sinc(frequency[:, None] / size)) ** 4
    bins = [(radius > low) & (radius <= high) for low, high in ((0.5, 1.5), (1.5, 2.5), (2.5, 4), (4, 6))]
    ratio = np.stack([(power / (slab * cloud))[:, chosen].mean(1) for chosen in bins], axis=1)
    each = ratio.reshape(boxes, 12, -1).mean(1)
    return each.mean(0), each.std(0) / np.sqrt(boxes)


def test_slabs_of_a_weak_field_have_the_linear_power():
    ratio, error = ratio_to_linear(0.1)
    assert (error < 0.04).all()
    assert (np.abs(ratio - 1) < 0.01 + 4 * error).all()


def test_slabs_of_todays_field_have_it_on_large_scales_and_lose_it_on_small_ones():
    ratio, _ = ratio_to_linear(0.811)
    assert ratio[:2] == pytest.approx(1, abs=0.2)
    assert ratio[-1] < ratio[:2].mean()  # particles pass one another, and structures are washed out
    assert ratio[-1] > 0.5


def test_there_are_voids_and_clusters():
    delta = contrast(drawn().train)
    assert delta.min() > -1 - 1e-6
    assert delta.max() > 3
    skewness = ((delta - delta.mean()) ** 3).mean() / delta.std() ** 3
    assert skewness > 1
    weak = contrast(drawn(sigma8=0.05).train)
    assert abs((weak**3).mean() / weak.std() ** 3) < skewness / 3


def test_maps_of_a_box_show_the_same_particles_and_hold_its_mass():
    maps = contrast(drawn(12, size=16, slabs=4).train).reshape(3, 4, 16, 16)
    np.testing.assert_allclose(maps.mean((1, 2, 3)), 0, atol=1e-6)
    projected = maps.mean(1)  # along x (y, z), along y (x, z), along z (x, y)
    np.testing.assert_allclose(projected[0].mean(0), projected[1].mean(0), atol=1e-6)
    np.testing.assert_allclose(projected[0].mean(1), projected[2].mean(0), atol=1e-6)
    assert projected[0].mean(0).std() > 0.01


def profiles(rows):
    """The density along z of the boxes that these rows begin with (k, size), from the slabs along x of each."""
    whole = len(rows) // 12 * 12
    return contrast(rows[:whole]).reshape(-1, 3, 4, 16, 16)[:, 0].mean((1, 2))


def test_no_box_is_on_two_sides():
    data = drawn(sizes=Sizes(40, 30, 26), size=16)
    assert [len(rows) for rows in (data.train, data.test, data.reference)] == [40, 30, 26]
    found = np.concatenate([profiles(rows) for rows in (data.train, data.test, data.reference)])
    assert len(found) == 7
    correlation = np.corrcoef(found)[~np.eye(7, dtype=bool)]
    assert correlation.max() < 0.95
    # nor does test go on with the box that train used a part of
    last = contrast(data.train[36:40]).mean(0).mean(0)
    assert max(np.corrcoef(last, other)[0, 1] for other in profiles(data.test)) < 0.95


def test_slabs_depend_on_the_generator_alone():
    first, again, other = (drawn(30, seed, size=16) for seed in (1, 1, 2))
    larger = drawn(60, 1, size=16)
    np.testing.assert_array_equal(first.train, again.train)
    np.testing.assert_array_equal(first.train, larger.train[:30])
    np.testing.assert_array_equal(first.test, larger.test)
    assert (first.train != other.train).all(axis=(1, 2, 3)).any()
    assert first.train.dtype == np.float32


def test_the_simulator_has_a_cost_that_grows_with_the_box_and_progress_is_reported():
    calls = []
    with heard_by(lambda *numbers: calls.append(numbers)):
        small = drawn(sizes=Sizes(20, 13, 12), size=16)
    assert calls == [(12, 45), (20, 45), (32, 45), (33, 45), (45, 45)]
    large = drawn(sizes=Sizes(12, 12, 12), size=64)
    assert 0 < 8 * small.simulator.seconds_per_sample < large.simulator.seconds_per_sample
    assert small.simulator.name == "2LPT with 2 x 16³ particles"
    assert any("12 maps of a box" in note for note in small.notes)


@pytest.mark.parametrize("value", [0.0, 100.0, -1e30])
def test_maps_that_are_no_density_are_measured_without_failing(value):
    seen = drawn(12, size=16).observables(np.full((2, 1, 16, 16), value))
    assert all(np.isfinite(values).all() for values in seen.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 8}, r"size must be in \[16, 128\], got 8"),
        ({"slabs": 5}, r"slabs must be 2 or more and divide size = 32, got 5"),
        ({"slabs": 1}, r"slabs must be 2 or more .*, got 1"),
        ({"box": 20.0}, r"box must be in \[size, 1000\] = \[32, 1000\] Mpc/h, got 20"),
        ({"sigma8": 0.0}, r"sigma8 must be in \[0.05, 1.5\], got 0"),
    ],
)
def test_an_option_out_of_range_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CosmicWebConfig(**options)

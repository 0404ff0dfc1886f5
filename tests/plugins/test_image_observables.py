"""What is measured of galaxies and maps is what was put into them."""

from __future__ import annotations

import numpy as np
import pytest

from genbench.budget import Sizes
from genbench_images import GalaxiesConfig, LognormalMapsConfig
from genbench_images.galaxies import Galaxies, render
from genbench_images.lognormal import LognormalMaps
from genbench_images.observables import (
    BANDS,
    WINDOW_RADII,
    galaxy_observables,
    map_observables,
    peak_counts,
    power_in_bands,
)

# ---------------------------------------------------------------------------------------------------------- galaxies


def gaussian(size, xx, yy, xy=0.0):
    """A Gaussian of flux 100 with these second moments, (1, size, size)."""
    position = np.arange(size) - (size - 1) / 2
    x, y = position, position[:, None]
    inverse = np.linalg.inv([[xx, xy], [xy, yy]])
    image = np.exp(-0.5 * (inverse[0, 0] * x**2 + 2 * inverse[0, 1] * x * y + inverse[1, 1] * y**2))
    return 100 * image[None] / image.sum()


def measured(image):
    return {name: values[0] for name, values in galaxy_observables(image).items()}


def test_half_the_light_of_known_profiles_is_inside_the_radius():
    assert measured(gaussian(64, 16, 16))["half_light_radius"] == pytest.approx(4 * np.sqrt(2 * np.log(2)), rel=0.01)
    position = np.arange(64) - 31.5
    disc = (np.hypot(position, position[:, None]) < 20).astype(float)
    assert measured(disc[None])["half_light_radius"] == pytest.approx(20 / np.sqrt(2), rel=0.01)
    one = np.zeros((1, 33, 33))
    one[0, 16, 16] = 5
    assert measured(one)["half_light_radius"] == pytest.approx(np.sqrt(0.5 / np.pi))  # half a pixel's area
    drawn = render(96, *(np.array([v]) for v in (0.5, 8.0, 1.0, 0.0)), 0.5)
    assert measured(drawn)["half_light_radius"] == pytest.approx(8, rel=0.02)


def test_shapes_are_those_of_the_weighted_light():
    xx, yy, xy = 20.0, 9.0, 4.0
    found = measured(gaussian(64, xx, yy, xy))
    window = (WINDOW_RADII * found["half_light_radius"]) ** 2
    moments = np.linalg.inv(np.linalg.inv([[xx, xy], [xy, yy]]) + np.eye(2) / window)
    trace = np.trace(moments)
    assert found["size"] == pytest.approx(np.sqrt(trace), rel=1e-3)
    assert found["ellipticity_1"] == pytest.approx((moments[0, 0] - moments[1, 1]) / trace, rel=1e-3)
    assert found["ellipticity_2"] == pytest.approx(2 * moments[0, 1] / trace, rel=1e-3)
    assert found["ellipticity"] == pytest.approx(np.hypot(found["ellipticity_1"], found["ellipticity_2"]))
    assert found["flux"] == pytest.approx(100)
    turned = measured(gaussian(64, xx, yy, xy).transpose(0, 2, 1))
    assert turned["ellipticity_1"] == pytest.approx(-found["ellipticity_1"])
    assert turned["ellipticity_2"] == pytest.approx(found["ellipticity_2"])


def test_brightness_changes_flux_and_peak_alone():
    one, ten = measured(gaussian(32, 9, 5)), measured(10 * gaussian(32, 9, 5))
    for name, value in one.items():
        assert ten[name] == pytest.approx(10 * value if name in ("flux", "peak") else value)


def test_faint_galaxies_in_noise_have_bounded_shapes():
    noise = np.random.default_rng(0).normal(size=(500, 64, 64))
    for images in (noise, 300 / 100 * gaussian(64, 16, 9) + noise, -noise - 1, np.zeros((1, 64, 64))):
        seen = galaxy_observables(images)
        assert all(np.isfinite(values).all() for values in seen.values())
        assert np.abs(seen["ellipticity"]).max() <= np.sqrt(2)
        assert seen["half_light_radius"].max() <= np.sqrt(64**2 / np.pi)


def test_galaxies_are_measured_larger_where_they_are_larger():
    data = Galaxies(GalaxiesConfig()).load(Sizes(500, 50, 50), np.random.default_rng(0))
    blurred = Galaxies(GalaxiesConfig(psf=5.0)).load(Sizes(500, 50, 50), np.random.default_rng(0))
    sharp, wide = (np.median(d.observables(d.train)["half_light_radius"]) for d in (data, blurred))
    assert 2.7 < sharp < 3.5  # a twelfth of 32 pixels, and the blur
    assert wide > sharp + 0.5


# -------------------------------------------------------------------------------------------------------------- maps


def test_planted_peaks_are_counted_where_they_are_high_enough():
    maps = np.zeros((2, 16, 16))
    for (i, j), height in {(0, 0): 3.0, (5, 7): 2.0, (10, 15): 1.5, (12, 3): 0.4}.items():
        maps[0, i, j] = height
    maps[0, 5, 8] = 1.9  # on the side of a peak
    maps[1, 4:6, 4:6] = 3.0  # a plateau has no highest pixel
    np.testing.assert_array_equal(peak_counts(maps, (0.3, 1.0, 1.7, 5.0)), [[4, 3, 2, 0], [0, 0, 0, 0]])
    maps[0, 15, 15] = 3.5  # beside the one in the corner, since a map goes on at its other side
    np.testing.assert_array_equal(peak_counts(maps, (0.3, 1.0, 1.7, 5.0))[0], [4, 3, 2, 0])


def test_a_wave_has_its_power_in_its_band():
    size = 32
    x = 2 * np.pi * np.arange(size) / size
    waves = np.stack([np.broadcast_to(3 * np.cos(k * x), (size, size)) for k in (1, 3, 6, 13)])
    power = power_in_bands(waves)
    assert power.argmax(1).tolist() == [0, 1, 2, 3]
    assert (np.sort(power, axis=1)[:, :-1] < 1e-20).all()
    # a variance of 9/2, shared by the modes of the band
    assert 9 / 2 / power[0, 0] == pytest.approx(12)  # (1, 0), (1, 1), (2, 0) and those alike


def test_white_noise_has_the_same_power_everywhere_and_a_normal_law():
    maps = 2 * np.random.default_rng(0).normal(size=(1500, 16, 16)) + 7
    np.testing.assert_allclose(power_in_bands(maps).mean(0), 4 / 16**2, rtol=0.04)
    seen = map_observables(maps, (9.0,))
    assert np.mean(10 ** seen["log_variance"]) == pytest.approx(4, rel=0.02)
    assert np.mean(seen["skewness"]) == pytest.approx(0, abs=0.02)
    assert np.mean(seen["kurtosis"]) == pytest.approx(-6 / 257, abs=0.03)  # of 256 values
    scaled = map_observables(10 * maps - 3, (87.0,))
    for name, values in seen.items():
        shift = 2 if name.startswith("log_") else 0
        np.testing.assert_allclose(scaled[name.replace("_9", "_87")], values + shift, atol=1e-9, err_msg=name)


def test_small_maps_have_the_bands_that_hold_modes():
    assert power_in_bands(np.random.default_rng(0).normal(size=(3, 4, 4))).shape == (3, 3)


def test_maps_are_measured_one_by_one():
    maps = np.random.default_rng(0).normal(size=(40, 32, 32))
    whole, part = map_observables(maps, (1.0, 2.0)), map_observables(maps[30:], (1.0, 2.0))
    for name, values in whole.items():
        np.testing.assert_array_equal(values[30:], part[name], err_msg=name)


def test_convergence_is_measured_in_its_own_standard_deviations():
    dataset = LognormalMaps(LognormalMapsConfig())
    data = dataset.load(Sizes(1000, 50, 50), np.random.default_rng(0))
    seen = data.observables(data.train)
    # in units of the standard deviation over the sky, of which a map's mean takes a part
    assert np.mean(10 ** seen["log_variance"]) == pytest.approx(
        1 - data.train.mean((1, 2, 3)).var() / data.train.var(), rel=0.05
    )
    assert (seen["skewness"] > 0).mean() > 0.95
    powers = [seen[f"log_power_{band + 1}"].mean() for band in range(BANDS)]
    assert powers == sorted(powers, reverse=True)
    peaks = [seen[f"peaks_above_{t}"].mean() for t in (1, 2, 3)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[-1] > 0.5
    wild = data.observables(np.stack([np.full((1, 32, 32), v) for v in (0.0, -1e30, 1e30)]))
    assert all(np.isfinite(values).all() for values in wild.values())

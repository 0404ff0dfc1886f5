"""Galaxies of GalSim: light and shapes as asked for, the same images whatever the cache holds, found as a plugin."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest

pytest.importorskip("galsim", reason="genbench-astro is not installed: pip install ./plugins/genbench-astro")
genbench_astro = pytest.importorskip("genbench_astro", reason="pip install ./plugins/genbench-astro")

from genbench.budget import Sizes  # noqa: E402
from genbench.errors import ConfigError, DataError  # noqa: E402
from genbench.loading import heard_by  # noqa: E402
from genbench.registry.registry import Registry  # noqa: E402
from genbench.testing import check_plugin, configured  # noqa: E402
from genbench_images.observables import galaxy_observables  # noqa: E402

from genbench_astro import GalaxiesConfig, cache, draw  # noqa: E402
from genbench_astro.galaxies import SOFTENING, Galaxies  # noqa: E402

CHUNK = 100  # in place of 500


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def kept(home, monkeypatch):
    monkeypatch.setenv("GENBENCH_ASTRO_CACHE", str(home))
    monkeypatch.setattr(cache, "CHUNK", CHUNK)
    return home


def options(**changes):
    return asdict(GalaxiesConfig(**changes))


def silent(done, whole):
    pass


def made(n=CHUNK, **changes):
    return cache.images(options(**changes), n, silent)[0]


def galaxy(index=1.0, radius=2.0, flux=1000.0, shear=(0.0, 0.0), **changes):
    """One image without noise: 128 pixels of 0.2 arcseconds, unless other options are given."""
    return draw.image(options(**{"size": 128, "psf": 0.5, **changes}), index, radius, flux, np.array(shear))


def measured(image):
    return {name: values[0] for name, values in galaxy_observables(image[None]).items()}


# --------------------------------------------------------------------------------------------------------- the physics


@pytest.mark.parametrize(("index", "radius", "lost"), [(0.5, 2.0, 0.002), (1.0, 2.0, 0.005), (4.0, 1.0, 0.06)])
def test_no_light_is_lost_but_beyond_the_edge(index, radius, lost):
    for shear in ((0.0, 0.0), (0.3, 0.2)):
        flux = float(galaxy(index, radius, 5000.0, shear).sum())
        assert 5000 * (1 - lost) < flux < 5000 * 1.001


def test_half_the_light_is_within_the_half_light_radius():
    for index in (0.5, 1.0):
        found = measured(galaxy(index, 2.0, psf=0.3))["half_light_radius"]
        assert found == pytest.approx(2.0 / 0.2, rel=0.02)
    # the blur adds to it
    assert measured(galaxy(1.0, 2.0, psf=2.0))["half_light_radius"] > 1.1 * 10


def test_a_point_is_seen_as_wide_as_the_seeing():
    image = galaxy(1.0, 0.001, size=63, psf=2.0)
    row = image[31] / image[31, 31]
    right = np.flatnonzero(row > 0.5)[-1]
    half = right + (row[right] - 0.5) / (row[right] - row[right + 1]) - 31
    assert 2 * half * 0.2 == pytest.approx(2.0, rel=0.02)


def test_a_disc_falls_exponentially_and_an_elliptical_has_a_cusp_and_wings():
    disc, elliptical = (galaxy(index, 2.0, size=127, psf=0.3)[63, 63:].astype(float) for index in (1.0, 4.0))
    slope = np.polyfit(np.arange(10, 40), np.log(disc[10:40]), 1)[0]
    assert slope == pytest.approx(-1.678 / 10, rel=0.01)  # of a half-light radius of ten pixels
    assert elliptical[0] > 3 * disc[0]
    assert elliptical[60] > 3 * disc[60]


def test_galaxies_are_stretched_as_they_are_sheared():
    for shear in ((0.3, 0.0), (0.0, 0.3), (-0.2, 0.1)):
        found = measured(galaxy(0.5, 2.0, shear=shear, psf=0.3))
        seen = np.array([found["ellipticity_1"], found["ellipticity_2"]])
        # by second moments 2 g / (1 + g²), less what the window takes; in the same direction
        whole = 2 * np.array(shear) / (1 + np.dot(shear, shear))
        assert np.dot(seen, whole) / np.linalg.norm(seen) / np.linalg.norm(whole) > 0.999
        assert 0.5 < np.linalg.norm(seen) / np.linalg.norm(whole) < 1
    assert measured(galaxy())["ellipticity"] < 1e-3


def test_the_population_is_the_one_asked_for():
    found = draw.population(
        options(radius=1.1, flux=500.0, index_min=0.5, index_max=2.5), 20_000, np.random.default_rng(0)
    )
    assert np.median(found.radius) == pytest.approx(1.1, rel=0.01)
    assert np.median(found.flux) == pytest.approx(500, rel=0.02)
    assert np.std(np.log(found.flux)) == pytest.approx(0.6, rel=0.02)
    assert (found.index.min(), found.index.max(), found.index.mean()) == pytest.approx((0.5, 2.5, 1.5), abs=0.01)
    np.testing.assert_allclose(found.ellipticity.mean(0), 0, atol=0.01)
    assert np.hypot(*found.ellipticity.T).max() <= 0.7
    round_ones = draw.population(options(ellipticity=0.1), 20_000, np.random.default_rng(0)).ellipticity
    assert np.sqrt((round_ones**2).sum(1).mean()) == pytest.approx(0.1, rel=0.02)


def test_pixels_are_in_units_of_the_noise():
    few, many = (made(noise=noise, flux=2000.0 * noise).astype(float) for noise in (1.0, 5.0))
    np.testing.assert_allclose(few, many, atol=1e-3)  # only their ratio is seen
    edges = few[:, [0, -1], ::2] - few[:, [0, -1], 1::2]
    assert np.median(np.abs(edges)) / 0.6745 / np.sqrt(2) == pytest.approx(1, abs=0.06)
    assert np.median(few.sum((1, 2))) == pytest.approx(1900, rel=0.15)  # some lies beyond the edge


# ------------------------------------------------------------------------------------------------- chunks and the cache


def test_more_images_begin_with_the_same_and_no_two_are_alike(monkeypatch, tmp_path):
    more = made(2 * CHUNK)
    monkeypatch.setenv("GENBENCH_ASTRO_CACHE", str(tmp_path))
    np.testing.assert_array_equal(made(CHUNK // 2), more[: CHUNK // 2])
    assert len(np.unique(more.reshape(len(more), -1), axis=0)) == 2 * CHUNK


def test_images_are_drawn_once(monkeypatch):
    first = made()
    monkeypatch.setattr(draw, "chunk", lambda *_: pytest.fail("drawn again"))
    np.testing.assert_array_equal(first, made())


@pytest.mark.parametrize("damage", [lambda content: content[:1000], lambda content: b"", lambda content: b"x" * 2000])
def test_a_damaged_chunk_is_drawn_again(damage):
    first = made()
    file = cache.cache_folder(options()) / "00000.npz"
    file.write_bytes(damage(file.read_bytes()))
    np.testing.assert_array_equal(first, made())
    assert np.load(file, allow_pickle=False)["images"].shape == (CHUNK, 32, 32)


def test_the_cache_is_kept_by_every_option_and_by_the_version():
    changed = [{"size": 64}, {"index_max": 3.0}, {"radius": 0.6}, {"ellipticity": 0.2}, {"flux": 900.0}, {"psf": 0.8}]
    folders = {cache.cache_folder(options(**change)) for change in ({}, *changed, {"noise": 2.0}, {"pixel": 0.25})}
    assert len(folders) == 9
    assert cache.cache_folder({**options(), "galsim": "2.7.0"}) not in folders
    made(10)
    cached = json.loads((cache.cache_folder(options()) / "options.json").read_text())
    assert cached["galsim"] == importlib.metadata.version("galsim")


def test_a_cache_that_cannot_be_written_is_reported_with_the_remedy(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GENBENCH_ASTRO_CACHE", str(tmp_path / "file"))
    with pytest.raises(
        DataError, match=r"file/galaxies-.*; GENBENCH_ASTRO_CACHE=FOLDER keeps images elsewhere"
    ) as error:
        made(10)
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------------------------------------------------- as a plugin


def test_data_are_split_by_the_seed_and_carry_observables_and_the_cost_of_an_image():
    calls = []
    with heard_by(lambda *numbers: calls.append(numbers)):
        data = Galaxies(GalaxiesConfig()).load(Sizes(400, 100, 50), np.random.default_rng(0))
    assert calls == [(min(n, 550), 550) for n in range(100, 601, 100)]
    rows = np.concatenate([data.train, data.test, data.reference])
    assert rows.shape == (550, 1, 32, 32)
    assert rows.dtype == np.float32
    assert len(np.unique(rows.reshape(550, -1), axis=0)) == 550
    other = Galaxies(GalaxiesConfig()).load(Sizes(400, 100, 50), np.random.default_rng(1))
    assert (data.train != other.train).any()
    everything = np.concatenate([other.train, other.test, other.reference])
    np.testing.assert_array_equal(np.sort(rows.reshape(550, -1).sum(1)), np.sort(everything.reshape(550, -1).sum(1)))
    seen = data.observables(data.train)
    counts = SOFTENING * np.sinh(data.train[:, 0].astype(float))
    np.testing.assert_allclose(seen["flux"], counts.sum((1, 2)))
    assert {"half_light_radius", "ellipticity", "flux"} <= set(seen)
    assert data.simulator.name == f"GalSim {importlib.metadata.version('galsim')}"
    assert 1e-5 < data.simulator.seconds_per_sample < 0.1


@pytest.mark.parametrize("value", [0.0, 1e6, -1e30])
def test_images_that_are_no_galaxies_are_measured_without_failing(value):
    seen = Galaxies(GalaxiesConfig())._observables(np.full((2, 1, 32, 32), value))
    assert all(np.isfinite(values).all() for values in seen.values())


def test_it_is_found_beside_the_built_in_galaxies():
    registry = Registry.discover(block=())
    assert registry.find("dataset", "galaxies_galsim").provenance.distribution == "genbench-astro"
    assert registry.find("dataset", "galaxies").provenance.distribution == "genbench"
    assert not [problem for problem in registry.problems if "astro" in problem]


@pytest.mark.slow
def test_it_keeps_the_contract():
    [report] = check_plugin("dataset:galaxies_galsim")
    assert {outcome.check.name: outcome.reason for outcome in report.outcomes if outcome.bad} == {}
    assert report.ok


def test_options_are_checked_before_anything_is_drawn():
    [spec] = genbench_astro.genbench_register()

    def refused(message, **settings):
        with pytest.raises(ConfigError, match=message):
            configured(spec, **settings)

    refused(r"size must be in \[16, 128\], got 8", size=8)
    refused(r"index_max must be in \[0.3, 6.2\], got 9", index_max=9.0)
    refused("index_min must not be above index_max = 4, got 5", index_min=5.0)
    refused("psf must be 1.5 pixels or more, 0.3, got 0.2", psf=0.2)
    refused("radius must be a quarter of the image or less, 1.6, got 3", radius=3.0)
    refused("galsim 1.0 is asked for, .* is installed", galsim="1.0")


def test_without_galsim_the_plugin_says_so_in_one_line_and_galaxies_still_run(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    with monkeypatch.context() as without:
        without.setattr(genbench_astro.importlib.metadata, "version", missing)
        with pytest.raises(ImportError, match=f"GalSim is not installed; try: pip install {genbench_astro.GALSIM}"):
            genbench_astro.genbench_register()

    def none_installed():
        raise ImportError(f"GalSim is not installed; try: pip install {genbench_astro.GALSIM}")

    monkeypatch.setattr(genbench_astro, "galsim_version", none_installed)
    registry = Registry.discover(block=())
    row = next(row for row in registry.plugins if row.name == "astro")
    assert row.status == "broken"
    assert "\n" not in row.problem
    assert "pip install galsim==" in row.problem
    assert registry.find("dataset", "galaxies").provenance.distribution == "genbench"


def test_declaring_imports_nothing_heavy():
    code = "import sys, genbench_astro; genbench_astro.genbench_register(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"numpy", "torch", "galsim", "astropy", "platformdirs"}


def test_galsim_is_imported_only_to_draw():
    code = f"""if True:
        import sys, numpy, genbench_astro.cache, genbench_astro.galaxies as galaxies
        from genbench.protocol import Sizes
        genbench_astro.cache.CHUNK = {CHUNK}
        galaxies.Galaxies(galaxies.GalaxiesConfig()).load(Sizes(50, 20, 20), numpy.random.default_rng(0))
        print(*sys.modules)"""
    made()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "galsim" not in done.stdout.split()

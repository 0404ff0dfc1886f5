"""Each toy's density integrates to 1, its draws follow it, and its entropy is that of the density."""

from __future__ import annotations

import importlib
import math
from functools import cache

import numpy as np
import pytest
from scipy import integrate, special, stats
from scipy.spatial import distance
from sklearn.datasets import make_moons

import genbench_toys as toys
from genbench.budget import Sizes
from genbench_toys import TurnedMoonsConfig
from genbench_toys.curves import GaussianRing, Moons
from genbench_toys.funnel import Funnel
from genbench_toys.gaussian import Gaussian
from genbench_toys.michel import ENDPOINT, Michel
from genbench_toys.mixtures import Grid, Mixture, Ring
from genbench_toys.planar import Banana, Checkerboard
from genbench_toys.turned_moons import CENTRE, TurnedMoons, turned

SPECS = {spec.name: spec for spec in toys.genbench_register()}
UNCONDITIONAL = [name for name, spec in SPECS.items() if not spec.conditions]
SIZES = Sizes(20_000, 500, 300)


def build(name, **options):
    spec = SPECS[name]
    module, attribute = spec.target.split(":")
    target = getattr(importlib.import_module(module), attribute)
    return target(spec.config(**options)) if spec.config else target()


@cache
def loaded(name, seed=0):
    return build(name).load(SIZES, np.random.default_rng(seed))


# toy, half the side of a box that holds it, midpoints along each side
PLANAR = {
    "ring": (build("ring"), 1.1, 640),
    "ring linspace": (build("ring", angles="linspace"), 1.1, 640),
    "ring overlapping": (build("ring", sigma=0.3), 4.0, 200),
    "grid": (build("grid"), 4.5, 400),
    "moons": (build("moons"), 3.0, 200),
    "moons noisy": (build("moons", noise=0.5), 7.0, 200),
    "spirals": (build("spirals"), 4.2, 240),
    "gaussian_ring": (build("gaussian_ring"), 2.0, 200),
    "pinwheel": (build("pinwheel"), 4.0, 400),
    "checkerboard": (build("checkerboard"), 4.0, 200),
    "checkerboard odd": (build("checkerboard", tiles=5, width=1.6), 4.0, 200),
    "banana": (build("banana"), 30.0, 2000),
    "gaussian": (build("gaussian", correlation=0.8), 8.0, 200),
    "mixture": (build("mixture", dim=2, separation=4.0), 14.0, 200),
}


@pytest.fixture(params=PLANAR)
def planar(request):
    return PLANAR[request.param]


def density_on_grid(toy, half, count):
    step = 2 * half / count
    axis = -half + step * (np.arange(count) + 0.5)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    log_p = np.concatenate([toy.log_prob(block) for block in np.array_split(points, 16)]).reshape(count, count)
    return log_p, step**2


def chi_square(draws, log_p, area, half, cells=20):
    """Return the p-value of draws (n, 2) against a density on a grid, in cells x cells bins, the rare ones merged."""
    size = len(log_p) // cells
    expected = np.exp(log_p).reshape(cells, size, cells, size).sum((1, 3)) * area * len(draws)
    edges = np.linspace(-half, half, cells + 1)
    observed = np.histogram2d(*draws.T, bins=(edges, edges))[0]
    common = expected > 10
    found = np.append(observed[common], len(draws) - observed[common].sum())
    wanted = np.append(expected[common], len(draws) - expected[common].sum())
    keep = wanted > 5
    return stats.chi2.sf(((found - wanted)[keep] ** 2 / wanted[keep]).sum(), keep.sum() - 1)


def test_a_density_on_the_plane_is_one_and_its_draws_and_entropy_are_its_own(planar):
    toy, half, count = planar
    log_p, area = density_on_grid(toy, half, count)
    p = np.exp(log_p)
    assert p.sum() * area == pytest.approx(1, abs=1e-6)
    entropy = -np.sum(p * np.where(p > 0, log_p, 0)) * area
    assert toy.entropy == pytest.approx(entropy, abs=1e-5)
    draws = toy.sample(20_000, np.random.default_rng(1))
    assert chi_square(draws, log_p, area, half) > 1e-3


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (build("moons"), build("moons", noise=0.11)),
        (build("ring"), build("ring", angles="linspace")),
        (build("checkerboard"), build("banana")),
        (build("pinwheel"), build("pinwheel", twist=0.24)),
    ],
)
def test_the_chi_square_finds_draws_of_another_density(right, wrong):
    log_p, area = density_on_grid(right, 4.0, 400)
    assert chi_square(wrong.sample(20_000, np.random.default_rng(1)), log_p, area, 4.0) < 1e-6


@pytest.mark.parametrize("name", UNCONDITIONAL)
def test_the_mean_log_density_of_draws_is_minus_the_entropy(name):
    data = loaded(name)
    log_p = data.log_prob(data.train)
    assert log_p.shape == (len(data.train),)
    assert -log_p.mean() == pytest.approx(data.entropy, abs=4 * log_p.std() / math.sqrt(len(log_p)) + 1e-9)


@pytest.mark.parametrize("name", SPECS)
def test_a_toy_gives_what_its_spec_declares(name):
    spec, data = SPECS[name], loaded(name)
    assert (len(data.train), len(data.test), len(data.reference)) == (20_000, 500, 300)
    assert data.train.dtype == np.float64
    assert spec.density
    assert data.log_prob is not None
    assert spec.modes == (data.modes is not None)
    assert len(data.columns) in (0, data.shape[0])
    rows = np.concatenate([data.train, data.test, data.reference])
    assert np.isfinite(rows).all()
    assert len(np.unique(rows, axis=0)) == len(rows)


@pytest.mark.parametrize("name", SPECS)
def test_the_same_generator_gives_the_same_rows_and_more_training_rows_leave_the_test_rows(name):
    first, other = loaded(name), loaded(name, seed=1)
    again = build(name).load(SIZES, np.random.default_rng(0))
    larger = build(name).load(Sizes(30_000, 500, 300), np.random.default_rng(0))
    assert (first.train == again.train).all()
    assert (first.reference == again.reference).all()
    assert (first.train != other.train).any()
    assert (first.test == larger.test).all()


@pytest.mark.parametrize("name", UNCONDITIONAL)
def test_a_sample_far_away_has_no_density_and_nan_stays_nan(name):
    toy = build(name)
    d = toy.sample(1, np.random.default_rng(0)).shape[1]
    with np.errstate(all="raise", under="ignore"):
        far, at_nan = (toy.log_prob(np.full((1, d), x))[0] for x in (1e30, np.nan))
    assert far < -1e20
    assert np.isnan(at_nan)


@pytest.mark.parametrize("name", UNCONDITIONAL)
def test_single_precision_rows_are_taken_in_double(name):
    toy = build(name)
    x = toy.sample(50, np.random.default_rng(0)).astype(np.float32)
    assert toy.log_prob(x).dtype == np.float64
    np.testing.assert_array_equal(toy.log_prob(x), toy.log_prob(x.astype(np.float64)))


def test_entropies_of_separated_gaussians_are_closed_forms():
    gaussian = math.log(2 * math.pi * math.e)
    assert Ring(toys.RingConfig()).entropy == pytest.approx(math.log(8) + gaussian + 2 * math.log(0.01), abs=1e-6)
    assert Ring(toys.RingConfig()).entropy == pytest.approx(-4.2930, abs=5e-5)
    assert Grid(toys.GridConfig()).entropy == pytest.approx(math.log(25) + gaussian + 2 * math.log(0.05), abs=1e-6)
    assert Grid(toys.GridConfig()).entropy == pytest.approx(0.0653, abs=5e-5)


@pytest.mark.parametrize("options", [{"dim": 1, "separation": 3.0}, {"dim": 2, "separation": 3.0}])
def test_the_entropy_of_overlapping_gaussians_is_that_of_their_draws(options):
    mixture = Mixture(toys.MixtureConfig(**options))
    log_p = mixture.log_prob(mixture.sample(100_000, np.random.default_rng(0)))
    assert -log_p.mean() == pytest.approx(mixture.entropy, abs=4 * log_p.std() / math.sqrt(len(log_p)))


def test_an_entropy_that_is_not_known_is_none():
    assert Mixture(toys.MixtureConfig(dim=5, separation=3.0)).entropy is None


@pytest.mark.parametrize("name", [name for name, spec in SPECS.items() if spec.modes])
def test_modes_are_where_the_draws_are(name):
    toy = build(name)
    modes = toy.modes
    assert modes.weights.sum() == pytest.approx(1)
    draws = toy.sample(20_000, np.random.default_rng(0))
    distance = np.linalg.norm(draws[:, None] - modes.centres, axis=2)
    counts = np.bincount(distance.argmin(1), minlength=len(modes.weights))
    assert stats.chisquare(counts, modes.weights * len(draws)).pvalue > 1e-3
    d = draws.shape[1]
    # the share within 3 standard deviations: 98.89 % on the plane
    share = stats.chi2.cdf(9, d)
    assert (distance.min(1) < 3 * modes.std).mean() == pytest.approx(
        share, abs=5 * math.sqrt(share * (1 - share) / 2e4)
    )


def test_the_ring_has_eight_modes_or_seven_of_which_one_counts_twice():
    even, linspace = (Ring(toys.RingConfig(angles=a)).modes for a in ("even", "linspace"))
    assert len(np.unique(np.round(even.centres, 6), axis=0)) == 8
    assert len(np.unique(np.round(linspace.centres, 6), axis=0)) == 7
    angles = np.linspace(0, 2 * np.pi, 8)
    repeated = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for centre, weight in zip(linspace.centres, linspace.weights, strict=True):
        assert weight == pytest.approx(np.isclose(repeated, centre).all(1).mean())


def test_the_grid_is_the_one_of_the_literature():
    modes = Grid(toys.GridConfig()).modes
    expected = {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert {tuple(c) for c in modes.centres} == expected
    assert modes.std == 0.05


def test_the_moons_are_those_of_scikit_learn():
    points, _ = make_moons(100, shuffle=False, noise=None)
    along = np.linspace(0, 1, 50)
    upper, lower = Moons(toys.MoonsConfig()).curves
    np.testing.assert_allclose(points, np.concatenate([upper(along), lower(along)]), atol=1e-12)


@pytest.mark.parametrize("noise", [0.01, 0.1, 1.0])
def test_the_density_of_the_moons_is_the_integral_along_them(noise):
    moons = Moons(toys.MoonsConfig(noise=noise))

    def integrand(t, x, y, curve):
        cx, cy = curve(np.array([t]))[0]
        return math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * noise**2)) / (2 * math.pi * noise**2)

    rng = np.random.default_rng(0)
    points = np.concatenate([moons.sample(12, rng), moons.sample(8, rng) + noise * 2 * rng.standard_normal((8, 2))])
    for point, value in zip(points, moons.log_prob(points), strict=True):
        peaks = list(np.linspace(0, 1, 65)[1:-1])
        total = sum(
            integrate.quad(integrand, 0, 1, args=(*point, c), points=peaks, limit=500, epsabs=0, epsrel=1e-9)[0]
            for c in moons.curves
        )
        assert value == pytest.approx(math.log(total / 2), abs=1e-6)


def test_the_density_of_the_annulus_is_a_bessel_function():
    radius, noise = 2.0, 0.1
    ring = GaussianRing(toys.GaussianRingConfig(radius=radius, noise=noise))
    r = np.linspace(0, 4, 200)
    sigma = noise * radius
    exact = -((r - radius) ** 2) / (2 * sigma**2) + np.log(special.i0e(r * radius / sigma**2) / (2 * np.pi * sigma**2))
    np.testing.assert_allclose(ring.log_prob(np.stack([r * 0.6, r * 0.8], axis=1)), exact, atol=1e-8)


@pytest.mark.parametrize(("dim", "correlation"), [(1, 0.0), (1, 0.5), (5, -0.7), (64, 0.9)])
def test_the_gaussian_agrees_with_scipy(dim, correlation):
    gaussian = Gaussian(toys.GaussianConfig(dim=dim, correlation=correlation))
    index = np.arange(dim)
    known = stats.multivariate_normal(np.zeros(dim), correlation ** np.abs(index[:, None] - index))
    draws = gaussian.sample(2000, np.random.default_rng(0))
    np.testing.assert_allclose(gaussian.log_prob(draws), known.logpdf(draws).reshape(-1), rtol=1e-9)
    assert gaussian.entropy == pytest.approx(known.entropy())
    assert stats.kstest(draws[:, -1], "norm").pvalue > 1e-3


def test_a_gaussian_of_many_dimensions_follows_its_density():
    data = Gaussian(toys.GaussianConfig(dim=1024, correlation=0.3)).load(Sizes(500, 1, 1), np.random.default_rng(0))
    # minus twice the exponent is chi-square distributed
    square = 2 * (512 - data.entropy - data.log_prob(data.train))
    assert stats.kstest(square, stats.chi2(1024).cdf).pvalue > 1e-3


def test_a_mixture_in_many_dimensions_agrees_with_scipy():
    mixture = Mixture(toys.MixtureConfig(dim=6, components=3, separation=2.0))
    x = mixture.sample(100, np.random.default_rng(0))
    each = [stats.multivariate_normal(c, np.eye(6)).logpdf(x) for c in mixture.centres]
    np.testing.assert_allclose(mixture.log_prob(x), special.logsumexp(each, axis=0) - math.log(3), rtol=1e-10)
    again = Mixture(toys.MixtureConfig(dim=6, components=3, separation=2.0, placement=1))
    assert (again.centres != mixture.centres).all()


@pytest.mark.parametrize("dim", [256, 1024])
def test_the_separation_of_a_mixture_is_the_root_mean_square_distance_of_its_centres(dim):
    mixture = Mixture(toys.MixtureConfig(dim=dim, components=64, separation=7.0))
    assert np.sqrt(np.mean(distance.pdist(mixture.centres) ** 2)) == pytest.approx(7, rel=0.02)


def test_the_funnel_is_normal_given_its_first_column():
    funnel = Funnel(toys.FunnelConfig(dim=3))
    x = funnel.sample(20_000, np.random.default_rng(0))
    assert stats.kstest(x[:, 0] / 3, "norm").pvalue > 1e-3
    assert stats.kstest((x[:, 1:] * np.exp(-x[:, :1] / 2)).ravel(), "norm").pvalue > 1e-3
    known = stats.norm(0, 3).logpdf(x[:, 0]) + stats.norm(0, np.exp(x[:, :1] / 2)).logpdf(x[:, 1:]).sum(1)
    np.testing.assert_allclose(funnel.log_prob(x), known, rtol=1e-9, atol=1e-9)


def test_the_michel_spectrum_is_one_and_ends_where_the_muon_does():
    michel = Michel()

    def density(energy):
        return math.exp(michel.log_prob(np.array([[energy]]))[0])

    assert integrate.quad(density, 0, ENDPOINT)[0] == pytest.approx(1, abs=1e-9)
    assert pytest.approx(52.83, abs=0.005) == ENDPOINT
    entropy = integrate.quad(lambda e: -density(e) * math.log(density(e) or 1), 0, ENDPOINT)[0]
    assert michel.entropy == pytest.approx(entropy, abs=1e-7)
    x = michel.sample(20_000, np.random.default_rng(0))[:, 0] / ENDPOINT
    assert stats.kstest(x, lambda u: 2 * u**3 - u**4).pvalue > 1e-3
    assert (michel.log_prob(np.array([[-1.0], [0.0], [ENDPOINT + 1e-6]])) == -np.inf).all()


def test_between_the_tiles_of_a_checkerboard_there_is_nothing():
    board = Checkerboard(toys.CheckerboardConfig())
    inside, outside = np.array([[-3.0, -3.0], [1.0, 1.0]]), np.array([[-3.0, -1.0], [5.0, 5.0]])
    np.testing.assert_allclose(board.log_prob(inside), -math.log(32))
    assert (board.log_prob(outside) == -np.inf).all()


def test_a_straight_banana_is_a_gaussian():
    banana = Banana(toys.BananaConfig(curvature=0.0, width=0.5))
    x = banana.sample(100, np.random.default_rng(0))
    np.testing.assert_allclose(banana.log_prob(x), stats.multivariate_normal([0, 0], [1, 0.25]).logpdf(x), rtol=1e-9)


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (toys.RingConfig, {"sigma": 0.0}, r"sigma must be in \(0, inf\), got 0.0"),
        (toys.RingConfig, {"angles": "odd"}, "angles must be 'even' or 'linspace', got 'odd'"),
        (toys.GridConfig, {"side": 0}, r"side must be in \[1, 10\], got 0"),
        (toys.GaussianConfig, {"dim": 1025}, r"dim must be in \[1, 1024\], got 1025"),
        (toys.GaussianConfig, {"correlation": 1.0}, r"correlation must be in \(-1, 1\), got 1.0"),
        (toys.MixtureConfig, {"separation": math.inf}, r"separation must be in \[0, inf\), got inf"),
        (toys.MoonsConfig, {"noise": math.nan}, r"noise must be in \[0.01, 1\], got nan"),
        (toys.CheckerboardConfig, {"width": -1.0}, r"width must be in \(0, inf\), got -1.0"),
        (toys.BananaConfig, {"curvature": math.inf}, r"curvature must be in \(-inf, inf\), got inf"),
        (toys.FunnelConfig, {"dim": 1}, r"dim must be in \[2, 1024\], got 1"),
    ],
)
def test_an_option_out_of_range_is_refused(config, options, message):
    with pytest.raises(ValueError, match=message):
        config(**options)


# ------------------------------------------------------------------------------------------------------ turned moons


@pytest.mark.parametrize("angle", [-1.2, 0.0, 0.7])
def test_density_of_turned_moons_integrates_to_one_for_each_angle(angle: float) -> None:
    x, y = np.meshgrid(np.arange(-3, 4, 0.05), np.arange(-3, 4, 0.05))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    log_p = TurnedMoons(TurnedMoonsConfig()).log_prob(points, np.full((len(points), 1), angle))
    assert np.exp(log_p).sum() * 0.05**2 == pytest.approx(1, abs=1e-6)


def test_entropy_of_turned_moons_is_the_mean_over_rows_and_another_angle_is_less_probable() -> None:
    data = TurnedMoons(TurnedMoonsConfig()).load(Sizes(10, 4000, 10), np.random.default_rng(0))
    assert data.conditions is not None
    assert data.log_prob is not None
    log_p = data.log_prob(data.test, data.conditions["test"])
    assert -log_p.mean() == pytest.approx(data.entropy, abs=4 * log_p.std() / 4000**0.5)
    wrong = data.log_prob(data.test, data.conditions["test"] + 0.3)
    assert wrong.mean() < log_p.mean() - 0.5


def test_an_angle_turns_anticlockwise_about_the_centre() -> None:
    points = CENTRE + np.array([[1.0, 0.0], [0.0, 1.0]])
    found = turned(points, np.full((2, 1), np.pi / 2))
    np.testing.assert_allclose(found - CENTRE, [[0.0, 1.0], [-1.0, 0.0]], atol=1e-12)

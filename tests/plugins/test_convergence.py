"""Convergence maps given the cosmology: their conditional density, and how it depends on both parameters."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from genbench.budget import Sizes
from genbench.protocol import Data
from genbench_images import ConvergenceConfig
from genbench_images.convergence import FIDUCIAL, RANGES, Convergence
from genbench_images.lensing import SOURCE, empty_beam, growth, linear_power
from genbench_images.lognormal import stored_power
from genbench_images.lognormal_field import multipoles


def drawn(n: int = 1000, **options: float) -> tuple[Convergence, Data]:
    dataset = Convergence(ConvergenceConfig(**options))  # type: ignore[arg-type]
    return dataset, dataset.load(Sizes(n, 200, 200), np.random.default_rng(0))


def test_the_density_given_a_cosmology_agrees_with_scipy() -> None:
    dataset, data = drawn(20, size=6, degrees=1.0)
    a, b = np.divmod(np.arange(36), 6)
    unit = np.zeros((1, 6, 6))
    unit[0, 0, 0] = 1
    for x, given, value in zip(
        data.train, data.conditions["train"], data.log_prob(data.train, data.conditions["train"]), strict=True
    ):
        field = dataset.field(given[None])
        by_distance = field.scale(unit, 2)[0]
        covariance = by_distance[(a[:, None] - a) % 6, (b[:, None] - b) % 6]
        shift = field.shift.item()
        y = np.log1p(x.ravel().astype(float) / shift)
        gaussian = stats.multivariate_normal(np.full(36, -covariance[0, 0] / 2), covariance)
        assert value == pytest.approx(gaussian.logpdf(y) - (y + np.log(shift)).sum(), abs=1e-8)


def test_each_map_has_the_law_of_its_own_cosmology() -> None:
    dataset, data = drawn(4000)
    given = data.conditions["train"]
    log_p = data.log_prob(data.train, given)
    entropy = dataset.field(given).entropy()
    assert log_p.mean() == pytest.approx(-entropy.mean(), abs=4 * (log_p + entropy).std() / np.sqrt(len(log_p)))
    # the mean over draws of the ratio of another density to their own is 1: both integrate to the same
    near = np.clip(given + np.array([0.004, -0.002]), *np.transpose(RANGES))
    ratio = np.exp(data.log_prob(data.train, near) - log_p)
    assert ratio.mean() == pytest.approx(1, abs=4 * ratio.std() / np.sqrt(len(ratio)))
    other = data.log_prob(data.train, given[::-1])
    assert (log_p > other).mean() > 0.8
    assert data.train.shape == (4000, 1, 16, 16)
    assert data.train.dtype == np.float32


def test_the_power_of_maps_is_that_of_the_cosmology() -> None:
    dataset, _ = drawn(50)
    rng = np.random.default_rng(1)
    ell = multipoles(16, dataset.side)
    for given in ([0.8102, 0.3111], [1.0, 0.2], [0.65, 0.4]):
        field = dataset.field(np.array([given]))
        maps = np.concatenate([field.draw(rng.standard_normal((1000, 16, 16))) for _ in range(4)])
        power = (np.abs(np.fft.fft2(maps)) ** 2).mean(0) * (dataset.side / 16**2) ** 2
        linear = linear_power(ell.ravel(), given[1]) / linear_power(ell.ravel(), FIDUCIAL[1])
        expected = stored_power(ell) * linear.reshape(ell.shape) * (given[0] / FIDUCIAL[0]) ** 2
        for i, j in [(1, 0), (0, 2), (3, 3), (7, 1)]:
            assert power[i, j] == pytest.approx(expected[i, j], rel=0.12)
        assert maps.std() == pytest.approx(field.deviation.item(), rel=0.03)
        assert maps.mean() == pytest.approx(0, abs=0.001)
        assert maps.min() > -field.shift.item()


def test_no_mode_is_cut_off_anywhere_in_the_ranges() -> None:
    for size, degrees in ((16, 2.5), (32, 5.0)):
        dataset, _ = drawn(20, size=size, degrees=degrees)
        corners = np.array([[s, m] for s in RANGES[0] for m in RANGES[1]])
        variances = dataset.field(corners).variances
        assert (variances.min((1, 2)) > 1e-6 * variances.max((1, 2))).all()


def test_maps_below_the_lowest_convergence_have_no_density() -> None:
    dataset, data = drawn(20, size=8)
    given, bad = data.conditions["test"][:3], data.test[:3].copy()
    bad[1, 0, 2, 2] = -1.01 * dataset.field(given).shift[1].item()
    bad[2, 0, 0, 0] = np.nan
    values = data.log_prob(bad, given)
    assert np.isfinite(values[0])
    assert values[1] == -np.inf
    assert np.isnan(values[2])


def test_observables_follow_the_cosmology() -> None:
    _, data = drawn(2000)
    found, (sigma, matter) = data.observables(data.train), data.conditions["train"].T
    for name in ("log_variance", "log_power_4", "peaks_above_3", "skewness"):
        assert np.corrcoef(found[name], sigma)[0, 1] > 0.3, name
    assert np.corrcoef(found["log_power_4"], matter)[0, 1] > 0.5
    assert {"log_power_1", "kurtosis", "peaks_above_1"} <= set(found)


def test_structure_grows_as_its_equation_says() -> None:
    def exact(z: float, matter: float) -> float:
        rate = lambda a: np.sqrt(matter / a**3 + 1 - matter)  # noqa: E731
        return rate(1 / (1 + z)) * integrate.quad(lambda a: (a * rate(a)) ** -3, 1e-8, 1 / (1 + z))[0]

    for matter in (0.2, 0.3111, 0.4):
        assert growth(np.array([0.0, 1.0]), matter) == pytest.approx(
            [1.0, exact(1.0, matter) / exact(0.0, matter)], rel=0.01
        )


def test_an_empty_line_of_sight_has_the_lowest_convergence() -> None:
    def distance(z: float, matter: float) -> float:
        return integrate.quad(lambda t: 2997.92458 / np.sqrt(matter * (1 + t) ** 3 + 1 - matter), 0, z)[0]

    def integrand(z: float, matter: float) -> float:
        chi, far = distance(z, matter), distance(SOURCE, matter)
        rate = 2997.92458 / np.sqrt(matter * (1 + z) ** 3 + 1 - matter)
        return 1.5 * matter / 2997.92458**2 * chi * (far - chi) / far * (1 + z) * rate

    for matter in RANGES[1]:
        assert empty_beam(matter) == pytest.approx(integrate.quad(integrand, 0, SOURCE, args=(matter,))[0], rel=1e-4)


def test_linear_theory_is_below_the_stored_power_and_meets_it_on_large_scales() -> None:
    ell = np.array([50.0, 100.0, 1000.0, 4000.0])
    ratio = stored_power(ell) / (FIDUCIAL[0] ** 2 * linear_power(ell, FIDUCIAL[1]))
    assert ratio[:2] == pytest.approx(1, abs=0.15)
    assert (np.diff(ratio[1:]) > 0).all()
    assert ratio[-1] > 2

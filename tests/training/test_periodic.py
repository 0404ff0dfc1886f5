"""Periodic columns: the density of wrapped samples is the sum over all periods, whatever the model's kind is."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from tiny_cells import Truth, cell_of, fit

from genbench.data import split
from genbench.errors import DataError
from genbench.protocol import Column, Data
from genbench.training.density_checks import check_density
from genbench.training.load import load
from genbench.training.periodic import Wrapping, check_images_of_period, wrapped_density, wrapping_of
from genbench.training.standardise import VectorSpace
from genbench_density import KDEConfig
from genbench_density.gaussian import Gaussian
from genbench_density.kde import KDE

TURN = 2 * math.pi


def wrapped_normal(angle: np.ndarray, mean: float, sd: float, period: float = TURN) -> np.ndarray:
    """The density of a normal number modulo the period, (n,) nats, by a sum over 401 periods."""
    images = angle[:, None] + period * np.arange(-200, 201)
    return np.logaddexp.reduce(stats.norm.logpdf(images, mean, sd), axis=1)


def angles(n: int, sd: float, d: int = 1, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(0, sd, (n, d))
    return (rows + math.pi) % TURN - math.pi


def space_of(rows: np.ndarray) -> VectorSpace:
    return VectorSpace.fit(rows, tuple(Column(f"phi{i}", period=TURN) for i in range(rows.shape[1])))


def normal(mean: np.ndarray, sd: np.ndarray):
    return lambda rows: stats.norm.logpdf(rows, mean, sd).sum(1)


def wrapping(space: VectorSpace, mean: np.ndarray, sd: np.ndarray, n: int = 5000) -> Wrapping:
    drawn = np.random.default_rng(1).normal(mean, sd, (n, len(space.mean))).astype(np.float32)
    found = wrapping_of(space, drawn)
    assert found is not None
    return found


@pytest.mark.parametrize("sd", [0.05, 0.5, 1.0, 3.0, 12.0])
@pytest.mark.parametrize("n", [100, 5000])
def test_a_normal_model_has_the_density_of_a_wrapped_normal(sd: float, n: int) -> None:
    space = space_of(angles(2000, 1.5))
    mean = np.array([0.3])
    density = wrapped_density(normal(mean, sd), wrapping(space, mean, np.array([sd]), n))
    grid = np.linspace(-math.pi, math.pi, 3001)[:-1, None]
    z = (grid - space.mean) / space.scale
    found = density(z) - math.log(space.scale[0])  # in the data's units
    centre = space.from_model(np.array([[0.3]]))[0, 0]
    known = wrapped_normal(grid[:, 0], centre, sd * space.scale[0])
    likely = known > known.max() - 5
    assert found[likely] == pytest.approx(known[likely], abs=1e-3)
    assert (np.exp(known) - np.exp(found)).sum() * TURN / 3000 < (1e-5 if n == 100 else 2e-6)
    assert (found <= known + 1e-9).all()
    assert np.exp(found).sum() * TURN / 3000 == pytest.approx(1, abs=1e-5)


def test_a_whole_period_changes_nothing() -> None:
    rows = angles(500, 2.0, d=2)
    space = space_of(rows)
    found = wrapping(space, np.zeros(2), np.full(2, 1.2))
    density = wrapped_density(normal(np.zeros(2), 1.2), found)
    z = (rows - space.mean) / space.scale
    assert density(z + np.array([2, -5]) * found.period) == pytest.approx(density(z), abs=1e-9)
    assert found.contains(found.wrap(z + 3 * found.period)).all()
    assert not found.contains(z + 3 * found.period).any()


def test_columns_multiply_and_others_stay_as_they_are() -> None:
    rng = np.random.default_rng(0)
    rows = np.column_stack([angles(800, 3.0), rng.normal(5, 2, 800), angles(800, 0.7, seed=1)])
    columns = (Column("phi", period=TURN), Column("x"), Column("psi", period=TURN))
    space = VectorSpace.fit(rows, columns)
    mean, sd = np.array([0.1, -0.2, 0.3]), np.array([1.5, 1.1, 0.8])
    found = wrapping(space, mean, sd)
    assert found.columns.tolist() == [0, 2]
    z = (rows - space.mean) / space.scale
    parts = [wrapped_normal(z[:, i], mean[i], sd[i], TURN / space.scale[i]) for i in (0, 2)]
    known = parts[0] + stats.norm.logpdf(z[:, 1], mean[1], sd[1]) + parts[1]
    assert wrapped_density(normal(mean, sd), found)(z) == pytest.approx(known, abs=1e-4)


def test_few_images_are_evaluated_where_the_model_is_narrow() -> None:
    rows = angles(2000, 0.2)
    space = space_of(rows)
    found = wrapping(space, np.zeros(1), np.ones(1))
    assert found.near((rows - space.mean) / space.scale).sum(1).mean() < 1.01


def test_no_periodic_column_is_no_wrapping() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 2))
    assert wrapping_of(VectorSpace.fit(rows), rows) is None


@pytest.mark.parametrize("noise", [1.0, 4.0])
def test_a_noisy_bound_stays_a_bound(noise: float) -> None:
    """The logarithm of the sum of noisy bounds is above the density on average: noise is not evidence."""
    rows = angles(1000, 3.0)
    space = space_of(rows)
    found = wrapping(space, np.zeros(1), np.full(1, 1.4))
    rng, exact = np.random.default_rng(2), normal(np.zeros(1), 1.4)

    def bound(rows: np.ndarray) -> np.ndarray:
        return exact(rows) + rng.normal(0, noise, len(rows))

    z = np.repeat((rows - space.mean) / space.scale, 20, axis=0)
    known = wrapped_density(exact, found)(z)
    error = 4 * noise / math.sqrt(len(z))
    gap = (wrapped_density(bound, found, bound=True)(z) - known).mean()
    assert gap < error
    assert (wrapped_density(bound, found)(z) - known).mean() > gap
    if noise == 4.0:
        assert (wrapped_density(bound, found)(z) - known).mean() > error
    assert wrapped_density(exact, found, bound=True)(z) == pytest.approx(known, abs=1e-4)


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_no_densities_arrive(value: float, bound: bool) -> None:
    rows = angles(300, 3.0)
    space = space_of(rows)
    found = wrapping(space, np.zeros(1), np.full(1, 1.4))
    [same] = {str(v) for v in wrapped_density(lambda x: np.full(len(x), value), found, bound=bound)(rows)}
    assert same == str(value)


def test_many_columns_are_summed_over_the_images_of_most_samples() -> None:
    few, many = (wrapping(space_of(angles(500, 3.0, d)), np.zeros(d), np.ones(d)) for d in (5, 12))
    assert len(few.images) <= 1000
    assert few.omitted < 0.02
    assert check_images_of_period(few).passed
    check = check_images_of_period(many)
    assert (many.omitted > 0.02, check.passed) == (True, False)
    assert "images of the periods of 12 columns" in check.reason


def test_a_sample_very_far_away_costs_nothing() -> None:
    space = space_of(angles(500, 1.0))
    drawn = np.append(np.random.default_rng(0).normal(size=499), 1e15)[:, None]
    found = wrapping_of(space, drawn)
    assert found is not None
    assert len(found.images) < 10
    assert np.isfinite(wrapped_density(normal(np.zeros(1), 1.0), found)(drawn[:5])).all()


def test_fewer_rows_are_evaluated_where_each_has_many_images() -> None:
    rows = angles(5000, 3.0, 4)
    space = space_of(rows)
    found = wrapping(space, np.zeros(4), np.full(4, 1.4))
    taken = found.rows_for((rows - space.mean) / space.scale)
    assert 200 <= len(taken) < 2000
    assert found.near(found.wrap(taken)).sum() < 2 * 60_000


def test_a_logarithm_of_an_angle_is_refused() -> None:
    with pytest.raises(DataError, match="'phi' is both periodic and logarithmic"):
        VectorSpace.fit(np.ones((5, 1)), (Column("phi", log=True, period=TURN),))


def test_a_density_of_one_period_alone_is_not_that_of_wrapped_samples() -> None:
    space = space_of(angles(2000, 3.0, d=2))
    found = wrapping(space, np.zeros(2), np.full(2, 1.2))
    drawn = found.wrap(np.random.default_rng(3).normal(0, 1.2, (2000, 2)))
    alone = normal(np.zeros(2), 1.2)
    for log_prob, passed in ((alone, False), (wrapped_density(alone, found), True)):

        def on_one_period(rows: np.ndarray, log_prob=log_prob) -> np.ndarray:
            return np.where(found.contains(rows), log_prob(rows), -np.inf)

        checks = check_density(on_one_period, drawn, np.random.default_rng(4))
        assert {check.name: check.passed for check in checks}["normalised"] is passed


# ------------------------------------------------------------------------------------------------------ whole cells


class Angles:
    """An angle, a normal number modulo 2 pi, beside another number; their density is known."""

    def load(self, sizes, rng) -> Data:
        rows = np.column_stack([angles(3000, 2.0, seed=int(rng.integers(100))), rng.normal(3, 2, 3000)])
        parts = (rows[part] for part in split(rows, sizes, rng))
        return Data(*parts, columns=(Column("phi", period=TURN), Column("x")), log_prob=self.log_prob)

    def log_prob(self, rows: np.ndarray) -> np.ndarray:
        return wrapped_normal(rows[:, 0], 0, 2.0) + stats.norm.logpdf(rows[:, 1], 3, 2)


class Kernels(KDE):
    def __init__(self) -> None:
        super().__init__(KDEConfig(bandwidth=0.5))


class Bound(Truth):
    """Wider than the period, and a bound: half a nat is missing on average."""

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return super().log_prob(x) - torch.rand(len(x))


@pytest.mark.parametrize("model", [Gaussian, Kernels])
def test_an_exact_density_of_angles_passes_its_checks(model: type, tmp_path: Path) -> None:
    record, saved = fit(cell_of(model, Angles, density="exact"), tmp_path)
    assert {check["name"]: check["passed"] for check in record["checks"]} == dict.fromkeys(
        ["normalised", "entropy", "own_samples", "below_truth"], True
    )
    [total] = [check["value"] for check in record["checks"] if check["name"] == "normalised"]
    assert total == pytest.approx(1, abs=0.02)
    assert np.isfinite(saved["log_prob_fake"]).all()


def test_a_gaussian_of_angles_has_the_likelihood_of_a_wrapped_normal(tmp_path: Path) -> None:
    cell = cell_of(Gaussian, Angles, density="exact")
    _, saved = fit(cell, tmp_path)
    data = load(cell)
    mean, covariance = data.train.mean(0), np.cov(data.train.T, ddof=0)
    shifts = np.arange(-20, 21) * TURN
    images = data.test[:, None] + np.stack([shifts, 0 * shifts], 1)
    known = np.logaddexp.reduce(stats.multivariate_normal(mean, covariance).logpdf(images), axis=1)
    assert saved["log_prob_test"] == pytest.approx(known, abs=1e-3)


def test_a_bound_of_angles_is_below_the_truth(tmp_path: Path) -> None:
    record, saved = fit(cell_of(Bound, Angles, density="bound"), tmp_path)
    assert [(check["name"], check["passed"]) for check in record["checks"]] == [("below_truth", True)]
    exact, known = fit(cell_of(Truth, Angles, density="exact"), tmp_path)
    gap = known["log_prob_test"].mean() - saved["log_prob_test"].mean()
    assert exact["checks"]
    assert 0.4 < gap < 0.65

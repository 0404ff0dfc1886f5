"""Likelihoods held against what they claim to be: honest ones pass, each broken one is told by the check it fails."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from genbench.training.density_checks import check_below_truth, check_density

CENTRES = np.array([[i, j] for i in range(5) for j in range(5)]) * 0.7 - 1.4


def normal(x: np.ndarray, scale: float = 1.0) -> np.ndarray:
    return -0.5 * ((x / scale) ** 2).sum(1) - x.shape[1] * math.log(scale * math.sqrt(2 * math.pi))


def narrow(x: np.ndarray, scale: float = 0.035) -> np.ndarray:
    """25 Gaussians far narrower than a cell of the grid that the density is integrated on."""
    squares = ((x[:, None] - CENTRES) ** 2).sum(2) / (2 * scale**2)
    least = squares.min(1)
    return np.log(np.exp(least[:, None] - squares).mean(1)) - least - 2 * math.log(scale * math.sqrt(2 * math.pi))


def draw_narrow(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    return CENTRES[rng.integers(25, size=n)] + 0.035 * rng.standard_normal((n, 2))


def draw_normal(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((n, d))


def student(x: np.ndarray) -> np.ndarray:
    return (-1.5 * np.log1p(x**2 / 2) - math.log(2 * math.sqrt(2))).sum(1)


def draw_student(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    return rng.standard_t(2, (n, d))


def checked(log_prob: Callable, draw: Callable, d: int, seed: int, n: int = 2000) -> dict[str, bool | None]:
    rng = np.random.default_rng(seed)
    return {check.name: check.passed for check in check_density(log_prob, draw(n, d, rng), rng)}


HONEST = {
    "normal": (normal, draw_normal, 2),
    "narrow": (narrow, draw_narrow, 2),
    "heavy tails": (student, draw_student, 2),
    "one dimension": (normal, draw_normal, 1),
    "ten": (normal, draw_normal, 10),
}


@pytest.mark.parametrize(("log_prob", "draw", "d"), HONEST.values(), ids=HONEST.keys())
def test_an_honest_density_passes_every_time(log_prob: Callable, draw: Callable, d: int) -> None:
    for seed in range(10):
        found = checked(log_prob, draw, d, seed)
        assert set(found) == ({"normalised", "entropy", "own_samples"} if d == 2 else {"own_samples"})
        assert set(found.values()) == {True}, (seed, found)


BROKEN = {
    "too high by a tenth": (lambda x: normal(x) + math.log(1.1), draw_normal, 2, "normalised"),
    "too low by a fifth, narrow": (lambda x: narrow(x) + math.log(0.8), draw_narrow, 2, "normalised"),
    "too high by a third, six dimensions": (lambda x: normal(x) + math.log(1.33), draw_normal, 6, "own_samples"),
    "samples 15 % too wide": (normal, lambda n, d, rng: 1.15 * draw_normal(n, d, rng), 2, "entropy"),
    "samples lack a fifth of the modes": (
        narrow, lambda n, d, rng: (g := draw_narrow(2 * n, d, rng))[g[:, 0] < 1][:n], 2, "own_samples"
    ),
    "a Jacobian forgotten": (lambda x: normal(x / 2), lambda n, d, rng: 2 * draw_normal(n, d, rng), 2, "normalised"),
}  # fmt: skip


@pytest.mark.parametrize(("log_prob", "draw", "d", "caught"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_density_is_told(log_prob: Callable, draw: Callable, d: int, caught: str) -> None:
    for seed in range(5):
        assert checked(log_prob, draw, d, seed)[caught] is False


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_density_that_is_no_number_has_failed(value: float) -> None:
    rng = np.random.default_rng(0)
    [check] = check_density(lambda x: np.full(len(x), value), rng.standard_normal((500, 2)), rng)
    assert check.passed is False
    assert "nan or +inf" in check.reason


def test_own_samples_of_density_nought_are_told() -> None:
    rng = np.random.default_rng(0)
    half = check_density(lambda x: np.where(x[:, 0] > 0, normal(x), -np.inf), rng.standard_normal((2000, 2)), rng)
    assert {check.name: check.passed for check in half} == {"normalised": False, "entropy": False, "own_samples": False}
    assert "have density 0 under it" in half[-1].reason


def test_a_density_that_raises_has_failed_and_says_how() -> None:
    rng = np.random.default_rng(0)

    def broken(x: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("by nought")

    [check] = check_density(broken, rng.standard_normal((500, 2)), rng)
    assert (check.passed, check.reason) == (False, "log_prob could not be checked: ZeroDivisionError: by nought")


@pytest.mark.parametrize(("n", "d"), [(60, 3), (500, 40)])
def test_where_nothing_can_be_said_nothing_is(n: int, d: int) -> None:
    found = checked(lambda x: normal(x) + 5, draw_normal, d, 0, n)
    assert found == {"own_samples": None}


@pytest.mark.parametrize(("offset", "passed"), [(-1.0, True), (0.0, True), (0.05, False), (3.0, False)])
def test_no_bound_can_be_above_the_truth(offset: float, passed: bool) -> None:
    x = np.random.default_rng(0).standard_normal((2000, 2))
    truth = normal(x)
    noise = 0.1 * np.random.default_rng(1).standard_normal(2000)
    check = check_below_truth(truth + noise + offset, truth, "bound")
    assert check.passed is passed
    assert check.value is not None
    assert check.value - check.expected == pytest.approx(offset, abs=0.02)
    assert ("the bound is" in check.reason) is not passed


def test_another_density_does_not_beat_the_truth() -> None:
    x = np.random.default_rng(0).standard_normal((2000, 2))
    for scale in (0.7, 1.0, 2.0):
        assert check_below_truth(normal(x, scale), normal(x), "exact").passed

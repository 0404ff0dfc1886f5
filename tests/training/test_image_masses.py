"""The masses of integer images: those of a distribution pass, and masses that sum to more than 1 do not."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cells import Grey, Uniform, cell_of, fit

from genbench.training.image_masses import check_distinct_images, check_pixel_levels
from genbench_density import KDEConfig
from genbench_density.gaussian import Gaussian
from genbench_density.kde import KDE


def images(n: int, levels: int = 3, shape: tuple[int, ...] = (1, 2, 2), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, levels, (n, *shape)).astype(np.uint8)


def constant(value: float):
    return lambda rows: np.full(len(rows), value)


def checks(rows: np.ndarray, levels: int, log_mass) -> dict[str, bool | None]:
    log_p = log_mass(rows)
    found = [
        check_distinct_images(rows, log_p, log_mass),
        check_pixel_levels(rows, log_p, levels, log_mass, np.random.default_rng(0)),
    ]
    assert all(check.passed or check.reason for check in found)
    return {check.name: check.passed for check in found}


def test_uniform_masses_pass_and_a_little_more_does_not() -> None:
    rows = images(2000)  # all 81 images
    assert len(np.unique(rows.reshape(2000, -1), axis=0)) == 81
    fair = constant(-4 * math.log(3))
    assert checks(rows, 3, fair) == {"masses_of_images": True, "masses_of_levels": True}
    assert checks(rows, 3, lambda x: fair(x) + 0.05) == {"masses_of_images": False, "masses_of_levels": True}


def test_no_bits_for_every_image_fails_both() -> None:
    found = checks(images(50, 16, (1, 8, 8)), 16, constant(0.0))
    assert found == {"masses_of_images": False, "masses_of_levels": False}
    single = check_distinct_images(images(1), np.zeros(1), constant(0.0))
    assert single.passed  # one image may have all of the mass


def test_equal_images_count_once() -> None:
    rows = np.repeat(images(3), 500, axis=0)
    assert check_distinct_images(rows, np.full(1500, math.log(0.3)), constant(math.log(0.3))).passed


def test_one_pixel_given_all_levels_is_seen_where_few_images_are_given() -> None:
    rows = images(1, 256, (1, 8, 8))
    assert checks(rows, 256, constant(-0.5)) == {"masses_of_images": True, "masses_of_levels": False}


@pytest.mark.parametrize("seed", range(20))
def test_a_noisy_bound_is_not_accused(seed: int) -> None:
    """A bound whose mean over the noise is the log-mass: single values are e^3 too high, and sum to far above 1."""
    rng = np.random.default_rng(seed)
    found = checks(images(2000, seed=seed), 3, lambda x: -4 * math.log(3) - 0.05 + rng.normal(0, 3, len(x)))
    assert set(found.values()) == {True}


def test_values_that_are_no_densities_fail_and_say_so() -> None:
    rows = images(100)
    check = check_pixel_levels(rows, np.zeros(100), 3, constant(math.nan), np.random.default_rng(0))
    assert (check.passed, "nan or +inf" in check.reason) == (False, True)

    def broken(x: np.ndarray) -> np.ndarray:
        raise ZeroDivisionError("by nought")

    assert check_distinct_images(rows, np.zeros(100), broken).reason.endswith("ZeroDivisionError: by nought")
    nowhere = check_distinct_images(rows, np.full(100, -math.inf), broken)
    assert (nowhere.passed, nowhere.value) == (True, None)


def test_many_levels_are_sampled() -> None:
    seen = []

    def log_mass(rows: np.ndarray) -> np.ndarray:
        seen.append(rows)
        return np.full(len(rows), -50.0)

    rows = np.random.default_rng(0).integers(0, 65_536, (9, 1, 2, 2))
    assert check_pixel_levels(rows, np.arange(9.0), 65_536, log_mass, np.random.default_rng(0)).passed
    [versions] = seen
    assert len(versions) == 4 * 64
    assert (versions[:64].reshape(64, -1) != rows[8].reshape(-1)).any(0).sum() == 1
    assert (versions.min(), versions.max()) == (0, 65_535)


# ------------------------------------------------------------------------------------------------------ whole cells


class NoBits(Uniform):
    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full((len(x),), 16 * math.log(8 / 2))


class Kernels(KDE):
    def __init__(self) -> None:
        super().__init__(KDEConfig())


@pytest.mark.parametrize("kind", ["exact", "bound", "estimate"])
@pytest.mark.parametrize("model", [Uniform, Gaussian, Kernels, NoBits])
def test_a_cell_of_integer_images_is_checked_whatever_its_kind(model: type, kind: str, tmp_path: Path) -> None:
    record, saved = fit(cell_of(model, Grey, density=kind), tmp_path)
    honest = model is not NoBits
    assert {c["name"]: c["passed"] for c in record["checks"]} == {
        "masses_of_images": honest,
        "masses_of_levels": honest,
    }
    if model is Uniform:
        assert saved["log_prob_test"] == pytest.approx(-16 * math.log(8))
    assert honest or "distinct images sum to e^" in record["checks"][0]["reason"]

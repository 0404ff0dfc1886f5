"""Which faults apply to given data."""

from __future__ import annotations

import numpy as np
import pytest
from fault_rows import image_ground, table_ground

from genbench.auditing.applicability import why_not_applicable
from genbench.auditing.faults import FAULTS
from genbench.auditing.workspace import RealRows
from genbench.protocol import Array

CENTRES = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0], [20.0, 20.0], [10.0, 40.0]])


def mixture(n: int, rng: np.random.Generator, correlation: float = 0.8) -> Array:
    """Return n rows of five correlated Gaussians far apart."""
    own = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], n)
    rows: Array = CENTRES[rng.choice(5, n)] + own
    return rows


def void(name: str, rows: Array, centres: Array) -> str:
    return why_not_applicable(name, rows, RealRows(rows, rows, centres, rows.std(0)))


def test_what_has_no_dependence_cannot_lose_it() -> None:
    rng = np.random.default_rng(0)
    independent = rng.standard_normal((5000, 3))
    grid = rng.integers(5, size=(5000, 2)) + 0.02 * rng.standard_normal((5000, 2))
    centres = np.stack(np.meshgrid(range(5), range(5)), -1).reshape(-1, 2).astype(float)
    angle = rng.random(5000) * 2 * np.pi
    circle = np.stack([np.cos(angle), np.sin(angle)], 1)  # dependent, uncorrelated
    assert "independent" in void("lost_correlation", independent, np.zeros((1, 3)))
    assert "independent" in void("lost_correlation", grid, centres)
    assert "independent within the modes" in void("lost_mode_correlation", grid, centres)
    assert void("lost_correlation", circle, np.zeros((1, 2))) == ""
    correlated = mixture(3000, rng)
    assert void("lost_mode_correlation", correlated, CENTRES) == ""
    assert "within" in void("lost_mode_correlation", mixture(3000, rng, 0.0), CENTRES)
    assert "independent" in void("lost_correlation", rng.standard_normal((500, 1)), np.zeros((1, 1)))


@pytest.mark.parametrize("name", ["dropped_modes", "uneven_weights", "ridges", "lost_rare_mode"])
def test_one_mode_cannot_be_dropped(name: str) -> None:
    rows = mixture(600, np.random.default_rng(3))
    assert void(name, rows, CENTRES[:1]) == "there is only one mode"
    assert void(name, rows, CENTRES) == ""


@pytest.mark.parametrize("name", FAULTS)
def test_data_with_everything_can_have_every_fault_of_their_kind(name: str) -> None:
    grounds = {"vector": table_ground(), "image": image_ground()}
    others = {kind: why_not_applicable(name, ground.spare, ground) for kind, ground in grounds.items()}
    for kind, plural in (("vector", "tables"), ("image", "images")):
        if kind not in FAULTS[name].data:
            other = "images" if plural == "tables" else "tables"
            assert others.pop(kind) == f"it is a fault of {other}"
    if name == "quantisation":
        assert others.pop("image") == "at its usual size it changes nothing in these data", "of images with few levels"
    assert set(others.values()) == {""}


def test_columns_that_are_alike_cannot_be_exchanged_nor_symmetric_ones_mirrored() -> None:
    rng = np.random.default_rng(0)
    normal = rng.standard_normal((4000, 3))
    assert "same law" in void("exchanged_columns", normal, np.zeros((1, 3)))
    assert "same law" in void("mirrored_column", normal, np.zeros((1, 3)))
    skewed = np.concatenate([normal[:, :2], rng.exponential(size=(4000, 1))], 1)
    assert void("exchanged_columns", skewed, np.zeros((1, 3))) == ""
    assert void("mirrored_column", skewed, np.zeros((1, 3))) == ""
    correlated = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 4000)
    assert void("mirrored_column", correlated, np.zeros((1, 2))) == "", "the marginals are symmetric, the pair is not"
    assert "same law" in void("exchanged_columns", correlated, np.zeros((1, 2)))
    for name in ("exchanged_columns", "drift"):
        assert void(name, normal[:, :1], np.zeros((1, 1))) == "fewer than two columns vary"


def test_what_the_data_lack_is_said() -> None:
    rng = np.random.default_rng(0)
    normal, centre = rng.standard_normal((4000, 3)), np.zeros((1, 3))
    assert void("rounded_angle", normal, centre) == "no column is periodic"
    assert void("impossible_values", normal, centre) == "no column has a hard limit"
    assert void("lost_triple_dependence", normal, centre) == "no three columns depend on each other beyond their pairs"
    assert void("lost_class", normal, centre) == "the data have no labels"
    one = RealRows(normal, normal, centre, normal.std(0), classes={row.tobytes(): 7 for row in normal})
    assert why_not_applicable("lost_class", normal, one) == "there is only one class"
    assert void("clipped_tails", rng.random((4000, 3)), centre) == "at its usual size it changes nothing in these data"
    assert void("clipped_tails", normal, centre) == ""


def test_what_rounding_to_grey_levels_undoes_does_not_apply() -> None:
    spins = np.random.default_rng(0).integers(2, size=(200, 16)).astype(float)
    real = RealRows(spins, spins, spins[:2], spins.std(0), (1, 4, 4), 2)
    assert why_not_applicable("low_contrast", spins, real) == "at its usual size it changes nothing in these data"
    assert why_not_applicable("added_noise", spins, real) == "at its usual size it changes nothing in these data"
    assert why_not_applicable("checkerboard_pattern", spins, real) == ""


def test_a_triple_that_pairs_depend_on_is_left_alone() -> None:
    rng = np.random.default_rng(0)
    law = 0.8 ** np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    rows = rng.multivariate_normal(np.zeros(6), law, 6000)
    rows[:, 2] = np.abs(rows[:, 2]) * np.sign(rows[:, 0] * rows[:, 1])
    reason = void("lost_triple_dependence", rows, np.zeros((1, 6)))
    assert reason == "three columns cannot lose it without a change of pairs"

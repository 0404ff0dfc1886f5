"""The faults of images: the facts that define each."""

from __future__ import annotations

import numpy as np
import pytest
from fault_rows import IMAGE_ROWS, LEVELS, image_ground, images

from genbench.auditing.faults import FAULTS
from genbench.auditing.workspace import RealRows
from genbench.protocol import Array


@pytest.fixture
def ground() -> RealRows:
    return image_ground()


@pytest.fixture
def rows() -> Array:
    return images(IMAGE_ROWS, np.random.default_rng(3))


def inject(name: str, size: float, rows: Array, ground: RealRows) -> Array:
    return FAULTS[name](rows, size, np.random.default_rng(0), ground)


def test_blur_keeps_the_light_and_lowers_the_peak(rows: Array, ground: RealRows) -> None:
    weak, strong = (inject("blur", size, rows, ground) for size in (0.3, 0.6))
    assert weak.sum(1) == pytest.approx(rows.sum(1), rel=0.02)
    assert (strong.max(1) < weak.max(1)).all()
    assert (weak.max(1) < rows.max(1)).all()


def test_this_share_of_the_images_is_shifted_by_one_pixel(rows: Array, ground: RealRows) -> None:
    faulty = inject("shifted_images", 0.1, rows, ground)
    changed = (faulty != rows).any(1)
    assert changed.sum() == round(0.1 * IMAGE_ROWS)
    sides = set()
    for before, after in zip(rows[changed].reshape(-1, 6, 6), faulty[changed].reshape(-1, 6, 6), strict=True):
        # the border is black, so that rolling and repeating the edge are the same
        ways = {way for way in ((1, 0), (-1, 0), (0, 1), (0, -1)) if (np.roll(before, way, (0, 1)) == after).all()}
        assert len(ways) == 1
        sides |= ways
    assert len(sides) == 4


def test_the_pixels_at_the_edge_are_repeated(ground: RealRows) -> None:
    even = np.full((50, 36), 0.5)
    assert (inject("shifted_images", 1.0, even, ground) == even).all()


def test_low_contrast_keeps_the_mean_of_an_image(rows: Array, ground: RealRows) -> None:
    faulty = inject("low_contrast", 0.1, rows, ground)
    assert faulty.mean(1) == pytest.approx(rows.mean(1))
    assert faulty.std(1) == pytest.approx(0.9 * rows.std(1))


@pytest.mark.parametrize(("levels", "step"), [(LEVELS, 1 / (LEVELS - 1)), (None, 1 / 255)])
def test_a_checkerboard_adds_a_level_to_every_other_pixel(levels: int | None, step: float, rows: Array) -> None:
    added = (inject("checkerboard_pattern", 1.0, rows, image_ground(levels)) - rows).reshape(-1, 6, 6)
    assert np.allclose(added[:, 0], [0, step] * 3)
    assert np.allclose(added[:, 1], [step, 0] * 3)
    assert np.allclose(added, added[0])

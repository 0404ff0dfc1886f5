"""The space where faults are made."""

from __future__ import annotations

import numpy as np
import pytest

from genbench.auditing.workspace import Workspace
from genbench.protocol import Column, Data
from genbench.training.standardise import transform_of


@pytest.mark.parametrize("levels", [None, 16, 1000])
def test_images_go_there_and_back(levels: int | None) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(levels, size=(50, 1, 4, 4)) if levels else rng.random((50, 1, 4, 4))
    images = pixels.astype(np.uint8) if levels == 16 else pixels
    work = Workspace(transform_of(Data(images, images, images, levels=levels)), images.shape[1:])
    back = work.to_data(work.from_data(images))
    assert back.shape == images.shape
    assert np.allclose(back, images, atol=0 if levels else 1e-12)
    if levels:
        moved = work.to_data(work.from_data(images) + 0.3)
        assert moved.dtype.kind in "ui"
        assert moved.max() == levels - 1


def test_tables_go_there_and_back_and_stay_finite() -> None:
    rng = np.random.default_rng(0)
    rows = np.stack([rng.normal(5, 3, 200), np.exp(rng.normal(3, 2, 200)), rng.random(200) * 360], 1)
    columns = (Column("x"), Column("pt", log=True), Column("phi", period=360.0))
    work = Workspace(transform_of(Data(rows, rows, rows, columns=columns)), (3,))
    once = work.to_data(work.from_data(rows))
    assert np.allclose(work.space.to_scores(once), work.space.to_scores(rows), atol=1e-5)
    assert (work.from_data(once) == work.from_data(work.to_data(work.from_data(once)))).mean() > 0.99, (
        "single precision is kept"
    )
    assert np.isfinite(work.space.to_scores(work.to_data(1e6 * work.from_data(rows)))).all()

"""Pictures of images, beside the nearest of training."""

import numpy as np
import pytest
from pictured import RNG, subject_with

from genbench.protocol import Data
from genbench.report.figures.draw import draw
from genbench.report.figures.images import nearest_rows


def test_the_nearest_image_is_the_nearest_whatever_the_offset() -> None:
    train = RNG.normal(size=(5000, 1, 4, 4)) + 1e4
    rows = RNG.normal(size=(7, 1, 4, 4)) + 1e4
    found = nearest_rows(rows, train)
    for row, near in zip(rows, found, strict=True):
        distances = ((train - row) ** 2).reshape(len(train), -1).sum(1)
        assert np.array_equal(near, train[distances.argmin()])
    assert np.array_equal(nearest_rows(train[[3, 4500]], train), train[[3, 4500]])


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("levels", [None, 17])
def test_images_of_any_kind_are_shown(channels, levels) -> None:
    images = RNG.integers(0, 17, (3, 40, channels, 6, 4))
    data = Data(*(images if levels else images / 3.0), levels=levels)
    figure = draw("images", subject_with(data, {"few": data.test[:3], "none": data.test[:0]}, data_kind="image"))
    assert len(figure.axes) == 2  # held-out data and few; of none there is nothing to see
    pixels = figure.axes[0].images[0].get_array()
    assert pixels.shape[2] == 4
    assert set(np.unique(pixels[..., 3])) == {0, 255}

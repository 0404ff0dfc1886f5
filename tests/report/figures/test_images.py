"""Pictures of images, beside the nearest of training."""

import numpy as np
import pytest
from pictured import RNG, subject_with

from genbench.protocol import Data
from genbench.report.figures.draw import draw


def test_each_image_stands_above_the_nearest_of_training_with_the_median_distance() -> None:
    train = RNG.normal(size=(40, 1, 6, 4)).astype(np.float32)
    rows = train[[7, 3, 20]] + np.float32(0.5)
    figure = draw("images", subject_with(Data(train, train, train), {"vae": rows}, data_kind="image"))
    assert [text.get_text() for text in figure.axes[1].texts] == ["vae", "nearest in\ntraining, at 2.45"]
    assert figure.axes[0].texts[1].get_text() == "nearest in\ntraining, at 0"


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

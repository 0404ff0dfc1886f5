"""Strips of images: in their places, of one scale, with their names."""

import numpy as np
import pytest
from pictured import RNG

from genbench.protocol import Data
from genbench.report.figures.strips import GAP_FRACTION, Strip, draw_strips, pixel_range, tile


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_images_lie_side_by_side_with_gaps_that_are_empty(channels) -> None:
    rows = [RNG.normal(size=(2, channels, 6, 5)), RNG.normal(size=(3, channels, 6, 5))]
    picture = tile(rows, across=3)
    gap = max(1, round(GAP_FRACTION * 5))
    assert picture.shape == (12 + gap, 15 + 2 * gap, 3 if channels == 3 else 1)
    shown = 3 if channels == 3 else 1
    assert np.array_equal(picture[:6, :5], rows[0][0, :shown].transpose(1, 2, 0))
    assert np.array_equal(picture[6 + gap :, 10 + 2 * gap :], rows[1][2, :shown].transpose(1, 2, 0))
    assert np.isnan(picture[:6, 5 : 5 + gap]).all()
    assert np.isnan(picture[:6, 10 + gap :]).all()  # where the first strip has no third image


def test_black_and_white_are_the_levels_or_nearly_the_range() -> None:
    images = RNG.integers(0, 17, (3, 40, 1, 6, 4))
    assert pixel_range(Data(*images, levels=17)) == (0.0, 16.0)
    low, high = pixel_range(Data(*(images / 16.0)))
    assert 0 <= low < 0.1
    assert 0.9 < high <= 1


@pytest.mark.parametrize(("across", "height"), [(3, 8), (14, 4)])
def test_a_strip_bears_its_label_and_its_notes_and_all_are_of_one_scale(across, height) -> None:
    images = RNG.normal(size=(3, 20, 1, height, 8))
    figure = draw_strips(
        [Strip("one", "#000000", images[0][None, :3]), Strip("two", "#000000", images[:2, :3], ["below"])],
        Data(*images),
        across,
    )
    assert [[text.get_text() for text in axes.texts] for axes in figure.axes] == [["one"], ["two", "below"]]
    scales = []
    for axes in figure.axes:
        axes.apply_aspect()
        scales.append(axes.get_window_extent().width / axes.images[0].get_array().shape[1])
    assert scales[0] == pytest.approx(scales[1], rel=0.1)

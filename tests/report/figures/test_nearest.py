"""Samples and the training rows nearest to them."""

import numpy as np
import pytest
from pictured import RNG, subject_with, table

from genbench.protocol import Data
from genbench.report.figures.dataset_results import NotApplicable
from genbench.report.figures.draw import draw
from genbench.report.figures.nearest import nearest_rows


def test_the_nearest_row_is_the_nearest_of_all_blocks_whatever_the_offset() -> None:
    train = RNG.normal(size=(5000, 1, 4, 4)) + 1e4
    rows = np.concatenate([RNG.normal(size=(7, 1, 4, 4)) + 1e4, train[[3, 4500]]])
    at, found = nearest_rows(rows, train)
    for row, index, distance in zip(rows, at, found, strict=True):
        distances = np.sqrt(((train - row) ** 2).reshape(len(train), -1).sum(1))
        assert index == distances.argmin()
        assert distance == pytest.approx(distances.min(), abs=1e-9)
    assert at[-2:].tolist() == [3, 4500]


def test_copies_are_nearer_than_held_out_rows_and_are_counted() -> None:
    data = table(n=1500)
    copies = np.concatenate([data.train[:500], data.test[:500]])
    figure = draw("nearest", subject_with(data, {"copies": copies, "fresh": data.reference}))
    curves, first, second = figure.axes[-1], *figure.axes[:2]
    by_label = {line.get_label(): line.get_xdata() for line in curves.lines}
    assert set(by_label) == {"held-out data", "copies (50 % repeat a row)", "fresh"}
    assert (by_label["copies (50 % repeat a row)"] <= by_label["held-out data"] + 1e-9).all()
    assert np.median(by_label["fresh"]) == pytest.approx(np.median(by_label["held-out data"]), rel=0.1)
    assert first.get_title(loc="left") == "copies, at 0, 0, 0"
    assert second.get_title(loc="left").startswith("fresh, at 0.")
    ring, line = first.lines[:2]
    assert np.allclose(ring.get_ydata(), line.get_ydata())
    assert len(first.lines) == 6


def test_images_have_a_figure_of_their_own() -> None:
    images = np.zeros((30, 1, 2, 2), np.float32)
    with pytest.raises(NotApplicable, match="'images' shows the training images"):
        draw("nearest", subject_with(Data(images, images, images), {"vae": images}))

"""Held-out rows beside what models make of them."""

import numpy as np
import pytest
from pictured import RNG, table
from pictured_tasks import subject_of_tasks

from genbench.protocol import Column, Data
from genbench.report.figures.dataset_results import NotApplicable
from genbench.report.figures.draw import draw
from genbench.report.figures.strips import pixel_range, tile


def test_images_lie_below_their_originals() -> None:
    images = RNG.integers(0, 17, (3, 40, 1, 6, 4))
    data = Data(*images, levels=17)
    made = 16 - data.test
    figure = draw("reconstructions", subject_of_tasks(data, {"vae": {"reconstruction_test": made}, "gan": {}},
                                                      data_kind="image"))  # fmt: skip
    assert [axes.texts[0].get_text() for axes in figure.axes] == ["held-out data", "vae"]
    low, high = pixel_range(data)
    for axes, rows in zip(figure.axes, (data.test, made), strict=True):
        expected = np.nan_to_num((tile([rows[:14]])[..., 0] - low) / (high - low) * 255).astype(int)
        assert np.abs(axes.images[0].get_array()[..., 0].astype(int) - expected).max() <= 1


def test_columns_are_drawn_against_their_originals() -> None:
    data = table(n=300, d=7, columns=tuple(Column(name) for name in "abcdefg"))
    made = 0.5 * data.test[:200]
    figure = draw("reconstructions", subject_of_tasks(data, {"ae": {"reconstruction_test": made}}))
    assert [axes.get_title(loc="left") for axes in figure.axes] == list("abcde")
    for i, axes in enumerate(figure.axes):
        assert np.allclose(axes.collections[0].get_offsets(), np.column_stack([data.test[:200, i], made[:, i]]))
        assert axes.get_xlim() == axes.get_ylim()


def test_models_that_do_not_reconstruct_have_no_such_figure() -> None:
    with pytest.raises(NotApplicable, match="no model reconstructs"):
        draw("reconstructions", subject_of_tasks(table(n=60), {"one": {}}))

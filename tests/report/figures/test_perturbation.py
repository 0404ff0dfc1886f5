"""What changes in an image where one dimension of its code moves."""

import numpy as np
import pytest
from pictured import RNG, table
from pictured_tasks import subject_of_tasks

from genbench.protocol import Data
from genbench.report.figures.dataset_results import NotApplicable
from genbench.report.figures.draw import draw
from genbench.report.figures.strips import pixel_range


@pytest.mark.parametrize(("codes", "rows"), [(8, 3), (3, 2), (1, 1)])
def test_two_dimensions_share_a_row(codes, rows) -> None:
    data = Data(*RNG.normal(size=(3, 40, 1, 6, 6)))
    changed = RNG.normal(size=(codes, 7, 1, 6, 6))
    figure = draw("perturbation", subject_of_tasks(data, {"vae": {"perturbation": changed}}, data_kind="image"))
    pixels = figure.axes[0].images[0].get_array()
    across = 15 if codes > 1 else 7
    assert pixels.shape[:2] == (rows * 7 - 1, across * 7 - 1)
    low, high = pixel_range(data)
    shown = np.clip((changed[0, 3, 0] - low) / (high - low), 0, 1)  # the middle is the reconstruction
    assert np.abs(pixels[:6, 21:27, 0] / 255 - shown).max() < 0.01
    if codes > 1:
        second = np.clip((changed[1, 0, 0] - low) / (high - low), 0, 1)
        assert np.abs(pixels[:6, 56:62, 0] / 255 - second).max() < 0.01
        assert not pixels[:6, 49:55, 3].any()  # nothing between the two


def test_tables_have_no_such_figure() -> None:
    with pytest.raises(NotApplicable, match="no model decodes codes of images"):
        draw("perturbation", subject_of_tasks(table(n=60), {"one": {"perturbation": np.zeros((3, 7, 3))}}))

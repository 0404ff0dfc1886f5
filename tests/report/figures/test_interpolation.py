"""What lies between two held-out rows."""

import numpy as np
import pytest
from pictured import RNG, table
from pictured_tasks import subject_of_tasks

from genbench.protocol import Data
from genbench.report.figures.dataset_results import NotApplicable
from genbench.report.figures.draw import draw
from genbench.report.figures.interpolation import MAX_PAIRS


def test_each_pair_of_images_is_a_row() -> None:
    data = Data(*RNG.normal(size=(3, 40, 1, 6, 6)))
    between = RNG.normal(size=(6, 9, 1, 6, 6))
    figure = draw("interpolation", subject_of_tasks(data, {"vae": {"interpolation": between}}, data_kind="image"))
    (axes,) = figure.axes
    height, width = axes.images[0].get_array().shape[:2]
    assert (height, width) == (MAX_PAIRS * 7 - 1, 9 * 7 - 1)


def test_paths_of_columns_run_from_row_to_row() -> None:
    data = table(n=300, d=3)
    between = np.linspace(data.test[:2], data.test[2:4], 9, axis=1)
    figure = draw("interpolation", subject_of_tasks(data, {"vae": {"interpolation": between}}))
    lines = [line.get_xydata() for line in figure.axes[0].lines]
    assert np.allclose(lines[0], between[0, :, :2])
    assert np.allclose(lines[1], between[0, [0, -1], :2])


@pytest.mark.parametrize(("columns", "tasks"), [(3, {}), (1, {"interpolation": np.zeros((6, 9, 1))})])
def test_where_nothing_lies_between_rows_there_is_no_figure(columns, tasks) -> None:
    with pytest.raises(NotApplicable, match="no model interpolates"):
        draw("interpolation", subject_of_tasks(table(n=60, d=columns), {"one": tasks}))

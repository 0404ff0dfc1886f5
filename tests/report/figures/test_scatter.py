"""The figure of samples of two columns."""

from __future__ import annotations

import numpy as np
import pytest
from pictured import subject_with, table

from genbench.protocol import Column
from genbench.report.figures.dataset_results import NotApplicable
from genbench.report.figures.draw import draw
from genbench.report.figures.scatter import MAX_PANELS_PER_ROW, MAX_POINTS_PER_PANEL


def test_each_model_has_a_panel_of_its_own_points_in_the_units_of_the_data() -> None:
    data = table(d=2, columns=(Column("mass"), Column("width")))
    figure = draw("scatter", subject_with(data, {"one": data.test + 0.5, "two": data.test[:7]}))
    panels = {axes.get_title(loc="left"): axes.collections[0].get_offsets() for axes in figure.axes if axes.collections}
    named = {title.split("  ")[0]: points for title, points in panels.items()}
    assert set(named) == {"held-out data", "one", "two", "real"}
    np.testing.assert_allclose(named["held-out data"], data.test[:MAX_POINTS_PER_PANEL])
    np.testing.assert_allclose(named["one"], data.test[:MAX_POINTS_PER_PANEL] + 0.5)
    assert len(named["two"]) == 7
    assert (figure.get_supxlabel(), figure.get_supylabel()) == ("mass", "width")


def test_more_panels_than_a_row_has_go_into_the_next() -> None:
    data = table(n=50, d=2)
    figure = draw("scatter", subject_with(data, {f"m{i}": data.test for i in range(MAX_PANELS_PER_ROW)}))
    assert len({round(axes.get_position().y0, 3) for axes in figure.axes if axes.collections}) == 2


def test_data_of_other_columns_have_no_such_figure() -> None:
    data = table(n=50, d=3)
    with pytest.raises(NotApplicable, match="needs two columns"):
        draw("scatter", subject_with(data, {"one": data.test}))

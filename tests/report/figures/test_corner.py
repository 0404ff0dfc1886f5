"""Contours of pairs of columns."""

import numpy as np
import pytest
from pictured import RNG, subject_with, table

from genbench.report.figures.corner import _density
from genbench.report.figures.draw import draw


def test_a_contour_holds_the_share_of_rows_that_it_is_said_to() -> None:
    rows = RNG.normal(size=(200_000, 2))
    edges = np.linspace(-5, 5, 61)
    density, levels = _density(rows, (edges, edges))
    for height, share in zip(levels, (0.95, 0.68), strict=True):
        assert density[density >= height].sum() / density.sum() == pytest.approx(share, abs=0.03)
    assert _density(np.empty((0, 2)), (edges, edges))[1] == []


def test_a_panel_says_how_many_samples_lie_outside() -> None:
    data = table(d=2)
    far = data.test.copy()
    far[:1000] += 100
    axes = draw("scatter", subject_with(data, {"far": far})).axes
    titles = [each.get_title(loc="left") for each in axes]
    assert titles[0].startswith("held-out data")
    assert any(title.startswith("far") and "25 % outside" in title for title in titles)
    assert axes[0].get_xlim()[1] < 10

"""Contours of pairs of columns."""

import numpy as np
import pytest
from pictured import RNG, subject_with, table

from genbench.protocol import Column
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


def test_categories_are_shown_by_name_and_numbers_with_units() -> None:
    columns = Column("pt", unit="GeV", log=True), Column("kind", kind="category", levels=("e", "mu")), Column("z")
    data = table(d=3, columns=columns)
    data.test[:, 0] = np.exp(data.test[:, 0])
    data.test[:, 1] = data.test[:, 1] > 1
    axes = draw("corner", subject_with(data, {"copy": data.test})).axes
    below, side = axes[3:6], axes[1]
    assert [each.get_xlabel() for each in below] == ["log10 pt (GeV)", "kind", "z"]
    assert [label.get_text() for label in below[1].get_xticklabels()] == ["e", "mu"]
    assert [label.get_text() for label in side.get_yticklabels()] == ["e", "mu"]
    bars = axes[2].patches[0].get_data()
    assert bars.edges.tolist() == [-0.5, 0.5, 1.5]
    assert bars.values[1] == pytest.approx(data.test[:, 1].mean())


def test_the_five_columns_that_deviate_most_are_drawn() -> None:
    data = table(d=9)
    wrong = data.test.copy()
    wrong[:, [0, 4, 5, 7, 8]] += 1
    axes = draw("corner", subject_with(data, {"wrong": wrong})).axes
    assert [each.get_xlabel() for each in axes if each.get_xlabel()] == ["x0", "x4", "x5", "x7", "x8"]

"""Correlations of real rows, of samples, and their difference."""

import numpy as np
import pytest
from pictured import RNG, subject_with, table

from genbench.protocol import Column
from genbench.report.figures.correlations import rank_correlations
from genbench.report.figures.dataset_results import NotApplicable
from genbench.report.figures.draw import draw


def test_rank_correlations_are_those_of_a_gaussian_whatever_the_scale() -> None:
    first, second = RNG.normal(size=(2, 100_000))
    mixed = 0.6 * first + 0.8 * second
    found = rank_correlations([np.exp(3 * first), mixed, np.ones(100_000)])
    assert found[0, 1] == pytest.approx(6 / np.pi * np.arcsin(0.3), abs=0.01)
    assert found[0, 0] == pytest.approx(1)
    assert np.isnan(found[2, 0])
    torn = np.r_[first[:50], np.nan, np.inf]
    assert rank_correlations([torn, torn])[0, 1] == pytest.approx(1)


def test_real_model_and_difference_stand_side_by_side() -> None:
    data = table(d=3)
    data.test[:, 1] = data.test[:, 0]
    opposite = data.test * np.array([1, -1, 1])
    figure = draw("correlations", subject_with(data, {"copy": data.test, "opposite": opposite}))
    matrices = [np.asarray(axes.images[0].get_array()) for axes in figure.axes[:6]]
    assert [matrices[i][0, 1] for i in (0, 1, 2)] == pytest.approx([1, 1, 0], abs=1e-9)
    assert [matrices[i][0, 1] for i in (3, 4, 5)] == pytest.approx([1, -1, -2], abs=1e-9)
    titles = [axes.get_title(loc="left") for axes in figure.axes[:6]]
    assert titles[:3] == ["held-out data", "copy", "difference, at most 0.00"]
    assert titles[4:] == ["opposite", "difference, at most 2.00"]
    assert figure.axes[5].images[0].get_clim() == pytest.approx((-2, 2))


def test_categories_without_an_order_are_left_out() -> None:
    columns = (
        Column("x"),
        Column("colour", kind="category", levels=("r", "g", "b")),
        Column("member", kind="category", levels=("no", "yes")),
    )
    data = table(columns=columns)
    data.test[:, 1:] = data.test[:, 1:] > 0
    figure = draw("correlations", subject_with(data, {"copy": data.test}))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["x", "member"]
    one = table(d=2, columns=columns[:2])
    with pytest.raises(NotApplicable, match="at least two columns that have an order"):
        draw("correlations", subject_with(one, {"copy": one.test}))


def test_of_many_columns_those_whose_correlations_deviate_are_shown() -> None:
    data = table(n=2000, d=30)
    wrong = data.test.copy()
    wrong[:, 28] = wrong[:, 3]
    figure = draw("correlations", subject_with(data, {"wrong": wrong}))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(names) == 20
    assert {"x3", "x28"} <= set(names)

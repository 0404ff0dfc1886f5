"""Codes of held-out rows: two dimensions of them, in the colours of their labels."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from pictured import RNG, table
from pictured_tasks import subject_of_tasks

from genbench.protocol import Column, Data
from genbench.report.figures.codes import principal_components
from genbench.report.figures.dataset_results import NotApplicable
from genbench.report.figures.draw import draw


def test_the_components_are_those_of_the_largest_variance() -> None:
    turn = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
    wide = RNG.normal(size=(4000, 5)) * [4, 3, 0.5, 0.5, 0.5]
    points, share = principal_components(wide @ turn + 7)
    assert np.sort(points.std(0)) == pytest.approx([3, 4], rel=0.05)
    assert points.mean(0) == pytest.approx([0, 0], abs=1e-9)
    assert share == pytest.approx(25 / 25.75, abs=0.01)


def test_two_dimensions_stay_and_one_is_drawn_beside_random_heights() -> None:
    two, one = RNG.normal(size=(50, 2)), RNG.normal(size=(50, 1))
    assert np.array_equal(principal_components(two)[0], two)
    points, share = principal_components(one)
    assert np.array_equal(points[:, 0], one[:, 0])
    assert len(np.unique(points[:, 1])) == 50
    assert share == 1


def test_each_label_has_points_of_its_own_in_each_panel() -> None:
    data = table(n=60, d=3)
    data = replace(data, labels={"test": np.arange(60) % 3})
    codes = RNG.normal(size=(60, 2))
    figure = draw("codes", subject_of_tasks(data, {"one": {"codes_test": codes}, "two": {"codes_test": codes[:, :1]}}))
    points = {int(each.get_label()): each.get_offsets() for each in figure.axes[0].collections}
    assert set(points) == {0, 1, 2}
    for label, offsets in points.items():
        assert np.allclose(offsets, codes[label::3])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0", "1", "2"]
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["one\n2 dimensions", "two\n1 dimension"]


def test_rows_without_labels_are_of_one_colour() -> None:
    figure = draw("codes", subject_of_tasks(table(n=60, d=3), {"one": {"codes_test": RNG.normal(size=(60, 4))}}))
    assert len(figure.axes[0].collections) == 1
    assert not figure.legends


def coloured(data: Data) -> tuple[Figure, np.ndarray]:
    """Return the figure of codes of data, and what its points are coloured by."""
    figure = draw("codes", subject_of_tasks(data, {"one": {"codes_test": RNG.normal(size=(60, 4))}}))
    [points] = figure.axes[0].collections
    return figure, np.asarray(points.get_array())


def test_rows_without_labels_are_coloured_by_a_condition() -> None:
    energy = np.exp(RNG.uniform(0, 4, (60, 1)))
    given = dict.fromkeys(("train", "test", "reference"), energy)
    columns = (Column("energy", unit="GeV", log=True),)
    data = replace(table(n=60, d=3), conditions=given, condition_columns=columns)
    figure, colours = coloured(data)
    assert np.array_equal(colours, energy[:, 0])
    assert figure.axes[-1].get_ylabel() == "energy [GeV]"
    assert figure.axes[-1].get_yscale() == "log"
    kinds = dict.fromkeys(given, np.arange(60.0)[:, None] % 2)
    column = Column("kind", kind="category", levels=("muon", "pion"))
    data = replace(data, conditions=kinds, condition_columns=(column,))
    figure = draw("codes", subject_of_tasks(data, {"one": {"codes_test": RNG.normal(size=(60, 4))}}))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["muon", "pion"]
    assert figure.legends[0].get_title().get_text() == "kind"


def test_rows_without_labels_and_conditions_are_coloured_by_an_observable() -> None:
    data = replace(table(n=60, d=3), observables=lambda x: {"mass": x[:, 1], "other": x[:, 2]})
    figure, colours = coloured(data)
    assert np.allclose(colours, data.test[:60, 1])
    assert figure.axes[-1].get_ylabel() == "mass"
    constant = replace(data, observables=lambda x: {"mass": np.ones(len(x))})
    figure = draw("codes", subject_of_tasks(constant, {"one": {"codes_test": RNG.normal(size=(60, 4))}}))
    assert len(figure.axes) == 1


def test_models_without_codes_have_no_such_figure() -> None:
    with pytest.raises(NotApplicable, match="no model has codes"):
        draw("codes", subject_of_tasks(table(n=60), {"one": {}}))

"""The figure of what samples are worth."""

import numpy as np
import pytest
from equivalent_records import BANDWIDTHS, scored
from synthetic import record, score

from genbench.report.figures.draw import draw, results_by_dataset, save
from genbench.report.figures.equivalent import equivalent_curve
from genbench.report.figures.progress import quality_curves_of


def axes_of(records):
    (subject,) = results_by_dataset(records)
    return draw("equivalent", subject).axes[0]


def drawn(axes):
    """Return the finite points of each line that has a marker, as sets of (x, y)."""
    lines = [line.get_xydata() for line in axes.lines if line.get_marker() not in ("None", None)]
    return [sorted(map(tuple, points[np.isfinite(points).all(1)])) for points in lines]


def test_a_curve_is_the_median_over_seeds_and_unbounded_where_most_seeds_are() -> None:
    told, untold = [300.0, 200.0, 100.0], [None, 100.0, 50.0]
    cells = [
        scored("vae", 0, told),
        scored("vae", 1, untold, low=[1.0] * 3, high=[None] * 3),
        scored("vae", 2, untold, low=[1.0] * 3, high=[None] * 3),
    ]
    curve = equivalent_curve(cells)
    assert curve.bandwidths == pytest.approx(BANDWIDTHS)
    assert curve.value.tolist() == [np.inf, 100.0, 50.0]
    assert curve.low.tolist() == [1.0] * 3
    assert np.isinf(curve.high).all()
    assert equivalent_curve([record("vae", 0, [score("energy", 1.0)])]) is None


def test_points_are_values_and_arrows_lower_limits(records) -> None:
    axes = axes_of(records)
    points, top = drawn(axes), axes.get_ylim()[1]
    assert [(0.5, 100.0), (1.0, 200.0), (2.0, 300.0)] in points
    assert [(0.5, 10.0), (1.0, 20.0)] in points  # gan, where it is told from real data
    assert [(2.0, 70.0)] in points  # and where it is not
    assert [(0.5, 800.0), (1.0, top), (2.0, 900.0)] in points  # real: in the middle it is closer than real data come


def test_a_ring_is_the_number_of_the_table_on_the_curve_and_a_limit_has_none() -> None:
    cell = scored("vae", 0, [300.0, 200.0, 100.0], detail={"value": 100.0, "bandwidth": 0.5})
    only_limits = {"value": 70.0, "bandwidth": 2.0, "at_least": True}
    limit = scored("gan", 0, [None] * 3, low=[70.0] * 3, high=[None] * 3, detail=only_limits)
    rings = [line.get_xydata().tolist() for line in axes_of([cell, limit]).lines if line.get_markersize() == 9]
    assert rings == [[[0.5, 100.0]]]


def test_the_axes_are_logarithmic_and_hold_every_point_and_the_sizes(records) -> None:
    axes = axes_of(records)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    low, high = axes.get_ylim()
    assert low < 10
    assert high > 2000
    assert {text.get_text() for text in axes.texts} == {"500 train", "2000 test,\nas far as\nthey can tell"}
    assert {500.0, 2000.0} <= {y for line in axes.lines for y in line.get_ydata()}


@pytest.mark.parametrize("name", ["$\\frac{", "_hidden", "<script>alert(1)</script>", "名", "\x1b[31mred", "a" * 500])
@pytest.mark.filterwarnings("ignore:Glyph")  # a font may lack a letter
def test_names_of_strangers_are_only_text(name, tmp_path) -> None:
    (subject,) = results_by_dataset([scored("vae", label=name, dataset=name, dataset_label=name)])
    figure = draw("equivalent", subject)
    save(figure, tmp_path / "x.svg")
    assert "<script" not in (tmp_path / "x.svg").read_text()
    label = figure.legends[0].get_texts()[0].get_text()
    assert "\x1b" not in label
    assert len(label) <= 41


def test_a_curve_that_is_none_is_left_out(trained) -> None:
    for curve in ("text", [None], [{"seconds": "1"}], [{"seconds": 1.0, "value": None, "step": 2}], 3):
        trained[0]["scores"][-1]["detail"]["curve"] = curve
        (subject,) = results_by_dataset(trained)
        assert (
            len(quality_curves_of(next(row for row in subject.models if row.label == "vae"), "energy")[0].points) == 1
        )
        draw("progress", subject)

"""Quality against cost, and the front."""

import math

import numpy as np
import pytest
from synthetic import record, score, seeds

from genbench.report.figures.draw import draw, results_by_dataset
from genbench.report.figures.pareto import ParetoPoint, pareto_front


def test_the_front_is_what_nothing_beats_in_both() -> None:
    def point(name, cost, quality):
        (subject,) = results_by_dataset(seeds(name, [1.0]))
        return ParetoPoint(subject.rows[0], cost, quality, quality, quality)

    points = [point("cheap", 1, 10), point("good", 9, 90), point("beaten", 9, 50), point("middle", 3, 40)]
    points.append(point("worse", 4, 40))
    names = [p.row.label for p in pareto_front(points, "lower", "higher")]
    assert names == ["cheap", "middle", "good"]
    assert [p.row.label for p in pareto_front(points, "higher", "lower")][:1] == ["beaten"]
    assert [p.row.label for p in pareto_front(points, "lower", "lower")] == ["cheap"]


@pytest.mark.parametrize("rates", [(1.28e6,), (1.28e6, 2.74e6), (1.1e6, 9e6), (2e5, 1.5e7), (1e3, 1e7)])
def test_what_quality_costs_can_be_read_off_however_near_the_costs_are(rates) -> None:
    cells = [
        record(f"model{at}", 0, [score("energy", 0.1)], timings={"fit_s": 3.0, "samples_per_s": rate})
        for at, rate in enumerate(rates)
    ]
    (subject,) = results_by_dataset(cells)
    axes = draw("pareto", subject).axes[1]
    low, high = axes.get_xlim()
    assert low <= min(rates)
    assert high >= max(rates)
    told = [axes.xaxis.get_major_formatter()(at) for at in axes.xaxis.get_majorticklocs() if low <= at <= high]
    assert 2 <= len(set(told)) == len(told) <= 7


@pytest.mark.parametrize("value", [300.0, -0.1])
def test_an_open_end_is_an_arrow_and_spoils_no_axis(value) -> None:
    cells = [
        record(name, 0, [score("energy", value * (at + 1), low=low, high=high)], timings={"fit_s": 3.0 + at})
        for at, (name, low, high) in enumerate((("open", value - 1, None), ("closed", value - 1, value + 1)))
    ]
    (subject,) = results_by_dataset(cells)
    axes = draw("pareto", subject).axes[0]
    assert all(math.isfinite(end) for end in (*axes.get_xlim(), *axes.get_ylim()))
    drawn = [line.get_ydata() for line in axes.get_lines()]
    assert all(np.isfinite(each).all() for each in drawn)
    assert len([text for text in axes.texts if text.get_text() == ""]) == 1, "one arrow"

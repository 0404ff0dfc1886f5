"""Quality against cost, and the front."""

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

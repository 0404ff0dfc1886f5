"""The figure of quality against time of training."""

import pytest
from equivalent_records import learned
from synthetic import record, score

from genbench.report.figures.dataset_results import NotApplicable
from genbench.report.figures.draw import draw, results_by_dataset
from genbench.report.figures.progress import quality_curves_of


def test_quality_against_time_goes_through_the_snapshots_to_the_trained_model(trained) -> None:
    (subject,) = results_by_dataset(trained)
    vae = next(row for row in subject.models if row.label == "vae")
    first, second = quality_curves_of(vae, "energy")
    assert first.points.tolist() == [[0.25, 0.08], [0.5, 0.04], [1.0, 0.02], [2.0, 0.01]]
    assert second.points[:, 0].tolist() == [0.3125, 0.625, 1.25, 2.5]
    assert first.error == pytest.approx(0.2)
    axes = draw("progress", subject).axes[0]
    mean = [2.25 / 8, 2.25 / 4, 2.25 / 2, 2.25]
    assert any(line.get_xdata().tolist() == pytest.approx(mean) for line in axes.lines if len(line.get_xdata()) == 4)


def test_seeds_are_averaged_over_the_snapshots_that_all_of_them_have(trained) -> None:
    trained[1]["scores"][-1] = learned(2.5, steps=(5, 20))
    (subject,) = results_by_dataset(trained)
    lines = [list(line.get_ydata()) for line in draw("progress", subject).axes[0].lines]
    assert any(len(line) == 3 and line == pytest.approx([0.08, 0.02, 0.01]) for line in lines), lines


def test_seeds_of_a_budget_in_seconds_are_averaged_at_the_same_shares_of_it(trained) -> None:
    for each, steps in ((trained[0], (5, 10, 20)), (trained[1], (6, 12, 21))):
        each["budget"], each["scores"][-1] = "4s", learned(4.0, steps)
    trained[1]["scores"][-1]["detail"]["curve"].pop(1)  # it could not be afforded
    (subject,) = results_by_dataset(trained[:2])
    first, second = quality_curves_of(subject.models[0], "energy")
    assert first.steps == (4, 8, 16, -1)
    assert second.steps == (4, 16, -1)
    lines = [line.get_xdata() for line in draw("progress", subject).axes[0].lines]
    assert any(list(line) == pytest.approx([0.55, 2.05, 2.25]) for line in lines), "the mean seconds"


def test_snapshots_of_trainings_that_ended_without_a_value_are_no_figure(trained) -> None:
    for each in trained:
        each["scores"][-1]["value"] = None
    (subject,) = results_by_dataset(trained)
    with pytest.raises(NotApplicable, match="value of energy"):
        draw("progress", subject)


def test_a_model_without_snapshots_is_a_point_and_none_at_all_is_no_figure(trained) -> None:
    trained.append(record("kde", 0, [score("energy", 0.05)], timings={"fit_s": 0.5}))
    (subject,) = results_by_dataset(trained)
    axes = draw("progress", subject).axes[0]
    assert [0.5, 0.05] in [line.get_xydata()[-1].tolist() for line in axes.lines]
    (without,) = results_by_dataset([record("kde", 0, [score("energy", 0.05)], timings={"fit_s": 0.5})])
    with pytest.raises(NotApplicable, match="snapshots"):
        draw("progress", without)

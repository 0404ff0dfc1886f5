"""The figure of what trainings logged."""

from synthetic import record, score

from genbench.report.figures.draw import draw, results_by_dataset


def test_values_that_were_logged_once_are_told_apart() -> None:
    (subject,) = results_by_dataset(
        [record("vae", 0, [score("energy", 0.1)], trace=[[0.2, 10, {"loss": 3.0, "kl": 2.0}]])]
    )
    lines = draw("training", subject).axes[0].lines
    assert {line.get_label() for line in lines} == {"loss", "kl"}
    assert len({line.get_marker() for line in lines} - {"", "None", None}) == 2

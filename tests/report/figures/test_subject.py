"""The subject of pictures: samples beside the right rows, in the same colours everywhere."""

import pytest
from pictured import subject_with, table
from synthetic import record, score, seeds

from genbench.errors import DataError
from genbench.report.figures.dataset_results import NotApplicable
from genbench.report.figures.draw import draw, results_by_dataset


@pytest.mark.parametrize("name", ["scatter", "images", "corner"])
def test_a_figure_that_is_not_for_such_data_says_so(name) -> None:
    data = table(d=2 if name == "images" else 1)
    with pytest.raises(NotApplicable):
        draw(name, subject_with(data, {"vae": data.test}))


def test_a_run_that_is_not_at_hand_has_no_samples() -> None:
    (subject,) = results_by_dataset([record("vae", run="gone")])
    with pytest.raises(DataError, match=r"ring: no samples to show: the folder of the run is not known"):
        draw("scatter", subject)


def test_a_model_has_one_colour_on_every_dataset_and_in_every_selection() -> None:
    records = [*seeds("vae", [1.0]), *seeds("gan", [1.0]), *seeds("kde", [1.0], dataset="moons"),
               *seeds("vae", [1.0], dataset="moons")]  # fmt: skip
    ring, moons = results_by_dataset(records)
    assert ring.line_styles["vae"] == moons.line_styles["vae"] == moons.only_rows(["vae"]).line_styles["vae"]
    assert len({look.colour for look in (*ring.line_styles.values(), *moons.line_styles.values())}) == 3
    assert [row.label for row in moons.only_rows(["vae"]).rows] == ["vae"]


def test_modes_are_counted_seed_by_seed_as_in_the_table() -> None:
    counts = ([5, 0, 5, 0], [0, 5, 5, 0])  # each seed hits two modes of four, together three
    cells = [
        record("gan", seed, [score("modes", 2.0, better="higher", n_fake=10, detail={"of": 4, "counts": each})])
        for seed, each in enumerate(counts)
    ]
    (subject,) = results_by_dataset(cells)
    axes = draw("modes", subject).axes[0]
    assert [text.get_text() for text in axes.texts] == ["2/4"]
    shares = axes.images[0].get_array()
    assert shares.filled(-1).tolist() == [[1.0, 1.0, 2.0, -1.0]]


def test_values_that_were_logged_once_are_told_apart() -> None:
    (subject,) = results_by_dataset(
        [record("vae", 0, [score("energy", 0.1)], trace=[[0.2, 10, {"loss": 3.0, "kl": 2.0}]])]
    )
    lines = draw("training", subject).axes[0].lines
    assert {line.get_label() for line in lines} == {"loss", "kl"}
    assert len({line.get_marker() for line in lines} - {"", "None", None}) == 2

"""The subject of pictures: samples beside the right rows, in the same colours everywhere."""

import pytest
from pictured import subject_with, table
from synthetic import record, seeds

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
    assert len({style.colour for style in (*ring.line_styles.values(), *moons.line_styles.values())}) == 3
    assert [row.label for row in moons.only_rows(["vae"]).rows] == ["vae"]

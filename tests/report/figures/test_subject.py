"""The subject of pictures: samples beside the right rows, in the same colours everywhere."""

import pytest
from pictured import subject_with, table
from synthetic import record, seeds

from genbench.errors import DataError
from genbench.report.figures.draw import draw, subjects_of
from genbench.report.figures.subject import Unsuited


@pytest.mark.parametrize("name", ["scatter", "images", "corner"])
def test_a_figure_that_is_not_for_such_data_says_so(name) -> None:
    data = table(d=2 if name == "images" else 1)
    with pytest.raises(Unsuited):
        draw(name, subject_with(data, {"vae": data.test}))


def test_a_run_that_is_not_at_hand_has_no_samples() -> None:
    (subject,) = subjects_of([record("vae", run="gone")])
    with pytest.raises(DataError, match=r"ring: no samples to show: the folder of the run is not at hand"):
        draw("scatter", subject)


def test_a_model_has_one_colour_on_every_dataset_and_in_every_selection() -> None:
    records = [*seeds("vae", [1.0]), *seeds("gan", [1.0]), *seeds("kde", [1.0], dataset="moons"),
               *seeds("vae", [1.0], dataset="moons")]  # fmt: skip
    ring, moons = subjects_of(records)
    assert ring.looks["vae"] == moons.looks["vae"] == moons.narrowed(["vae"]).looks["vae"]
    assert len({look.colour for look in (*ring.looks.values(), *moons.looks.values())}) == 3
    assert [row.label for row in moons.narrowed(["vae"]).rows] == ["vae"]

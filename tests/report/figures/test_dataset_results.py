"""The subject of pictures: samples beside the right rows, in the same colours everywhere."""

import numpy as np
import pytest
from pictured import subject_with, table
from synthetic import record, seeds

from genbench.errors import DataError
from genbench.record.store import cell_folder
from genbench.report import views_of
from genbench.report.figures.dataset_results import NotApplicable, RunFolders
from genbench.report.figures.draw import draw, results_by_dataset
from genbench.training.standardise import transform_of


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


def test_rows_stand_in_the_order_of_the_table() -> None:
    records = [*seeds("real", [0.0, 0.0]), *seeds("worst", [3.0, 3.1]), *seeds("best", [1.0, 1.1]),
               record("broken", status="failed"), *seeds("middle", [2.0, 2.1])]  # fmt: skip
    (subject,) = results_by_dataset(records)
    assert [row.label for row in subject.rows] == [row.label for row in views_of(records)[0].rows]
    assert [row.label for row in subject.models] == ["best", "middle", "worst", "broken"]


def test_what_a_model_made_of_held_out_rows_is_read_in_the_units_of_the_data(tmp_path) -> None:
    data, key = table(n=300, d=3), "ab" + 22 * "0"
    folder = cell_folder(tmp_path, key)
    folder.mkdir(parents=True)
    transform = transform_of(data)
    made = transform.to_model(data.test, np.random.default_rng(0))
    good = {
        "reconstruction_test": made,
        "codes_test": made[:, :2],
        "interpolation": np.ones((6, 9, 3)),
        "perturbation": np.ones((2, 7, 3)),
    }
    folders, saved = RunFolders({"mine": tmp_path}), {"run": "mine", "key": key}
    assert folders.tasks(saved, data) == {}  # there is no file
    np.savez(folder / "samples.npz", samples=data.test, **good)
    found = folders.tasks(saved, data)
    assert set(found) == set(good)
    assert found["reconstruction_test"] == pytest.approx(data.test, abs=1e-5)
    wrong = {
        "reconstruction_test": made[:, :2],
        "codes_test": np.full((5, 2), np.nan),
        "interpolation": np.ones((6, 9, 4)),
        "perturbation": np.array([["a"]]),
    }
    np.savez(folder / "samples.npz", samples=data.test, **wrong)
    assert folders.tasks(saved, data) == {}

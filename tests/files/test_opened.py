"""A user's data when a run is planned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from user_files import TABLE, refusal, says

from genbench.budget import Sizes
from genbench.files import FileDataset, dataset_spec, hold, open_data


def test_an_object_is_the_dataset_of_what_is_stored(tmp_path: Path) -> None:
    held = hold(TABLE, "data")
    opened = open_data(held, folder=tmp_path / "data", columns="pt,eta", units="pt=GeV")
    assert (opened.spec.name, opened.spec.rows) == ("data", 50)
    assert not list(tmp_path.iterdir())  # nothing is written when a run is planned
    assert str(held.save(tmp_path / "data")) == opened.config.path
    data = FileDataset(opened.config).load(Sizes(), np.random.default_rng(0))
    assert [(c.name, c.unit) for c in data.columns] == [("pt", "GeV"), ("eta", "")]
    _, of_file = dataset_spec(opened.config.path, columns="pt,eta", units="pt=GeV")
    assert of_file == opened.config


def test_errors_name_the_object(tmp_path: Path) -> None:
    says(refusal(open_data, hold(TABLE, "data"), columns="p"), "data: --columns: no column 'p'")
    says(refusal(open_data, hold(TABLE[:10], "data")), "data: 10 rows are too few")


def test_a_float32_column_and_its_notes(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": TABLE.pt, "flat": np.float32(0.1)})
    opened = open_data(hold(frame, "data"))
    assert opened.notes == ["data: column 'flat' is constant, and is set aside"]
    described = opened.describe(Sizes())
    assert described["left_out"] == {"flat": "constant"}
    assert described["splits"] == {"train": 35, "test": 7, "reference": 7}

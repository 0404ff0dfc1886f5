"""The columns that a user asks for, taken out of what a file holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from user_files import refusal, says

from genbench.files import read

EVENTS = pd.DataFrame({
    "pt": np.linspace(1, 30, 40), "energy": np.linspace(5, 9, 40), "w": np.linspace(-1, 2, 40),
    "process": ["tt", "wj"] * 20,
})  # fmt: skip


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_options_take_columns_apart_each_by_its_name(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    EVENTS.to_csv(path, index=False) if suffix == "csv" else EVENTS.to_parquet(path)
    found = read(path, beside={"--weights": ["w"], "--given": ["process", "energy"]})
    assert found.columns == ("pt",)
    assert list(found.beside["--given"]) == ["process", "energy"]
    assert found.beside["--given"]["process"].tolist() == [0.0, 1.0] * 20
    assert found.categories["process"] == ("tt", "wj")
    np.testing.assert_allclose(found.beside["--weights"]["w"], EVENTS.w)


def test_units_stay_with_the_columns_that_are_taken(tmp_path):
    table = pa.Table.from_pandas(EVENTS, preserve_index=False)
    for i, unit in enumerate(("GeV", "MeV", "1")):
        table = table.set_column(i, table.field(i).with_metadata({"units": unit}), table.column(i))
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").units == {"pt": "GeV", "energy": "MeV", "w": "1"}
    found = read(tmp_path / "a.parquet", columns="energy", beside={"--weights": ["w"]})
    assert found.units == {"energy": "MeV", "w": "1"}


def test_arrays_beside_images_are_read_on_their_own(tmp_path):
    np.savez(
        tmp_path / "a.npz", data=np.zeros((40, 4, 4), np.uint8), energy=EVENTS.energy, kind=np.array(["a", "b"] * 20)
    )
    found = read(tmp_path / "a.npz", beside={"--given": ["energy", "kind"]})
    assert found.kind == "image"
    np.testing.assert_allclose(found.beside["--given"]["energy"], EVENTS.energy)
    assert found.categories["kind"] == ("a", "b")


def test_something_must_be_left(tmp_path):
    EVENTS[["w"]].to_csv(tmp_path / "a.csv", index=False)
    says(refusal(read, tmp_path / "a.csv", beside={"--weights": ["w"]}), "no column is left besides those of --weights")

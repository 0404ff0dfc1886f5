"""What is read from a user's file."""

from __future__ import annotations

import numpy as np
import pytest
from user_files import TABLE, saved_csv

from genbench.files import from_object, read


def test_the_kind_is_that_of_the_rows_and_errors_begin_with_the_file(tmp_path):
    saved_csv(tmp_path / "a.csv")
    found = read(tmp_path / "a.csv")
    assert found.kind == "vector"
    assert str(found.error("is wrong")) == f"{tmp_path / 'a.csv'}: is wrong"
    assert from_object(np.zeros((30, 1, 8, 8), np.uint8), "real").kind == "image"


def test_what_was_not_asked_for_and_what_was_dropped_is_known(tmp_path):
    table = TABLE.copy()
    table.loc[2, "pt"] = np.nan
    table.to_csv(tmp_path / "a.csv", index=False)
    found = read(tmp_path / "a.csv", columns="pt", na="drop")
    assert (set(found.others), found.dropped) == ({"eta", "phi"}, 1)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_the_types_of_columns_are_those_of_the_file(tmp_path, dtype):
    TABLE.astype(dtype).to_parquet(tmp_path / "a.parquet")
    assert set(read(tmp_path / "a.parquet").types.values()) == {np.dtype(dtype).name}

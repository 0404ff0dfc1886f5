"""Parquet and feather."""

from __future__ import annotations

import contextlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, parquet
from user_files import TABLE, refusal, says

from genbench.errors import DataError
from genbench.files import read


def saved_parquet(table, path):
    parquet.write_table(table, path, row_group_size=7)


def saved_feather(table, path):
    feather.write_feather(table, str(path), compression="zstd", chunksize=7)


SAVERS = pytest.mark.parametrize(
    ("name", "save"), [("a.parquet", saved_parquet), ("a.feather", saved_feather), ("a.arrow", saved_feather)]
)


@SAVERS
def test_only_the_columns_that_are_asked_for_are_read(tmp_path, name, save):
    lists = pa.array([[1.0, 2.0]] * 50)
    table = pa.Table.from_pandas(TABLE).append_column("jets", lists).append_column("kind", pa.array(["a", "b"] * 25))
    save(table, tmp_path / name)
    found = read(tmp_path / name, columns="phi,pt", labels="kind")
    assert found.columns == ("phi", "pt")
    np.testing.assert_array_equal(found.rows, TABLE[["phi", "pt"]])
    assert found.labels.tolist() == ["a", "b"] * 25
    says(refusal(read, tmp_path / name, columns="-kind"), "column 'jets' holds 'list<", "--columns")


@SAVERS
def test_a_large_table_is_refused(tmp_path, name, save):
    save(pa.table({"x": np.zeros(100_000)}), tmp_path / name)
    says(refusal(read, tmp_path / name, max_bytes=100_000), "--max-bytes")


@SAVERS
def test_missing_values_dates_and_booleans(tmp_path, name, save):
    table = pa.table({"x": [1.0, None, 3.0], "flag": [True, False, True], "day": pd.date_range("2020", periods=3)})
    save(table, tmp_path / name)
    found = read(tmp_path / name, columns="flag,x", na="drop")
    np.testing.assert_array_equal(found.rows, [[1, 1], [1, 3]])
    says(refusal(read, tmp_path / name, columns="x"), "1 missing", "row 2")
    says(refusal(read, tmp_path / name, columns="day"), "column 'day'", "date or time")


def test_arrow_files_that_are_no_feather(tmp_path):
    (tmp_path / "a.feather").write_bytes(b"FEA1" + b"\0" * 50)
    says(refusal(read, tmp_path / "a.feather"), "feather of version 1", "to_feather")
    TABLE.to_feather(tmp_path / "b.feather")
    whole = (tmp_path / "b.feather").read_bytes()
    (tmp_path / "b.feather").write_bytes(whole[: len(whole) // 2])
    says(refusal(read, tmp_path / "b.feather"), "cannot be read as arrow")
    feather.write_feather(pa.table({"x": pa.array([], pa.float64())}), str(tmp_path / "c.feather"))
    says(refusal(read, tmp_path / "c.feather"), "no rows")


def test_a_damaged_file_never_ends_in_another_error(tmp_path):
    TABLE.assign(kind=["a", "bc"] * 25).to_feather(tmp_path / "a.feather")
    whole = bytearray((tmp_path / "a.feather").read_bytes())
    for at in range(0, len(whole), max(1, len(whole) // 400)):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        (tmp_path / "a.feather").write_bytes(damaged)
        with contextlib.suppress(DataError):  # a number may have changed
            read(tmp_path / "a.feather", labels="kind")


@SAVERS
def test_units_and_types_are_those_of_the_fields(tmp_path, name, save):
    fields = [
        pa.field("x", pa.float32(), metadata={"unit": "GeV"}),
        pa.field("n", pa.int16(), metadata={"units": "counts"}),
        pa.field("kind", pa.dictionary(pa.int32(), pa.string())),
        pa.field("code", pa.dictionary(pa.int32(), pa.int64())),
    ]
    columns = [[0.5] * 30, [1, None, 2] * 10, ["a", "b"] * 15, [1, 2] * 15]
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, fields, strict=True)], schema=pa.schema(fields))
    save(table, tmp_path / name)
    found = read(tmp_path / name, na="drop")
    assert found.units == {"x": "GeV", "n": "counts"}
    assert found.types == {"x": "float32", "n": "int16", "kind": "dictionary", "code": "int64"}

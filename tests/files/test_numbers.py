"""Columns as numbers: what counts as one, and what is refused or dropped."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet
from user_files import refusal, says

from genbench.files import from_object, read
from genbench.files.numbers import as_category


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        (np.zeros((5, 2), dtype=complex), ["complex"]),
        (np.array([["a", "b"]] * 5), ["column 'c0'", "row 1", "got 'a'"]),
        (np.array([["1", "2"]] * 5), ["column 'c0'", "expected a number"]),
        (np.zeros(5, dtype="M8[s]"), ["date or time"]),
        (np.array([[1, 2], [3, 2**53 + 1]]), ["column 'c1'", "row 2", "9007199254740993", "2^53"]),
        (np.array([[1, 2], [-(2**60), 0]]), ["column 'c0'", "row 2", "2^53"]),
        (np.zeros((3, 2, 2, 2, 2)), ["shape (3, 2, 2, 2, 2)", "(n, d)"]),
        (np.array(3.0), ["expected", "(n, d)"]),
        (np.zeros((0, 3)), ["no numbers", "(0, 3)"]),
        (np.zeros((3, 0)), ["no numbers", "(3, 0)"]),
    ],
)
def test_arrays_that_are_no_data(tmp_path, values, parts):
    np.save(tmp_path / "a.npy", values)
    says(refusal(read, tmp_path / "a.npy"), "a.npy: ", *parts)
    says(refusal(from_object, values, "real"), "real: ", *parts)


def test_arrays_of_objects_are_refused_in_memory_too():
    says(refusal(from_object, np.array([[1, "x"]] * 3, dtype=object), "real"), "real: ", "column 'c1'", "got 'x'")


@pytest.mark.parametrize(
    ("column", "parts"),
    [
        (pa.array([f"a{i}" for i in range(30)]), ["column 'x'", "row 1", "got 'a0'"]),
        (pa.array([[1, 2]] * 30), ["column 'x'", "list"]),
        (pa.array([{"u": 1}] * 30), ["column 'x'", "struct"]),
        (pa.array(pd.date_range("2020", periods=30)), ["column 'x'", "date or time"]),
        (pa.array([2**60] * 30), ["column 'x'", "2^53"]),
        (pa.array([None] * 30, pa.float64()), ["column 'x' holds nothing in all 30 rows", "--columns=-x"]),
        (pa.array([None, *range(29)]), ["1 missing", "row 1"]),
        (pa.array([None, *[True] * 29]), ["1 missing"]),
        (pa.array([None, *[2**60] * 29]), ["row 2", "2^53"]),
    ],
)
def test_parquet_columns_that_are_no_numbers(tmp_path, column, parts):
    parquet.write_table(pa.table({"x": column, "y": np.arange(30.0)}), tmp_path / "a.parquet")
    says(refusal(read, tmp_path / "a.parquet"), "a.parquet: ", *parts)
    assert read(tmp_path / "a.parquet", columns="y").rows.shape == (30, 1)


def test_parquet_of_other_number_types(tmp_path):
    numbers = pa.array(range(30))
    table = pa.table(
        {"decimal": numbers.cast(pa.decimal128(25, 2)), "flag": [True, False] * 15, "__index_level_0__": numbers}
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert found.columns == ("decimal", "flag")
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(30))
    np.testing.assert_array_equal(found.rows[:2, 1], [1, 0])
    parquet.write_table(pa.table({"x": pa.array([], pa.float64())}), tmp_path / "b.parquet")
    says(refusal(read, tmp_path / "b.parquet"), "no rows")


def test_booleans_may_be_missing():
    found = as_category(np.array([True, None, False], dtype=object))
    assert found.levels == ("False", "True")
    np.testing.assert_array_equal(found.codes, [1, np.nan, 0])
    assert as_category(np.array([True, 2, None], dtype=object)) is None

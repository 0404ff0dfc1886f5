"""JSON, JSON lines, Excel and Stata."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from user_files import TABLE, refusal, says, write

from genbench.files import read

KINDS = ["signal", "background"] * 25
ORIENTS = ["records", "columns", "index", "split", "table"]


@pytest.mark.parametrize("orient", ORIENTS)
def test_each_form_of_json_that_pandas_writes(tmp_path, orient):
    TABLE.assign(kind=KINDS).to_json(tmp_path / "a.json", orient=orient, double_precision=15)
    found = read(tmp_path / "a.json", columns="phi,pt", labels="kind")
    assert found.columns == ("phi", "pt")
    np.testing.assert_allclose(found.rows, TABLE[["phi", "pt"]], atol=1e-14)
    assert found.labels.tolist() == KINDS
    assert list(read(tmp_path / "a.json", columns="-kind").columns) == ["pt", "eta", "phi"]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.ndjson"])
def test_one_record_a_line(tmp_path, name):
    path = write(tmp_path, "".join(json.dumps(row) + "\n\n" for row in TABLE.to_dict("records")), name)
    found = read(path)
    assert found.columns == ("pt", "eta", "phi")
    np.testing.assert_array_equal(found.rows, TABLE)


def test_json_of_lists_and_of_columns(tmp_path):
    found = read(write(tmp_path, json.dumps(TABLE.to_numpy().tolist()), "a.json"))
    assert (found.columns, found.named) == (("c0", "c1", "c2"), False)
    np.testing.assert_array_equal(found.rows, TABLE)
    lines = "".join(json.dumps(row) + "\n" for row in TABLE.to_numpy().tolist())
    np.testing.assert_array_equal(read(write(tmp_path, lines, "a.jsonl")).rows, TABLE)
    found = read(write(tmp_path, json.dumps({"made": "today", **TABLE.to_dict("list")}), "a.json"))
    np.testing.assert_array_equal(found.rows, TABLE)
    says(" ".join(found.notes), "left out", "made")


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ([1, None, 3], ["1 missing", "row 2"]),
        ([1.5, float("nan"), 3], ["1 missing", "row 2"]),
        ([1, "x", 3], ["column 'x'", "row 2", "got 'x'", "--columns"]),
        ([1, [2, 3], 3], ["column 'x'", "row 2", "'[2, 3]'"]),
        ([1, {"y": 2}, 3], ["column 'x'", "row 2"]),
        ([1, 2**53 + 1, 3], ["column 'x'", "row 2", "9007199254740993", "2^53"]),
        ([1.5, 2**53 + 1, 3], ["column 'x'", "row 2", "9007199254740993", "2^53"]),
        ([1, 2**80, 3], ["column 'x'", "row 2", "2^53"]),
        (["2020-01-01", "2020-01-02", "2020-01-03"], ["column 'x'", "row 1", "date or time"]),
    ],
)
def test_json_columns_that_are_no_numbers(tmp_path, values, parts):
    records = [{"x": value, "y": i} for i, value in enumerate(values)]
    for name, text in (("a.json", json.dumps(records)), ("a.jsonl", "\n".join(map(json.dumps, records)))):
        path = write(tmp_path, text, name)
        says(refusal(read, path), f"{name}: ", *parts)
        np.testing.assert_array_equal(read(path, columns="y").rows[:, 0], [0, 1, 2])


def test_booleans_and_keys_that_are_missing_in_json(tmp_path):
    path = write(tmp_path, '{"a": true, "b": 1}\n{"a": false}\n', "a.jsonl")
    np.testing.assert_array_equal(read(path, columns="a").rows[:, 0], [1, 0])
    says(refusal(read, path), "1 missing", "'b' 1")
    path = write(tmp_path, '[{"a": true, "b": 1}, {"a": null, "b": 2}]', "a.json")
    says(refusal(read, path), "1 missing", "'a' 1")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("{", ["cannot be read as json"]),
        ("3", ["holds one int", "expected records"]),
        ('{"a": 1}', ["holds single values", "expected records"]),
        ("[]", ["holds no rows"]),
        ('[{"a": 1}, [2]]', ["row 2 is a list of 1, expected an object"]),
        ("[[1, 2], [3]]", ["row 2 is a list of 1, expected a list of 2"]),
        ("[1, 2]", ["row 1 is int", "expected an object or a list"]),
        ('{"a": [1, 2], "b": [1]}', ["different lengths: a 2, b 1"]),
        ('{"a": ' + "[" * 100_000, ["cannot be read as json"]),
    ],
)
def test_json_that_is_no_table(tmp_path, text, parts):
    says(refusal(read, write(tmp_path, text, "a.json")), "a.json: ", *parts)


def test_a_bad_line_of_json_is_found(tmp_path):
    says(refusal(read, write(tmp_path, '{"a": 1}\n\n{"a": }\n', "a.jsonl")), "line 3 is not JSON")
    says(refusal(read, write(tmp_path, '{"a": 1}\n\n{"a": "x"}\n', "a.jsonl")), "column 'a', row 2 (line 3)")
    deep = '{"a": ' + "[" * 1_000_000 + "\n"  # ends the process in some libraries
    says(refusal(read, write(tmp_path, deep, "a.jsonl")), "cannot be read as json lines")
    says(refusal(read, write(tmp_path, b'{"a": "\xff"}\n', "a.jsonl")), "cannot be read as json lines")


def sheet(path, **sheets):
    with pd.ExcelWriter(path) as writer:
        for name, (frame, options) in sheets.items():
            frame.to_excel(writer, sheet_name=name, **options)
    return path


def test_a_sheet_is_a_table(tmp_path):
    plain = {"index": False}
    path = sheet(tmp_path / "a.xlsx", real=(TABLE.assign(kind=KINDS), plain), fake=(TABLE + 1, plain))
    found = read(path, columns="phi,pt", labels="kind")
    np.testing.assert_allclose(found.rows, TABLE[["phi", "pt"]], rtol=1e-14)  # openpyxl writes 16 digits
    assert found.labels.tolist() == KINDS
    says(" ".join(found.notes), "the first was read, 'real'", "fake")
    np.testing.assert_allclose(read(f"{path}:fake").rows, TABLE + 1, rtol=1e-14)
    says(refusal(read, f"{path}:fakes"), "no sheet of this name", "did you mean 'fake'?")
    assert read(path).categories == {"kind": tuple(sorted(set(KINDS)))}
    says(refusal(read, path, max_bytes=1000), "its cells", "of XML, take", "--max-bytes")


def test_sheets_with_an_index_an_offset_or_no_header(tmp_path):
    found = read(sheet(tmp_path / "a.xlsx", a=(TABLE, {})))
    assert found.columns == ("pt", "eta", "phi")
    says(" ".join(found.notes), "unnamed first column")
    np.testing.assert_allclose(found.rows, TABLE, rtol=1e-14)
    found = read(sheet(tmp_path / "b.xlsx", a=(TABLE, {"index": False, "startrow": 3, "startcol": 2})))
    np.testing.assert_allclose(found.rows, TABLE, rtol=1e-14)
    found = read(sheet(tmp_path / "c.xlsx", a=(TABLE, {"index": False, "header": False})))
    assert (found.columns, found.named) == (("c0", "c1", "c2"), False)
    np.testing.assert_allclose(found.rows, TABLE, rtol=1e-14)


def test_cells_that_are_no_numbers(tmp_path):
    frame = pd.DataFrame({"x": [1.0, None, 3.0], "flag": [True, False, True], "n": [1, 2, 3]})
    frame["day"] = pd.date_range("2020-01-01", periods=3)
    path = sheet(tmp_path / "a.xlsx", a=(frame, {"index": False}))
    np.testing.assert_array_equal(read(path, columns="flag,n").rows, [[1, 1], [0, 2], [1, 3]])
    says(refusal(read, path, columns="x"), "1 missing", "row 2 (row 3 of the sheet)")
    says(refusal(read, path, columns="day"), "column 'day'", "date or time", "2020-01-01")
    says(refusal(read, sheet(tmp_path / "b.xlsx", a=(pd.DataFrame(), {"index": False}))), "sheet is empty")
    says(refusal(read, sheet(tmp_path / "c.xlsx", a=(frame[:0], {"index": False}))), "header but no rows")
    says(refusal(read, write(tmp_path, b"PK\x03\x04", "d.xlsx")), "cannot be read as xlsx")


def test_stata(tmp_path):
    frame = TABLE.assign(n=np.arange(50, dtype="i2"), kind=KINDS, group=pd.Categorical(KINDS))
    frame["day"] = pd.date_range("2020-01-01", periods=50)
    frame.loc[3, "eta"] = np.nan
    frame.to_stata(tmp_path / "a.dta", write_index=False, version=118)
    found = read(tmp_path / "a.dta", columns="n,pt,group", labels="kind")
    np.testing.assert_array_equal(found.rows[:, :2], frame[["n", "pt"]])
    np.testing.assert_array_equal(found.rows[:, 2], frame["group"].cat.codes)
    assert found.labels.tolist() == KINDS
    says(refusal(read, tmp_path / "a.dta", columns="pt,eta"), "1 missing", "row 4")
    says(refusal(read, tmp_path / "a.dta", columns="day"), "date or time")
    assert read(tmp_path / "a.dta", columns="kind").categories == {"kind": tuple(sorted(set(KINDS)))}
    says(refusal(read, tmp_path / "a.dta", max_bytes=1000), "--max-bytes")
    says(refusal(read, write(tmp_path, b"x" * 500, "b.dta")), "cannot be read as stata")

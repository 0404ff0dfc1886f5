"""Columns chosen by name, index, range and pattern."""

from __future__ import annotations

import numpy as np
import pytest
from user_files import TABLE, refusal, saved_csv, saved_parquet, saved_structured, says, write

from genbench.files import read


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("pt,phi", "pt phi"),
        ("phi,pt", "phi pt"),
        ("0,2", "pt phi"),
        ("0:2", "pt eta"),
        ("1:", "eta phi"),
        ("p*", "pt phi"),
        ("-eta", "pt phi"),
        ("p*,-pt", "phi"),
        (["eta"], "eta"),
        ([2], "phi"),
    ],
)
def test_columns_are_chosen_by_name_index_range_glob_and_exclusion(tmp_path, columns, expected):
    for name, save in (("a.csv", saved_csv), ("a.parquet", saved_parquet), ("a.npy", saved_structured)):
        save(tmp_path / name)
        found = read(tmp_path / name, columns=columns)
        assert found.columns == tuple(expected.split())
        np.testing.assert_array_equal(found.rows, TABLE[list(found.columns)])


def test_columns_of_a_plain_array(tmp_path):
    np.save(tmp_path / "a.npy", TABLE.to_numpy())
    np.testing.assert_array_equal(read(tmp_path / "a.npy", columns="2,0").rows, TABLE[["phi", "pt"]])
    found = read(tmp_path / "a.npy", labels="c1")
    assert found.columns == ("c0", "c2")
    np.testing.assert_array_equal(found.labels, TABLE["eta"])


def test_unknown_columns_get_a_suggestion(tmp_path):
    saved_csv(tmp_path / "a.csv")
    says(refusal(read, tmp_path / "a.csv", columns="pt,etta"), "--columns", "no column 'etta'", "did you mean 'eta'?")
    for beyond in ("3", "7"):
        says(refusal(read, tmp_path / "a.csv", columns=beyond), f"no column '{beyond}'", "it has 3: pt, eta, phi")
    says(refusal(read, tmp_path / "a.csv", labels="p*"), "--labels", "matches 2 columns")
    says(refusal(read, tmp_path / "a.csv", columns="-*"), "leaves no column")
    says(refusal(read, tmp_path / "a.csv", columns="pt", labels="pt"), "no column is left")


def test_a_column_of_text_can_be_left_out_or_kept_as_labels(tmp_path):
    path = write(tmp_path, "a,b,kind\n1,2,x\n2,3,y\n")
    assert read(path, columns="a,b").columns == ("a", "b")
    found = read(path, labels="kind")
    assert found.columns == ("a", "b")
    assert list(found.labels) == ["x", "y"]
    path = write(tmp_path, "a,kind\n1,x\n2,\n")
    says(refusal(read, path, labels="kind"), "1 of 2 labels are missing", "row 2 (line 3)")
    assert list(read(path, labels="kind", na="drop").labels) == ["x"]

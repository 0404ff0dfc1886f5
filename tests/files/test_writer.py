"""Samples written in every format and read again: the same columns, kinds, types, units and values."""

from __future__ import annotations

import string
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from user_files import refusal, says

from genbench.files import read, write
from genbench.files.reader import known_columns
from genbench.files.schema import FileSchema, schema_of
from genbench.spec import Column

ROWS = 12
TYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64", "bool", "text")
UNTYPED = (".csv", ".tsv", ".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zst", ".csv.zip", ".json", ".jsonl", ".xlsx")
WITH_UNITS = (".parquet", ".feather", ".h5", ".fits", ".ecsv", ".vot")
SUFFIXES = (*UNTYPED, *WITH_UNITS, ".npy", ".npz", ".dta", ".root")
# what a format has in place of a type that it lacks
INSTEAD = {
    ".fits": {"int8": "int16"},
    ".vot": {"int8": "int16", "uint16": "int32", "uint32": "int64", "uint64": "int64"},
}
ASCII_ONLY = (".fits",)
SPECIAL = ",;\"'=#é中 _-|/.[]<>&:\\"


@st.composite
def schemas(draw: st.DrawFn, suffix: str) -> tuple[FileSchema, np.ndarray]:
    """Return a schema of columns of all types, and samples that fit it."""
    letters = string.ascii_letters + (SPECIAL.replace("é", "").replace("中", "") if suffix in ASCII_ONLY else SPECIAL)
    text = (
        st.text(letters, min_size=1, max_size=8)
        .map(str.strip)
        .map(lambda t: f"x{t}")
        .map(lambda t: " ".join(t.split()))
    )
    name = st.integers(0, 99).map(lambda i: f"x{i}") if suffix == ".dta" else text
    names = draw(st.lists(name, min_size=2, max_size=5, unique_by=str.lower))
    kinds = [draw(st.sampled_from(TYPES)) for _ in names]
    columns, values = [], []
    for column, kind in zip(names, kinds, strict=True):
        unit = draw(st.sampled_from(["", "GeV", "km / s"]))
        if kind in ("text", "bool"):
            levels = tuple(sorted(draw(st.lists(text, min_size=2, max_size=3, unique=True))))
            levels = ("False", "True") if kind == "bool" else levels
            columns.append(Column(column, kind="category", levels=levels))
            values.append([i % len(levels) for i in range(ROWS)])
        elif kind.startswith(("int", "uint")):
            info = np.iinfo(kind)
            low, high = max(info.min, -(2**53)), min(info.max, 2**53)
            columns.append(Column(column, kind="integer", unit=unit))
            values.append([low, high, *(draw(st.integers(low, high)) for _ in range(ROWS - 2))])
        else:
            width = int(kind.removeprefix("float"))
            limit = {".dta": 2.0**125, ".xlsx": 2.0**52}.get(suffix)  # which have less than all of IEEE 754
            finite = st.floats(limit and -limit, limit, allow_nan=False, allow_infinity=False, width=width)
            columns.append(Column(column, unit=unit))
            values.append([-0.0, 0.5, *(draw(finite) for _ in range(ROWS - 2))])
    return FileSchema(tuple(columns), tuple(kinds)), np.array(values, float).T


def check_round_trip(suffix: str, schema: FileSchema, samples: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        notes: list[str] = []
        path = write(Path(folder) / f"out{suffix}", schema, samples, notes=notes)
        assert [each.name for each in Path(folder).iterdir()] == [path.name]
        found = read(path)
    assert found.columns == schema.names
    columns = known_columns(found)
    again = schema_of(
        found,
        [
            replace(c, kind="integer") if w.kind == "integer" else c
            for c, w in zip(columns, schema.columns, strict=True)
        ],
        suffix,
        [],
    )
    for i, (wanted, kind) in enumerate(zip(schema.columns, schema.types, strict=True)):
        assert columns[i].unit == (wanted.unit if suffix in WITH_UNITS else "")
        if wanted.kind == "category":
            assert columns[i].levels == wanted.levels
            assert again.types[i] == ("text" if kind == "bool" and suffix in (*UNTYPED[:7], ".dta") else kind)
        elif suffix not in (*UNTYPED, ".dta"):
            assert again.types[i] == INSTEAD.get(suffix, {}).get(kind, kind)
        expected = samples[:, i].astype(kind) if kind.startswith("float") else samples[:, i]
        # Excel keeps 16 digits
        assert np.allclose(found.rows[:, i].astype(expected.dtype), expected, rtol=1e-15 * (suffix == ".xlsx"), atol=0)
        if kind.startswith("float") and suffix != ".xlsx":
            assert (np.signbit(found.rows[:, i]) == np.signbit(expected)).all()
    assert bool(notes) == (bool(schema.units) and suffix not in WITH_UNITS)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=10)
@given(data=st.data())
def test_what_is_written_is_read_again(suffix: str, data: st.DataObject) -> None:
    check_round_trip(suffix, *data.draw(schemas(suffix)))


# ----------------------------------------------------------------------------------------------- one file of samples

TABLE = FileSchema(
    (Column("pt", unit="GeV"), Column("n", kind="integer"), Column("s", kind="category", levels=("a", "b"))),
    ("float32", "int16", "text"),
    suffix=".parquet",
)
SAMPLES = np.array([[0.5, 3.4, 0], [1.5, 40000, 1], [2.5, -40000, 1], [3.5, 0, 0]])


def test_integers_are_rounded_and_clipped_to_their_type(tmp_path: Path) -> None:
    found = read(write(tmp_path / "out.parquet", TABLE, SAMPLES))
    assert found.rows[:, 1].tolist() == [3, 32767, -32768, 0]
    assert found.types == {"pt": "float32", "n": "int16", "s": "text"}


def test_a_name_without_suffix_gets_that_of_the_file(tmp_path: Path) -> None:
    assert write(tmp_path / "out", TABLE, SAMPLES) == tmp_path / "out.parquet"
    assert write(tmp_path / "out", replace(TABLE, suffix=".csv.gz"), SAMPLES) == tmp_path / "out.csv.gz"
    assert read(tmp_path / "out.csv.gz").columns == TABLE.names


def test_blocks_are_written_as_they_come(tmp_path: Path) -> None:
    taken = []

    def blocks():
        for i in range(4):
            taken.append(i)
            yield SAMPLES[i : i + 1]

    for suffix in (".csv", ".jsonl", ".parquet", ".feather", ".h5", ".npz", ".root", ".fits", ".dta"):
        taken.clear()
        path = write(tmp_path / f"out{suffix}", TABLE, blocks())
        assert taken == [0, 1, 2, 3]
        assert read(path).rows[:, 0].tolist() == [0.5, 1.5, 2.5, 3.5], suffix


def test_a_file_that_is_there_stays_unless_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("mine")
    says(refusal(write, path, TABLE, SAMPLES), "out.csv", "is there already")
    assert path.read_text() == "mine"
    write(path, TABLE, SAMPLES, overwrite=True)
    assert len(read(path).rows) == 4
    (tmp_path / "folder").mkdir()
    images = FileSchema((), ("uint8",), shape=(1, 8, 8))
    says(refusal(write, tmp_path / "folder", images, np.zeros((3, 1, 8, 8)), overwrite=True), "is a folder")


def test_nothing_is_left_of_a_file_that_fails(tmp_path: Path) -> None:
    def blocks():
        yield SAMPLES
        yield np.array([[np.nan, 0, 0]])

    for suffix in (".csv", ".csv.zip", ".parquet", ".h5", ".npy", ".xlsx", ".fits", ".root"):
        says(refusal(write, tmp_path / f"out{suffix}", TABLE, blocks()), f"out{suffix}: 1 of 1 samples are not finite")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "samples", "parts"),
    [
        ("out.foo", SAMPLES, ("unknown suffix '.foo'; expected .csv",)),
        ("out.parquet.gz", SAMPLES, ("parquet files are not written within .gz",)),
        ("none/out.csv", SAMPLES, ("there is no folder", "none")),
        ("out.csv", SAMPLES[:, :2], ("samples are float64 of shape (4, 2), expected numbers (n, 3)",)),
        ("out.csv", SAMPLES[:0], ("there are no samples",)),
        ("out.csv", SAMPLES + np.array([0, 0, 1]), ("column 's': expected codes from 0 to 1",)),
        ("out.dta", SAMPLES, ()),
    ],
)
def test_what_cannot_be_written_is_refused(
    tmp_path: Path, name: str, samples: np.ndarray, parts: tuple[str, ...]
) -> None:
    schema = TABLE
    if name == "out.dta":
        schema = replace(TABLE, columns=(Column("p t"), *TABLE.columns[1:]))
        parts = ("out.dta: Stata has no such column names: p t",)
    says(refusal(write, tmp_path / name, schema, samples), *parts)


@pytest.mark.parametrize(
    ("module", "suffix", "extra"),
    [("uproot", ".root", "root"), ("openpyxl", ".xlsx", "excel"), ("astropy.table", ".ecsv", "astronomy")],
)
def test_a_library_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, suffix: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    message = refusal(write, tmp_path / f"out{suffix}", TABLE, SAMPLES)
    says(message, f"out{suffix}: ", f"pip install 'genbench[{extra}]'")
    assert str(tmp_path / "out") in message
    assert not list(tmp_path.iterdir())

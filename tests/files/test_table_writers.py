"""Tables of samples in the layout of the file: separators, rows of names and units, sheets, trees, types of Arrow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from user_files import refusal, says, write

from genbench import files
from genbench.files import FileConfig, file_schema, table_writers, write_samples
from genbench.files.schema import FileSchema
from genbench.spec import Column

RNG = np.random.default_rng(0)


def again(path: Path, out: str | Path, **options: object) -> tuple[str, list[str]]:
    """Return the content and the notes of a file of samples: the first rows of a text file, written as samples."""
    notes: list[str] = []
    config = FileConfig(str(path), **options)  # type: ignore[arg-type]
    target = write_samples(config, files.read(path, na=config.na).rows[:5], out, notes=notes)
    return target.read_text(encoding="utf-8"), notes


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("x,njet", "{x},{n}"),
        ("x\tnjet", "{x}\t{n}"),
        ("x njet", "{x} {n}"),
        ("", "{x},{n}"),
        ("x,njet\nGeV,", "{x},{n}"),
        ('"a, b",njet', "{x},{n}"),
    ],
)
def test_text_is_written_as_it_was_read(tmp_path: Path, header: str, row: str) -> None:
    lines = ([header] if header else []) + [row.format(x=i / 7, n=i % 3) for i in range(40)]
    path = write(tmp_path, "\n".join(lines) + "\n")
    first = header.count("\n") + 1 if header else 0
    assert again(path, tmp_path / "out") == ("\n".join("\n".join(lines).split("\n")[: first + 5]) + "\n", [])


def test_decimal_commas_stay_in_the_format_of_the_file_only(tmp_path: Path) -> None:
    path = write(tmp_path, "x;n\n" + "".join(f"{i},5;{i % 3}\n" for i in range(40)))
    assert again(path, tmp_path / "out.csv")[0].startswith("x;n\n0,5;0\n1,5;1\n")
    assert again(path, tmp_path / "out.tsv")[0].startswith("x\tn\n0.5\t0\n1.5\t1\n")


def test_units_that_have_no_place_are_noted(tmp_path: Path) -> None:
    path = write(tmp_path, "x,n\n" + "".join(f"{i}.5,{i % 3}\n" for i in range(40)))
    content, notes = again(path, tmp_path / "out.csv", units=("x=GeV",))
    assert content.startswith("x,n\n0.5,0\n")
    assert [note.partition(": ")[2] for note in notes] == ["units were left out: the file has no row of them"]


def test_names_that_look_like_numbers_are_noted(tmp_path: Path) -> None:
    schema = FileSchema((Column("1"), Column("2.5")), ("float64", "float64"))
    notes: list[str] = []
    files.write(tmp_path / "out.csv", schema, np.ones((3, 2)), notes=notes)
    says(notes[0], "1, 2.5")


def test_arrow_keeps_dictionaries_and_units(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": np.arange(40.0), "kind": pd.Categorical(RNG.choice(["a", "b"], 40))})
    frame.to_parquet(tmp_path / "data.parquet")
    config = FileConfig(str(tmp_path / "data.parquet"), units=("x=GeV",))
    rows = np.array([[0.5, 1], [1.5, 0]])
    written = pq.read_schema(write_samples(config, rows, tmp_path / "out"))
    assert written.field("x").metadata[b"unit"] == b"GeV"
    assert str(written.field("kind").type).startswith("dictionary<values=string")
    feather = write_samples(config, iter([rows, rows]), tmp_path / "out.feather")
    assert pd.read_feather(feather)["kind"].tolist() == ["b", "a", "b", "a"]


def test_sheets_and_trees_keep_their_names(tmp_path: Path) -> None:
    import openpyxl
    import uproot

    pd.DataFrame({"x": np.arange(40.5)}).to_excel(tmp_path / "data.xlsx", index=False, sheet_name="Run 3")
    out = write_samples(FileConfig(str(tmp_path / "data.xlsx")), np.ones((3, 1)), tmp_path / "out")
    assert openpyxl.load_workbook(out).sheetnames == ["Run 3"]
    with uproot.recreate(tmp_path / "data.root") as file:
        file["nominal"] = {"x": np.arange(40.5)}
    out = write_samples(FileConfig(str(tmp_path / "data.root")), np.ones((3, 1)), tmp_path / "out")
    assert uproot.open(out)["nominal"]["x"].array(library="np").tolist() == [1, 1, 1]


def test_text_that_begins_like_a_formula_is_text_in_a_sheet(tmp_path: Path) -> None:
    schema = FileSchema((Column("s", kind="category", levels=("=1+1", "b")), Column("x")), ("text", "float64"))
    out = files.write(tmp_path / "out.xlsx", schema, np.array([[0, 1.5], [1, 2.5], [0, 1.5], [1, 2.5]]))
    assert files.read(out).categories == {"s": ("=1+1", "b")}


def test_a_sheet_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_writers, "MAX_SHEET_ROWS", 4)
    schema = FileSchema((Column("x"),), ("float64",))
    files.write(tmp_path / "fits.xlsx", schema, np.ones((3, 1)))
    says(refusal(files.write, tmp_path / "out.xlsx", schema, np.ones((4, 1))), "holds 3 rows", "parquet")


def test_a_text_file_of_a_million_is_written_in_blocks(tmp_path: Path) -> None:
    import tracemalloc

    schema = FileSchema((Column("x"), Column("y")), ("float64", "float64"))
    tracemalloc.start()
    try:
        out = files.write(tmp_path / "out.npy", replace(schema, named=False), (np.ones((50_000, 2)) for _ in range(40)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.load(out).shape == (2_000_000, 2)
    assert peak < 16 * 2**20  # of 32 MB


def test_a_schema_is_read_once_for_many_files(tmp_path: Path) -> None:
    path = write(tmp_path, "x,n\n" + "".join(f"{i}.5,{i % 3}\n" for i in range(40)))
    schema = file_schema(FileConfig(str(path)))
    path.unlink()
    assert files.write(tmp_path / "out", schema, np.ones((2, 2))).read_text() == "x,n\n1.0,1\n1.0,1\n"

"""Every bad input that users bring, against the real command line: one line that helps, or a note and a plan."""

from __future__ import annotations

import gzip
import json
import lzma
import struct
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from faults.command_lines import check, outcomes

ROWS = np.random.default_rng(0).normal(size=(60, 3))

# a file and options -> what the one line holds
REFUSED: dict[str, tuple[str, ...]] = {
    "short.csv": ("short.csv: row 11 (line 12) has 2 fields, expected 3",),
    "long.csv": ("long.csv: row 11 (line 12) has 4 fields, expected 3",),
    "decimal_commas.csv": ("commas seem to be decimal marks", "put ; between the columns"),
    "one_comma.csv": ("column 'b', row 11", "'1,5'", "decimal comma"),
    "text.csv": ("column 'b', row 11 (line 12): expected a number, got 'foo'", "--columns", "--labels"),
    "unit.csv": ("column 'b', row 41 (line 42)", "'1.5 GeV'"),
    "date.csv": ("column 'b'", "'2024-01-31'"),
    "integer.csv": ("column 'b', row 11 (line 12): the integer 9007199254740993 is above 2^53",),
    "integer.npy": ("column 'c0', row 61: the integer 9007199254740993 is above 2^53",),
    "integer.parquet": ("the integer 9007199254740993 is above 2^53",),
    "digits.csv": ("digits.csv: column 'b', row 11 (line 12): the integer 9999999999", "is above 2^53"),
    "digits.json": ("digits.json: cannot be read as json: an integer has more than 4300 digits",),
    "digits.jsonl": ("digits.jsonl: line 2 is not JSON: an integer has more than 4300 digits",),
    "thousand_digits.json": ("column 'a', row 1: the integer 9999999999", "is above 2^53"),
    "long_field.csv": ("row 41 (line 42) has a field of more than 128 KiB", "is a quote missing?"),
    "long_header.csv": ("one of its first lines has a field of more than 128 KiB",),
    "overflow.csv": ("column 'b', row 11: 1e+300 is beyond float32", "--log"),
    "overflow.npy": ("is beyond float32",),
    "infinite.csv": ("1 infinite value in 1 of 60 rows, in 'b' 1", "--na drop"),
    "nan.csv": ("2 missing (NaN) values in 2 of 60 rows, in 'b' 1, 'c' 1", "first at row 11 (line 12)", "--na drop"),
    "all_nan.csv --na drop": ("--na drop leaves no row",),
    "few.csv": ("19 rows are too few", "at least 20 needed"),
    "repeated.csv": ("only 5 of 60 rows are distinct",),
    "latin.csv": ("is not UTF-8 at byte 1 (0xe4)", "--encoding latin-1"),
    "latin.csv --encoding ascii": ("is not ascii at byte 1", "--encoding"),
    "nul.csv": ("holds a NUL byte",),
    "empty.csv": ("is empty",),
    "blank.csv": ("holds only blanks",),
    "header.csv": ("has a header but no rows",),
    "twice.csv": ("column names occur more than once: a",),
    "is_npy.csv": ("is npy, not csv",),
    "cut.npy": ("is cut short",),
    "cut.npz": ("it may be damaged or cut short",),
    "cut.h5": ("it may be damaged or cut short",),
    "cut.parquet": ("it may be damaged or cut short",),
    "flipped.npz": ("it may be damaged or cut short",),
    "pickle.npy": ("a pickle", "never opened"),
    "pickle.npz": ("a pickle", "never opened"),
    "model.pkl": ("a pickle can run code and is never opened",),
    "weights.pt": ("save the tensor as npy",),
    "packed.csv.gz.xz": ("is compressed twice: unpack it first",),
    "bomb.npz --max-bytes 10MB": ("unpacks to 38.1 MiB, the limit is 9.54 MiB; raise it with --max-bytes",),
    "liar.npz": ("unpacks to 3 GiB, the limit is 2 GiB",),
    "bomb.h5": ("takes 74.5 GiB, the limit is 2 GiB; raise it with --max-bytes",),
    "bomb.parquet --max-bytes 10MB": ("rows of 10 columns take", "raise it with --max-bytes"),
    "liar.npy": ("the array (1000000000000,) of float64 takes", "the limit is 2 GiB"),
    "negative.npy": ("its header claims the shape (-5, 3)",),
    "bomb_images": ("a.pgm: the pixels take 9.31 GiB, the limit is 2 GiB; raise it with --max-bytes",),
    "broken_images": ("a.png: cannot be read: it is no PNG, JPEG",),
    "sizes": ("bring all images to one size",),
    "pipe": ("is not a regular file",),
    "good.csv --columns ../../etc/passwd": ("no column '../../etc/passwd'",),
}

# a file and options -> what is noticed beside the plan
NOTICED: dict[str, str] = {
    "headless.csv": "the first row holds numbers: the file has no header, its columns are called c0, c1",
    "semicolon_commas.csv": "numbers are read with decimal commas, columns separated by ';'",
    "repeats.csv": "30 of 90 rows (33 %) repeat another: all are kept, copies on one side of the split",
    "constants.csv": "2 columns are constant, and are set aside: b, c",
    "constant.csv": "column 'c' is constant, and is set aside",
    "nan.csv --na drop": "dropped 2 of 60 rows with missing or infinite values, in 'b' 1, 'c' 1",
    "indexed.csv": "the unnamed first column, an index, was left out",
}

QUIET = ("good.csv", "wide.csv", "packed.csv.gz", "semicolons.csv", "utf16.csv", "latin.csv --encoding latin-1",
         "good.npy", "bom.csv", "crlf.csv")  # fmt: skip


def write_text(folder: Path) -> None:
    def table(name: str, rows: Any = ROWS, head: str = "a,b,c", separator: str = ",", point: str = ".") -> None:
        lines = [head.replace(",", separator)] if head else []
        lines += [separator.join(str(value).replace(".", point) for value in row) for row in rows]
        (folder / name).write_text("\n".join(lines) + "\n")

    def broken(name: str, *cells: tuple[int, int, str], **layout: str) -> None:
        rows = [[str(value) for value in row] for row in ROWS]
        for row, column, text in cells:
            rows[row][column] = text
        table(name, rows, **layout)

    table("good.csv")
    table("headless.csv", head="")
    broken("digits.csv", (10, 1, "9" * 5_000))
    broken("long_field.csv", (40, 1, "9" * 50_000_000))
    table("long_header.csv", head="a,b," + "x" * 2_000_000)
    (folder / "digits.json").write_text('[{"a": %s}]' % ("9" * 5_000))
    (folder / "digits.jsonl").write_text('{"a": 1}\n{"a": %s}\n' % ("9" * 5_000))
    (folder / "thousand_digits.json").write_text(json.dumps([{"a": 10**1_000 - 1}] * 30))
    wide = np.random.default_rng(1).normal(size=(30, 20_000)).round(6)
    names = ",".join(f"column {i}" for i in range(20_000))
    table("wide.csv", wide, head=names.replace("column 7,", "column | 7,"), separator=";")
    table("semicolons.csv", separator=";")
    table("semicolon_commas.csv", separator=";", point=",")
    table("decimal_commas.csv", point=",")
    table("indexed.csv", [[i, *row] for i, row in enumerate(ROWS)], head=",a,b,c")
    table("repeats.csv", np.concatenate([ROWS, ROWS[:30]]))
    table("repeated.csv", np.tile(ROWS[:5], (12, 1)))
    table("constant.csv", np.c_[ROWS[:, :2], np.ones(60)])
    table("constants.csv", np.c_[ROWS[:, :1], np.ones((60, 2))])
    table("few.csv", ROWS[:19])
    table("twice.csv", head="a,a,c")
    table("header.csv", [])
    table("all_nan.csv", np.full((60, 3), np.nan))
    table("short.csv", [row[:2] if i == 10 else row for i, row in enumerate(ROWS)])
    table("long.csv", [[*row, 1.0] if i == 10 else row for i, row in enumerate(ROWS)])
    broken("one_comma.csv", (10, 1, "1,5"), separator=";")
    broken("text.csv", (10, 1, "foo"))
    broken("unit.csv", (40, 1, "1.5 GeV"))
    broken("date.csv", *((i, 1, "2024-01-31") for i in range(60)))
    broken("integer.csv", (10, 1, str(2**53 + 1)))
    broken("overflow.csv", (10, 1, "1e300"))
    broken("infinite.csv", (10, 1, "inf"))
    broken("nan.csv", (10, 1, "nan"), (11, 2, ""))
    good = (folder / "good.csv").read_text()
    raw = {
        "latin.csv": good.replace("a,", "Länge,", 1).encode("latin-1"), "utf16.csv": good.encode("utf-16"),
        "bom.csv": good.encode("utf-8-sig"), "crlf.csv": good.replace("\n", "\r\n").encode(), "empty.csv": b"",
        "nul.csv": good.encode().replace(b"1", b"\0", 1), "blank.csv": b"\n  \n\n",
        "packed.csv.gz": gzip.compress(good.encode()),
        "packed.csv.gz.xz": lzma.compress(gzip.compress(good.encode())),
        "model.pkl": b"\x80\x04.", "weights.pt": b"PK\x03\x04",
    }  # fmt: skip
    for name, content in raw.items():
        (folder / name).write_bytes(content)


def write_arrays(folder: Path) -> None:
    np.save(folder / "good.npy", ROWS)
    (folder / "is_npy.csv").write_bytes((folder / "good.npy").read_bytes())
    np.save(folder / "integer.npy", np.r_[np.arange(60), 2**53 + 1].reshape(61, 1))
    np.save(folder / "overflow.npy", np.where(np.max(ROWS) == ROWS, 1e300, ROWS))
    np.save(folder / "pickle.npy", np.array([print, {}], dtype=object))
    np.savez(folder / "pickle.npz", data=np.array([print, {}], dtype=object))
    zeros = np.zeros((50_000, 100))
    np.savez_compressed(folder / "bomb.npz", data=zeros)
    frame = pd.DataFrame(np.zeros((300_000, 10)))
    frame.to_parquet(folder / "bomb.parquet")
    pd.DataFrame({"a": np.r_[np.arange(60), 2**53 + 1]}).to_parquet(folder / "integer.parquet")
    pd.DataFrame(ROWS).to_parquet(folder / "cut.parquet")
    np.savez(folder / "cut.npz", data=ROWS)
    np.savez(folder / "flipped.npz", data=ROWS)
    with h5py.File(folder / "cut.h5", "w") as file:
        file["data"] = ROWS
    with h5py.File(folder / "bomb.h5", "w") as file:
        file.create_dataset("data", shape=(10**9, 10), dtype="f8", chunks=True, compression="gzip")
    np.save(folder / "cut.npy", ROWS)
    for name in ("cut.npy", "cut.npz", "cut.h5", "cut.parquet"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) * 2 // 3])
    flipped = bytearray((folder / "flipped.npz").read_bytes())
    flipped[len(flipped) // 2] ^= 16
    (folder / "flipped.npz").write_bytes(flipped)
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }\n"
    (folder / "liar.npy").write_bytes(npy(header % "(1000000000000,)"))
    (folder / "negative.npy").write_bytes(npy(header % "(-5, 3)"))
    with zipfile.ZipFile(folder / "liar.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", npy(header % "(3, 3)"))
    claimed = (folder / "liar.npz").read_bytes()
    size = struct.pack("<I", len(npy(header % "(3, 3)")))
    (folder / "liar.npz").write_bytes(claimed.replace(size, struct.pack("<I", 3 * 2**30)))


def npy(header: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


def write_images(folder: Path) -> None:
    import os

    from PIL import Image

    for name in ("bomb_images", "broken_images", "sizes"):
        (folder / name).mkdir()
    Image.new("L", (8, 8)).save(folder / "sizes" / "a.png")
    Image.new("L", (8, 9)).save(folder / "sizes" / "b.png")
    (folder / "broken_images" / "a.png").write_bytes((folder / "sizes" / "a.png").read_bytes()[:40])
    pixels = b"P5 100000 100000 255\n"  # a header of ten thousand million pixels
    (folder / "bomb_images" / "a.pgm").write_bytes(pixels)
    os.mkfifo(folder / "pipe")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each command line says; all in one process, so that the tests stay quick."""
    folder = tmp_path_factory.mktemp("inputs")
    write_text(folder)
    write_arrays(folder)
    write_images(folder)
    given = [*REFUSED, *NOTICED, *QUIET]
    requests = [["run", "-m", "kde", "--preset", "smoke", "--dry-run", "--data", *text.split()] for text in given]
    return dict(zip(given, outcomes(folder, requests), strict=True))


@pytest.mark.parametrize("given", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_line(given: str, said: dict[str, dict[str, Any]]) -> None:
    check(said[given], REFUSED[given])


@pytest.mark.parametrize("given", NOTICED)
def test_what_was_guessed_or_left_out_is_said(given: str, said: dict[str, dict[str, Any]]) -> None:
    outcome = said[given]
    assert outcome["code"] == 0
    assert outcome["err"] == f"genbench: {given.split()[0]}: {outcome['err'].partition(': ')[2].partition(': ')[2]}"
    assert outcome["err"].count("\n") == 1
    assert NOTICED[given] in outcome["err"]
    assert "kde" in outcome["out"]


@pytest.mark.parametrize("given", QUIET)
def test_what_is_as_it_should_be_is_taken_without_a_word(given: str, said: dict[str, dict[str, Any]]) -> None:
    assert (said[given]["code"], said[given]["err"]) == (0, "")


def test_nothing_of_it_needs_torch(said: dict[str, dict[str, Any]]) -> None:
    assert not any("torch" in outcome["imported"] for outcome in said.values())

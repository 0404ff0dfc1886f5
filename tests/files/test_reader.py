"""The user's own files: what is read, and for every damaged or doubtful file the one line that says so."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from genbench.errors import DataError
from genbench.files import FileConfig, FileDataset, align_columns, dataset_spec, from_array, read, read_samples

RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(RNG.normal(size=(50, 3)), columns=["pt", "eta", "phi"])


def write(folder, content, name="data.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows_of_text(n=30, sep=","):
    return "".join(f"{i}{sep}{i * 0.5}\n" for i in range(n))


def refusal(call, *args, **options):
    """Return the one line a call is refused with."""
    with pytest.raises(DataError) as caught:
        call(*args, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.isprintable()
    assert len(message) < 500
    return message


def says(message, *parts):
    missing = [part for part in parts if part not in message]
    assert not missing, f"{missing} not in {message!r}"


# ----------------------------------------------------------------------------------------------------- what can be read


def saved_csv(path):
    TABLE.to_csv(path, index=False)


def saved_tsv(path):
    TABLE.to_csv(path, index=False, sep="\t")


def saved_spaces(path):
    np.savetxt(path, TABLE.to_numpy(), header="pt eta phi")


def saved_parquet(path):
    TABLE.to_parquet(path)


def saved_structured(path):
    np.save(path, TABLE.to_records(index=False))


def saved_frame(path):
    with h5py.File(path, "w") as file:  # as pandas writes a frame in its fixed format
        file["df/axis0"] = np.array(list(TABLE), dtype="S")
        file["df/axis1"] = np.arange(len(TABLE))
        file["df/block0_items"] = np.array(["eta", "pt"], dtype="S")
        file["df/block0_values"] = TABLE[["eta", "pt"]].to_numpy()
        file["df/block1_items"] = np.array(["phi"], dtype="S")
        file["df/block1_values"] = TABLE[["phi"]].to_numpy()


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("a.csv", saved_csv),
        ("a.tsv", saved_tsv),
        ("a.txt", saved_spaces),
        ("a.parquet", saved_parquet),
        ("a.npy", saved_structured),
        ("a.h5", saved_frame),
        ("a.unknown", saved_parquet),
    ],
)
def test_named_columns_are_read_bit_for_bit(tmp_path, name, save):
    path = tmp_path / name
    save(path)
    found = read(path)
    assert sorted(found.columns) == ["eta", "phi", "pt"]
    assert found.named
    for column, values in zip(found.columns, found.rows.T, strict=True):
        np.testing.assert_array_equal(values, TABLE[column])
    assert len(found.sha256) == 64


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i2", ">i4", "u8", "?", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_any_real_type_become_float64(tmp_path, dtype, order):
    values = np.asarray(RNG.integers(0, 2, size=(30, 4)), dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", values)
    found = read(tmp_path / "a.npy")
    assert found.rows.dtype == np.float64
    np.testing.assert_array_equal(found.rows, values)
    assert found.columns == ("c0", "c1", "c2", "c3")
    assert not found.named


def test_one_dimension_becomes_one_column(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(30.0))
    assert read(tmp_path / "a.npy").rows.shape == (30, 1)


@pytest.mark.parametrize("key", ["data", "samples", "train", "anything"])
def test_npz_takes_the_usual_or_the_only_array(tmp_path, key):
    np.savez_compressed(tmp_path / "a.npz", **{key: TABLE.to_numpy(), "columns": np.array(list(TABLE))})
    found = read(tmp_path / "a.npz")
    assert found.columns == ("pt", "eta", "phi")
    assert found.rows.shape == (50, 3)


def test_named_arrays_are_picked_after_a_colon(tmp_path):
    np.savez(tmp_path / "a.npz", real=np.zeros((30, 2)), fake=np.ones((20, 2)))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x/fake"] = np.ones((20, 2))
        file["y"] = np.zeros(3)
    for path in (tmp_path / "a.npz:fake", tmp_path / "a.h5:/x/fake"):
        np.testing.assert_array_equal(read(str(path)).rows, np.ones((20, 2)))
    says(refusal(read, tmp_path / "a.npz"), "a.npz", "2 arrays: fake, real", "a.npz:fake")
    says(refusal(read, f"{tmp_path / 'a.npz'}:faked"), "did you mean 'fake'?")
    says(refusal(read, tmp_path / "a.h5"), "x/fake", "y")
    np.save(tmp_path / "b.npy", np.zeros(3))
    says(refusal(read, f"{tmp_path / 'c.npz'}:data"), "no such file", "did you mean 'a.npz'?")


@pytest.mark.parametrize(
    ("shape", "expected"), [((30, 8, 6), (30, 1, 8, 6)), ((30, 3, 8, 6), (30, 3, 8, 6)), ((30, 8, 6, 3), (30, 3, 8, 6))]
)
def test_image_arrays_have_their_channels_first(tmp_path, shape, expected):
    images = RNG.integers(0, 256, size=shape, dtype=np.uint8)
    np.save(tmp_path / "a.npy", images)
    found = read(tmp_path / "a.npy")
    assert found.rows.shape == expected
    assert found.levels == 256
    assert found.rows.dtype == np.uint8
    if shape[-1] == 3:
        np.testing.assert_array_equal(found.rows[0, 1], images[0, :, :, 1])


@pytest.mark.parametrize(
    ("high", "dtype", "levels"), [(2, "?", 2), (17, "i8", 17), (256, "i4", 256), (4096, "u2", 65536)]
)
def test_integer_images_have_levels(tmp_path, high, dtype, levels):
    images = RNG.integers(0, high, size=(30, 9, 9)).astype(dtype)
    np.save(tmp_path / "a.npy", images)
    found = read(tmp_path / "a.npy")
    assert found.levels == levels
    np.testing.assert_array_equal(found.rows[:, 0], images)


def test_labels_beside_images_in_npz(tmp_path):
    np.savez(tmp_path / "a.npz", data=np.zeros((30, 8, 8)), y=np.arange(30))
    np.testing.assert_array_equal(read(tmp_path / "a.npz", labels="y").labels, np.arange(30))
    np.savez(tmp_path / "b.npz", data=np.zeros((30, 8, 8)), y=np.arange(29))
    says(refusal(read, tmp_path / "b.npz", labels="y"), "(29,)", "30 rows")


# ---------------------------------------------------------------------------------------------------------- csv layouts


@pytest.mark.parametrize(
    ("text", "columns", "first"),
    [
        ("a;b\n1,5;2\n2,5;3\n", ("a", "b"), [1.5, 2]),
        ("a;b\n1.5;2\n2.5;3\n", ("a", "b"), [1.5, 2]),
        ("a\tb\n1,5\t2\n2,5\t3\n", ("a", "b"), [1.5, 2]),
        ("a|b\n1.5|2\n2|3\n", ("a", "b"), [1.5, 2]),
        ("  a   b\n  1.5   2\n 22   3\n", ("a", "b"), [1.5, 2]),
        ("a, b\n1.5, 2\n2, 3\n", ("a", "b"), [1.5, 2]),
        ("1.5,2\n2,3\n", ("c0", "c1"), [1.5, 2]),
        ("1,5;2\n2,5;3\n", ("c0", "c1"), [1.5, 2]),
        ("1e-3 -2\n2 3\n", ("c0", "c1"), [1e-3, -2]),
        ("# made today\n# a b\n1.5 2\n2 3\n", ("a", "b"), [1.5, 2]),
        ("#a,b\r\n1.5,2\r\n2,3\r\n\r\n", ("a", "b"), [1.5, 2]),
        ("a,b\r1.5,2\r2,3", ("a", "b"), [1.5, 2]),
        ("\ufeffa,b\n1.5,2\n2,3\n", ("a", "b"), [1.5, 2]),
        (",a,b\n0,1.5,2\n1,2,3\n", ("a", "b"), [1.5, 2]),
        ("a,b,\n1.5,2,\n2,3,\n", ("a", "b"), [1.5, 2]),
        ("a,b\n1.5,2,\n2,3,\n", ("a", "b"), [1.5, 2]),
        ('"a","b, c"\n"1.5","2"\n2,3\n', ("a", "b, c"), [1.5, 2]),
        ("a,b\nTrue,2\nfalse,3\n", ("a", "b"), [1, 2]),
        ("a,b\n+1.5, 2 \n2,3\n", ("a", "b"), [1.5, 2]),
        ("a\n1.5\n2\n", ("a",), [1.5]),
        ("2020,2021,name\n1,2,3\n2,3,4\n", ("2020", "2021", "name"), [1, 2, 3]),
        ("a,b\n0.1,1e400\n", None, "infinite"),
    ],
)
def test_layouts_of_text_are_found_out(tmp_path, text, columns, first):
    path = write(tmp_path, text)
    if columns is None:
        says(refusal(read, path), first)
        return
    found = read(path)
    assert found.columns == columns
    np.testing.assert_array_equal(found.rows[0], first)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", "   ", ", ", "; "])
@pytest.mark.parametrize("decimal", [".", ","])
def test_whatever_is_written_is_read_back_bit_for_bit(tmp_path, separator, decimal):
    if decimal == "," == separator.strip():
        return  # this can be read in two ways

    def written(value):
        return (str(int(value)) if value == int(value) and abs(value) < 1e6 else repr(float(value))).replace(
            ".", decimal
        )

    for d, n, scale, header in itertools.product((2, 3, 7), (2, 30), (1e-30, 1, 1e30), ("", "names", "# names")):
        rows = RNG.normal(size=(n, d)) * scale
        rows[:, ::2] = RNG.integers(-9, 9, size=rows[:, ::2].shape)
        names = ["pt", "eta", "E", "x_1", "m 1" if separator.strip() else "m1", "a", "b"][:d]
        lines = [header.replace("names", separator.join(names))] * bool(header)
        lines += [separator.join(map(written, row)) for row in rows]
        found = read(write(tmp_path, "\n".join(lines)))
        np.testing.assert_array_equal(found.rows, rows)
        assert found.columns == tuple(names if header else [f"c{i}" for i in range(d)])


def test_a_guess_about_the_layout_is_told(tmp_path):
    says(" ".join(read(write(tmp_path, rows_of_text())).notes), "no header", "c0")
    says(" ".join(read(write(tmp_path, "a;b\n1,5;2\n")).notes), "decimal commas", "';'")
    says(" ".join(read(write(tmp_path, ",a\n0,1\n1,2\n")).notes), "unnamed first column")
    says(" ".join(read(write(tmp_path, "a\n1\n\n2\n")).notes), "1 blank lines were skipped")
    assert read(write(tmp_path, "a,b\n1,2\n")).notes == ()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a,b\n1,2\n3\n5,6\n", ["row 2 (line 3)", "1 field, expected 2"]),
        ("a,b\n1,2\n\n3,4,5\n", ["row 2 (line 4)", "3 fields", "expected 2"]),
        ("x\n1,5\n2,5\n", ["decimal marks", "expected 1"]),
        ("a,b\n1,2\n3,x\n", ["column 'b'", "row 2 (line 3)", "expected a number, got 'x'", "--columns", "--labels"]),
        ("a,b\nu,2\nv,3\n", ["column 'a'", "row 1 (line 2)", "got 'u'"]),
        ("a,b\n1,2020-01-02\n2,2020-01-03\n", ["column 'b'", "date or time", "'2020-01-02'", "seconds"]),
        ('a,b\n1,"1,5"\n2,"2,5"\n', ["column 'b'", "'1,5'", "decimal comma"]),
        ("a,b\n1,1 000\n2,3\n", ["column 'b'", "thousands"]),
        ("a,b\n1,9007199254740993\n", ["column 'b'", "row 1", "9007199254740993", "2^53"]),
        ("a,b\n1,123456789012345678901234567890\n", ["column 'b'", "2^53"]),
        ("a,b\n1,2\n,nan\n3,inf\n", ["2 missing (NaN) and 1 infinite", "2 of 3 rows", "'a' 1, 'b' 2", "--na drop"]),
        ("a,a\n1,2\n", ["occur more than once: a"]),
        ("a,b\n", ["header but no rows"]),
        ("# a b\n", ["comments but no rows"]),
        ("  \n\n", ["is empty"]),
        ("", ["is empty"]),
        ("a,b\x00\n1,2\n", ["NUL byte"]),
        ("\x1b[31ma,b\n1,\x1b[31m2\n", ["column 'b'"]),
        ('a,b\n1,"2\n3,4\n5,6\n', ["column 'b'", "row 1"]),
    ],
)  # fmt: skip
def test_bad_text_is_refused_in_one_line(tmp_path, text, parts):
    says(refusal(read, write(tmp_path, text)), "data.csv: ", *parts)


def test_a_fault_far_below_is_found(tmp_path):
    good = "".join(f"{i},{i}\n" for i in range(200_000))
    says(refusal(read, write(tmp_path, f"a,b\n{good}1,oops\n")), "column 'b'", "row 200001 (line 200002)", "'oops'")
    says(refusal(read, write(tmp_path, f"a,b\n{good}1\n")), "row 200001 (line 200002)", "1 field,")


def test_encodings(tmp_path):
    path = write(tmp_path, "énergie,b\n1,2\n".encode("latin-1"))
    says(refusal(read, path), "not UTF-8 at byte 0 (0xe9)", "--encoding latin-1")
    assert read(path, encoding="latin-1").columns == ("énergie", "b")
    says(refusal(read, path, encoding="latin-9000"), "--encoding 'latin-9000' is unknown")
    says(refusal(read, path, encoding="utf-8"), "is not utf-8 at byte 0")
    assert read(write(tmp_path, "a,b\n1,2\n".encode("utf-16"))).columns == ("a", "b")


def test_control_characters_leave_the_column_names(tmp_path):
    found = read(write(tmp_path, "\x1b[31mred,b\u202ec\n1,2\n"))
    assert found.columns == ("[31mred", "b c")
    says(" ".join(found.notes), "control characters")


# ----------------------------------------------------------------------------------------------------------- selections


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
    says(refusal(read, tmp_path / "a.csv", columns="7"), "no column '7'", "it has 3: pt, eta, phi")
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


def test_missing_rows_are_dropped_only_when_asked(tmp_path):
    rows = TABLE.to_numpy().copy()
    rows[3, 0], rows[7, 1], rows[7, 2] = np.nan, np.inf, np.nan
    pd.DataFrame(rows, columns=list(TABLE)).to_parquet(tmp_path / "a.parquet")
    np.save(tmp_path / "a.npy", rows)
    for name in ("a.parquet", "a.npy"):
        says(refusal(read, tmp_path / name), "2 missing (NaN) and 1 infinite", "2 of 50 rows", "row 4", "--na drop")
        found = read(tmp_path / name, na="drop")
        np.testing.assert_array_equal(found.rows, np.delete(TABLE.to_numpy(), [3, 7], axis=0))
        says(" ".join(found.notes), "dropped 2 of 50 rows")
    np.save(tmp_path / "b.npy", np.full((5, 2), np.nan))
    says(refusal(read, tmp_path / "b.npy", na="drop"), "leaves no row")
    says(refusal(read, tmp_path / "b.npy", na="fill"), "--na must be")


# -------------------------------------------------------------------------------------------------- damaged and hostile


def saved_npz(path):
    np.savez_compressed(path, data=TABLE.to_numpy())


def saved_npy(path):
    np.save(path, TABLE.to_numpy())


def saved_h5(path):
    with h5py.File(path, "w") as file:
        file["data"] = TABLE.to_numpy()


BINARY = [("a.npy", saved_npy), ("a.npz", saved_npz), ("a.parquet", saved_parquet), ("a.h5", saved_h5)]


@pytest.mark.parametrize(("name", "save"), BINARY)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_truncated_files_are_refused(tmp_path, name, save, share):
    save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: max(1, int(len(whole) * share))])
    says(refusal(read, tmp_path / name), name)


@pytest.mark.parametrize(("name", "save"), BINARY)
def test_flipped_bytes_never_end_in_another_error(tmp_path, name, save):
    save(tmp_path / name)
    whole = bytearray((tmp_path / name).read_bytes())
    for at in RNG.integers(0, len(whole), size=60):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        (tmp_path / name).write_bytes(damaged)
        with contextlib.suppress(DataError):  # a number may have changed where the format has no checksum
            read(tmp_path / name)


def test_missing_and_wrong_files(tmp_path):
    saved_csv(tmp_path / "events.csv")
    says(refusal(read, tmp_path / "event.csv"), "no such file", "did you mean 'events.csv'?")
    says(refusal(read, tmp_path / "no" / "event.csv"), "no such file")
    says(refusal(read, ""), "not a file path")
    says(refusal(read, "a\0b"), "not a file path")
    says(refusal(read, write(tmp_path, "x", "a.pkl")), ".pkl", "pickle")
    says(refusal(read, write(tmp_path, "x", "a.root")), "uproot")
    says(refusal(read, write(tmp_path, "x", "a.csv.gz")), "unpack")
    says(refusal(read, write(tmp_path, "x", "a.what")), "unknown suffix '.what'", "parquet")
    says(refusal(read, write(tmp_path, "no numpy", "a.npy")), "cannot be read as npy")
    saved_parquet(tmp_path / "b.csv")
    says(refusal(read, tmp_path / "b.csv"), "is parquet, not csv")
    says(refusal(read, f"{write(tmp_path, 'x,y', 'c.csv')}:key"), "no such file")


def test_pickles_are_never_opened(tmp_path):
    opened = []

    class Evil:
        def __reduce__(self):
            return opened.append, (1,)

    np.save(tmp_path / "a.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", data=np.array([Evil()], dtype=object))
    opened.clear()
    for name in ("a.npy", "a.npz"):
        says(refusal(read, tmp_path / name), "pickle", "never opened")
    assert opened == []


def test_bombs_are_refused_before_they_are_unpacked(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", data=np.zeros((1000, 1000)))
    assert (tmp_path / "a.npz").stat().st_size < 50_000
    says(refusal(read, tmp_path / "a.npz", max_bytes=10**6), "7.63 MiB", "the limit is 977 KiB", "--max-bytes")

    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**6)})
    says(refusal(read, write(tmp_path, header.getvalue(), "b.npy")), "the limit is 2 GiB")
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("data.npy", header.getvalue())
    says(refusal(read, tmp_path / "b.npz"), "the limit is 2 GiB")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1000, 1000)})
    says(refusal(read, write(tmp_path, header.getvalue(), "c.npy")), "cut short")

    parquet.write_table(pa.table({"x": np.zeros(10**6)}), tmp_path / "a.parquet")
    says(refusal(read, tmp_path / "a.parquet", max_bytes=10**6), "1000000 rows of 1 columns take 7.63 MiB")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", shape=(10**9, 10**3), dtype="f8", chunks=(100, 100))
    says(refusal(read, tmp_path / "a.h5"), "the limit is 2 GiB")
    says(refusal(read, write(tmp_path, "1,1,1\n" * 1000), max_bytes=10_000), "take 23.4 KiB")
    says(refusal(read, write(tmp_path, "1,1,1,1\n" * 1000), max_bytes=1_000), "the file has")
    Image.new("1", (12_000, 12_000)).save(tmp_path / "huge.png")
    (tmp_path / "images").mkdir()
    (tmp_path / "huge.png").rename(tmp_path / "images" / "huge.png")
    says(refusal(read, tmp_path / "images", max_bytes=10**8), "137 MiB")


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
        (np.array(3.0), ["shape ()"]),
        (np.zeros((0, 3)), ["no numbers", "(0, 3)"]),
        (np.zeros((3, 0)), ["no numbers", "(3, 0)"]),
    ],
)
def test_arrays_that_are_no_data(tmp_path, values, parts):
    np.save(tmp_path / "a.npy", values)
    says(refusal(read, tmp_path / "a.npy"), "a.npy: ", *parts)
    says(refusal(from_array, values, "real"), "real: ", *parts)


def test_frames_and_tensors_are_taken_like_files():
    import torch

    found = from_array(TABLE, "real")
    assert (found.columns, found.named) == (("pt", "eta", "phi"), True)
    np.testing.assert_array_equal(from_array(torch.ones(5, 2), "fake").rows, np.ones((5, 2)))
    says(refusal(from_array, torch.ones(5, 2, requires_grad=True), "fake"), "fake: ", "requires grad")
    says(refusal(from_array, [[1, 2], [3]], "fake"), "fake: ")


def test_arrays_of_objects_are_refused_in_memory_too():
    says(refusal(from_array, np.array([[1, "x"]] * 3, dtype=object), "real"), "real: ", "column 'c1'", "got 'x'")


@pytest.mark.parametrize(
    ("column", "parts"),
    [
        (pa.array(["a"] * 30), ["column 'x'", "row 1", "got 'a'"]),
        (pa.array([[1, 2]] * 30), ["column 'x'", "list"]),
        (pa.array([{"u": 1}] * 30), ["column 'x'", "struct"]),
        (pa.array(pd.date_range("2020", periods=30)), ["column 'x'", "date or time"]),
        (pa.array([2**60] * 30), ["column 'x'", "2^53"]),
        (pa.array([None] * 30, pa.float64()), ["30 missing", "'x' 30"]),
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


def test_hdf5_without_numbers(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = ["text", "more"]
    says(refusal(read, tmp_path / "a.h5"), "text or objects")
    with h5py.File(tmp_path / "b.h5", "w"):
        pass
    says(refusal(read, tmp_path / "b.h5"), "holds no array")


# --------------------------------------------------------------------------------------------------------------- images


def save_images(folder, n=3, size=(8, 6), mode="L", ending="png"):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
        pixels = RNG.integers(0, 256, size=shape, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03}.{ending}")
    return folder


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3)])
def test_a_folder_of_images(tmp_path, mode, channels):
    folder = save_images(tmp_path / "a", mode=mode)
    found = read(folder)
    assert found.rows.shape == (3, channels, 6, 8)
    assert (found.levels, found.rows.dtype, found.labels) == (256, np.uint8, None)
    expected = np.asarray(Image.open(folder / "001.png")).reshape(6, 8, channels)
    np.testing.assert_array_equal(found.rows[1].transpose(1, 2, 0), expected)
    assert read(folder).sha256 == found.sha256
    save_images(folder, n=1)
    assert read(folder).sha256 != found.sha256


@pytest.mark.parametrize(("dtype", "levels"), [(np.uint16, 65536), (np.float32, None), (np.int32, None)])
def test_deep_images_keep_their_values(tmp_path, dtype, levels):
    pixels = RNG.integers(0, 60_000, size=(2, 6, 8)).astype(dtype) * dtype(2 if dtype == np.int32 else 1)
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{i}.tif")
    found = read(tmp_path)
    np.testing.assert_array_equal(found.rows[:, 0], pixels)
    assert found.levels == levels
    Image.new("L", (8, 6)).save(tmp_path / "3.png")
    says(refusal(read, tmp_path), "mixes images", "16 bits or more", "L")


def test_transparency_is_left_out_and_told(tmp_path):
    Image.new("RGBA", (8, 6), (1, 2, 3, 4)).save(tmp_path / "0.png")
    found = read(tmp_path)
    assert found.rows[0, :, 0, 0].tolist() == [1, 2, 3]
    says(" ".join(found.notes), "transparency")


def test_sub_folders_are_labels(tmp_path):
    save_images(tmp_path / "a" / "cat", n=2)
    save_images(tmp_path / "a" / "dog", n=3, ending="jpg")
    found = read(tmp_path / "a")
    assert list(found.labels) == ["cat", "cat", "dog", "dog", "dog"]
    assert found.rows.shape == (5, 1, 6, 8)


def test_bad_folders(tmp_path):
    folder = save_images(tmp_path / "a")
    save_images(tmp_path / "b", n=1, size=(9, 9))
    (tmp_path / "b" / "000.png").rename(folder / "big.png")
    says(refusal(read, folder), "'big.png' is 9x9", "'000.png' is 8x6", "one size")
    (folder / "big.png").unlink()
    for option in ("columns", "labels"):
        says(refusal(read, folder, **{option: "x"}), f"--{option}")
    whole = (folder / "001.png").read_bytes()
    flipped = whole[:50] + bytes([whole[50] ^ 0xFF]) + whole[51:]
    for damaged in (whole[: len(whole) // 2], flipped, b"no image"):
        (folder / "001.png").write_bytes(damaged)
        says(refusal(read, folder), "001.png", "cannot be read")
    (tmp_path / "c").mkdir()
    write(tmp_path / "c", "a\n1\n")
    says(refusal(read, tmp_path / "c"), "folder without images", "1 .csv")


# ------------------------------------------------------------------------------------------------- samples to be scored


def test_samples_must_be_alike(tmp_path):
    saved_csv(tmp_path / "real.csv")
    TABLE[["phi", "pt", "eta"]].to_parquet(tmp_path / "fake.parquet")
    np.save(tmp_path / "plain.npy", TABLE.to_numpy())
    np.save(tmp_path / "narrow.npy", np.zeros((9, 2)))
    np.save(tmp_path / "images.npy", np.zeros((9, 8, 8)))
    TABLE.rename(columns={"pt": "energy"}).to_csv(tmp_path / "other.csv", index=False)
    real, fake, plain, narrow, images, other = (
        read_samples(tmp_path / name)
        for name in ("real.csv", "fake.parquet", "plain.npy", "narrow.npy", "images.npy", "other.csv")
    )
    alike = align_columns({"--real": real, "--fake": fake, "--train": plain})
    np.testing.assert_array_equal(alike["--fake"].rows, real.rows)
    says(" ".join(alike["--fake"].notes), "order of --real")
    says(refusal(align_columns, {"--real": real, "--fake": narrow}), "--fake", "--real", "2 columns", "3 columns")
    says(refusal(align_columns, {"--real": real, "--fake": images}), "images 1x8x8")
    says(refusal(align_columns, {"--real": real, "--fake": other}), "lacks 'pt'", "adds 'energy'")


def test_one_sample_is_too_few(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((1, 2)))
    says(refusal(read_samples, tmp_path / "a.npy"), "one row is too few", "at least 2")


# ---------------------------------------------------------------------------------------------------------- the dataset


def test_a_file_is_a_dataset(tmp_path):
    from genbench.budget import Sizes
    from genbench.protocol import Dataset

    table = TABLE.assign(mass=np.exp(TABLE.pt), kind=["b", "a"] * 25)
    table = pd.concat([table, table[:5]])
    table.to_csv(tmp_path / "my events (1).csv", index=False)
    spec, config = dataset_spec(
        tmp_path / "my events (1).csv", columns="-eta", labels="kind", log="mass", periodic="phi=360"
    )
    assert (spec.name, spec.data, spec.rows) == ("my_events_1_.csv", "vector", 55)
    assert spec.target == "genbench.files:FileDataset"
    dataset = FileDataset(config)
    assert isinstance(dataset, Dataset)
    data = dataset.load(Sizes(), np.random.default_rng(1))
    assert [c.name for c in data.columns] == ["pt", "phi", "mass"]
    assert [c.log for c in data.columns] == [False, False, True]
    assert [c.period for c in data.columns] == [None, 360, None]
    rows = np.concatenate([data.train, data.test, data.reference])
    assert len(np.unique(rows, axis=0)) == len(rows)
    says(" ".join(data.notes), "5 of 55 rows", "repeat another")
    kinds = dict(zip(TABLE.pt, table.kind, strict=False))
    for name in ("train", "test", "reference"):
        part = getattr(data, name)
        assert [["a", "b"][code] for code in data.labels[name]] == [kinds[pt] for pt in part[:, 0]]
    again = dataset.load(Sizes(), np.random.default_rng(1))
    np.testing.assert_array_equal(again.train, data.train)


def test_images_are_a_dataset(tmp_path):
    from genbench.budget import Sizes

    save_images(tmp_path / "a" / "x", n=20)
    save_images(tmp_path / "a" / "y", n=10)
    spec, config = dataset_spec(tmp_path / "a")
    assert (spec.data, spec.rows) == ("image", 30)
    data = FileDataset(config).load(Sizes(), np.random.default_rng(0))
    assert data.shape == (1, 6, 8)
    assert data.levels == 256
    assert set(data.labels["train"]) <= {0, 1}


def test_the_default_period_is_a_full_circle(tmp_path):
    from genbench.budget import Sizes

    saved_csv(tmp_path / "a.csv")
    _, config = dataset_spec(tmp_path / "a.csv", periodic="phi")
    data = FileDataset(config).load(Sizes(), np.random.default_rng(0))
    assert data.columns[2].period == pytest.approx(2 * math.pi)
    for wrong in ("phi=0", "phi=-1", "phi=x", "phi=nan"):
        says(refusal(dataset_spec, tmp_path / "a.csv", periodic=wrong), f"--periodic {wrong}")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", "a.csv"),
        ("-_x.csv", "x.csv"),
        ("é.csv", "data.csv"),
        ("a b.c.csv", "a_b.c.csv"),
        (f"{'a' * 90}.csv", "a" * 60 + ".csv"),
    ],
)
def test_names_of_datasets_are_safe(tmp_path, name, expected):
    assert dataset_spec(write(tmp_path, rows_of_text(), name))[0].name == expected


@pytest.mark.parametrize(
    ("text", "options", "parts"),
    [
        ("a,b\n1,2\n", {}, ["1 row is too few", "at least 20"]),
        ("a,b\n" + rows_of_text(19), {}, ["19 rows are too few"]),
        ("a,b\n" + "1,2\n" * 100, {}, ["only 1 of 100 rows are distinct", "at least 20"]),
        ("a,b\n" + rows_of_text(), {"log": "a"}, ["--log 'a'", "row 1 is 0", "above 0", "1 of 30"]),
        ("a,b\n" + rows_of_text(), {"log": "c"}, ["--log", "no column 'c'"]),
        ("a,b\n" + rows_of_text(), {"periodic": "c"}, ["--periodic", "no column 'c'"]),
        ("a,b\n1,1e39\n" + rows_of_text(), {}, ["column 'b'", "row 1", "1e+39", "float32", "--log"]),
        ("a,b\n1,-1e39\n" + rows_of_text(), {}, ["row 1", "-1e+39"]),
        ("a,b\n1,1\n" + rows_of_text(), {"log": "b", "periodic": "b"}, ["both --log and --periodic"]),
        ("a,b\n1,1\n" + rows_of_text(), {"na": "fill"}, ["--na"]),
    ],
)
def test_data_that_cannot_be_modelled(tmp_path, text, options, parts):
    says(refusal(dataset_spec, write(tmp_path, text), **options), *parts)


def test_large_values_may_be_taken_as_logarithms(tmp_path):
    text = "a,b\n" + "".join(f"{i},1e{200 + i}\n" for i in range(30))
    assert dataset_spec(write(tmp_path, text), log="b")[0].rows == 30


def test_what_is_odd_is_noted(tmp_path):
    from genbench.budget import Sizes

    text = "a,b,c\n" + "".join(f"{i},3,{i}\n" for i in range(30))
    data = FileDataset(FileConfig(str(write(tmp_path, text)), periodic=("c",))).load(Sizes(), np.random.default_rng(0))
    says(" ".join(data.notes), "column 'b' is constant: 3", "column 'c' spans 29, more than its period 6.28")


def test_a_file_that_changed_after_planning_is_refused(tmp_path):
    from genbench.budget import Sizes

    path = write(tmp_path, rows_of_text())
    _, config = dataset_spec(path)
    write(tmp_path, rows_of_text(31))
    with pytest.raises(DataError, match="has changed since the run was planned"):
        FileDataset(config).load(Sizes(), np.random.default_rng(0))


def test_the_config_checks_itself():
    assert FileConfig("a.csv", columns="a,b", log=["c"]).columns == ("a", "b")
    for options, words in (({"na": "fill"}, "na must be"), ({"max_bytes": 0}, "max_bytes must be in")):
        with pytest.raises(ValueError, match=words):
            FileConfig("a.csv", **options)


def test_torch_is_never_imported_to_read_a_file(tmp_path):
    saved_csv(tmp_path / "a.csv")
    code = (
        "import sys, genbench.files as files\n"
        "assert not {'numpy', 'pandas', 'pyarrow', 'PIL', 'h5py', 'torch'} & set(sys.modules)\n"
        f"files.dataset_spec({str(tmp_path / 'a.csv')!r})\n"
        "assert not {'pandas', 'PIL', 'h5py', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

"""The user's own files, read in one call whatever their format."""

from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
from user_files import TABLE, refusal, saved_csv, saved_parquet, saved_structured, says

from genbench.errors import DataError
from genbench.files import from_object, read


def saved_tsv(path):
    TABLE.to_csv(path, index=False, sep="\t")


def saved_spaces(path):
    np.savetxt(path, TABLE.to_numpy(), header="pt eta phi")


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


@pytest.mark.parametrize("name", ["a.json", "a.dta", "a.npz", "a.h5"])
def test_columns_without_rows_are_refused(tmp_path, name):
    path, empty = tmp_path / name, TABLE[:0]
    if name == "a.json":
        empty.to_json(path, orient="split")
    elif name == "a.dta":
        empty.to_stata(path, write_index=False)
    elif name == "a.npz":
        np.savez(path, **{column: empty[column].to_numpy() for column in empty})
    else:
        with h5py.File(path, "w") as file:
            for column in empty:
                file[column] = empty[column].to_numpy()
    says(refusal(read, path), "no rows")


def test_frames_and_tensors_are_taken_like_files():
    import torch

    found = from_object(TABLE, "real")
    assert (found.columns, found.named) == (("pt", "eta", "phi"), True)
    np.testing.assert_array_equal(from_object(torch.ones(5, 2), "fake").rows, np.ones((5, 2)))
    says(refusal(from_object, torch.ones(5, 2, requires_grad=True), "fake"), "fake: ", "requires grad")
    says(refusal(from_object, [[1, 2], [3]], "fake"), "fake: ")


def test_torch_is_never_imported_to_read_a_file(tmp_path):
    saved_csv(tmp_path / "a.csv")
    code = (
        "import sys, genbench.files as files\n"
        "assert not {'numpy', 'pandas', 'pyarrow', 'PIL', 'h5py', 'torch'} & set(sys.modules)\n"
        f"files.dataset_spec({str(tmp_path / 'a.csv')!r})\n"
        "assert not {'pandas', 'PIL', 'h5py', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


WEIGHTS = np.linspace(-1.0, 2.0, len(TABLE))


def saved_weighted_csv(path):
    TABLE.assign(w=WEIGHTS).to_csv(path, index=False)


def saved_weighted_parquet(path):
    TABLE.assign(w=WEIGHTS).to_parquet(path)


def saved_weighted_columns(path):
    np.savez(path, w=WEIGHTS, **{name: TABLE[name].to_numpy() for name in TABLE})


def saved_weights_beside_an_array(path):
    np.savez(path, data=TABLE.to_numpy(), columns=np.array(list(TABLE)), w=WEIGHTS)


def saved_weighted_hdf5(path):
    with h5py.File(path, "w") as file:
        file["data"], file["w"] = TABLE.to_numpy(), WEIGHTS


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("a.csv", saved_weighted_csv),
        ("a.parquet", saved_weighted_parquet),
        ("a.npz", saved_weighted_columns),
        ("a.npz", saved_weights_beside_an_array),
        ("a.h5", saved_weighted_hdf5),
    ],
)
def test_columns_are_taken_out_of_the_data_for_an_option(tmp_path, name, save):
    save(tmp_path / name)
    found = read(tmp_path / name, beside={"--weights": ["w"]})
    assert found.rows.shape == TABLE.shape
    assert "w" not in found.columns
    assert list(found.beside) == ["--weights"]
    np.testing.assert_array_equal(found.beside["--weights"]["w"], WEIGHTS)


def test_columns_beside_the_chosen_ones_are_found(tmp_path):
    for name, save in (("a.csv", saved_weighted_csv), ("a.npz", saved_weighted_columns)):
        save(tmp_path / name)
        found = read(tmp_path / name, columns="pt,eta", beside={"--weights": ["w"]})
        assert found.columns == ("pt", "eta")
        np.testing.assert_array_equal(found.beside["--weights"]["w"], WEIGHTS)


@pytest.mark.parametrize("word", ["2", "c2", "2:3", "?2"])
def test_a_column_is_taken_out_by_whatever_names_it(tmp_path, word):
    np.save(tmp_path / "a.npy", np.arange(60.0).reshape(20, 3))
    found = read(tmp_path / "a.npy", beside={"--given": [word]})
    assert found.columns == ("c0", "c1")
    assert found.rows.shape == (20, 2)
    np.testing.assert_array_equal(found.beside["--given"]["c2"], np.arange(2.0, 60, 3))
    says(refusal(read, tmp_path / "a.npy", beside={"--given": ["0:3"]}), "no column is left besides those of --given")


def test_conditions_beside_images_that_are_named(tmp_path):
    images = np.arange(30 * 64).reshape(30, 8, 8).astype(np.uint8)
    np.savez(tmp_path / "a.npz", data=images, other=images, label=np.arange(30.0))
    found = read(f"{tmp_path / 'a.npz'}:data", beside={"--given": ["label"]})
    assert found.rows.shape == (30, 1, 8, 8)
    np.testing.assert_array_equal(found.beside["--given"]["label"], np.arange(30.0))
    says(
        refusal(read, f"{tmp_path / 'a.npz'}:data", beside={"--given": ["lable"]}),
        "--given: no column or array 'lable'",
    )


def test_weights_beside_images(tmp_path):
    np.savez(tmp_path / "a.npz", data=np.zeros((30, 8, 8), np.uint8), w=np.arange(30.0))
    found = read(tmp_path / "a.npz", beside={"--weights": ["w"]})
    assert found.kind == "image"
    np.testing.assert_array_equal(found.beside["--weights"]["w"], np.arange(30.0))


def test_rows_without_a_weight_are_dropped_or_refused(tmp_path):
    table = TABLE.assign(w=WEIGHTS)
    table.loc[3, "w"] = np.nan
    table.to_csv(tmp_path / "a.csv", index=False)
    says(refusal(read, tmp_path / "a.csv", beside={"--weights": ["w"]}), "1 missing", "'w' 1", "row 4", "--na drop")
    found = read(tmp_path / "a.csv", na="drop", beside={"--weights": ["w"]})
    assert len(found.rows) == len(found.beside["--weights"]["w"]) == len(TABLE) - 1
    np.testing.assert_array_equal(found.rows[:, 0], np.delete(TABLE.iloc[:, 0].to_numpy(), 3))


def test_columns_that_an_option_does_not_find_are_refused(tmp_path):
    saved_weighted_csv(tmp_path / "a.csv")
    says(refusal(read, tmp_path / "a.csv", beside={"--weights": ["q"]}), "--weights", "no column 'q'")
    np.savez(tmp_path / "a.npz", data=TABLE.to_numpy(), w=np.ones(3))
    found = refusal(read, tmp_path / "a.npz", beside={"--weights": ["w"]})
    says(found, "--weights 'w' has 3 values", f"each of {len(TABLE)} rows")


def test_a_column_is_constant_at_the_resolution_of_its_own_type(tmp_path):
    from genbench.data import constant_columns

    times = np.nextafter(np.float32(1.7e9), np.float32(np.inf), dtype=np.float32)
    column = np.where(np.arange(50) % 2, np.float32(1.7e9), times)
    rows = np.stack([TABLE.pt.to_numpy(np.float32), column], axis=1)
    np.save(tmp_path / "a.npy", rows)
    pd.DataFrame(rows, columns=["x", "t"]).to_parquet(tmp_path / "a.parquet")
    for found in (read(tmp_path / "a.npy"), read(tmp_path / "a.parquet"), from_object(rows, "a")):
        assert constant_columns(found.rows).tolist() == [False, True]
        np.testing.assert_array_equal(found.rows[:, 0], rows[:, 0])
    np.save(tmp_path / "b.npy", rows.astype(np.float64))  # in which the same spread is thousands of roundings
    assert constant_columns(read(tmp_path / "b.npy").rows).tolist() == [False, False]


MEASURE = """
import resource, sys
from genbench.files import read

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

read(sys.argv[1], columns=sys.argv[4])
before = peak()
read(sys.argv[2], columns=sys.argv[4], max_bytes=int(sys.argv[3]))
print(peak() - before)
"""


def saved_as(suffix, path, rows):
    table = pd.DataFrame(rows, columns=[f"x{i}" for i in range(10)])
    if suffix == "csv":
        table.to_csv(path, index=False)
    elif suffix == "jsonl":
        table.to_json(path, orient="records", lines=True)
    elif suffix == "parquet":
        table.to_parquet(path)
    elif suffix == "feather":
        table.to_feather(path)
    elif suffix == "npy":
        np.save(path, rows)
    else:
        with h5py.File(path, "w") as file:
            for name in table:
                file[name] = table[name].to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "feather", "npy", "h5"])
def test_memory_stays_under_the_limit(tmp_path, suffix):
    rng, columns = np.random.default_rng(0), "0:10"
    large, small = tmp_path / f"large.{suffix}", tmp_path / f"small.{suffix}"
    saved_as(suffix, large, rng.normal(size=(400_000, 10)))
    saved_as(suffix, small, rng.normal(size=(2000, 10)))
    limit = large.stat().st_size
    while True:  # the lowest limit at which the file is read, within 3 %
        try:
            read(large, columns=columns, max_bytes=limit)
            break
        except DataError as error:
            says(str(error), "the limit is", "--max-bytes")
            limit = int(1.03 * limit)
    code = [sys.executable, "-c", MEASURE, small, large, str(limit), columns]
    done = subprocess.run(code, capture_output=True, text=True, check=True)
    assert int(done.stdout) < limit + 8 * 2**20  # of which the interpreter takes some

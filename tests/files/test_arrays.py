"""Arrays of npy, npz, HDF5 and parquet files, and of memory."""

from __future__ import annotations

import contextlib
import io
import zipfile

import h5py
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet
from user_files import RNG, TABLE, refusal, saved_parquet, says, write

from genbench.errors import DataError
from genbench.files import read


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
    ("high", "dtype", "levels"), [(2, "?", 2), (17, "i8", 17), (256, "i4", 256), (4096, "u2", 4096)]
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
    says(refusal(read, tmp_path / "a.parquet", max_bytes=10**6), "1000000 rows of 1 column take", "limit is 977 KiB")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", shape=(10**9, 10**3), dtype="f8", chunks=(100, 100))
    says(refusal(read, tmp_path / "a.h5"), "the limit is 2 GiB")
    says(refusal(read, write(tmp_path, "1,1,1\n" * 1000), max_bytes=10_000), "1000 rows of 3 columns take 70.3 KiB")
    says(refusal(read, write(tmp_path, "1,1,1,1\n" * 1000), max_bytes=1_000), "the file has")
    Image.new("1", (12_000, 12_000)).save(tmp_path / "huge.png")
    (tmp_path / "images").mkdir()
    (tmp_path / "huge.png").rename(tmp_path / "images" / "huge.png")
    says(refusal(read, tmp_path / "images", max_bytes=10**8), "137 MiB")


def test_hdf5_without_numbers(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = ["text", "more"]
    says(refusal(read, tmp_path / "a.h5"), "text or objects")
    with h5py.File(tmp_path / "b.h5", "w"):
        pass
    says(refusal(read, tmp_path / "b.h5"), "holds no array")


def test_an_array_with_bytes_after_its_end_is_refused(tmp_path):
    whole = io.BytesIO()
    np.save(whole, TABLE.to_numpy())
    for name, content in (("good.npz", whole.getvalue()), ("bad.npz", whole.getvalue() + b"?")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("data.npy", content)
    np.testing.assert_array_equal(read(tmp_path / "good.npz").rows, TABLE.to_numpy())
    says(refusal(read, tmp_path / "bad.npz"), "bad.npz", "'data' has bytes after its end")

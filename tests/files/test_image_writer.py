"""Folders of images, written with the depth, the colours and the size of those that were read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from user_files import refusal, says

from genbench.files import FileConfig, read, write, write_samples
from genbench.files.schema import FileSchema

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("dtype", "channels", "high"), [("uint8", 1, 256), ("uint8", 3, 256), ("uint16", 1, 4096), ("uint16", 3, 2**16)]
)
def test_a_folder_becomes_a_folder(tmp_path: Path, dtype: str, channels: int, high: int) -> None:
    schema = FileSchema((), (dtype,), shape=(channels, 6, 8))
    pixels = RNG.integers(0, high, (30, channels, 6, 8))
    first = write(tmp_path / "first", schema, pixels.astype(float))
    found = read(first)
    assert (found.rows == pixels).all()
    assert (found.rows.dtype, found.levels) == (dtype, high)
    again = write_samples(FileConfig(str(first)), found.rows[:7].astype(np.int64), tmp_path / "again")
    assert sorted(path.name for path in again.iterdir()) == [f"{i:06}.png" for i in range(7)]
    assert [(again / f"{i:06}.png").read_bytes() for i in range(7)] == [
        (first / f"{i:06}.png").read_bytes() for i in range(7)
    ]


def test_real_valued_images_are_tiff(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pixels = RNG.normal(size=(30, 6, 8)).astype("float32")
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / "data" / f"{i:02}.tif")
    out = write_samples(FileConfig(str(tmp_path / "data")), pixels[:, None].astype(float), tmp_path / "out")
    assert (read(out).rows[:, 0] == pixels).all()


def test_a_folder_of_samples_may_be_one_array(tmp_path: Path) -> None:
    schema = FileSchema((), ("uint16",), shape=(3, 6, 8))
    pixels = RNG.integers(0, 2**16, (4, 3, 6, 8))
    assert (np.load(write(tmp_path / "out.npy", schema, pixels)) == pixels).all()
    assert (read(write(tmp_path / "out.fits", schema, pixels)).rows == pixels).all()


def test_what_no_png_holds_is_refused(tmp_path: Path) -> None:
    says(refusal(write, tmp_path / "a", FileSchema((), ("uint8",), shape=(4, 6, 8)), np.zeros((2, 4, 6, 8))), "npy")
    says(
        refusal(write, tmp_path / "a", FileSchema((), ("float32",), shape=(3, 6, 8)), np.zeros((2, 3, 6, 8))), "float32"
    )
    says(refusal(write, tmp_path / "a.csv", FileSchema((), ("uint8",), shape=(1, 6, 8)), np.zeros((2, 1, 6, 8))), "npy")
    assert not list(tmp_path.iterdir())

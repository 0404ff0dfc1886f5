"""Folders of images."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from user_files import RNG, refusal, save_images, says, write

from genbench.files import read


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

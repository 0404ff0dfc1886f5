"""Folders of images."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageOps
from user_files import RNG, deep_png, refusal, save_images, says, write

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


# -------------------------------------------------------------------------------------------------------- 16 bits


def deep(channels, n=2):
    return RNG.integers(0, 65536, size=(n, 6, 8, channels), dtype=np.uint16)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_images_of_16_bits_keep_them_with_colour_and_without_transparency(tmp_path, channels):
    pixels = deep(channels)
    for i, image in enumerate(pixels):
        write(tmp_path, deep_png(image), f"{i}.png")
    found = read(tmp_path)
    assert (found.rows.dtype, found.levels) == (np.uint16, 65536)
    np.testing.assert_array_equal(found.rows, pixels[..., : 1 if channels == 2 else 3].transpose(0, 3, 1, 2))
    assert ("transparency was left out" in found.notes) == (channels != 3)


def test_grey_and_colour_images_of_16_bits_are_colour(tmp_path):
    grey, colour = deep(1, n=1)[0], deep(3, n=1)[0]
    write(tmp_path, deep_png(grey), "0.png")
    write(tmp_path, deep_png(colour), "1.png")
    found = read(tmp_path)
    np.testing.assert_array_equal(found.rows, np.stack([np.repeat(grey, 3, axis=2), colour]).transpose(0, 3, 1, 2))
    says(" ".join(found.notes), "modes I;16, RGB;16 were read as RGB;16")
    Image.new("RGB", (8, 6)).save(tmp_path / "2.png")
    says(refusal(read, tmp_path), "mixes images of I;16, RGB;16 (16 bits or more) and RGB")


def test_a_damaged_image_of_16_bits_is_refused(tmp_path):
    content = deep_png(deep(3)[0])
    write(tmp_path, content[:50] + bytes([content[50] ^ 1]) + content[51:], "0.png")
    says(refusal(read, tmp_path), "0.png", "cannot be read", "damaged")


def deep_tiff(channels, bits=16):
    """Return a TIFF file of 2 x 2 pixels, which Pillow cannot write."""
    data = bytes(2 * 2 * channels * bits // 8)
    values = {256: 2, 257: 2, 258: bits, 259: 1, 262: 2, 273: 0, 277: channels, 278: 2, 279: len(data)}
    values |= {338: 2} if channels == 4 else {}
    end_of_tags = 8 + 2 + 12 * len(values) + 4
    words = b"".join(bits.to_bytes(2, "little") for _ in range(channels))
    tags = b""
    for tag, value in values.items():
        count, value = (channels, end_of_tags) if tag == 258 else (1, end_of_tags + len(words) if tag == 273 else value)
        kind = 4 if tag == 273 else 3
        tags += b"".join(v.to_bytes(n, "little") for v, n in ((tag, 2), (kind, 2), (count, 4), (value, 4)))
    return b"II*\0" + (8).to_bytes(4, "little") + len(values).to_bytes(2, "little") + tags + bytes(4) + words + data


@pytest.mark.parametrize("channels", [3, 4])
def test_what_would_be_cut_to_8_bits_is_refused_with_the_remedy(tmp_path, channels):
    write(tmp_path, deep_tiff(channels, bits=8), "0.tif")
    assert read(tmp_path).rows.shape == (1, 3, 2, 2)
    write(tmp_path, deep_tiff(channels), "0.tif")
    says(refusal(read, tmp_path), "0.tif: has 16 bits a channel", "TIFF", "save it as PNG", "npy")


def test_ppm_images_of_more_than_8_bits_are_refused(tmp_path):
    write(tmp_path, b"P6 8 6 255\n" + bytes(range(144)), "0.ppm")
    assert read(tmp_path).rows.ravel()[1] == 3
    write(tmp_path, b"P6 8 6 1023\n" + bytes(288), "0.ppm")
    says(refusal(read, tmp_path), "0.ppm: has 10 bits a channel", "save it as PNG")
    write(tmp_path, b"P5 8 6 65535\n" + bytes(range(96)), "0.ppm")
    assert read(tmp_path).levels == 65536


# ---------------------------------------------------------------------------------------------- pages and frames


def frames(n, mode="L"):
    shape = (n, 6, 8) if mode == "L" else (n, 6, 8, 3)
    return [Image.fromarray(pixels) for pixels in RNG.integers(0, 256, size=shape, dtype=np.uint8)]


@pytest.mark.parametrize(
    ("ending", "mode", "options"),
    [
        ("tif", "L", {}),
        ("tif", "RGB", {"compression": "tiff_lzw"}),
        ("gif", "L", {}),
        ("png", "L", {}),
        ("png", "RGB", {"default_image": True}),
        ("webp", "RGB", {"lossless": True}),
    ],
)
def test_each_page_is_an_image_with_the_label_of_its_file(tmp_path, ending, mode, options):
    pages = frames(5, mode)
    for label, first, last in (("a", 0, 3), ("b", 3, 5)):
        (tmp_path / label).mkdir()
        head, *rest = pages[first:last]
        head.save(tmp_path / label / f"x.{ending}", save_all=True, append_images=rest, **options)
    pages[0].save(tmp_path / "b" / f"y.{ending}", **({"lossless": True} if ending == "webp" else {}))
    found = read(tmp_path)
    expected = np.stack([np.asarray(page).reshape(6, 8, -1).transpose(2, 0, 1) for page in [*pages, pages[0]]])
    channels = expected.shape[1]
    np.testing.assert_array_equal(found.rows, np.broadcast_to(expected, (6, channels, 6, 8)))
    assert found.labels.tolist() == ["a"] * 3 + ["b"] * 3
    says(" ".join(found.notes), "2 of 3 files hold several pages or frames", "3 files gave 6 images")


def test_pages_keep_16_bits_and_their_order(tmp_path):
    pixels = deep(1, n=3)[..., 0]
    head, *rest = [Image.fromarray(image) for image in pixels]
    head.save(tmp_path / "0.tif", save_all=True, append_images=rest)
    np.testing.assert_array_equal(read(tmp_path).rows[:, 0], pixels)


def test_pages_of_other_sizes_are_named(tmp_path):
    Image.new("L", (8, 6)).save(tmp_path / "0.tif", save_all=True, append_images=[Image.new("L", (4, 3))])
    says(refusal(read, tmp_path), "page 2 of '0.tif' is 4x3", "page 1 of '0.tif' is 8x6", "one size")


def test_the_previews_in_a_jpeg_are_left_out(tmp_path):
    image = Image.new("L", (8, 6), 100)
    image.save(tmp_path / "0.jpg", format="MPO", save_all=True, append_images=[Image.new("L", (4, 3))])
    found = read(tmp_path)
    assert found.rows.shape == (1, 1, 6, 8)
    says(" ".join(found.notes), "1 of 1 files hold previews")


def test_frames_that_do_not_fit_into_memory_are_refused_before_they_are_read(tmp_path):
    pages = frames(20)
    pages[0].save(tmp_path / "0.tif", save_all=True, append_images=pages[1:])
    says(refusal(read, tmp_path, max_bytes=900), "0.tif", "960 bytes", "the limit is 900 bytes", "--max-bytes")


# --------------------------------------------------------------------------------------------------- orientation


def exif_of(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_images_are_turned_upright(tmp_path, ending, orientation):
    for i, image in enumerate(frames(2, "RGB")):
        image.save(tmp_path / f"{i}.{ending}", exif=exif_of(orientation))
    found = read(tmp_path)
    for i, row in enumerate(found.rows):
        upright = np.asarray(ImageOps.exif_transpose(Image.open(tmp_path / f"{i}.{ending}")).convert("RGB"))
        np.testing.assert_array_equal(row.transpose(1, 2, 0), upright)
    turned = "2 of 2 images were turned upright, as their EXIF orientation says"
    assert (turned in found.notes) == (orientation != 1)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_images_of_16_bits_are_turned_as_those_of_8_are(tmp_path, orientation):
    pixels = deep(3)[0]
    write(tmp_path, deep_png(pixels, more=[(b"eXIf", exif_of(orientation).tobytes()[6:])]), "0.png")
    upright = ImageOps.exif_transpose(Image.open(tmp_path / "0.png"))
    np.testing.assert_array_equal(read(tmp_path).rows[0].transpose(1, 2, 0) >> 8, np.asarray(upright))


def test_sizes_are_compared_when_images_are_upright(tmp_path):
    Image.new("L", (8, 6)).save(tmp_path / "0.jpg")
    Image.new("L", (6, 8)).save(tmp_path / "1.jpg", exif=exif_of(6))
    found = read(tmp_path)
    assert found.rows.shape == (2, 1, 6, 8)
    says(" ".join(found.notes), "1 of 2 images were turned upright")
    Image.new("L", (8, 6)).save(tmp_path / "1.jpg", exif=exif_of(6))
    says(refusal(read, tmp_path), "'1.jpg' is 6x8", "'0.jpg' is 8x6")


def test_a_damaged_exif_header_does_not_matter(tmp_path):
    for ending in ("jpg", "png", "webp"):
        for i, exif in enumerate((b"Exif\0\0not a header at all", exif_of(9))):
            Image.new("RGB", (8, 6)).save(tmp_path / f"{i}.{ending}", exif=exif)
    found = read(tmp_path)
    assert found.rows.shape == (6, 3, 6, 8)
    assert found.notes == ()


# -------------------------------------------------------------------------------------------- folders and decoders


def test_hidden_files_are_skipped(tmp_path):
    save_images(tmp_path, n=2)
    sha256 = read(tmp_path).sha256
    for name in ("._000.png", "._001.png"):
        write(tmp_path, b"\0\5\x16\7 AppleDouble", name)
    found = read(tmp_path)
    assert len(found.rows) == 2
    assert found.notes == ("2 hidden files were skipped",)
    assert found.sha256 == sha256


def test_each_page_belongs_to_the_split_of_its_file(tmp_path):
    pages = frames(3)
    for name in ("train", "test"):
        save_images(tmp_path / name, n=2)
    pages[0].save(tmp_path / "train" / "9.tif", save_all=True, append_images=pages[1:])
    found = read(tmp_path)
    assert found.labels is None
    assert found.parts.tolist() == ["train"] * 5 + ["test"] * 2


def test_rows_that_are_dropped_have_no_split(tmp_path):
    for name in ("train", "test"):
        (tmp_path / name).mkdir()
        for i in range(3):
            image = np.full((6, 8), np.nan if name == "train" and i == 1 else i, dtype=np.float32)
            Image.fromarray(image).save(tmp_path / name / f"{i}.tif")
    found = read(tmp_path, na="drop")
    assert found.parts.tolist() == ["train"] * 2 + ["test"] * 3


PSD = b"8BPS\0\1" + bytes(6) + b"\0\3" + (6).to_bytes(4, "big") + (8).to_bytes(4, "big") + b"\0\x08\0\3" + bytes(200)
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 6\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("content", [PSD, EPS], ids=["psd", "eps"])
def test_only_the_decoders_of_the_listed_formats_are_opened(tmp_path, content, monkeypatch):
    path = write(tmp_path, content, "0.png")
    assert Image.open(path).size == (8, 6)  # it is an image to Pillow

    def never(*args):
        raise AssertionError("another decoder was opened")

    for name in ("PSD", "EPS"):
        monkeypatch.setitem(Image.OPEN, name, (never, None))
    says(refusal(read, tmp_path), "0.png: cannot be read", "PNG, JPEG, BMP, GIF, TIFF, WebP or PPM", "save it as")


@pytest.mark.parametrize(("colour", "channels"), [(False, 1), (True, 3)])
def test_grey_gifs_are_grey(tmp_path, colour, channels):
    for i in range(3):
        frames = [RNG.integers(0, 256, (6, 8), dtype=np.uint8) for _ in range(2)]
        shown = [Image.fromarray(np.stack([each, each, each // 2 if colour else each], -1)) for each in frames]
        shown[0].save(tmp_path / f"{i}.gif", save_all=True, append_images=shown[1:])
        if not colour:
            expected = frames
    found = read(tmp_path)
    assert found.rows.shape == (6, channels, 6, 8)
    if not colour:
        np.testing.assert_array_equal(found.rows[-2:, 0], expected)

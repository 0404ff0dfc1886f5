"""PNG images of 16 bits with colour or transparency."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from PIL import Image
from user_files import RNG, chunk_of_png, deep_png, refusal, says

from genbench.files.png16 import mode_of_png16, read_png16, write_png16
from genbench.files.source import Source

COLOUR_TYPES = {2: 4, 3: 2, 4: 6}  # of so many channels


def read(content):
    return read_png16(Source("a.png"), content)


def filtered(pixels, kinds):
    """Return the lines of pixels (height, width, channels), filtered byte for byte as the specification words it."""
    height, _, channels = pixels.shape
    octets = pixels.astype(">u2").view(np.uint8).reshape(height, -1).astype(int).tolist()
    n, out = 2 * channels, bytearray()
    for y, (line, kind) in enumerate(zip(octets, kinds, strict=True)):
        out.append(kind)
        for x, value in enumerate(line):
            a = line[x - n] if x >= n else 0
            b = octets[y - 1][x] if y else 0
            c = octets[y - 1][x - n] if y and x >= n else 0
            distances = [abs(a + b - c - each) for each in (a, b, c)]
            paeth = (a, b, c)[distances.index(min(distances))]
            out.append((value - (0, a, b, (a + b) // 2, paeth)[kind]) % 256)
    return bytes(out)


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_each_filter_is_undone(kind, channels):
    pixels = RNG.integers(0, 65536, size=(7, 5, channels), dtype=np.uint16)
    content = deep_png(pixels, lines=filtered(pixels, [kind] * 7))
    assert content[25] == COLOUR_TYPES[channels]
    found = read(content)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (4, 17), (17, 4), (32, 32)])
def test_the_filters_of_the_lines_may_differ(shape):
    smooth = np.add.outer(np.arange(shape[0]) * 999, np.arange(shape[1]) * 77)[..., None] + [0, 5000, 30_000]
    for pixels in (smooth.astype(np.uint16), RNG.integers(0, 65536, size=(*shape, 3), dtype=np.uint16)):
        kinds = RNG.integers(0, 5, size=shape[0]).tolist()
        np.testing.assert_array_equal(read(deep_png(pixels, lines=filtered(pixels, kinds))), pixels)


def test_the_high_bytes_are_those_that_pillow_reads(tmp_path):
    pixels = RNG.integers(0, 65536, size=(6, 8, 3), dtype=np.uint16)
    content = deep_png(pixels, lines=filtered(pixels, [4, 3, 2, 1, 0, 4]))
    (tmp_path / "a.png").write_bytes(content)
    np.testing.assert_array_equal(read(content) >> 8, np.asarray(Image.open(tmp_path / "a.png")))


def test_the_data_may_be_in_several_chunks():
    pixels = RNG.integers(0, 65536, size=(6, 8, 3), dtype=np.uint16)
    content = deep_png(pixels)
    data = zlib.compress(filtered(pixels, [0] * 6))
    parts = [chunk_of_png(b"IDAT", data[:10]), chunk_of_png(b"IDAT", data[10:]), chunk_of_png(b"IEND", b"")]
    np.testing.assert_array_equal(read(content[:33] + b"".join(parts)), pixels)


def test_the_mode_is_that_of_deep_images_only(tmp_path):
    for mode in ("L", "RGB", "RGBA", "LA", "P", "1", "I;16"):
        Image.new(mode, (8, 6)).save(tmp_path / "a.png")
        assert mode_of_png16((tmp_path / "a.png").read_bytes()) is None
    assert mode_of_png16(b"") is None
    content = deep_png(np.zeros((2, 2, 3), dtype=np.uint16))
    assert mode_of_png16(content) == "RGB;16"
    assert mode_of_png16(content[:20]) is None
    assert mode_of_png16(b"x" + content[1:]) is None


def test_interlaced_and_animated_images_are_refused_with_the_remedy():
    pixels = np.zeros((4, 4, 3), dtype=np.uint16)
    says(refusal(read, deep_png(pixels, interlaced=True)), "a.png: is interlaced", "save it without interlacing", "npy")
    content = deep_png(pixels)
    animated = content[:33] + chunk_of_png(b"acTL", bytes(8)) + content[33:]
    says(refusal(read, animated), "a.png: is animated", "save each frame", "npy")


def test_damaged_files_are_found():
    pixels = RNG.integers(0, 65536, size=(6, 8, 3), dtype=np.uint16)
    content = deep_png(pixels)
    lines = filtered(pixels, [0] * 6)
    flipped = content[:60] + bytes([content[60] ^ 1]) + content[61:]
    for damaged, words in (
        (flipped, "is damaged"),
        (content[:-20], "is damaged"),
        (content[:-12], "the end is missing"),
        (deep_png(pixels, lines=lines[:-1]), "the pixels end early"),
        (deep_png(pixels, lines=b"\5" + lines[1:]), "filter 5"),
    ):
        with pytest.raises(ValueError, match=words):
            read(damaged)


def test_no_more_is_unpacked_than_the_image_has():
    pixels = RNG.integers(0, 65536, size=(2, 2, 3), dtype=np.uint16)
    content = deep_png(pixels, lines=filtered(pixels, [0, 0]) + bytes(10_000_000))
    np.testing.assert_array_equal(read(content), pixels)


def test_what_is_written_is_read_again(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 2**16, (5, 7, 3)).astype(np.uint16)
    content = write_png16(pixels)
    assert mode_of_png16(content) == "RGB;16"
    assert (read_png16(Source(tmp_path / "a.png"), content) == pixels).all()
    (tmp_path / "a.png").write_bytes(content)
    with Image.open(tmp_path / "a.png") as image:  # of which it keeps 8 bits
        assert (np.asarray(image) == pixels >> 8).all()

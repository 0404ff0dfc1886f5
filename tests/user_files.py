"""A table saved in every format that users have, and the line that a bad file is refused with."""

from __future__ import annotations

import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from genbench.errors import DataError

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


def saved_csv(path):
    TABLE.to_csv(path, index=False)


def saved_parquet(path):
    TABLE.to_parquet(path)


def saved_structured(path):
    np.save(path, TABLE.to_records(index=False))


def save_images(folder, n=3, size=(8, 6), mode="L", ending="png"):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
        pixels = RNG.integers(0, 256, size=shape, dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03}.{ending}")
    return folder


def chunk_of_png(name, data):
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def deep_png(pixels, lines=None, interlaced=False, more=()):
    """Return a PNG file of pixels (height, width, channels) of 16 bits, which Pillow cannot write.

    ``lines`` are its bytes before compression, unfiltered if None; ``more`` are chunks, (name, data).
    """
    height, width, channels = pixels.shape
    if lines is None:
        lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, kind, 0, 0, interlaced])
    chunks = [(b"IHDR", header), *more, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk_of_png(name, data) for name, data in chunks)

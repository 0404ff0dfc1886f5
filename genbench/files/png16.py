"""Read PNG images of 16 bits that have colour or transparency, which Pillow reduces to 8 bits, and write RGB ones.

The format is that of the PNG specification, third edition (W3C 2025), https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from genbench.files.source import Source

if TYPE_CHECKING:
    from genbench.protocol import Array

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MODES = {2: "RGB;16", 4: "LA;16", 6: "RGBA;16"}  # of each colour type; those of 16 bits that Pillow reads right are not
CHANNELS = {"RGB;16": 3, "LA;16": 2, "RGBA;16": 4}


def mode_of_png16(content: bytes) -> str | None:
    """Return ``RGB;16``, ``LA;16`` or ``RGBA;16`` for a PNG file of that kind, None for every other content."""
    is_deep = content.startswith(SIGNATURE) and content[12:16] == b"IHDR" and len(content) > 25 and content[24] == 16
    return MODES.get(content[25]) if is_deep else None


def read_png16(source: Source, content: bytes) -> Array:
    """Return the pixels of a PNG file with a mode, as uint16 (height, width, channels), of which alpha is the last.

    Raises DataError for interlaced and animated images, and ValueError or zlib.error for damaged ones.
    """
    import numpy as np

    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    n_bytes = 2 * CHANNELS[MODES[content[25]]]  # of a pixel
    if content[28]:
        raise source.error("is interlaced and of 16 bits, which cannot be read; save it without interlacing, or as npy")
    compressed = []
    for name, data in _chunks(content):
        if name == b"acTL":
            raise source.error("is animated and of 16 bits, which cannot be read; save each frame as a PNG, or as npy")
        if name == b"IDAT":
            compressed.append(data)
    size = height * (1 + width * n_bytes)
    lines = zlib.decompressobj().decompress(b"".join(compressed), size)  # never more, whatever the file unpacks to
    if len(lines) < size:
        raise ValueError("the pixels end early")
    octets = _unfiltered(np.frombuffer(lines, dtype=np.uint8).reshape(height, -1), n_bytes)
    return octets.view(">u2").astype(np.uint16)


def write_png16(pixels: Array) -> bytes:
    """Return the content of an RGB PNG file of pixels uint16 (height, width, 3)."""
    import numpy as np

    height, width, _ = pixels.shape
    lines = np.zeros((height, 1 + 6 * width), np.uint8)  # each begins with its filter, 0
    lines[:, 1:] = np.ascontiguousarray(pixels, ">u2").view(np.uint8).reshape(height, -1)
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, 2, 0, 0, 0])
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes())), (b"IEND", b""))
    return SIGNATURE + b"".join(
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big") for name, data in chunks
    )


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the data of each chunk; raises ValueError for one that is damaged or cut short."""
    at = len(SIGNATURE)
    while at < len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        name = content[at + 4 : at + 8]
        if zlib.crc32(content[at + 4 : end]) != int.from_bytes(content[end : end + 4], "big") or end + 4 > len(content):
            raise ValueError(f"the chunk {name!r} is damaged")
        yield name, content[at + 8 : end]
        if name == b"IEND":
            return
        at = end + 4
    raise ValueError("the end is missing")


def _unfiltered(lines: Array, n_bytes: int) -> Array:
    """Return uint8 (height, width, n_bytes) of lines (height, 1 + width * n_bytes), which begin with their filter.

    A pixel is predicted from those to its left, above and above left, so that all pixels of one diagonal are found at
    once: a loop over single pixels would take seconds for an image of a camera.
    """
    import numpy as np

    kind, filtered = lines[:, :1], lines[:, 1:].reshape(len(lines), -1, n_bytes)
    if kind.max() > 4:
        raise ValueError(f"a line has the filter {kind.max()}, expected 0 to 4")
    height, width, _ = filtered.shape
    out = np.zeros((height + 1, width + 1, n_bytes), dtype=np.int16)  # with zeros above and to the left of the image
    for diagonal in range(height + width - 1):
        row = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        column = diagonal - row
        left, above, corner = out[row + 1, column], out[row, column + 1], out[row, column]
        predictions = (np.zeros_like(left), left, above, (left + above) // 2, _paeth(left, above, corner))
        out[row + 1, column + 1] = (filtered[row, column] + np.choose(kind[row], predictions)) & 255
    return out[1:, 1:].astype(np.uint8)


def _paeth(left: Array, above: Array, corner: Array) -> Array:
    """Return that of three neighbours which is nearest to left + above - corner, in this order where two are."""
    import numpy as np

    to_left, to_above = np.abs(above - corner), np.abs(left - corner)
    to_corner = np.abs(left + above - 2 * corner)
    nearest = np.where(to_above <= to_corner, above, corner)
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, nearest)

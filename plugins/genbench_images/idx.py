"""IDX, the format of MNIST: two zero bytes, the type of the values, the number of dimensions, sizes, values."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from genbench.errors import DataError
from genbench.protocol import Array

__all__ = ["MAX_BYTES", "read_idx", "read_labelled"]

UNSIGNED_BYTE = 0x08
MAX_BYTES = 1 << 30  # 1.3 million digits: a larger size means a damaged header, or another dataset than MNIST


def read_idx(path: Path, dimensions: int) -> Array:
    """Return the uint8 array of an IDX file, compressed with gzip or not, with this number of dimensions.

    Raises DataError where the file is missing, truncated, too long, or of another format.
    """
    try:
        with path.open("rb") as raw, gzip.open(raw) if _is_gzip(path) else raw as file:
            header = file.read(4)
            if header != bytes([0, 0, UNSIGNED_BYTE, dimensions]):
                raise DataError(
                    f"{path}: not an IDX file of bytes in {dimensions} dimensions: it begins with "
                    f"{header.hex() or 'nothing'}, expected 000008{dimensions:02x}"
                )
            sizes = file.read(4 * dimensions)
            if len(sizes) < 4 * dimensions:
                raise DataError(f"{path}: truncated: the file ends within its header")
            shape = struct.unpack(f">{dimensions}I", sizes)
            count = math.prod(shape)
            if count > MAX_BYTES:
                raise DataError(f"{path}: the header declares {count} bytes, the limit is {MAX_BYTES}")
            content = file.read(count + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) != count:
        fault, found = ("truncated", str(len(content))) if len(content) < count else ("too long", "more")
        raise DataError(f"{path}: {fault}: shape {shape} takes {count} bytes, found {found}")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def read_labelled(path: Path, remedy: str) -> tuple[Array, Array]:
    """Return images (n, height, width) and labels (n,) of the train and t10k files in a folder, or of one file.

    File names are those of MNIST, ``train-images-idx3-ubyte`` and so on, with or without ``.gz``, also with a dot
    before ``idx``. Raises DataError, with the remedy, where there are none.
    """
    if path.is_dir():
        files = [f for part in ("train", "t10k") if (f := _find(path, f"{part}-images", 3))]
    else:
        files = [path] if path.is_file() else []
    if not files:
        raise DataError(f"{path}: no IDX files of images here, such as train-images-idx3-ubyte.gz; {remedy}")
    pairs = [_with_labels(file) for file in files]
    if len({images.shape[1:] for images, _ in pairs}) > 1:
        raise DataError(f"{path}: the images of its files differ in size: {[images.shape[1:] for images, _ in pairs]}")
    return np.concatenate([images for images, _ in pairs]), np.concatenate([labels for _, labels in pairs])


def _find(folder: Path, stem: str, dimensions: int) -> Path | None:
    names = [f"{stem}{separator}idx{dimensions}-ubyte{end}" for separator in "-." for end in ("", ".gz")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _with_labels(file: Path) -> tuple[Array, Array]:
    images = read_idx(file, 3)
    stem = file.name.split("idx3")[0][:-1].replace("images", "labels")
    labels_file = _find(file.parent, stem, 1)
    if labels_file is None:
        raise DataError(f"{file}: its labels, {stem}-idx1-ubyte or {stem}-idx1-ubyte.gz, are not beside it")
    labels = read_idx(labels_file, 1)
    if len(labels) != len(images):
        raise DataError(f"{file}: {len(images)} images, but {len(labels)} labels in {labels_file.name}")
    return images, labels

"""Read a folder of images, all of one size; the names of its sub-folders, if there are any, are the labels."""

from __future__ import annotations

import contextlib
import hashlib
import math
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genbench.files.source import Block, Source, digest, explain_read_errors, join_names, printable, quote

if TYPE_CHECKING:
    from genbench.protocol import Array

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}

# modes of more than 8 bits a pixel, and the numpy type of each
DEEP_MODES = {"I;16": "u2", "I;16L": "u2", "I;16B": "u2", "I": "i4", "F": "f4"}
ALPHA_MODES = {"LA", "La", "PA", "RGBA", "RGBa"}


def read_folder(source: Source, max_bytes: int) -> Block:
    """Return the images of a folder, grey or RGB, as (n, channels, height, width), in the order of their names.

    Pixels are uint8, except that grey images of 16 or 32 bits or of floats keep their type. Raises DataError for a
    folder without images, for images of different sizes and for a damaged image.
    """
    import numpy as np

    with explain_read_errors(source):
        paths, labels, notes = _list_images(source)
    width, height, modes = _read_headers(source, paths, max_bytes)
    mode = _common_mode(source, modes)
    if len(modes) > 1:
        notes.append(f"images of modes {join_names(sorted(modes))} were read as {mode}")
    if modes & ALPHA_MODES:
        notes.append("transparency was left out")
    shape = (len(paths), 3 if mode == "RGB" else 1, height, width)
    size = math.prod(shape) * np.dtype(DEEP_MODES.get(mode, "u1")).itemsize
    source.check_size(size, max_bytes, f"{len(paths)} images of {width}x{height} take")
    return Block(_pixels(paths, mode, shape), labels=labels, notes=notes)


def _common_mode(source: Source, modes: set[str]) -> str:
    """Return the mode in which all images are read; raises DataError if modes of more than 8 bits mix with others."""
    if len(modes) == 1 and modes <= set(DEEP_MODES):
        return next(iter(modes))
    if deep := sorted(modes & set(DEEP_MODES)):
        others = sorted(modes - set(DEEP_MODES))
        raise source.error(
            f"mixes images of {join_names(deep)} (16 bits or more){' and ' * bool(others)}{join_names(others)}"
        )
    return "L" if modes <= {"1", "L", "LA"} else "RGB"


def _list_images(source: Source) -> tuple[list[Path], Array | None, list[str]]:
    """Return the paths of the images, their labels if they lie in sub-folders, and notes."""
    import numpy as np

    folder = source.path
    top = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    below = {
        sub.name: sorted(p for p in sub.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
        for sub in sorted(folder.iterdir())
        if sub.is_dir() and not sub.name.startswith(".")
    }
    if top:
        n_left_out = sum(map(len, below.values()))
        return top, None, [f"{n_left_out} images in sub-folders were left out"] if n_left_out else []
    paths = [p for images in below.values() for p in images]
    if not paths:
        suffixes = Counter(p.suffix.lower() or "without suffix" for p in folder.iterdir() if p.is_file())
        content = f"; it holds {join_names([f'{n} {suffix}' for suffix, n in suffixes.items()])}" if suffixes else ""
        raise source.error(f"is a folder without images (png, jpg, ...){content}; name one file instead")
    return paths, np.array([name for name, images in below.items() for _ in images]), []


def _read_headers(source: Source, paths: Sequence[Path], max_bytes: int) -> tuple[int, int, set[str]]:
    """Return the width, the height and the modes of the images, from their headers alone."""
    from PIL import Image

    size, modes = None, set()
    for path in paths:
        with explain_read_errors(Source(path), "an image"), _without_pixel_limit(), Image.open(path) as image:
            if size is None:
                size = image.size
                source.check_size(size[0] * size[1], max_bytes, f"{printable(path.name)} takes")
            modes.add(image.mode)
            found = image.size
        if found != size:
            raise source.error(
                f"{quote(path.relative_to(source.path))} is {found[0]}x{found[1]} pixels, "
                f"{quote(paths[0].relative_to(source.path))} is {size[0]}x{size[1]}; bring all images to one size"
            )
    assert size is not None
    return size[0], size[1], modes


@contextlib.contextmanager
def _without_pixel_limit() -> Iterator[None]:
    """Switch off Pillow's limit on pixels: sizes are checked here, against ``max_bytes``, which the user can raise."""
    from PIL import Image

    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _pixels(paths: Sequence[Path], mode: str, shape: tuple[int, int, int, int]) -> Array:
    import numpy as np
    from PIL import Image

    out = np.empty(shape, dtype=DEEP_MODES.get(mode, "u1"))
    for i, path in enumerate(paths):
        with explain_read_errors(Source(path), "an image"), _without_pixel_limit(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                pixels = np.asarray(image if mode in DEEP_MODES else image.convert(mode))
        out[i] = pixels[None] if shape[1] == 1 else pixels.transpose(2, 0, 1)
    return out


def digest_of_folder(source: Source) -> str:
    """Return one sha256 of the names and bytes of all images in a folder."""
    total = hashlib.sha256()
    for path in sorted(p for p in source.path.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()):
        total.update(f"{path.relative_to(source.path).as_posix()}\0{digest(path)}\0".encode())
    return total.hexdigest()

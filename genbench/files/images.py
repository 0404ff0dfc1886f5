"""A folder of images, all of one size; its sub-folders, if it has them, are the labels."""

from __future__ import annotations

import contextlib
import hashlib
import math
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.files.source import Block, Source, digest, printable, quoted, reading, some

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

ENDINGS = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"}

DEEP = {"I;16": "u2", "I;16L": "u2", "I;16B": "u2", "I": "i4", "F": "f4"}  # modes of more than 8 bits
TRANSPARENT = {"LA", "La", "PA", "RGBA", "RGBa"}


def read_folder(source: Source, max_bytes: int) -> Block:
    """Return the images of a folder, grey or RGB, as (n, channels, height, width), in the order of their names.

    Pixels are uint8; deep grey images keep their 16-bit, 32-bit or real-valued pixels.
    Raises DataError for a folder without images, for images of different sizes and for a damaged one.
    """
    import numpy as np

    with reading(source):
        paths, labels, notes = _listed(source)
    width, height, modes = _measured(source, paths, max_bytes)
    mode = _common(source, modes)
    if len(modes) > 1:
        notes.append(f"images of modes {some(sorted(modes))} were read as {mode}")
    if modes & TRANSPARENT:
        notes.append("transparency was left out")
    shape = (len(paths), 3 if mode == "RGB" else 1, height, width)
    taken = math.prod(shape) * np.dtype(DEEP.get(mode, "u1")).itemsize
    source.check_size(taken, max_bytes, f"{len(paths)} images of {width}x{height} take")
    return Block(_pixels(paths, mode, shape), labels=labels, notes=notes)


def _common(source: Source, modes: set[str]) -> str:
    """Return the mode all images are read in; raises DataError where deep pixels are mixed with others."""
    if len(modes) == 1 and modes <= set(DEEP):
        return next(iter(modes))
    if deep := sorted(modes & set(DEEP)):
        others = sorted(modes - set(DEEP))
        raise source.error(f"mixes images of {some(deep)} (16 bits or more){' and ' * bool(others)}{some(others)}")
    return "L" if modes <= {"1", "L", "LA"} else "RGB"


def _listed(source: Source) -> tuple[list[Path], Array | None, list[str]]:
    import numpy as np

    folder = source.path
    top = sorted(p for p in folder.iterdir() if p.suffix.lower() in ENDINGS and p.is_file())
    below = {
        sub.name: sorted(p for p in sub.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
        for sub in sorted(folder.iterdir())
        if sub.is_dir() and not sub.name.startswith(".")
    }
    if top:
        left = sum(map(len, below.values()))
        return top, None, [f"{left} images in sub-folders were left out"] if left else []
    paths = [p for images in below.values() for p in images]
    if not paths:
        endings = Counter(p.suffix.lower() or "without ending" for p in folder.iterdir() if p.is_file())
        held = f"; it holds {some([f'{n} {ending}' for ending, n in endings.items()])}" if endings else ""
        raise source.error(f"is a folder without images (png, jpg, ...){held}; name one file instead")
    return paths, np.array([name for name, images in below.items() for _ in images]), []


def _measured(source: Source, paths: Sequence[Path], max_bytes: int) -> tuple[int, int, set[str]]:
    """Return the size and the modes of the images, from their headers alone."""
    from PIL import Image

    size, modes = None, set()
    for path in paths:
        with reading(Source(path), "an image"), _any_size(), Image.open(path) as image:
            if size is None:
                size = image.size
                source.check_size(size[0] * size[1], max_bytes, f"{printable(path.name)} takes")
            modes.add(image.mode)
            found = image.size
        if found != size:
            raise source.error(
                f"{quoted(path.relative_to(source.path))} is {found[0]}x{found[1]} pixels, "
                f"{quoted(paths[0].relative_to(source.path))} is {size[0]}x{size[1]}; bring all images to one size"
            )
    assert size is not None
    return size[0], size[1], modes


@contextlib.contextmanager
def _any_size() -> Iterator[None]:
    """Lift Pillow's own limit on pixels: sizes are checked here, against one that can be raised."""
    from PIL import Image

    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _pixels(paths: Sequence[Path], mode: str, shape: tuple[int, int, int, int]) -> Array:
    import numpy as np
    from PIL import Image

    out = np.empty(shape, dtype=DEEP.get(mode, "u1"))
    for i, path in enumerate(paths):
        with reading(Source(path), "an image"), _any_size(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                pixels = np.asarray(image if mode in DEEP else image.convert(mode))
        out[i] = pixels[None] if shape[1] == 1 else pixels.transpose(2, 0, 1)
    return out


def digest_of_folder(source: Source) -> str:
    """Return one sha256 of the names and bytes of all images in a folder."""
    total = hashlib.sha256()
    for path in sorted(p for p in source.path.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file()):
        total.update(f"{path.relative_to(source.path).as_posix()}\0{digest(path)}\0".encode())
    return total.hexdigest()

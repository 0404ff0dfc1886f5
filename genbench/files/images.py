"""Read a folder of images, all of one size, with the values that they hold."""

from __future__ import annotations

import contextlib
import itertools
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genbench.files.folders import list_images
from genbench.files.png16 import mode_of_png16, read_png16
from genbench.files.source import Block, Source, explain_read_errors, join_names, quote

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

    from genbench.protocol import Array

# Pillow's decoders of these suffixes; no other is tried, whatever a file holds
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")

# modes of more than 8 bits a channel, and the numpy type of each; those with ;16 are Pillow's and those of png16.py
SIXTEEN_BIT_MODES = {"I;16", "I;16L", "I;16B", "LA;16", "RGB;16", "RGBA;16"}
DEEP_MODES = dict.fromkeys(SIXTEEN_BIT_MODES, "u2") | {"I": "i4", "F": "f4"}
COLOUR_MODES = {"RGB", "RGB;16"}
ALPHA_MODES = {"LA", "La", "PA", "RGBA", "RGBa", "LA;16", "RGBA;16"}
# where a PNG may say how the image is turned; to ask Pillow takes as long as to read all pixels
PNG_EXIF_MARKS = (b"eXIf", b"Raw profile type exif", b"XML:com.adobe.xmp")


@dataclass(frozen=True)
class ImageHeader:
    """What is known of one image before its pixels are read: a file, or one page or frame of a file."""

    path: Path
    page: int
    pages: int  # of the file
    mode: str
    size: tuple[int, int]  # width and height, once it is turned upright
    orientation: int  # of EXIF: 1 is upright, 2 to 8 are mirrored or turned


def read_folder(source: Source, max_bytes: int) -> tuple[Block, Array | None]:
    """Return the images of a folder, and the split of each where the folder has the sub-folders train and test.

    Images are grey or RGB, (n, channels, height, width), in the order of their names; the pages or frames of a file are
    images of their own. Pixels are uint8, except that images of 16 bits, and grey ones of 32 bits or of floats, keep
    their type. Raises DataError for a folder without images, for images of different sizes, for a damaged image and for
    one that could be read with 8 of its 16 bits only.
    """
    import numpy as np

    with explain_read_errors(source):
        listing = list_images(source)
    headers, notes = _read_headers(source, listing.paths, max_bytes)
    notes = [*listing.notes, *notes]
    modes = {header.mode for header in headers}
    mode = _common_mode(source, modes)
    if len(modes) > 1:
        notes.append(f"images of modes {join_names(sorted(modes))} were read as {mode}")
    if modes & ALPHA_MODES:
        notes.append("transparency was left out")
    width, height = headers[0].size
    shape = (len(headers), 3 if mode in COLOUR_MODES else 1, height, width)
    size = math.prod(shape) * np.dtype(DEEP_MODES.get(mode, "u1")).itemsize
    source.check_size(size, max_bytes, f"{len(headers)} images of {width}x{height} take")
    counts = [header.pages for header in headers if header.page == 0]
    labels, parts = (
        None if of_files is None else np.repeat(np.array(of_files), counts)
        for of_files in (listing.labels, listing.parts)
    )
    found = _pixels(headers, mode, shape)
    if mode == "RGB" and all(header.path.suffix.lower() == ".gif" for header in headers) and _is_grey(found):
        found = found[:, :1]  # which a GIF, whose colours are those of a palette, cannot state
    return Block(found, labels=labels, notes=notes), parts


def _is_grey(pixels: Array) -> bool:
    """Return whether the three channels of all images (n, 3, height, width) are the same."""
    return all(bool((image[0] == image[1]).all() and (image[0] == image[2]).all()) for image in pixels)


def _common_mode(source: Source, modes: set[str]) -> str:
    """Return the mode in which all images are read; raises DataError if modes of more than 8 bits mix with others."""
    if modes <= SIXTEEN_BIT_MODES:
        return "RGB;16" if modes & {"RGB;16", "RGBA;16"} else "I;16"
    if len(modes) == 1 and modes <= set(DEEP_MODES):
        return next(iter(modes))
    if deep := sorted(modes & set(DEEP_MODES)):
        others = sorted(modes - set(DEEP_MODES))
        raise source.error(
            f"mixes images of {join_names(deep)} (16 bits or more){' and ' * bool(others)}{join_names(others)}"
        )
    return "L" if modes <= {"1", "L", "LA"} else "RGB"


# ------------------------------------------------------------------------------------------------------------ headers


def _read_headers(source: Source, paths: Sequence[Path], max_bytes: int) -> tuple[list[ImageHeader], list[str]]:
    """Return the headers of all images, which have one size, and notes on files of several and on turned ones."""
    headers: list[ImageHeader] = []
    n_previews = n_files = 0
    for path in paths:
        with _opened(path) as image:
            # of phones and stereo cameras: the further pictures of such a JPEG are previews and maps of the first
            previews = image.format == "MPO"
            pages = 1 if previews else getattr(image, "n_frames", 1)
            Source(path).check_size(math.prod(image.size) * pages, max_bytes, "the pixels take")
            for header in _pages(path, image, pages):
                headers.append(header)
                _check_same_size(source, headers[0], header)
        n_previews += previews
        n_files += pages > 1
    n, notes = len(paths), []
    if n_files:
        each = "hold several pages or frames, each an image of its own"
        notes.append(f"{n_files} of {n} files {each}: {n} files gave {len(headers)} images")
    if n_previews:
        notes.append(f"{n_previews} of {n} files hold previews beside their image, which were left out")
    if n_turned := sum(header.orientation != 1 for header in headers):
        notes.append(f"{n_turned} of {len(headers)} images were turned upright, as their EXIF orientation says")
    return headers, notes


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[ImageFile]:
    """Open an image, and raise a DataError of one line for all that goes wrong with it inside the block."""
    from PIL import Image, UnidentifiedImageError

    source = Source(path)
    with explain_read_errors(source, "an image"), _without_pixel_limit(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(path, formats=FORMATS)
        except UnidentifiedImageError as error:
            known = "PNG, JPEG, BMP, GIF, TIFF, WebP or PPM"
            raise source.error(f"cannot be read: it is no {known} image, or it is damaged; save it as PNG") from error
        with image:
            yield image


@contextlib.contextmanager
def _without_pixel_limit() -> Iterator[None]:
    """Switch off Pillow's limit on pixels: sizes are checked here, against ``max_bytes``, which the user can raise."""
    from PIL import Image

    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _pages(path: Path, image: ImageFile, pages: int) -> Iterator[ImageHeader]:
    content = path.read_bytes() if image.format == "PNG" else b""
    may_be_turned = image.format != "PNG" or any(mark in content for mark in PNG_EXIF_MARKS)
    for page in range(pages):
        image.seek(page)
        mode = mode_of_png16(content) or image.mode
        if mode not in DEEP_MODES and _bits(image) > 8:
            raise Source(path).error(
                f"has {_bits(image)} bits a channel, and only 8 can be read of {image.format} images with colour or "
                "transparency; save it as PNG, or all images as one npy array"
            )
        orientation = _orientation(image) if may_be_turned else 1
        width, height = _stored_size(image)
        yield ImageHeader(
            path, page, pages, mode, (height, width) if orientation >= 5 else (width, height), orientation
        )


def _stored_size(image: ImageFile) -> tuple[int, int]:
    """Return the width and the height in the file: those that Pillow gives of a TIFF image may be those upright."""
    tags = getattr(image, "tag_v2", None)
    return image.size if tags is None else (int(tags[256]), int(tags[257]))


def _bits(image: ImageFile) -> int:
    """Return the number of bits of a channel in the file, of which Pillow may keep 8 only."""
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(258, 1)
        return int(max(bits)) if isinstance(bits, tuple) else int(bits)
    if image.format == "PPM" and image.tile:
        arguments = image.tile[0][3]
        # the largest value, which Pillow's decoder of deep and of plain files is given
        return int(arguments[-1]).bit_length() if isinstance(arguments, tuple) and isinstance(arguments[-1], int) else 8
    return 8


def _orientation(image: Image) -> int:
    """Return the orientation that EXIF gives, 1 to 8; it is 1, upright, where EXIF lacks or is damaged."""
    from PIL import ExifTags

    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # whatever Pillow raises on a damaged header: the pixels may be sound, and are read later
        return 1
    return found if found in range(1, 9) else 1


def _check_same_size(source: Source, first: ImageHeader, other: ImageHeader) -> None:
    if other.size != first.size:
        found, expected = (_describe_size(source, header) for header in (other, first))
        raise source.error(f"{found} pixels, {expected}; bring all images to one size")


def _describe_size(source: Source, header: ImageHeader) -> str:
    name = quote(header.path.relative_to(source.path))
    where = f"page {header.page + 1} of {name}" if header.pages > 1 else name
    return f"{where} is {header.size[0]}x{header.size[1]}"


# ------------------------------------------------------------------------------------------------------------- pixels


def _pixels(headers: Sequence[ImageHeader], mode: str, shape: tuple[int, int, int, int]) -> Array:
    """Return all images, in one mode and upright."""
    import numpy as np

    out = np.empty(shape, dtype=DEEP_MODES.get(mode, "u1"))
    at = itertools.count()
    for path, pages in itertools.groupby(headers, key=lambda header: header.path):
        with _opened(path) as image:
            for header in pages:
                image.seek(header.page)
                pixels = _pixels_of(header, image, mode)
                if pixels.ndim == 3:
                    # a grey image is without its alpha as a colour image is, and gives all channels the same values
                    pixels = pixels[..., : 3 if pixels.shape[2] > 2 else 1].transpose(2, 0, 1)
                out[next(at)] = pixels
    return out


def _pixels_of(header: ImageHeader, image: ImageFile, mode: str) -> Array:
    """Return the pixels of one image, (height, width) or (height, width, channels), with alpha only at 16 bits."""
    import numpy as np

    if header.mode in ("LA;16", "RGB;16", "RGBA;16"):
        return _upright(read_png16(Source(header.path), header.path.read_bytes()), header.orientation)
    image.load()
    # asked again, since Pillow turns TIFF images upright itself
    orientation = header.orientation if header.orientation == 1 else _orientation(image)
    return _upright(np.asarray(image if mode in DEEP_MODES else image.convert(mode)), orientation)


def _upright(pixels: Array, orientation: int) -> Array:
    """Return an image (height, width, ...) mirrored and turned as ``PIL.ImageOps.exif_transpose`` does it."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels[:, ::-1] if orientation in (2, 3, 6, 7) else pixels

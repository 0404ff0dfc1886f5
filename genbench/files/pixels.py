"""Decide whether an array holds images or rows, and which numbers black and white are; what is not clear is asked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from genbench.errors import DataError
from genbench.files.numbers import as_float
from genbench.files.source import Source, describe_row_number, printable

if TYPE_CHECKING:
    from genbench.protocol import Array

CHANNELS = (1, 3, 4)
MIN_SIDE = 8  # pixels; narrower arrays may be lists of particles with their features
FEW_LEVELS = 16  # up to which the levels are those that occur: binary images, scans of 4 bits
DEPTHS = (8, 10, 12, 14, 16)  # bits of detectors and of files
READ_AS = ("images", "rows")


def parse_range(text: str) -> tuple[float, float]:
    """Return the two numbers of ``LOW,HIGH``; raises DataError for anything else."""
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = math.nan
    if not -math.inf < low < high < math.inf:
        raise DataError(f"--range {printable(text)}: expected LOW,HIGH, two numbers in rising order, as 0,255")
    return low, high


def check_read_as(read_as: str | None) -> None:
    """Raise DataError for anything but ``images``, ``rows`` and None."""
    if read_as not in (None, *READ_AS):
        raise DataError(f"--as {printable(read_as)}: expected images or rows")


def are_images(source: Source, values: Array, read_as: str | None) -> bool:
    """Return whether an array of three or four dimensions holds images.

    Arrays (n, h, w) that are narrow and not square are as often n lists of particles: raises DataError, which asks,
    unless they hold bytes.
    """
    if read_as is not None:
        return read_as == "images"
    height, width = values.shape[1:3]
    narrow = height != width and min(height, width) < MIN_SIDE
    if values.ndim == 3 and narrow and values.dtype != "uint8":
        raise source.error(
            f"has the shape {values.shape}: {len(values)} images of {height}x{width} pixels, or {len(values)} rows of "
            f"{height} times {width} numbers? say which with --as images or --as rows"
        )
    return True


def names_of_rows(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return names of the columns of rows with this shape: ``c0_0, c0_1, ...``, the last index fastest."""
    names = ["c"]
    for axis, length in enumerate(shape):
        names = [f"{name}{'_' if axis else ''}{i}" for name in names for i in range(length)]
    return tuple(names)


def axes_of(values: Array) -> str:
    """Return the order of the axes of images (n, ...): ``hw``, ``chw``, or ``hwc`` with their channels last."""
    if values.ndim == 3:
        return "hw"
    return "hwc" if values.shape[3] in CHANNELS and values.shape[1] not in CHANNELS else "chw"


def read_images(source: Source, values: Array, pixel_range: str, notes: list[str]) -> tuple[Array, int | None]:
    """Return images (n, channels, height, width) and their number of grey levels, None for real-valued ones.

    Integers of up to 17 levels have as many as occur; others have the fewest bits of 8, 10, 12, 14 and 16 that hold
    them, or those that ``pixel_range`` states. Raises DataError for pixels outside it.
    """
    if values.dtype.kind not in "biuf":
        raise source.error(
            f"holds {values.dtype} arrays of shape {values.shape}, expected images of integers or floats"
        )
    axes = axes_of(values)
    if axes == "hw":
        values = values[:, None]
    elif axes == "hwc":
        values = values.transpose(0, 3, 1, 2)
        notes.append("images have their channels last: they were moved to (n, channels, height, width)")
    if values.dtype.kind == "f":
        return as_float(source, values, "pixels", describe_row_number), None
    low, high = int(values.min()), int(values.max())
    if pixel_range:
        return _in_range(source, values, pixel_range, low, high)
    if low < 0 or high >= 2 ** DEPTHS[-1]:
        notes.append(f"integer images from {low} to {high} are taken as real-valued")
        return as_float(source, values, "pixels", describe_row_number), None
    bits = next(bits for bits in DEPTHS if high < 2**bits)
    if DEPTHS[0] < bits < DEPTHS[-1]:
        notes.append(
            f"pixels up to {high} are taken as {bits} bits, {2**bits} levels; --range 0,65535 takes them as 16"
        )
    levels = max(high + 1, 2) if high <= FEW_LEVELS else 2**bits
    return values.astype("uint8" if levels <= 256 else "uint16"), levels


def _in_range(source: Source, values: Array, pixel_range: str, low: int, high: int) -> tuple[Array, int]:
    first, last = parse_range(pixel_range)
    if first != 0 or last != int(last) or last >= 2 ** DEPTHS[-1]:
        raise source.error(f"--range {printable(pixel_range)}: its pixels are integers, expected 0,HIGH below 65536")
    if low < 0 or high > last:
        raise source.error(f"--range {printable(pixel_range)}: its pixels are from {low} to {high}")
    levels = int(last) + 1
    return values.astype("uint8" if levels <= 256 else "uint16"), levels

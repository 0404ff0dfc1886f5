"""What a file of samples has to look like: columns with types and units, and a layout; and samples in these types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from genbench.errors import DataError
from genbench.files.numbers import MAX_EXACT_INTEGER
from genbench.files.source import DEFAULT_LAYOUT, FileLayout, quote
from genbench.files.user_data import UserData
from genbench.spec import Column

if TYPE_CHECKING:
    import numpy as np

    from genbench.protocol import Array

BLOCK_ROWS = 2**16  # that are written at once
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")
TEXTS = ("text", "dictionary")

Blocks = Iterator[Sequence["Array"]]  # of samples: the columns of a table, each of its type, or one array of images


@dataclass(frozen=True)
class FileSchema:
    """The columns of a table and the ``types`` in which they are written, or the shape of images, and their layout.

    A type is one of numpy's, ``text``, or ``dictionary``, which is text in a file that has a type for categories.
    ``named`` says that the columns have names of their own, ``constant`` names those that always have one value.
    ``suffix`` is that of the file: ``.csv.gz``, or nothing for a folder of images.
    """

    columns: tuple[Column, ...]
    types: tuple[str, ...]
    layout: FileLayout = DEFAULT_LAYOUT
    suffix: str = ""
    named: bool = True
    shape: tuple[int, ...] = ()  # (channels, height, width) of an image, () for a table

    @property
    def kind(self) -> str:
        """``vector`` or ``image``."""
        return "image" if self.shape else "vector"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def units(self) -> dict[str, str]:
        """Units of the columns that have one."""
        return {column.name: column.unit for column in self.columns if column.unit}

    @property
    def records(self) -> np.dtype[np.void]:
        """The type of a structured array of the columns, in which text is as wide as the longest level."""
        import numpy as np

        widths = [max((len(level) for level in column.levels), default=1) for column in self.columns]
        return np.dtype(
            [
                (name, f"U{width}" if kind in TEXTS else kind)
                for name, kind, width in zip(self.names, self.types, widths, strict=True)
            ]
        )

    def in_types(self, samples: Array | Iterable[Array]) -> Iterator[list[Array]]:
        """Yield samples in blocks of columns (n,), each of its type; of images one array, with its axes in order.

        ``samples`` are (n, d) or (n, channels, height, width) in the data's units, or blocks of them. Integers are
        rounded and clipped to their type. Raises DataError for another shape, for numbers that are not finite, for
        codes without a level, and where there are no samples.
        """
        empty = True
        for block in _in_blocks(samples):
            self._check(block)
            if len(block):
                empty = False
                yield (
                    [self._pixels(block)]
                    if self.shape
                    else [
                        _column(block[:, i], column, kind)
                        for i, (column, kind) in enumerate(zip(self.columns, self.types, strict=True))
                    ]
                )
        if empty:
            raise DataError("there are no samples to write")

    def _check(self, block: Array) -> None:
        import numpy as np

        expected = self.shape or (len(self.columns),)
        if block.shape[1:] != expected or block.dtype.kind not in "biuf":
            shape = ", ".join(["n", *map(str, expected)])
            raise DataError(f"samples are {block.dtype} of shape {block.shape}, expected numbers ({shape})")
        if not np.isfinite(block).all():
            bad = int((~np.isfinite(block.reshape(len(block), -1))).any(1).sum())
            raise DataError(f"{bad} of {len(block)} samples are not finite")

    def _pixels(self, block: Array) -> Array:
        import numpy as np

        pixels = _as_type(block, self.types[0])
        if self.layout.axes == "hw" and self.shape[0] == 1:
            return pixels[:, 0]
        return np.moveaxis(pixels, 1, 3) if self.layout.axes == "hwc" else pixels


def schema_of(found: UserData, columns: Sequence[Column], suffix: str, notes: list[str]) -> FileSchema:
    """Return the schema of a user's file: ``columns`` as they are modelled, in the types that the file has.

    A column of integers that is modelled as continuous, as by ``--log``, is written as float64, with a note.
    """
    if found.kind == "image":
        real = found.levels is None and found.layout.dtype not in (*INTEGERS, *FLOATS)
        return FileSchema(
            (), ("float64" if real else found.layout.dtype,), found.layout, suffix, False, found.rows.shape[1:]
        )
    types, left = [], []
    for i, column in enumerate(columns):
        in_file = found.types.get(column.name, "")
        kind = _type_to_write(column, in_file, constant=bool((found.rows[:, i] == found.rows[0, i]).all()))
        types.append(kind)
        left += [column.name] if in_file in INTEGERS and kind in FLOATS else []
    notes += [f"column {quote(name)} is modelled as continuous: written as float64, not as integers" for name in left]
    return FileSchema(tuple(columns), tuple(types), found.layout, suffix, found.named)


def schema_of_columns(columns: Sequence[Column]) -> FileSchema:
    """Return the schema of a table that comes from no file; its columns are written as numbers, or text of levels."""
    types = tuple(_type_to_write(column, "", constant=False) for column in columns)
    return FileSchema(tuple(columns), types)


def schema_of_images(shape: tuple[int, ...], levels: int | None) -> FileSchema:
    """Return the schema of images (channels, height, width) that come from no file: of grey levels, or real ones."""
    kind = "float64" if levels is None else "uint8" if levels <= 256 else "int64"
    return FileSchema((), (kind,), named=False, shape=shape)


def with_columns(schema: FileSchema, other: FileSchema) -> FileSchema:
    """Return the schema of a table that has the columns of another one, too."""
    return replace(schema, columns=(*schema.columns, *other.columns), types=(*schema.types, *other.types))


def _type_to_write(column: Column, in_file: str, constant: bool) -> str:
    """Return the type of a column that holds one in its file, where nothing means that the file has no types."""
    if column.kind == "category":
        if in_file in (*TEXTS, "bool", *INTEGERS, *FLOATS):
            return in_file
        numbers = [_number(level) for level in column.levels]
        if None in numbers:
            return "text"
        return "int64" if all(number is not None and number.is_integer() for number in numbers) else "float64"
    if column.kind == "integer" or constant:
        return (
            in_file if in_file in ("bool", *INTEGERS, *FLOATS) else "int64" if column.kind == "integer" else "float64"
        )
    return in_file if in_file in FLOATS else "float64"


def _number(level: str) -> float | None:
    try:
        return float(level)
    except ValueError:
        return None


def _in_blocks(samples: Array | Iterable[Array]) -> Iterator[Array]:
    import numpy as np

    for part in [samples] if isinstance(samples, np.ndarray) else samples:
        part = np.asarray(part)
        for start in range(0, max(len(part), 1), BLOCK_ROWS):
            yield part[start : start + BLOCK_ROWS]


def _column(values: Array, column: Column, kind: str) -> Array:
    """Return a column (n,) of samples as it is written: in a type of numpy, or text as objects."""
    import numpy as np

    if column.kind != "category":
        return _as_type(values, kind)
    codes = np.rint(values).astype(np.int64) if values.dtype.kind == "f" else values
    if (codes < 0).any() or (codes >= len(column.levels)).any():
        raise DataError(f"column {quote(column.name)}: expected codes from 0 to {len(column.levels) - 1} of its levels")
    levels: Array = np.array(column.levels, dtype=object)
    if kind == "bool":
        levels = np.array([level in ("True", "1") for level in column.levels])
    elif kind not in TEXTS:
        levels = np.array([float(level) for level in column.levels]).astype(kind)
    chosen: Array = levels[codes]
    return chosen


def _as_type(values: Array, kind: str) -> Array:
    """Return numbers in a type: integers rounded, and all clipped to what it holds and a reader takes as exact."""
    import numpy as np

    if kind == "bool":
        return np.asarray(values >= 0.5)
    if kind in INTEGERS:
        info = np.iinfo(kind)
        low, high = max(int(info.min), -MAX_EXACT_INTEGER), min(int(info.max), MAX_EXACT_INTEGER)
        return np.asarray(np.clip(np.rint(values), low, high).astype(kind))
    limit = float(np.finfo(kind).max)
    return np.asarray(np.clip(values, -limit, limit).astype(kind))

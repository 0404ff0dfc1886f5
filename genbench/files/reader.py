"""Read a user's file, folder or array, and return its numbers, checked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.errors import DataError
from genbench.files import arrays, arrow, astronomy, documents, hdf5, images, pixels, root, text
from genbench.files.columns import ColumnNames, clean_names, pick, pick_one, split_names
from genbench.files.folders import digest_of_folder
from genbench.files.numbers import as_category, as_float, check_finite, without_rounding
from genbench.files.objects import InMemory, hold
from genbench.files.source import (
    KEYED,
    MAX_BYTES,
    Block,
    Category,
    Source,
    Table,
    describe_row_number,
    digest,
    explain_read_errors,
    find,
    format_of,
    quote,
)

if TYPE_CHECKING:
    from genbench.protocol import Array, Column

Read = Callable[[Source, int], Block | Table]
# reads what --columns and --labels name in the file, which may be arrays of their own
ReadNamed = Callable[[Source, Sequence[str], str | None, int], Block | Table]

READERS: dict[str, Read] = {
    "arrow": arrow.read_arrow,
    "json": documents.read_json,
    "json lines": documents.read_json_lines,
    "parquet": arrow.read_parquet,
    "stata": documents.read_stata,
    "xlsx": documents.read_xlsx,
}
READERS_OF_NAMED: dict[str, ReadNamed] = {
    "ecsv": astronomy.read_ecsv,
    "fits": astronomy.read_fits,
    "hdf5": hdf5.read_hdf5,
    "npy": arrays.read_npy,
    "npz": arrays.read_npz,
    "root": root.read_root,
    "votable": astronomy.read_votable,
}


@dataclass(frozen=True)
class UserData:
    """The user's numbers, checked: real and finite, a table or images.

    ``rows`` is float64 (n, d), or images (n, channels, height, width): unsigned integers with ``levels`` grey levels,
    or float64. ``columns`` are the names of the d columns: ``c0``, ``c1``, ... if ``named`` is False. ``labels`` (n,)
    are as in the file. ``units`` are those of the columns that have one in the file. ``sha256`` is the hash of the
    file's bytes. ``notes`` say what was guessed or changed. ``parts`` (n,) is ``train`` or ``test`` for each row of a
    folder that has these sub-folders, and None for all other data. ``categories`` are the levels of columns of text,
    whose rows are codes from 0. ``others`` are columns of the file that were not asked for, and ``dropped`` is the
    number of rows that were left out.
    """

    rows: Array
    columns: tuple[str, ...]
    named: bool
    labels: Array | None
    levels: int | None
    notes: tuple[str, ...]
    sha256: str
    label: str  # the file's name in errors
    units: Mapping[str, str] = field(default_factory=dict)
    parts: Array | None = None
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    dropped: int = 0

    @property
    def kind(self) -> str:
        """``vector`` or ``image``."""
        return "vector" if self.rows.ndim == 2 else "image"

    def error(self, message: str) -> DataError:
        """Return a DataError that begins with the file's name."""
        return DataError(f"{self.label}: {message}")


def read(
    path: str | Path | InMemory,
    *,
    columns: ColumnNames = None,
    labels: str | None = None,
    na: str = "refuse",
    encoding: str | None = None,
    max_bytes: int = MAX_BYTES,
    read_as: str | None = None,
    pixel_range: str = "",
) -> UserData:
    """Return the numbers in a file of any of ``SUPPORTED_FORMATS``, in a folder of images, or in an object in memory.

    ``columns`` are names, indices, ranges ``0:5``, globs or exclusions ``-id``; ``labels`` is a column that is returned
    separately. ``na`` is ``refuse`` or ``drop``; ``read_as`` says whether an array of more than two dimensions holds
    ``images`` or ``rows``; ``pixel_range`` is ``LOW,HIGH``, the pixels of black and white. Raises DataError, also for a
    file of more than ``max_bytes``.
    """
    if na not in ("refuse", "drop"):
        raise DataError(f"--na must be 'refuse' or 'drop', got {quote(na)}")
    pixels.check_read_as(read_as)
    if pixel_range:
        pixels.parse_range(pixel_range)
    if isinstance(path, InMemory):
        content = _as_asked(path.source, path.open(labels), read_as, pixel_range)
        return _check(path.source, content, split_names(columns), labels, na, max_bytes, path.sha256)
    source = find(path)
    if source.path.is_dir():
        if labels is not None:
            raise source.error("--labels: images in a folder take their labels from its sub-folders")
        if read_as == "rows":
            raise source.error("--as rows: a folder holds images")
        block, parts = images.read_folder(source, max_bytes)
        block = replace(block, read_as="images", pixel_range=pixel_range)
        return _check(source, block, split_names(columns), None, na, max_bytes, digest_of_folder(source), parts)
    kind = format_of(source)
    if source.key is not None and kind not in KEYED and not source.compression:
        raise source.error(f"only {', '.join(KEYED)} and zip files hold things with names, this is {kind}")
    found = _open(source, kind, split_names(columns), labels, encoding, max_bytes)
    found = _as_asked(source, found, read_as, pixel_range)
    with explain_read_errors(source):
        sha256 = digest(source.path)
    return _check(source, found, split_names(columns), labels, na, max_bytes, sha256)


def _as_asked(source: Source, found: Block | Table, read_as: str | None, pixel_range: str) -> Block | Table:
    if isinstance(found, Block):
        return replace(found, read_as=read_as, pixel_range=pixel_range)
    if read_as == "images":
        raise source.error("--as images: it is a table")
    return found


def _open(
    source: Source, kind: str, columns: Sequence[str], labels: str | None, encoding: str | None, max_bytes: int
) -> Block | Table:
    if kind == "text":
        return text.read_text(source, encoding, max_bytes)
    if kind in READERS:
        return READERS[kind](source, max_bytes)
    return READERS_OF_NAMED[kind](source, columns, labels, max_bytes)


def from_object(value: Any, name: str, **options: Any) -> UserData:
    """Return a user's array, tensor, data frame, table, mapping or dataset, checked like a file of the same content.

    ``name`` is its name in errors, and ``options`` are those of ``read``. Raises DataError like it.
    """
    return read(hold(value, name), **options)


def known_columns(data: UserData) -> tuple[Column, ...]:
    """Return the columns of a table as its file tells them: names, units and levels of categories; none of images."""
    from genbench.protocol import Column

    return tuple(
        Column(
            name,
            kind="category" if name in data.categories else "continuous",
            unit=data.units.get(name, ""),
            levels=data.categories.get(name, ()),
        )
        for name in data.columns
    )


def _check(
    source: Source,
    found: Block | Table,
    columns: tuple[str, ...],
    labels: str | None,
    na: str,
    max_bytes: int,
    sha256: str,
    parts: Array | None = None,
) -> UserData:
    if isinstance(found, Table):
        loaded, describe_row = _from_table(source, found, columns, labels, max_bytes, sha256), found.describe_row
    else:
        loaded, describe_row = _from_block(source, found, columns, labels, sha256), describe_row_number
    keep, note = check_finite(source, loaded.rows, loaded.columns, describe_row, na)
    if loaded.labels is not None:
        has_label = _has_label(loaded.labels)
        if not has_label.all():
            if na != "drop":
                first = describe_row(int((~has_label).argmax()))
                raise source.error(
                    f"--labels: {int((~has_label).sum())} of {len(has_label)} labels are missing, first at {first}; "
                    "--na drop leaves these rows out"
                )
            note = "; ".join(n for n in (note, f"dropped {int((~has_label).sum())} rows without a label") if n)
            keep = has_label if keep is None else keep & has_label
    if keep is not None:
        kept = None if loaded.labels is None else loaded.labels[keep]
        parts = None if parts is None else parts[keep]
        loaded = replace(
            loaded, rows=loaded.rows[keep], labels=kept, notes=(*loaded.notes, note), dropped=int((~keep).sum())
        )
    if len(loaded.rows) == 0:
        raise source.error("holds no rows" if keep is None else "--na drop leaves no rows")
    return replace(loaded, parts=parts)


def _has_label(labels: Array) -> Array:
    """Return a mask of the rows that have a label."""
    import numpy as np

    if labels.dtype.kind == "O":
        return np.array([v is not None and v == v for v in labels])
    return ~np.isnan(labels) if labels.dtype.kind == "f" else np.ones(len(labels), dtype=bool)


def _from_table(
    source: Source, table: Table, columns: tuple[str, ...], labels: str | None, max_bytes: int, sha256: str
) -> UserData:
    import numpy as np

    label = None if labels is None else pick_one(source, labels, table.names, "--labels")
    picked = range(len(table.names)) if table.picked else pick(source, columns, table.names, "--columns")
    chosen = [i for i in picked if i != label]
    if not chosen:
        raise source.error("no column is left besides that of --labels")
    if table.rows is not None:
        k = len(chosen) + (label is not None)
        source.check_memory(
            table.held, table.rows * k, max_bytes, f"{table.rows} rows of {k} column{'s' if k > 1 else ''}"
        )
    found, side = table.fetch(chosen, label)
    if "pyarrow" in sys.modules:  # it keeps what it has freed, which may be as much as all numbers take
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    if not len(found[0]):
        raise source.error("has columns but no rows")
    names = tuple(table.names[i] for i in chosen)
    rows = np.empty((len(found[0]), len(found)))
    categories = {}
    for i, (name, values) in enumerate(zip(names, found, strict=True)):
        category = values if isinstance(values, Category) else as_category(values)
        if category is not None:
            rows[:, i], categories[name] = category.codes, category.levels
        elif not isinstance(values, Category):
            rows[:, i] = without_rounding(values, as_float(source, values, name, table.describe_row))
    units = {name: table.units[name] for name in names if name in table.units}
    others = [*(name for i, name in enumerate(table.names) if i != label and i not in chosen), *table.others]
    return UserData(
        rows, names, table.named, side, None, tuple(table.notes), sha256, source.label, units,
        categories=categories, others=tuple(others),
    )  # fmt: skip


def _from_block(source: Source, block: Block, columns: tuple[str, ...], labels: str | None, sha256: str) -> UserData:
    values, notes = block.values, list(block.notes)
    if values.ndim == 1:
        values = values[:, None]
    if not 2 <= values.ndim <= 4:
        raise source.error(f"has the shape {block.values.shape}, expected (n,), (n, d), (n, h, w) or (n, c, h, w)")
    if 0 in values.shape:
        raise source.error(f"holds no numbers: its shape is {block.values.shape}")
    side = block.labels
    if side is not None and side.shape != (len(values),):
        raise source.error(
            f"--labels {quote(labels)} has shape {side.shape}, expected one label for each of {len(values)} rows"
        )
    if values.ndim > 2 and not pixels.are_images(source, values, block.read_as):
        block = replace(block, names=pixels.names_of_rows(values.shape[1:]))
        values = values.reshape(len(values), -1)
    if values.ndim > 2:
        if columns or (labels is not None and side is None):
            raise source.error(f"{'--columns' if columns else '--labels'}: images have no columns")
        rows, levels = pixels.read_images(source, values, block.pixel_range, notes)
        return UserData(rows, (), False, side, levels, tuple(notes), sha256, source.label)
    if block.names and len(block.names) != values.shape[1]:
        raise source.error(f"names {len(block.names)} columns, the array has {values.shape[1]}")
    names = clean_names(source, block.names, notes) if block.names else tuple(f"c{i}" for i in range(values.shape[1]))
    label = pick_one(source, labels, names, "--labels") if labels is not None and side is None else None
    chosen = [i for i in pick(source, columns, names, "--columns") if i != label]
    if label is not None:
        side = values[:, label]
    if not chosen:
        raise source.error("no column is left besides that of --labels")
    if chosen != list(range(len(names))):
        values = values[:, chosen]
    rows = _numbers(source, values, [names[i] for i in chosen])
    kept = tuple(names[i] for i in chosen)
    others = tuple(name for i, name in enumerate(names) if i != label and i not in chosen)
    return UserData(rows, kept, bool(block.names), side, None, tuple(notes), sha256, source.label, others=others)


def _numbers(source: Source, values: Array, names: Sequence[str]) -> Array:
    """Return float64 of the same shape; raises DataError, with the column, for values that are not numbers."""
    import numpy as np

    if values.dtype.kind in "bf":
        return without_rounding(values, as_float(source, values, "", describe_row_number))
    return np.stack([as_float(source, values[:, i], name, describe_row_number) for i, name in enumerate(names)], axis=1)

"""Read a user's file, folder or array, and return its numbers, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.errors import DataError
from genbench.files import arrays, arrow, astronomy, documents, hdf5, images, pixels, root, text
from genbench.files.columns import ColumnNames, split_names
from genbench.files.finite import check_finite
from genbench.files.folders import digest_of_folder
from genbench.files.numbers import has_value
from genbench.files.objects import InMemory, hold
from genbench.files.selection import Selection, take
from genbench.files.source import (
    KEYED,
    MAX_BYTES,
    Block,
    Source,
    Table,
    digest,
    explain_read_errors,
    find,
    format_of,
    quote,
)
from genbench.files.user_data import UserData

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
    beside: Mapping[str, Sequence[str]] | None = None,
) -> UserData:
    """Return the numbers in a file of any of ``SUPPORTED_FORMATS``, in a folder of images, or in an object in memory.

    ``columns`` are names, indices, ranges ``0:5``, globs or exclusions ``-id``; ``labels`` is a column that is returned
    separately. ``na`` is ``refuse`` or ``drop``; ``read_as`` says whether an array of more than two dimensions holds
    ``images`` or ``rows``; ``pixel_range`` is ``LOW,HIGH``, the pixels of black and white; ``beside`` maps options to
    the columns that they take out of the data, ``{"--weights": ["w"]}``. Raises DataError, also for a file of more than
    ``max_bytes``.
    """
    if na not in ("refuse", "drop"):
        raise DataError(f"--na must be 'refuse' or 'drop', got {quote(na)}")
    pixels.check_read_as(read_as)
    if pixel_range:
        pixels.parse_range(pixel_range)
    apart = [(option, word) for option, words in (beside or {}).items() for word in words]
    if isinstance(path, InMemory):
        asked = Selection(split_names(columns), labels, max_bytes, path.sha256, apart)
        return _check(path.source, _as_asked(path.source, path.open(labels), read_as, pixel_range), asked, na)
    source = find(path)
    if source.path.is_dir():
        if apart:
            raise source.error(f"{apart[0][0]}: a folder of images has no columns; store both in a npz or hdf5 file")
        if labels is not None:
            raise source.error("--labels: images in a folder take their labels from its sub-folders")
        if read_as == "rows":
            raise source.error("--as rows: a folder holds images")
        block, parts = images.read_folder(source, max_bytes)
        block = replace(block, read_as="images", pixel_range=pixel_range)
        return _check(
            source, block, Selection(split_names(columns), None, max_bytes, digest_of_folder(source)), na, parts
        )
    kind = format_of(source)
    if source.key is not None and kind not in KEYED and not source.compression:
        raise source.error(f"only {', '.join(KEYED)} and zip files hold things with names, this is {kind}")
    words = split_names(columns)
    found = _as_asked(source, _open(source, kind, words, labels, encoding, max_bytes), read_as, pixel_range)
    with explain_read_errors(source):
        sha256 = digest(source.path)

    def reopen(word: str) -> Block | Table:
        whole = source
        if source.key is not None and isinstance(found, Block) and found.values.ndim > 2:
            whole = replace(source, key=None)  # images have no columns: it is another array of the file
        return _open(whole, kind, (word,), None, encoding, max_bytes)

    asked = Selection(words, labels, max_bytes, sha256, apart, reopen if kind in READERS_OF_NAMED else None)
    return _check(source, found, asked, na)


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


def _check(source: Source, found: Block | Table, asked: Selection, na: str, parts: Array | None = None) -> UserData:
    loaded, describe_row = take(source, found, asked)
    keep, note = check_finite(source, loaded.rows, loaded.columns, describe_row, na)
    for columns_beside in loaded.beside.values():
        for name, values in columns_beside.items():
            complete, remark = check_finite(source, values[:, None], (name,), describe_row, na)
            if complete is not None:
                note, keep = "; ".join(filter(None, (note, remark))), complete if keep is None else keep & complete
    if loaded.labels is not None:
        has_label = has_value(loaded.labels)
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
        beside = {
            option: {name: values[keep] for name, values in found.items()} for option, found in loaded.beside.items()
        }
        loaded = replace(
            loaded, rows=loaded.rows[keep], labels=kept, notes=(*loaded.notes, note), beside=beside,
            dropped=int((~keep).sum()),
        )  # fmt: skip
    if len(loaded.rows) == 0:
        raise source.error("holds no rows" if keep is None else "--na drop leaves no rows")
    return replace(loaded, parts=parts)

"""Read a user's file, folder or array, and return its numbers, checked."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.errors import DataError
from genbench.files import arrays, arrow, astronomy, documents, hdf5, images, pixels, root, text
from genbench.files.columns import ColumnNames, MissingColumn, clean_names, pick, pick_one, split_names
from genbench.files.folders import digest_of_folder
from genbench.files.numbers import as_category, as_float, check_finite, has_value, holds_booleans
from genbench.files.source import (
    DEFAULT_LAYOUT,
    KEYED,
    MAX_BYTES,
    Block,
    FileLayout,
    Source,
    Table,
    describe_row_number,
    digest,
    explain_read_errors,
    find,
    format_of,
    printable,
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
    whose rows are codes from 0. ``beside`` maps an option such as ``--weights`` to the columns that it names, each
    (n,) by its name: they are not among ``columns``. ``types`` are those of the columns in the file: of numpy,
    ``text``, ``dictionary``, or nothing for numbers of a file without types. ``layout`` is how the file arranges what
    it holds.
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
    beside: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    layout: FileLayout = DEFAULT_LAYOUT

    @property
    def kind(self) -> str:
        """``vector`` or ``image``."""
        return "vector" if self.rows.ndim == 2 else "image"

    def error(self, message: str) -> DataError:
        """Return a DataError that begins with the file's name."""
        return DataError(f"{self.label}: {message}")


def read(
    path: str | Path,
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
    """Return the numbers in a file of any of ``SUPPORTED_FORMATS``, or in a folder of images.

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
    source, apart = find(path), [(option, word) for option, words in (beside or {}).items() for word in words]
    if source.path.is_dir():
        if apart:
            raise source.error(f"{apart[0][0]}: a folder of images has no columns; store both in a npz or hdf5 file")
        if labels is not None:
            raise source.error("--labels: images in a folder take their labels from its sub-folders")
        if read_as == "rows":
            raise source.error("--as rows: a folder holds images")
        block, parts = images.read_folder(source, max_bytes)
        block = replace(block, read_as="images", pixel_range=pixel_range)
        return _check(source, block, split_names(columns), None, na, digest_of_folder(source), parts)
    kind = format_of(source)
    if source.key is not None and kind not in KEYED and not source.compression:
        raise source.error(f"only {', '.join(KEYED)} and zip files hold things with names, this is {kind}")
    words = split_names(columns)
    found = _open(source, kind, words, labels, encoding, max_bytes)
    if isinstance(found, Block):
        found = replace(found, read_as=read_as, pixel_range=pixel_range)
    elif read_as == "images":
        raise source.error("--as images: it is a table")
    with explain_read_errors(source):
        sha256 = digest(source.path)

    def reopen(word: str) -> Block | Table:
        return _open(source, kind, (word,), None, encoding, max_bytes)

    return _check(
        source, found, words, labels, na, sha256, apart=_Apart(apart, reopen if kind in READERS_OF_NAMED else None)
    )


def _open(
    source: Source, kind: str, columns: Sequence[str], labels: str | None, encoding: str | None, max_bytes: int
) -> Block | Table:
    if kind == "text":
        return text.read_text(source, encoding, max_bytes)
    if kind in READERS:
        return READERS[kind](source, max_bytes)
    return READERS_OF_NAMED[kind](source, columns, labels, max_bytes)


def from_array(
    values: Any,
    name: str,
    columns: Sequence[str] = (),
    na: str = "refuse",
    read_as: str | None = None,
) -> UserData:
    """Return a user's array, tensor or data frame, checked like a file; ``name`` is its name in errors.

    ``na`` and ``read_as`` are those of ``read``. Raises DataError for anything but finite real numbers
    (n,), (n, d), (n, h, w) or (n, c, h, w).
    """
    import hashlib

    import numpy as np

    source, names = Source(Path(name)), columns or [str(c) for c in getattr(values, "columns", ())]
    try:
        values = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise source.error(f"cannot be taken as an array: {printable(error, 160)}") from error
    pixels.check_read_as(read_as)
    block = Block(values, tuple(names), read_as=read_as)
    found = _check(source, block, (), None, na, "")
    return replace(found, sha256=hashlib.sha256(np.ascontiguousarray(found.rows).data).hexdigest())


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


@dataclass(frozen=True)
class _Apart:
    """Columns that options take out of the data, as pairs of option and column.

    ``reopen(word)`` reads one that the file keeps under a name of its own; None where a file holds one table.
    """

    wanted: Sequence[tuple[str, str]] = ()
    reopen: Callable[[str], Block | Table] | None = None


def _check(
    source: Source,
    found: Block | Table,
    columns: tuple[str, ...],
    labels: str | None,
    na: str,
    sha256: str,
    parts: Array | None = None,
    apart: _Apart | None = None,
) -> UserData:
    apart = apart or _Apart()
    if isinstance(found, Table):
        loaded, describe_row = _from_table(source, found, columns, labels, sha256, apart), found.describe_row
    else:
        loaded, describe_row = _from_block(source, found, columns, labels, sha256, apart), describe_row_number
    loaded = _with_columns_of_their_own(source, loaded, apart)
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
        loaded = replace(loaded, rows=loaded.rows[keep], labels=kept, notes=(*loaded.notes, note), beside=beside)
    if len(loaded.rows) == 0:
        raise source.error("holds no rows" if keep is None else "--na drop leaves no rows")
    return replace(loaded, parts=parts)


def _places(source: Source, names: Sequence[str], apart: _Apart) -> dict[int, str]:
    """Return the option of each column that is taken out of the data; not those that have to be read on their own."""
    found: dict[int, str] = {}
    for option, word in apart.wanted:
        if apart.reopen is None or word in names:
            found.update(dict.fromkeys(pick(source, (word,), names, option), option))
    return found


def _with_columns_of_their_own(source: Source, loaded: UserData, apart: _Apart) -> UserData:
    """Return the data with the columns that an option names and the file keeps under names of their own."""
    beside = {option: dict(found) for option, found in loaded.beside.items()}
    for option, word in apart.wanted:
        if apart.reopen is None or any(word in found for found in loaded.beside.values()):
            continue
        try:
            opened = apart.reopen(word)
            read_own = _from_table if isinstance(opened, Table) else _from_block
            own = read_own(source, opened, (word,), None, "", _Apart())  # type: ignore[arg-type]
        except MissingColumn as error:
            raise MissingColumn(str(error).replace("--columns:", f"{option}:")) from None
        if len(own.rows) != len(loaded.rows):
            n = len(loaded.rows)
            raise source.error(f"{option} {quote(word)} has {len(own.rows)} values, expected one for each of {n} rows")
        beside.setdefault(option, {}).update(zip(own.columns, own.rows.T, strict=True))
        loaded = replace(
            loaded, categories={**loaded.categories, **own.categories}, units={**loaded.units, **own.units}
        )
    return replace(loaded, beside=beside)


def _from_table(
    source: Source, table: Table, columns: tuple[str, ...], labels: str | None, sha256: str, apart: _Apart
) -> UserData:
    import numpy as np

    label = None if labels is None else pick_one(source, labels, table.names, "--labels")
    picked = range(len(table.names)) if table.picked else pick(source, columns, table.names, "--columns")
    places = _places(source, table.names, apart)
    chosen = [i for i in picked if i != label and i not in places]
    if not chosen:
        raise source.error(f"no column is left besides {'those' if places else 'that'} of {_options(labels, apart)}")
    fetched, side = table.fetch([*chosen, *places], label)
    found, taken = fetched[: len(chosen)], fetched[len(chosen) :]
    if "pyarrow" in sys.modules:  # it keeps what it has freed, which may be as much as all numbers take
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    if not len(found[0]):
        raise source.error("has columns but no rows")
    names = tuple(table.names[i] for i in chosen)
    rows = np.empty((len(found[0]), len(found)))
    categories, types = {}, {}
    for i, (name, values) in enumerate(zip(names, found, strict=True)):
        if (category := as_category(values)) is not None:
            rows[:, i], categories[name] = category
            types[name] = "bool" if holds_booleans(values) else table.types.get(name) or "text"
        else:
            rows[:, i] = as_float(source, values, name, table.describe_row)
            types[name] = table.types.get(name, "" if values.dtype.kind == "O" else values.dtype.name)
    beside: dict[str, dict[str, Array]] = {}
    for (i, option), values in zip(places.items(), taken, strict=True):
        name, category = table.names[i], as_category(values)
        if category is not None:
            categories[name] = category[1]
        numbers = as_float(source, values, name, table.describe_row) if category is None else category[0]
        beside.setdefault(option, {})[name] = numbers
    known = [*names, *(table.names[i] for i in places)]
    units = {name: table.units[name] for name in known if name in table.units}
    return UserData(
        rows, names, table.named, side, None, tuple(table.notes), sha256, source.label, units,
        categories=categories, beside=beside, types=types, layout=table.layout,
    )  # fmt: skip


def _options(labels: str | None, apart: _Apart) -> str:
    options = [*(["--labels"] if labels is not None else []), *dict.fromkeys(option for option, _ in apart.wanted)]
    return " and ".join(options)


def _from_block(
    source: Source, block: Block, columns: tuple[str, ...], labels: str | None, sha256: str, apart: _Apart
) -> UserData:
    values, notes = block.values, list(block.notes)
    dtype, layout = values.dtype.name, replace(block.layout, shape=values.shape[1:], dtype=values.dtype.name)
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
    named = bool(block.names)
    if values.ndim > 2 and not pixels.are_images(source, values, block.read_as):
        block = replace(block, names=pixels.names_of_rows(values.shape[1:]))
        values = values.reshape(len(values), -1)
    if values.ndim > 2:
        if columns or (labels is not None and side is None):
            raise source.error(f"{'--columns' if columns else '--labels'}: images have no columns")
        layout = replace(layout, axes=pixels.axes_of(values))
        rows, levels = pixels.read_images(source, values, block.pixel_range, notes)
        return UserData(rows, (), False, side, levels, tuple(notes), sha256, source.label, layout=layout)
    if block.names and len(block.names) != values.shape[1]:
        raise source.error(f"names {len(block.names)} columns, the array has {values.shape[1]}")
    names = clean_names(source, block.names, notes) if block.names else tuple(f"c{i}" for i in range(values.shape[1]))
    label = pick_one(source, labels, names, "--labels") if labels is not None and side is None else None
    places = _places(source, names, apart)
    chosen = [i for i in pick(source, columns, names, "--columns") if i != label and i not in places]
    if label is not None:
        side = values[:, label]
    if not chosen:
        raise source.error(f"no column is left besides {'those' if places else 'that'} of {_options(labels, apart)}")
    beside: dict[str, dict[str, Array]] = {}
    for i, option in places.items():
        beside.setdefault(option, {})[names[i]] = as_float(source, values[:, i], names[i], describe_row_number)
    if chosen != list(range(len(names))):
        values = values[:, chosen]
    rows = _numbers(source, values, [names[i] for i in chosen])
    kept = tuple(names[i] for i in chosen)
    if len(chosen) < len(names):
        layout = replace(layout, shape=None)
    return UserData(
        rows, kept, named, side, None, tuple(notes), sha256, source.label,
        beside=beside, types=dict.fromkeys(kept, dtype), layout=layout,
    )  # fmt: skip


def _numbers(source: Source, values: Array, names: Sequence[str]) -> Array:
    """Return float64 of the same shape; raises DataError, with the column, for values that are not numbers."""
    import numpy as np

    if values.dtype.kind in "bf":
        return as_float(source, values, "", describe_row_number)
    return np.stack([as_float(source, values[:, i], name, describe_row_number) for i, name in enumerate(names)], axis=1)

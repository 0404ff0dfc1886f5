"""Read npy, npz, hdf5 and parquet: sizes are checked from the headers before loading, and pickles are never opened."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from genbench.files.columns import clean_names
from genbench.files.numbers import as_numpy
from genbench.files.source import Block, Source, Table, explain_read_errors, format_bytes, join_names, quote

if TYPE_CHECKING:
    from genbench.protocol import Array

DEFAULT_KEYS = ("data", "samples", "train")  # the keys to try, in this order, if the user names none


def read_npy(source: Source, max_bytes: int) -> Block | Table:
    """Return the array of a .npy file; a structured array as a table of its fields."""
    with explain_read_errors(source, "npy"), source.path.open("rb") as stream:
        return _block(source, _load(source, stream, source.path.stat().st_size, max_bytes))


def _load(source: Source, stream: IO[bytes], size: int, max_bytes: int) -> Array:
    """Return the array in a stream of ``size`` bytes, after checking its header."""
    import numpy as np

    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = header(stream)
    if dtype.hasobject:
        raise source.error("holds Python objects (a pickle), which are never opened; save it with a numeric dtype")
    if min(shape, default=0) < 0:
        raise source.error(f"its header claims the shape {shape}")
    expected = math.prod(shape) * dtype.itemsize
    source.check_size(expected, max_bytes, f"the array {shape} of {dtype} takes")
    if size - stream.tell() < expected:
        found = format_bytes(size - stream.tell())
        raise source.error(f"is cut short: expected {format_bytes(expected)} of numbers, found {found}")
    values = np.empty(math.prod(shape), dtype)
    if stream.readinto(values.view(np.uint8)) != expected:  # type: ignore[attr-defined]
        raise source.error("is cut short")
    return values.reshape(shape, order="F" if fortran else "C")


def _block(source: Source, values: Array, names: Sequence[str] = ()) -> Block | Table:
    if values.dtype.names is None:
        return Block(values, tuple(names))
    return _structured(source, values)


def _structured(source: Source, values: Array) -> Table:
    if values.ndim != 1:
        raise source.error(f"has named fields and the shape {values.shape}, expected one dimension")
    fields = values.dtype.names or ()
    for name in fields:
        if values.dtype[name].shape:
            raise source.error(
                f"field {quote(name)} holds arrays of shape {values.dtype[name].shape}, expected numbers"
            )
    return _table(source, {name: values[name] for name in fields})


def _table(source: Source, columns: Mapping[str, Array]) -> Table:
    arrays, notes = list(columns.values()), list[str]()

    def fetch(chosen: Sequence[int], label: int | None) -> tuple[list[Array], Array | None]:
        return [arrays[i] for i in chosen], None if label is None else arrays[label]

    return Table(clean_names(source, list(columns), notes), fetch, notes=notes)


def read_npz(source: Source, labels: str | None, max_bytes: int) -> Block | Table:
    """Return one array of a .npz file: the one the user names, else ``data``, ``samples``, ``train`` or the only one.

    A text array ``columns`` in the same file names the columns; ``labels`` may be the key of an array in it.
    """
    import zipfile

    with explain_read_errors(source, "npz"), zipfile.ZipFile(source.path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}

        def load(key: str) -> Array:
            info = members[key]
            source.check_size(info.file_size, max_bytes, f"its array {quote(key)} unpacks to")
            with archive.open(info) as stream:
                values = _load(source, stream, info.file_size, max_bytes)
                if stream.read(1):
                    raise source.error(f"its array {quote(key)} has bytes after its end")
                return values

        names = [name for name in members if name not in ("columns", labels)]
        found = load(_key(source, names, list(members)))
        side = load(labels) if labels in members and labels is not None else None
        columns = load("columns") if "columns" in members and source.key != "columns" else None
    named = [str(name) for name in columns] if columns is not None and columns.dtype.kind == "U" else []
    block = _block(source, found, named)
    if side is not None and isinstance(block, Table):
        raise source.error(f"--labels {quote(labels)}: an array with named fields takes its labels from one of them")
    return block if isinstance(block, Table) else Block(block.values, block.names, side, block.notes)


def _key(source: Source, candidates: Sequence[str], known: Sequence[str]) -> str:
    from genbench.errors import suggestion

    if source.key is not None:
        key = source.key.strip("/")
        if key not in known:
            hint = suggestion(key, known) or f"; it holds {join_names(sorted(known)) or 'nothing'}"
            raise source.error(f"there is no array of this name{hint}")
        return key
    if not known:
        raise source.error("holds no arrays")
    default = [key for key in DEFAULT_KEYS if key in candidates]
    if default or len(candidates) == 1:
        return (default or list(candidates))[0]
    names = sorted(candidates) or sorted(known)
    raise source.error(f"holds {len(names)} arrays: {join_names(names)}; name one, as in {source.path.name}:{names[0]}")


def read_hdf5(source: Source, max_bytes: int) -> Block | Table:
    """Return one dataset of an HDF5 file, or a data frame that pandas wrote in its fixed format."""
    import h5py

    with explain_read_errors(source, "hdf5"), h5py.File(source.path, "r") as file:
        found: dict[str, Any] = {}
        file.visititems(lambda name, node: found.update({name: node}) if isinstance(node, h5py.Dataset) else None)
        frames = sorted({name.rpartition("/")[0] for name in found if name.endswith("/block0_values")})
        inside = {name for name in found for frame in frames if name.startswith(frame + "/")}
        known = [name for name in found if name not in inside] + frames
        key = _key(source, known, [*known, *inside])
        if key in frames:
            return _frame(source, file[key], max_bytes)
        return _block(source, _dataset(source, found[key], max_bytes))


def _dataset(source: Source, node: Any, max_bytes: int) -> Array:
    import numpy as np

    if node.shape is None or node.dtype.hasobject:
        content = "nothing" if node.shape is None else "text or objects"
        raise source.error(f"{quote(node.name)} holds {content}, expected numbers")
    source.check_size(math.prod(node.shape) * node.dtype.itemsize, max_bytes, f"{quote(node.name)} {node.shape} takes")
    return np.asarray(node[()])


def _frame(source: Source, group: Any, max_bytes: int) -> Table:
    """Return the columns of a data frame, which pandas stores in one block for each type."""
    columns: dict[str, Array] = {}
    for i in range(len(group)):
        if f"block{i}_values" not in group:
            break
        values = _dataset(source, group[f"block{i}_values"], max_bytes)  # (n, columns of this type)
        items = _dataset(source, group[f"block{i}_items"], max_bytes)
        for item, column in zip(items, values.T, strict=True):
            columns[item.decode(errors="replace") if isinstance(item, bytes) else str(item)] = column
    return _table(source, columns)


def read_parquet(source: Source, max_bytes: int) -> Table:
    """Return the columns of a parquet file; only the requested ones are read."""
    from pyarrow import parquet

    with explain_read_errors(source, "parquet"):
        file = parquet.ParquetFile(source.path, page_checksum_verification=True)
        fields, rows = list(file.schema_arrow), file.metadata.num_rows
    notes: list[str] = []
    own = [i for i, field in enumerate(fields) if not field.name.startswith("__index_level_")]
    if len(own) < len(fields):
        notes.append("the data frame's index was left out")
    if not own:
        raise source.error("has no columns")
    if rows == 0:
        raise source.error("has columns but no rows")

    def fetch(columns: Sequence[int], label: int | None) -> tuple[list[Array], Array | None]:
        wanted = [own[i] for i in columns] + ([] if label is None else [own[label]])
        source.check_size(rows * len(wanted) * 8, max_bytes, f"{rows} rows of {len(wanted)} columns take")
        for i in wanted:
            if any(word in str(fields[i].type) for word in ("list", "struct", "map")):
                raise source.error(
                    f"column {quote(fields[i].name)} holds {quote(fields[i].type)}, expected one number per row; "
                    "leave the column out with --columns"
                )
        with explain_read_errors(source, "parquet"):
            found = [as_numpy(file.read(columns=[fields[i].name]).column(0)) for i in wanted]
        return (found, None) if label is None else (found[:-1], found[-1])

    return Table(clean_names(source, [fields[i].name for i in own], notes), fetch, notes=notes)

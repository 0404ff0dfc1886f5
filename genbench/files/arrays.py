"""Read npy and npz: sizes are checked from the headers before loading, and pickles are never opened."""

from __future__ import annotations

import contextlib
import io
import math
import zipfile
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any

from genbench.files.named_arrays import Header, NamedArrays, asks_for_arrays, default_name, is_table, join
from genbench.files.source import Block, FileLayout, Source, Table, explain_read_errors, format_bytes, join_names, quote

if TYPE_CHECKING:
    from genbench.protocol import Array


def read_npy(source: Source, columns: Sequence[str], labels: str | None, max_bytes: int) -> Block | Table:
    """Return the array of a .npy file; a structured array as a table of its fields."""
    with explain_read_errors(source, "npy"), source.open(max_bytes) as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        values = _load(source, stream, size, max_bytes)
    return Block(values) if values.dtype.names is None else _structured(source, values, "", columns, labels, max_bytes)


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, Any]:
    """Return the shape, whether the order is that of Fortran, and the type of an array in the format npy."""
    import numpy as np

    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = header(stream)
    if version == (3, 0) and dtype.names:  # numpy reads the header as Latin-1, and it is UTF-8
        dtype.names = tuple(name.encode("latin-1").decode() for name in dtype.names)
    return shape, fortran, dtype


def _load(source: Source, stream: IO[bytes], size: int, max_bytes: int) -> Array:
    """Return the array in a stream of ``size`` bytes, after checking its header."""
    import numpy as np

    shape, fortran, dtype = _read_header(stream)
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


def _structured(
    source: Source, values: Array, key: str, columns: Sequence[str], labels: str | None, max_bytes: int
) -> Table:
    """Return the fields of a structured array (n,) as a table."""
    if values.ndim != 1:
        raise source.error(f"has named fields and the shape {values.shape}, expected one dimension")
    headers = headers_of_fields(values.dtype, len(values))
    layout = FileLayout(key=key, joined=True)
    arrays = NamedArrays(headers, lambda names: [decoded(values[name]) for name in names], layout=layout)
    return join(source, arrays, columns, labels, max_bytes)


def headers_of_fields(dtype: Any, length: int) -> dict[str, Header]:
    """Return the headers of the fields of a structured type, for ``length`` rows."""
    return {
        name: Header((length, *dtype[name].shape), "holds fields of its own" if dtype[name].base.names else "")
        for name in dtype.names
    }


def decoded(values: Array) -> Array:
    """Return text that is stored as bytes as str, and any other array as it is."""
    import numpy as np

    return np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" else values


def read_npz(source: Source, columns: Sequence[str], labels: str | None, max_bytes: int) -> Block | Table:
    """Return one array of a .npz file, or a table of several.

    The array is the one the user names, else ``data``, ``samples``, ``train`` or the only one. A text array ``columns``
    in the same file names its columns, and ``labels`` may be the key of another. A table is made of the arrays that
    ``columns`` names, or of all if all are one-dimensional and of one length.
    """
    with explain_read_errors(source, "npz"), zipfile.ZipFile(source.path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}

        def load(key: str) -> Array:
            return _load_member(source, archive, members[key], key, max_bytes)

        names = [name for name in members if name not in ("columns", labels)]
        if source.key is None and members and (default_name(names) is None or asks_for_arrays(columns, names)):
            headers = {name: _header_of_member(archive, members[name]) for name in members if name != "columns"}
            if columns or is_table(headers):
                arrays = NamedArrays(headers, lambda wanted: _load_members(source, wanted, max_bytes))
                return join(source, arrays, columns, labels, max_bytes)
        key = choose_key(source, names, list(members))
        found = load(key)
        side = load(labels) if labels in members and labels is not None else None
        named = load("columns") if "columns" in members and source.key != "columns" else None
    if found.dtype.names is None:
        column_names = tuple(str(name) for name in named) if named is not None and named.dtype.kind == "U" else ()
        labelled = None if side is None else decoded(side)
        return Block(found, column_names, labelled, layout=FileLayout(key=key, joined=bool(column_names)))
    if side is not None:
        raise source.error(f"--labels {quote(labels)}: an array with named fields takes its labels from one of them")
    return _structured(source, found, key, columns, labels, max_bytes)


def _load_member(source: Source, archive: zipfile.ZipFile, info: zipfile.ZipInfo, key: str, max_bytes: int) -> Array:
    source.check_size(info.file_size, max_bytes, f"its array {quote(key)} unpacks to")
    with archive.open(info) as stream:
        values = _load(source, stream, info.file_size, max_bytes)
        if stream.read(1):
            raise source.error(f"its array {quote(key)} has bytes after its end")
        return values


def _load_members(source: Source, names: Sequence[str], max_bytes: int) -> list[Array]:
    with explain_read_errors(source, "npz"), zipfile.ZipFile(source.path) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        return [decoded(_load_member(source, archive, members[name], name, max_bytes)) for name in names]


def _header_of_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Header:
    """Return what one member of an archive is, whatever it is: only those that are asked for must be arrays."""
    with contextlib.suppress(Exception), archive.open(info) as stream:
        shape, _, dtype = _read_header(stream)
        if dtype.hasobject:
            return Header(shape, "holds Python objects (a pickle), which are never opened")
        return Header(shape, "holds named fields: name it alone, after a colon" if dtype.names else "")
    return Header((), "is no array")


def choose_key(
    source: Source, candidates: Sequence[str], known: Sequence[str], group: str = "", noun: str = "array"
) -> str:
    """Return the name of the array to read: the one the user names, else ``default_name`` of the candidates.

    ``group`` is what stands before the names in the file, and ``noun`` what they name. Raises DataError, with the names
    there are.
    """
    from genbench.errors import suggestion

    if source.key is not None:
        key = source.key.strip("/")
        if key not in known:
            hint = suggestion(key, known) or f"; it holds {join_names(sorted(known)) or 'nothing'}"
            raise source.error(f"there is no {noun} of this name{hint}")
        return key
    if not known:
        raise source.error(f"holds no {noun}s")
    if (default := default_name(candidates)) is not None:
        return default
    names = sorted(candidates) or sorted(known)
    several = ", or several of one length with --columns" if noun == "array" else ""
    example = f"{source.path.name}:{group}{names[0]}"
    raise source.error(f"holds {len(names)} {noun}s: {join_names(names)}; name one, as in {example}{several}")

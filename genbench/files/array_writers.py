"""Write npy, npz and HDF5: columns of a table, one array of rows, or images."""

from __future__ import annotations

import itertools
import math
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from genbench.files.hdf5 import field_unit
from genbench.files.named_arrays import DEFAULT_KEYS
from genbench.files.schema import TEXTS, Blocks, FileSchema

if TYPE_CHECKING:
    from genbench.protocol import Array


CHUNK_BYTES = 2**16  # of a dataset of HDF5


def write_npy(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write one array, block by block: images, rows whose columns have no names; or else records, all at once."""
    import numpy as np

    arrays = (_one_array(schema, block) for block in blocks)
    with path.open("wb") as stream:
        if (first := next(arrays)).dtype.names:
            _write_array(stream, np.concatenate([first, *arrays]))
        else:
            _write_arrays(stream, first, arrays)
    return _note_of_units(schema)


def write_npz(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write an array for each column, or one of images, of rows without names, or of records.

    Records are written where the file had them, and where the names of columns mean something in a file npz.
    """
    import numpy as np

    key = schema.layout.key or "data"
    with zipfile.ZipFile(path, "w") as archive:
        if _has_own_arrays(schema, ("columns", *DEFAULT_KEYS)):
            for name, parts in zip(schema.names, zip(*blocks, strict=True), strict=True):
                column = np.concatenate(parts)
                _write_member(archive, name, column.astype(str) if column.dtype.hasobject else column)
        else:
            _write_member(archive, key, np.concatenate([_one_array(schema, block) for block in blocks]))
            if schema.named and _is_plain(schema):
                _write_member(archive, "columns", np.array(schema.names))
    return _note_of_units(schema)


def write_hdf5(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write a dataset for each column, with the attribute ``units``, in the group that the file had.

    Images and rows without names are one dataset; columns are fields of one where the file had it so, or where their
    names mean something in HDF5.
    """
    import h5py
    import numpy as np

    text = h5py.string_dtype()
    with h5py.File(path, "w", track_order=True) as file:
        if _has_own_arrays(schema, DEFAULT_KEYS) and not any({"/", "."} & set(name) for name in schema.names):
            home = file.create_group(schema.layout.key, track_order=True) if schema.layout.key else file
            kinds = [text if kind in TEXTS else np.dtype(kind) for kind in schema.types]
            nodes = [_growing(home, name, (), kind) for name, kind in zip(schema.names, kinds, strict=True)]
            for node, column in zip(nodes, schema.columns, strict=True):
                if column.unit:
                    node.attrs["units"] = column.unit
            for block in blocks:
                for node, values in zip(nodes, block, strict=True):
                    _append(node, values)
            return []
        key, node = schema.layout.key or "data", None
        records = np.dtype([(name, text if kind in TEXTS else kind) for name, kind in _fields(schema)])
        for block in blocks:
            array = _one_array(schema, block, records)
            if node is None:
                node = _growing(file, key, array.shape[1:], array.dtype)
            _append(node, array)
        if node is not None and node.dtype.names:
            for i, column in enumerate(schema.columns):
                if column.unit:
                    node.attrs[field_unit(i)] = column.unit
            return []
    return _note_of_units(schema)


def _fields(schema: FileSchema) -> list[tuple[str, str]]:
    return list(zip(schema.names, schema.types, strict=True)) if not schema.shape else []


def _growing(group: Any, name: str, shape: tuple[int, ...], dtype: Any) -> Any:
    """Return a new dataset (0, *shape) to which rows can be appended."""
    rows = max(1, CHUNK_BYTES // (math.prod(shape) * dtype.itemsize))
    return group.create_dataset(name, (0, *shape), dtype, maxshape=(None, *shape), chunks=(rows, *shape))


def _append(node: Any, values: Array) -> None:
    start = len(node)
    node.resize(start + len(values), axis=0)
    node[start:] = values


def _is_plain(schema: FileSchema) -> bool:
    """Return whether all columns fit into an array of one type of numbers."""
    return len(set(schema.types)) == 1 and schema.types[0] not in TEXTS


def _has_own_arrays(schema: FileSchema, reserved: Sequence[str]) -> bool:
    """Return whether each column is an array of its own."""
    several = schema.named and not schema.layout.joined and len(schema.names) > 1
    return not schema.shape and several and not any(name in reserved for name in schema.names)


def _one_array(schema: FileSchema, block: Sequence[Array], records: Any = None) -> Array:
    """Return a block as one array: images; rows, in the shape that they have in the file; or records."""
    import numpy as np

    if schema.shape:
        return block[0]
    as_rows = not schema.named or (schema.layout.joined and records is None and _is_plain(schema))
    if as_rows and not any(kind in TEXTS for kind in schema.types):
        kind = schema.types[0] if _is_plain(schema) else "float64"
        rows = np.stack([values.astype(kind) for values in block], axis=1)
        return rows if schema.layout.shape is None else rows.reshape(len(rows), *schema.layout.shape)
    out = np.empty(len(block[0]), schema.records if records is None else records)
    for name, values in zip(schema.names, block, strict=True):
        out[name] = values
    return out


def _write_arrays(stream: IO[bytes], first: Array, others: Iterator[Array]) -> None:
    """Write arrays as one in the format npy; its header, in which numpy leaves room for that, then gets all rows."""
    import numpy as np

    header = np.lib.format.header_data_from_array_1_0(np.ascontiguousarray(first))
    np.lib.format.write_array_header_1_0(stream, header)
    rows = 0
    for array in itertools.chain([first], others):
        stream.write(np.ascontiguousarray(array).data)
        rows += len(array)
    stream.seek(0)
    np.lib.format.write_array_header_1_0(stream, {**header, "shape": (rows, *first.shape[1:])})


def _write_member(archive: zipfile.ZipFile, name: str, values: Array) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
        _write_array(stream, values)


def _write_array(stream: IO[bytes], values: Array) -> None:
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on names that only numpy above 1.17 reads
        np.lib.format.write_array(stream, np.ascontiguousarray(values), allow_pickle=False)


def _note_of_units(schema: FileSchema) -> list[str]:
    return ["units were left out: arrays have no place for them"] if schema.units else []

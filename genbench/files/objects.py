"""Take arrays, tensors, data frames, tables and datasets from Python, in the form in which a run stores them.

Libraries that genbench does not need are recognised by the module of an object's class, and never imported.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from genbench.errors import suggestion
from genbench.files.arrays import decoded, native, without_masked
from genbench.files.arrow import table_of_fields
from genbench.files.numbers import as_float, is_text
from genbench.files.source import Block, Source, Table, describe_row_number, explain_read_errors, join_names, quote

if TYPE_CHECKING:
    from genbench.protocol import Array

DATA_FOLDER = "data"  # of a run, in which objects are stored
ROWS = "data"  # the key of the rows, where labels are stored beside them
ROWS_IN_BATCH = 1 << 16
EXPECTED = "an array (n, d) or of images, a data frame, a table, a mapping of columns, a dataset, or a file's path"


@dataclass(frozen=True, eq=False)
class InMemory:
    """An object of the user's: an Arrow ``table``, or ``arrays`` by name, of which ``data`` holds the rows.

    ``name`` stands for it in errors and is that of its dataset. What is stored depends on the values only.
    """

    name: str
    table: Any = None
    arrays: Mapping[str, Array] | None = None

    @property
    def source(self) -> Source:
        """What its errors begin with."""
        return Source(Path(self.name))

    @cached_property
    def sha256(self) -> str:
        """The sha256 of the bytes that are stored."""
        sink = _Sink()
        self._write(sink)
        return sink.sha.hexdigest()

    def path_in(self, folder: Path) -> Path:
        """Return the path at which it is stored in a folder: named by its content, so that it is stored once."""
        suffix = ".arrow" if self.arrays is None else ".npz" if len(self.arrays) > 1 else ".npy"
        return folder / f"{self.sha256[:32]}{suffix}"

    def save(self, folder: Path) -> Path:
        """Store it in a folder, unless it is there, and return its path; raises OSError if that cannot be written."""
        path = self.path_in(folder)
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
            with partial.open("wb") as file:
                self._write(_Sink(file))
            partial.replace(path)
        return path

    def open(self, labels: str | None) -> Block | Table:
        """Return the content like a reader of files; ``labels`` may name an array beside the rows."""
        if self.arrays is None:
            fields = list(self.table.schema)
            return table_of_fields(
                self.source, fields, self.table.num_rows, lambda wanted: map(self.table.column, wanted)
            )
        others = [name for name in self.arrays if name != ROWS]
        if labels is not None and others and labels not in others:
            hint = suggestion(labels, others) or f"; it holds {join_names(others)}"
            raise self.source.error(f"--labels: no column {quote(labels)}{hint}")
        side = self.arrays[labels] if labels is not None and others else None
        return Block(self.arrays[ROWS], labels=None if side is None else decoded(side))

    def _write(self, stream: Any) -> None:
        """Write the bytes that are stored: an Arrow file, .npy, or .npz where there are labels beside the rows."""
        if self.arrays is None:
            import pyarrow as pa

            with pa.ipc.new_file(stream, self.table.schema) as writer:
                writer.write_table(self.table, max_chunksize=ROWS_IN_BATCH)
            return
        import numpy as np

        if len(self.arrays) > 1:
            np.savez(stream, allow_pickle=False, **self.arrays)
        else:
            np.lib.format.write_array(stream, self.arrays[ROWS], allow_pickle=False)


class _Sink(io.RawIOBase):
    """A stream that hashes what is written, and writes it to a file if there is one; it cannot seek."""

    def __init__(self, file: IO[bytes] | None = None) -> None:
        super().__init__()
        self.sha, self.file = hashlib.sha256(), file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha.update(data)
        if self.file is not None:
            self.file.write(data)
        return memoryview(data).nbytes


def hold(value: Any, name: str) -> InMemory:
    """Return an array, tensor, data frame, Arrow table, mapping of columns or dataset as it is stored.

    ``name`` stands for it in errors. Raises DataError for anything that a file could not hold either.
    """
    source, library = Source(Path(name)), type(value).__module__.partition(".")[0]
    with explain_read_errors(source, type(value).__name__):
        if library == "datasets":
            return _of_dataset(source, value, name)
        if library == "pandas":
            return InMemory(name, _of_pandas(source, value))
        if (table := _of_arrow(source, value)) is not None:
            return InMemory(name, _plain(table))
        if isinstance(value, Mapping):
            return InMemory(name, _of_columns(source, {str(key): values for key, values in value.items()}))
        return _of_array(source, value, name)


# ------------------------------------------------------------------------------------------------------------- tables


def _plain(table: Any) -> Any:
    """Return an Arrow table without metadata, with one type of text and one chunk a column.

    Equal tables are then stored as equal bytes.
    """
    import pyarrow as pa

    kinds = [pa.large_string() if is_text(field.type) else field.type for field in table.schema]
    schema = pa.schema([pa.field(field.name, kind) for field, kind in zip(table.schema, kinds, strict=True)])
    return table.cast(schema).combine_chunks() if len(set(table.column_names)) == len(kinds) else table


def _of_arrow(source: Source, value: Any) -> Any:
    """Return the table of an object that speaks to Arrow, as the frames of polars do; None for any other."""
    import pyarrow as pa

    if hasattr(value, "to_frame") and not hasattr(value, "columns"):  # a series
        value = value.to_frame()
    if isinstance(value, (pa.Table, pa.RecordBatch)) or hasattr(value, "__arrow_c_stream__"):
        return pa.table(value)
    if hasattr(value, "collect") and hasattr(value, "collect_schema"):
        raise source.error(f"is a {type(value).__name__}, which has no rows yet: give its collect()")
    if hasattr(value, "to_arrow"):
        return pa.table(value.to_arrow())
    if hasattr(value, "__dataframe__"):
        from pyarrow import interchange

        return interchange.from_dataframe(value)
    return None


def _of_pandas(source: Source, frame: Any) -> Any:
    """Return the table that a parquet file of a data frame, or of a series, holds."""
    import pyarrow as pa

    if not hasattr(frame, "columns"):
        frame = frame.to_frame("c0" if frame.name is None else frame.name)
    names = [str(name) for name in frame.columns]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise source.error(f"column names occur more than once: {join_names(repeated)}; give each column its own name")
    if any(intervals := [_has_intervals(kind) for kind in frame.dtypes]):  # as pandas.cut makes them
        frame = frame.copy(deep=False)
        for name in frame.columns[intervals]:
            frame[name] = frame[name].cat.rename_categories(str)
    try:
        return _plain(pa.Table.from_pandas(frame))
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError):  # column by column, which names the column
        return _of_columns(source, {name: frame.iloc[:, i] for i, name in enumerate(names)})


def _has_intervals(kind: Any) -> bool:
    """Return whether a type of pandas is one of categories that are intervals."""
    categories = getattr(kind, "categories", None)
    return categories is not None and str(categories.dtype).startswith("interval")


def _of_columns(source: Source, columns: Mapping[str, Any]) -> Any:
    """Return the table of columns, each an array, tensor, list or series (n,)."""
    import pyarrow as pa

    if not columns:
        raise source.error("has no columns")
    found = {name: _column(source, name, values) for name, values in columns.items()}
    if len({len(column) for column in found.values()}) > 1:
        shown = join_names([f"{name} {len(column)}" for name, column in found.items()])
        raise source.error(f"its columns have different lengths: {shown}")
    return _plain(pa.table(found))


def _column(source: Source, name: str, values: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    own = type(values).__module__.partition(".")[0]
    array = values if own == "pandas" or isinstance(values, (list, tuple)) else _numbers_of(values)
    if isinstance(array, np.ndarray) and (array.ndim != 1 or array.dtype.names):
        raise source.error(f"column {quote(name)} has the shape {array.shape}, expected (n,), one value per row")
    if isinstance(array, np.ndarray) and array.dtype.kind == "S":
        array = decoded(array)
    try:
        return pa.array(array, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, NotImplementedError):  # types that Arrow lacks, and mixed ones
        objects = array if isinstance(array, np.ndarray) else _as_objects(array)
        return pa.array(as_float(source, objects, name, describe_row_number))


def _as_objects(values: Any) -> Array:
    import numpy as np

    found = np.asarray(values) if hasattr(values, "dtype") else None
    if found is not None and found.dtype.kind not in "OSU":
        return found
    out = np.empty(len(values), dtype=object)
    out[:] = list(values)
    return out


# ------------------------------------------------------------------------------------------------------------- arrays


def _numbers_of(value: Any) -> Array:
    """Return an array or tensor as numpy has it, in the byte order of the machine and with nan for masked numbers."""
    import numpy as np

    if hasattr(value, "colnames") and hasattr(value, "as_array"):  # an astropy table
        value = value.as_array()
    if isinstance(value, np.ma.MaskedArray) and value.dtype.names is None:
        value = without_masked(value)
    if "bfloat16" in str(getattr(value, "dtype", "")) and hasattr(value, "float"):  # a tensor in a type of its own
        value = value.float()
    found = value if isinstance(value, np.ma.MaskedArray) else np.asarray(value)
    return found if found.dtype.names else native(found)


def _of_array(source: Source, value: Any, name: str) -> InMemory:
    """Return anything that numpy can take as an array; a structured array is a table of its fields."""
    import numpy as np

    if hasattr(value, "toarray"):
        raise source.error(f"is a sparse {type(value).__name__}: give it as an array, with toarray()")
    try:
        array = _numbers_of(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise source.error(f"cannot be taken as an array: {' '.join(str(error).split())[:160]}") from error
    if array.dtype.names is not None:
        if array.ndim != 1:
            raise source.error(f"has named fields and the shape {array.shape}, expected one dimension")
        return InMemory(name, _of_columns(source, {field: array[field] for field in array.dtype.names}))
    if array.ndim == 0:
        raise source.error(f"is {quote(value)} of type {type(value).__name__}, expected {EXPECTED}")
    if array.dtype.kind == "O" and array.ndim <= 2:  # never stored: that would be a pickle
        columns = [array] if array.ndim == 1 else list(array.T)
        found = [as_float(source, column, f"c{i}", describe_row_number) for i, column in enumerate(columns)]
        array = np.stack(found, axis=1) if array.ndim == 2 else found[0]
    elif array.dtype.kind == "O":
        raise source.error(f"holds objects in the shape {array.shape}, expected numbers")
    return InMemory(name, arrays={ROWS: array})


# ----------------------------------------------------------------------------------------------------------- datasets


def _of_dataset(source: Source, value: Any, name: str) -> InMemory:
    """Return a ``datasets.Dataset``: its table, with class labels as categories, or its column of images."""
    if isinstance(value, Mapping):
        first = next(iter(value), "train")
        raise source.error(f"holds the splits {join_names(list(value))}: give one of them, as in data[{first!r}]")
    if not hasattr(value, "with_format") or not hasattr(value, "__len__"):
        raise source.error(f"is streamed ({type(value).__name__}): load it without streaming=True")
    kinds = {column: type(feature).__name__ for column, feature in value.features.items()}
    images = [column for column, kind in kinds.items() if kind == "Image"]
    if len(images) > 1:
        raise source.error(f"has {len(images)} columns of images: {join_names(images)}; keep one, with select_columns")
    if not images:
        table = value.with_format("arrow")[:]
        for column, kind in kinds.items():
            if kind == "ClassLabel":
                table = _with_class_names(table, column, value.features[column].names)
        return InMemory(name, _plain(table))
    plain = [column for column, kind in kinds.items() if kind in ("ClassLabel", "Value") and column != ROWS]
    rows = value.select_columns([*images, *plain]).with_format("numpy")[:]
    arrays = {ROWS: _stacked(source, rows[images[0]]), **{column: _numbers_of(rows[column]) for column in plain}}
    return InMemory(name, arrays={key: each for key, each in arrays.items() if each.dtype.kind != "O"})


def _with_class_names(table: Any, column: str, names: Sequence[str]) -> Any:
    """Return a table in which a column of class numbers has the names of the classes; -1 is missing."""
    import pyarrow as pa
    from pyarrow import compute

    codes = table.column(column).combine_chunks().cast(pa.int32())
    codes = compute.if_else(compute.less(codes, 0), pa.scalar(None, pa.int32()), codes)
    named = pa.DictionaryArray.from_arrays(codes, pa.array(list(names), pa.string()))
    return table.set_column(table.schema.get_field_index(column), column, named)


def _stacked(source: Source, images: Any) -> Array:
    """Return images (n, height, width) or (n, height, width, channels) of one size."""
    import numpy as np

    found = list(images)
    shapes = sorted({np.shape(image) for image in found})
    if len(shapes) > 1:
        raise source.error(f"its images differ in shape: {join_names(list(map(str, shapes)))}; bring all to one")
    return np.stack([np.asarray(image) for image in found])

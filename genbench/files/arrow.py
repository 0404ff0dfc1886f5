"""Read parquet, and the Arrow format (feather): only the requested columns are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from genbench.files.columns import clean_names
from genbench.files.numbers import as_numpy
from genbench.files.source import Source, Table, explain_read_errors, printable, quote

if TYPE_CHECKING:
    from genbench.protocol import Array

UNIT_KEYS = (b"unit", b"units")  # of the metadata of a field


def read_parquet(source: Source, max_bytes: int) -> Table:
    """Return the columns of a parquet file."""
    from pyarrow import parquet

    with explain_read_errors(source, "parquet"):
        file = parquet.ParquetFile(source.path, page_checksum_verification=True)
        fields, rows = list(file.schema_arrow), file.metadata.num_rows

    def load(wanted: Sequence[int]) -> list[Array]:
        with explain_read_errors(source, "parquet"):
            return [as_numpy(file.read(columns=[fields[i].name]).column(0)) for i in wanted]

    return table_of_fields(source, fields, rows, load, max_bytes)


def read_arrow(source: Source, max_bytes: int) -> Table:
    """Return the columns of an Arrow IPC file, which is feather of version 2.

    Raises DataError for an Arrow stream and for feather of version 1.
    """
    import pyarrow as pa

    head = source.read_head(8)
    if not head.startswith(b"ARROW1"):
        old = "feather of version 1" if head.startswith(b"FEA1") else "no Arrow file"
        raise source.error(f"is {old}: write it again, with df.to_feather(path) or pyarrow.ipc.new_file")
    with explain_read_errors(source, "arrow"), pa.OSFile(str(source.path)) as file:
        reader = pa.ipc.open_file(file)
        fields, batches = list(reader.schema), reader.num_record_batches

    def load(wanted: Sequence[int]) -> list[Array]:
        order = sorted(set(wanted))
        with explain_read_errors(source, "arrow"), pa.OSFile(str(source.path)) as file:
            reader = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=order, use_threads=False))
            found, size = [], 0
            for i in range(reader.num_record_batches):  # their sizes are known only after unpacking
                found.append(reader.get_batch(i))
                found[-1].validate(full=True)  # what a damaged file claims could end the process
                size += found[-1].nbytes
                source.check_size(size, max_bytes, f"{i + 1} of its {batches} batches take")
            table = pa.Table.from_batches(found)
            return [as_numpy(table.column(order.index(i))) for i in wanted]

    return table_of_fields(source, fields, None if batches else 0, load, max_bytes)


def table_of_fields(
    source: Source,
    fields: Sequence[Any],
    rows: int | None,
    load: Callable[[Sequence[int]], list[Array]],
    max_bytes: int,
) -> Table:
    """Return a table of Arrow ``fields``; ``load(indices)`` returns the columns, ``rows`` is None if not yet known."""
    notes: list[str] = []
    with explain_read_errors(source):  # a name may be no text
        names = [field.name for field in fields]
    own = [i for i, name in enumerate(names) if not name.startswith("__index_level_")]
    if len(own) < len(fields):
        notes.append("the data frame's index was left out")
    if not own:
        raise source.error("has no columns")
    if rows == 0:
        raise source.error("has columns but no rows")

    def fetch(columns: Sequence[int], label: int | None) -> tuple[list[Array], Array | None]:
        wanted = [own[i] for i in columns] + ([] if label is None else [own[label]])
        if rows is not None:
            source.check_size(rows * len(wanted) * 8, max_bytes, f"{rows} rows of {len(wanted)} columns take")
        for i in wanted:
            if any(word in str(fields[i].type) for word in ("list", "struct", "map")):
                raise source.error(
                    f"column {quote(names[i])} holds {quote(fields[i].type)}, expected one number per row; "
                    "leave the column out with --columns"
                )
        found = load(wanted)
        return (found, None) if label is None else (found[:-1], found[-1])

    shown = clean_names(source, [names[i] for i in own], notes)
    kept = [fields[i] for i in own]
    types = {name: kind for name, each in zip(shown, kept, strict=True) if (kind := _type_of(each.type))}
    units = {name: unit for name, each in zip(shown, kept, strict=True) if (unit := _unit_of(each))}
    return Table(shown, fetch, notes=notes, units=units, types=types)


def _type_of(kind: Any) -> str:
    """Return the name of an Arrow type where it is one of numpy's or a dictionary, and else nothing."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _type_of(kind.value_type) or "dictionary"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return str(np.dtype(kind.to_pandas_dtype()).name)
    return ""


def _unit_of(field: Any) -> str:
    """Return the unit in the metadata of a field, by whose name unit or units it goes; else nothing."""
    metadata = field.metadata or {}
    return printable(next((metadata[key].decode(errors="replace") for key in UNIT_KEYS if key in metadata), ""))

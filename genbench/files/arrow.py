"""Read parquet, and the Arrow format (feather): only the requested columns are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from genbench.files.columns import clean_names
from genbench.files.numbers import as_column, as_numpy, date_error, is_text
from genbench.files.source import Category, Source, Table, explain_read_errors, printable, quote

if TYPE_CHECKING:
    from genbench.protocol import Array

UNIT_KEYS = (b"unit", b"units")  # of the metadata of a field
COPIES_OF_COLUMN = 4  # of a parquet file, held at a time: its pages, unpacked, and what Arrow makes of them


def read_parquet(source: Source, max_bytes: int) -> Table:  # noqa: ARG001  # the table's rows are checked
    """Return the columns of a parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    with explain_read_errors(source, "parquet"):
        metadata = parquet.read_metadata(source.path)
        fields, rows = list(metadata.schema.to_arrow_schema()), metadata.num_rows
        texts = [field.name for field in fields if is_text(field.type)]  # a few levels of them may be all there is
        file = parquet.ParquetFile(source.path, page_checksum_verification=True, read_dictionary=texts)
        groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
        held = max((sum(group.column(j).total_uncompressed_size for group in groups)
                    for j in range(metadata.num_columns)), default=0)  # fmt: skip

        of_pandas = _categories_of_pandas(metadata)
        coded = [f.name for f in fields if f.name in of_pandas and pa.types.is_primitive(f.type)]
        fields = [pa.field(f.name, pa.dictionary(pa.int32(), f.type)) if f.name in coded else f for f in fields]

    def load(wanted: Sequence[int]) -> Iterator[Any]:
        for i in wanted:
            column = file.read(columns=[fields[i].name]).column(0)
            yield _with_levels_in_order(column) if fields[i].name in coded else column

    return table_of_fields(source, fields, rows, load, COPIES_OF_COLUMN * held, "parquet")


def _categories_of_pandas(metadata: Any) -> set[str]:
    """Return the columns of a parquet file that pandas wrote of categories, which parquet keeps of texts only."""
    try:
        columns = json.loads((metadata.metadata or {}).get(b"pandas", b"{}")).get("columns", [])
        return {str(column["name"]) for column in columns if column.get("pandas_type") == "categorical"}
    except (ValueError, AttributeError, TypeError, KeyError):  # what another program wrote there
        return set()


def _with_levels_in_order(column: Any) -> Any:
    """Return an Arrow column of numbers as a dictionary of them in rising order."""
    import pyarrow as pa
    from pyarrow import compute

    values = compute.unique(column).drop_null()
    values = values.take(compute.sort_indices(values))
    codes = compute.index_in(column, values).combine_chunks()
    return pa.chunked_array([pa.DictionaryArray.from_arrays(codes, values)])


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

    def load(wanted: Sequence[int]) -> Iterator[Any]:
        order = sorted(set(wanted))
        with explain_read_errors(source, "arrow"), pa.OSFile(str(source.path)) as file:
            reader = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=order, use_threads=False))
            found, size, n = [], 0, 0
            for i in range(reader.num_record_batches):  # their sizes are known only after unpacking
                found.append(reader.get_batch(i))
                found[-1].validate(full=True)  # what a damaged file claims could end the process
                size += found[-1].nbytes
                n += found[-1].num_rows
                source.check_memory(size, n * len(order), max_bytes, f"{i + 1} of its {batches} batches")
            table = pa.Table.from_batches(found)
        return (table.column(order.index(i)) for i in wanted)

    return table_of_fields(source, fields, None if batches else 0, load, format_name="arrow")


def _is_period(field: Any) -> bool:
    """Return whether a field holds periods of pandas, which are integers to all who do not know that type."""
    extension = (field.metadata or {}).get(b"ARROW:extension:name", b"").decode(errors="replace")
    return "pandas.period" in (extension or str(field.type))


def table_of_fields(
    source: Source,
    fields: Sequence[Any],
    rows: int | None,
    load: Callable[[Sequence[int]], Iterable[Any]],
    held: int = 0,
    format_name: str = "",
) -> Table:
    """Return a table of Arrow ``fields``; ``load(indices)`` returns the columns, ``rows`` is None if not yet known.

    ``held`` is what is held in memory besides a copy of the columns, in bytes.
    """
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

    def fetch(columns: Sequence[int], label: int | None) -> tuple[Sequence[Array | Category], Array | None]:
        wanted = [own[i] for i in columns] + ([] if label is None else [own[label]])
        for i in wanted:
            if _is_period(fields[i]):
                raise date_error(source, names[i], "row 1", "a period")
            if any(word in str(fields[i].type) for word in ("list", "struct", "map")):
                raise source.error(
                    f"column {quote(names[i])} holds {quote(fields[i].type)}, expected one number per row; "
                    "leave the column out with --columns"
                )
        with explain_read_errors(source, format_name):
            loaded = iter(load(wanted))
            found = [as_column(next(loaded), fields[i].type) for i in wanted[: len(columns)]]
            return found, None if label is None else as_numpy(next(loaded))

    shown = clean_names(source, [names[i] for i in own], notes)
    kept = [fields[i] for i in own]
    types = {name: kind for name, each in zip(shown, kept, strict=True) if (kind := _type_of(each.type))}
    units = {name: unit for name, each in zip(shown, kept, strict=True) if (unit := _unit_of(each))}
    return Table(shown, fetch, notes=notes, units=units, types=types, rows=rows, held=held)


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

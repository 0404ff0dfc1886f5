"""Write tables: text, JSON, parquet, Arrow, Excel, Stata and ROOT; block by block, but for Stata."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.errors import DataError
from genbench.files.numbers import MISSING_VALUES
from genbench.files.schema import TEXTS, Blocks, FileSchema
from genbench.files.source import Source, join_names, load_library, quote
from genbench.files.text import NUMBER_WITH_ANY_MARK

if TYPE_CHECKING:
    from genbench.protocol import Array


SEPARATORS = {".csv": ",", ".tsv": "\t", ".txt": "\t", ".dat": "\t"}
MAX_SHEET_ROWS = 2**20  # of Excel
MAX_STATA_NAME = 32
MAX_STATA_LONG = 2_147_483_620  # an integer beyond is missing
MAX_STATA_TEXT = 2045  # bytes


def write_text(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write csv, tsv or txt in UTF-8, with the separator, decimal mark and rows of names and units of the layout."""
    import csv

    import pandas as pd

    layout, names, notes = schema.layout, schema.names, []
    separator = layout.separator or SEPARATORS.get(path.suffix, ",")
    has_header = layout.has_header or any(name != f"c{i}" for i, name in enumerate(names))
    if schema.units and not layout.has_units:
        notes.append("units were left out: the file has no row of them")
    if has_header and (
        odd := [name for name in names if NUMBER_WITH_ANY_MARK.fullmatch(name) or name in MISSING_VALUES]
    ):
        notes.append(f"column names that look like numbers may be read as a row: {join_names(odd)}")
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
        if has_header:
            _write_names(stream, writer, names)
        if layout.has_units:
            writer.writerow([column.unit for column in schema.columns])
        for block in blocks:
            frame = pd.DataFrame(dict(enumerate(block)))
            frame.to_csv(
                stream, index=False, header=False, sep=separator, decimal=layout.decimal, lineterminator="\n"
            )  # fmt: skip
    return notes


def _write_names(stream: Any, writer: Any, names: Sequence[str]) -> None:
    """Write the row of names; a first one with # is quoted, since it would begin a comment."""
    if names[0].startswith("#"):
        stream.write('"' + names[0].replace('"', '""') + '"')
        names = ["", *names[1:]]
    writer.writerow(names) if any(names) else stream.write("\n")


def write_json_lines(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write a JSON object a line."""
    with path.open("w", encoding="utf-8") as stream:
        for record in _records(schema, blocks):
            stream.write(record + "\n")
    return _note_of_units(schema, "JSON")


def write_json(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write one JSON list of objects."""
    with path.open("w", encoding="utf-8") as stream:
        for i, record in enumerate(_records(schema, blocks)):
            stream.write((",\n" if i else "[") + record)
        stream.write("]\n")
    return _note_of_units(schema, "JSON")


def _records(schema: FileSchema, blocks: Blocks) -> Iterator[str]:
    names = schema.names
    for block in blocks:
        for values in zip(*(column.tolist() for column in block), strict=True):
            yield json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False, allow_nan=False)


def write_parquet(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write parquet, with the units in the metadata of the fields."""
    from pyarrow import parquet

    fields = _arrow_schema(schema)
    with parquet.ParquetWriter(path, fields) as writer:
        for block in blocks:
            writer.write_batch(_record_batch(schema, fields, block))
    return []


def write_arrow(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write the Arrow IPC format, which is feather of version 2, with the units in the metadata of the fields."""
    import pyarrow as pa

    fields = _arrow_schema(schema)
    with pa.ipc.new_file(str(path), fields) as writer:
        for block in blocks:
            writer.write_batch(_record_batch(schema, fields, block))
    return []


def _arrow_schema(schema: FileSchema) -> Any:
    import numpy as np
    import pyarrow as pa

    special = {"text": pa.string(), "dictionary": pa.dictionary(pa.int32(), pa.string())}
    return pa.schema(
        [
            pa.field(
                column.name,
                special.get(kind) or pa.from_numpy_dtype(np.dtype(kind)),
                metadata={"unit": column.unit} if column.unit else None,
            )
            for column, kind in zip(schema.columns, schema.types, strict=True)
        ]
    )


def _record_batch(schema: FileSchema, fields: Any, block: Sequence[Array]) -> Any:
    import pyarrow as pa

    arrays = []
    for column, kind, values in zip(schema.columns, schema.types, block, strict=True):
        if kind == "dictionary":  # one for all batches, as the format Arrow asks for
            code = {level: i for i, level in enumerate(column.levels)}
            codes = pa.array([code[value] for value in values], pa.int32())
            arrays.append(pa.DictionaryArray.from_arrays(codes, pa.array(column.levels, pa.string())))
        else:
            arrays.append(pa.array(values, pa.string() if kind == "text" else None))
    return pa.RecordBatch.from_arrays(arrays, schema=fields)


def write_xlsx(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write a sheet of Excel; raises DataError for more rows than a sheet has, and if openpyxl is not installed."""
    openpyxl = load_library(Source(path), "openpyxl", "xlsx", "excel")
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(schema.layout.key or "Sheet1")

    def text(value: str) -> Any:
        cell = openpyxl.cell.WriteOnlyCell(sheet, value)
        cell.data_type = "s"  # not a formula, whatever it begins with
        return cell

    rows = 1
    try:
        sheet.append([text(name) for name in schema.names])
        for block in blocks:
            rows += len(block[0])
            if rows > MAX_SHEET_ROWS:
                raise DataError(
                    f"a sheet of Excel holds {MAX_SHEET_ROWS - 1} rows below the names: write parquet or csv"
                )
            columns = [
                [text(value) for value in values] if kind in TEXTS else values.tolist()
                for kind, values in zip(schema.types, block, strict=True)
            ]
            for row in zip(*columns, strict=True):
                sheet.append(row)
    finally:
        sheet.close()
    book.save(path)
    return _note_of_units(schema, "xlsx")


def write_stata(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write a Stata file, in which booleans are text; raises DataError for names that Stata does not have."""
    import pandas as pd

    if bad := [name for name in schema.names if not name.isidentifier() or len(name) > MAX_STATA_NAME]:
        raise DataError(f"Stata has no such column names: {join_names(bad)}; write parquet or csv")
    data = {}
    for column, kind, values in zip(schema.columns, schema.types, _together(blocks), strict=True):
        if kind == "bool":
            values = values.astype(str).astype(object)
        if kind in TEXTS and any(len(level.encode()) > MAX_STATA_TEXT for level in column.levels):
            raise DataError(f"column {quote(column.name)}: Stata has {MAX_STATA_TEXT} bytes of text at most")
        wide = kind == "int32" and (values.min() <= -(2**31) or values.max() > MAX_STATA_LONG)
        data[column.name] = (
            values.astype({"float16": "float32"}.get(kind, "float64")) if wide or kind == "float16" else values
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on integers that need a wider type
        pd.DataFrame(data).to_stata(path, write_index=False, version=118)
    return _note_of_units(schema, "Stata")


def write_root(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write a tree of ROOT; raises DataError if uproot is not installed."""
    uproot = load_library(Source(path), "uproot", "ROOT", "root")
    awkward = load_library(Source(path), "awkward", "ROOT", "root")
    import numpy as np

    kinds = [{"float16": "float32"}.get(kind, kind) for kind in schema.types]
    branches = {
        name: "string" if kind in TEXTS else np.dtype(kind) for name, kind in zip(schema.names, kinds, strict=True)
    }
    with uproot.recreate(path) as file:
        tree = file.mktree(schema.layout.key or "events", branches)
        for block in blocks:
            tree.extend(
                {
                    name: awkward.Array(values.tolist()) if kind in TEXTS else values.astype(kind)
                    for name, kind, values in zip(schema.names, kinds, block, strict=True)
                }
            )
    return _note_of_units(schema, "ROOT")


def _together(blocks: Blocks) -> list[Array]:
    """Return the columns of all blocks."""
    import numpy as np

    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def _note_of_units(schema: FileSchema, format_name: str) -> list[str]:
    return [f"units were left out: {format_name} has no place for them"] if schema.units else []

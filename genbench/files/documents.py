"""Read JSON, JSON lines, Excel sheets and Stata files: tables whose cells may be of any type."""

from __future__ import annotations

import json
import re
import sys
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from genbench.files.arrow import table_of_fields
from genbench.files.columns import clean_names
from genbench.files.numbers import MAX_EXACT_INTEGER
from genbench.files.source import (
    NUMBER_BYTES,
    Category,
    FileLayout,
    Source,
    Table,
    describe_row_number,
    explain_read_errors,
    format_bytes,
    join_names,
    load_library,
    printable,
    quote,
)

if TYPE_CHECKING:
    from genbench.protocol import Array

BLOCK_BYTES = 4 * 2**20  # of lines that Arrow reads at once, and the rest of the last of them
BLOCKS_HELD = 3  # by Arrow at a time: their bytes, their fields and what it makes of them
STATA_COPIES = 3  # of a file: its bytes, a data frame, and the numbers as float64
CELLS_RATIO = 4  # of what the cells of a sheet take, as objects and as numbers, to their XML
# what Python's objects of a JSON text take, with their places in dicts and lists
DICT_BYTES, LIST_BYTES, TEXT_BYTES, VALUE_BYTES = 240, 64, 56, 48
NESTED = re.compile(rb":\s*\{")  # a value that is an object
EXPECTED = 'records [{"x": 1}, ...], columns {"x": [1, ...]}, or one record a line (.jsonl)'


def read_json_lines(source: Source, max_bytes: int) -> Table:
    """Return the columns of a file with one JSON object, or list, a line; a key that a line lacks is missing there."""
    data = source.read_bytes(max_bytes)
    with explain_read_errors(source, "json lines"):
        return _read_flat_records(source, data, max_bytes) or _read_lines(source, data, max_bytes)


def _read_flat_records(source: Source, data: bytes, max_bytes: int) -> Table | None:
    """Return what Arrow reads, fast, or None for what only Python reads: text among numbers, lists, large integers.

    It is read in blocks of lines, since Arrow keeps the text of all it reads at once beside the numbers.
    """
    import pyarrow as pa
    from pyarrow import json as arrow_json

    if b"[" in data or NESTED.search(data):  # Arrow ends the process at a value that is nested too deeply
        return None
    tables: list[Any] = []
    start = size = n = 0
    while start < len(data):
        end = data.find(b"\n", start + BLOCK_BYTES) + 1 or len(data)
        block = memoryview(data)[start:end]
        options = arrow_json.ReadOptions(use_threads=False, block_size=len(block))
        try:
            table = arrow_json.read_json(pa.BufferReader(block), read_options=options)
        except pa.ArrowInvalid as error:
            if "Empty JSON" not in str(error):
                return None
            start = end
            continue
        if any(pa.types.is_floating(c.type) and _may_be_rounded(c) for c in table.columns):
            return None
        size += table.nbytes
        n += table.num_rows
        held = len(data) + size + BLOCKS_HELD * BLOCK_BYTES
        source.check_size(held, max_bytes, f"{n} rows of {table.num_columns} columns take, with their text,")
        tables.append(table)
        start = end
    if not tables:
        return None
    try:
        table = pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException:  # text in some blocks and numbers in others
        return None
    if not table.num_rows or any(_were_integers(tables, field) for field in table.schema):
        return None
    return table_of_fields(
        source, list(table.schema), table.num_rows, lambda wanted: map(table.column, wanted), table.nbytes, "json lines"
    )


def _were_integers(tables: Sequence[Any], field: Any) -> bool:
    """Return whether a column of floats has integers in some blocks that float64 may have rounded."""
    import pyarrow as pa

    if not pa.types.is_floating(field.type):
        return False
    found = [table.column(field.name) for table in tables if field.name in table.column_names]
    return any(pa.types.is_integer(column.type) and _may_be_rounded(column) for column in found)


def _read_lines(source: Source, data: bytes, max_bytes: int) -> Table:
    _check_objects(source, data, max_bytes)
    records, lines = [], []
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            try:
                records.append(json.loads(line))
            except ValueError as error:
                raise source.error(f"line {number} is not JSON: {_reason(error)}") from error
            lines.append(number)
    return _table_of_records(source, records, [], lambda row: f"row {row + 1} (line {lines[row]})")


def _reason(error: ValueError) -> str:
    """Return why a text is not JSON; beside its syntax, Python limits the digits of an integer."""
    if isinstance(error, json.JSONDecodeError):
        return printable(error, 160)
    return f"an integer has more than {sys.get_int_max_str_digits()} digits"


def _check_objects(source: Source, data: bytes, max_bytes: int) -> None:
    """Raise DataError if the Python objects of a JSON text, counted by its marks, take more than ``max_bytes``."""
    texts = data.count(b'"') // 2 - data.count(b'":')  # keys are kept once
    values = data.count(b",") + data.count(b"{") + data.count(b"[")
    objects = data.count(b"{") * DICT_BYTES + data.count(b"[") * LIST_BYTES + max(texts, 0) * TEXT_BYTES
    size = len(data) + objects + values * (VALUE_BYTES + 2 * NUMBER_BYTES)
    source.check_size(size, max_bytes, f"{format_bytes(len(data))} of JSON take, as objects of Python,")


def _may_be_rounded(column: Any) -> bool:
    """Return whether a column of floats holds any so large that they may have been integers that float64 rounds."""
    from pyarrow import compute

    return bool(compute.any(compute.greater_equal(compute.abs(column), float(MAX_EXACT_INTEGER))).as_py())


def read_json(source: Source, max_bytes: int) -> Table:
    """Return the columns of a JSON document, in any of the forms that pandas writes, or of JSON lines.

    Those are records, lists, columns of lists or of objects by index, rows by index, ``split`` and ``table``.
    """
    data = source.read_bytes(max_bytes)
    _check_objects(source, data, max_bytes)
    with explain_read_errors(source, "json"):
        try:
            document = json.loads(data)
        except json.JSONDecodeError as error:
            if not error.msg.startswith("Extra data"):
                raise
            return read_json_lines(source, max_bytes)
        except ValueError as error:
            raise source.error(f"cannot be read as json: {_reason(error)}") from error
    notes: list[str] = []
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        if isinstance(names := document.get("columns"), list):  # split
            rows = [dict(zip(map(str, names), row, strict=False)) for row in document["data"] if isinstance(row, list)]
            return _table_of_records(source, rows, notes)
        if isinstance(schema := document.get("schema"), dict):  # table
            notes.append("the data frame's index was left out")
            index = schema.get("primaryKey", [])
            rows = [{k: v for k, v in row.items() if k not in index} for row in document["data"]]
            return _table_of_records(source, rows, notes)
    if isinstance(document, list):
        return _table_of_records(source, document, notes)
    if not isinstance(document, dict):
        raise source.error(f"holds one {type(document).__name__}, expected {EXPECTED}")
    return _table_of_mapping(source, document, notes)


def _table_of_mapping(source: Source, document: dict[str, Any], notes: list[str]) -> Table:
    """Return the columns of an object whose values are columns, or rows by index."""
    found = {name: value for name, value in document.items() if isinstance(value, list)}
    if not found:
        nested = {name: value for name, value in document.items() if isinstance(value, dict)}
        if nested and _is_index(nested) and not any(_is_index(value) for value in nested.values()):
            return _table_of_records(source, list(nested.values()), notes)
        index = dict.fromkeys(key for value in nested.values() for key in value)
        found = {name: [value.get(key) for key in index] for name, value in nested.items()}
    if not found:
        raise source.error(f"holds single values, expected {EXPECTED}")
    if left := [name for name in document if name not in found]:
        notes.append(f"left out, since not columns: {join_names(left)}")
    lengths = {name: len(values) for name, values in found.items()}
    if len(set(lengths.values())) > 1:
        raise source.error(
            f"its columns have different lengths: {join_names([f'{name} {n}' for name, n in lengths.items()])}"
        )
    return _table_of_lists(source, found, notes)


def _is_index(keys: Mapping[str, Any]) -> bool:
    return all(key.isdigit() for key in keys)


def _table_of_records(
    source: Source,
    records: Sequence[Any],
    notes: list[str],
    describe_row: Callable[[int], str] = describe_row_number,
) -> Table:
    """Return the columns of records, all objects or all lists of one length; keys that some lack are missing there."""
    if not records:
        raise source.error("holds no rows")
    kind = dict if isinstance(records[0], dict) else list
    for row, record in enumerate(records):
        if not isinstance(record, kind) or (kind is list and len(record) != len(records[0])):
            found = f"a list of {len(record)}" if isinstance(record, list) else type(record).__name__
            wanted = "an object" if kind is dict else "an object or a list"
            if kind is list and row > 0:
                wanted = f"a list of {len(records[0])}, as in the first row"
            raise source.error(f"{describe_row(row)} is {found}, expected {wanted}")
    if kind is list:
        columns = {f"c{i}": list(values) for i, values in enumerate(zip(*records, strict=True))}
        return _table_of_lists(source, columns, notes, describe_row, named=False)
    names = dict.fromkeys(name for record in records for name in record)
    return _table_of_lists(source, {n: [record.get(n) for record in records] for n in names}, notes, describe_row)


def _table_of_lists(
    source: Source,
    columns: Mapping[str, list[Any]],
    notes: list[str],
    describe_row: Callable[[int], str] = describe_row_number,
    named: bool = True,
) -> Table:
    if not columns:
        raise source.error("has no columns")
    values = list(columns.values())

    def fetch(chosen: Sequence[int], label: int | None) -> tuple[Sequence[Array | Category], Array | None]:
        return [_array_of(values[i]) for i in chosen], None if label is None else _array_of(values[label])

    shown = clean_names(source, list(columns), notes)
    return Table(shown, fetch, named, describe_row, notes, types=dict.fromkeys(shown, ""))


def _array_of(values: list[Any]) -> Array:
    """Return numbers as float64, missing ones as nan, and anything else, large integers too, as objects."""
    import numpy as np

    kinds = set(map(type, values))
    if kinds == {bool}:
        return np.array(values, dtype=bool)
    if kinds <= {int} and all(abs(value) < 2**63 for value in values):
        return np.array(values, dtype=np.int64)
    large = int in kinds and any(isinstance(v, int) and abs(v) > MAX_EXACT_INTEGER for v in values)
    if kinds <= {int, float, type(None)} and not large:
        return np.array(values, dtype=np.float64)
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


def read_xlsx(source: Source, max_bytes: int) -> Table:
    """Return the columns of the first sheet of an Excel file, or of the sheet that the user names.

    The first row names the columns if it holds text. Formulas have the values that were last computed. Raises DataError
    if openpyxl is not installed.
    """
    openpyxl = load_library(source, "openpyxl", "xlsx", "excel")
    notes: list[str] = []
    with explain_read_errors(source, "xlsx"), source.path.open("rb") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on styles that openpyxl does not know
        with zipfile.ZipFile(stream) as archive:
            size = sum(info.file_size for info in archive.infolist())
        source.check_size(CELLS_RATIO * size, max_bytes, f"its cells, {format_bytes(size)} of XML, take")
        book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        sheets = {sheet.title: sheet for sheet in book.worksheets}
        sheet = sheets[_sheet_name(source, list(sheets), notes)]
        sheet.reset_dimensions()  # what the file claims of them may be wrong
        rows, cells = [], 0
        for row in sheet.iter_rows(values_only=True):
            rows.append(list(row))
            cells += len(row)  # a cell far to the right makes a row long
            source.check_size(cells * 4 * NUMBER_BYTES, max_bytes, f"{len(rows)} rows of its cells take")
    table = _table_of_sheet(source, rows, notes)
    return replace(table, types=dict.fromkeys(table.names, ""), layout=FileLayout(key=sheet.title))


def _sheet_name(source: Source, names: Sequence[str], notes: list[str]) -> str:
    from genbench.errors import suggestion

    if source.key is None:
        if not names:
            raise source.error("holds no sheets of cells")
        if len(names) > 1:
            notes.append(
                f"of {len(names)} sheets the first was read, {quote(names[0])}; the others: {join_names(names[1:])}"
            )
        return names[0]
    if source.key not in names:
        hint = suggestion(source.key, names) or f"; it holds {join_names(names)}"
        raise source.error(f"there is no sheet of this name{hint}")
    return source.key


def _table_of_sheet(source: Source, rows: list[list[Any]], notes: list[str]) -> Table:
    """Return the columns of the rows of a sheet, without empty rows and columns at its ends."""
    width = max((i + 1 for row in rows for i, cell in enumerate(row) if cell is not None), default=0)
    while rows and all(cell is None for cell in rows[-1]):
        rows.pop()
    first = next((i for i, row in enumerate(rows) if any(cell is not None for cell in row)), 0)
    rows = [[*row[:width], *[None] * (width - len(row))] for row in rows[first:]]
    if not rows:
        raise source.error("its sheet is empty")
    has_header = _is_header(rows)
    names = ["" if cell is None else str(cell).strip() for cell in rows[0]] if has_header else []
    body = rows[1:] if has_header else rows
    if not body:
        raise source.error("has a header but no rows")
    start = first + 1 + has_header
    columns = [list(cells) for cells in zip(*body, strict=True)]
    keep = [i for i in range(width) if (names and names[i]) or any(cell is not None for cell in columns[i])]
    if names and len(keep) > 1 and not names[keep[0]]:
        keep = keep[1:]
        notes.append("the unnamed first column, an index, was left out")
    if not names:
        notes.append("the first row holds numbers: the sheet has no header, its columns are called c0, c1, ...")
    shown = clean_names(source, [names[i] if names else f"c{i}" for i in keep], notes)

    def fetch(chosen: Sequence[int], label: int | None) -> tuple[Sequence[Array | Category], Array | None]:
        found = [_array_of(columns[keep[i]]) for i in chosen]
        return found, None if label is None else _array_of(columns[keep[label]])

    return Table(shown, fetch, has_header, lambda row: f"row {row + 1} (row {row + start} of the sheet)", notes)


def _is_header(rows: Sequence[Sequence[Any]]) -> bool:
    """Return whether the first row names the columns: it has text above something else, or only text."""
    first = [cell for cell in rows[0] if cell is not None]
    if all(isinstance(cell, str) for cell in first):
        return True
    second = rows[1] if len(rows) > 1 else rows[0]
    return any(
        isinstance(cell, str) and not isinstance(below, str) for cell, below in zip(rows[0], second, strict=True)
    )


def read_stata(source: Source, max_bytes: int) -> Table:
    """Return the columns of a Stata file; columns with value labels are their codes."""
    import pandas as pd

    size = source.path.stat().st_size
    source.check_size(STATA_COPIES * size, max_bytes, f"its rows, {format_bytes(size)}, take, while they are read,")
    with explain_read_errors(source, "stata"), pd.read_stata(source.path, iterator=True) as reader:
        names = list(reader.variable_labels())
    notes: list[str] = []

    def fetch(chosen: Sequence[int], label: int | None) -> tuple[Sequence[Array | Category], Array | None]:
        wanted = [names[i] for i in (*chosen, *([] if label is None else [label]))]
        with explain_read_errors(source, "stata"):
            frame = pd.read_stata(source.path, columns=list(dict.fromkeys(wanted)), convert_categoricals=False)
        found = [frame[name].to_numpy() for name in wanted]
        return (found, None) if label is None else (found[:-1], found[-1])

    return Table(clean_names(source, names, notes), fetch, notes=notes)

"""Read delimited text: its separator, decimal mark, header and encoding are detected; rows must have equal length."""

from __future__ import annotations

import contextlib
import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from genbench.files.columns import clean_names
from genbench.files.header import is_header, is_row_of_units
from genbench.files.numbers import MAX_EXACT_INTEGER, MISSING_VALUES, as_numpy, category_of_texts, floats_of_text
from genbench.files.source import Category, FileLayout, Source, Table, explain_read_errors, format_bytes, quote

if TYPE_CHECKING:
    from genbench.protocol import Array

HEAD_BYTES = 256 * 1024  # the layout is detected from this many bytes
MAX_COMMENT_BYTES = 8 * 2**20  # of a comment that may name the columns
MIN_BLOCK_BYTES = 16 * 2**20  # that Arrow reads at once
BLOCKS_HELD = 3  # by Arrow at a time: their bytes, their fields and what it makes of them
LINES_IN_BLOCK = 4  # at least, since Arrow refuses a line that is longer than a block
MAX_HEAD_LINES = 1000
DECODING_COPIES = 4  # of its bytes: they, the text, and its bytes in UTF-8
MAX_ATTEMPTS = 20  # to parse all columns but those of text as numbers
ROWS_AT_ONCE = 1 << 16
TEXT_IN_COLUMN = re.compile(r"In CSV column #(\d+): CSV conversion error")  # as Arrow reports it
SEPARATORS = (",", ";", "\t", "|", " ")  # a space means any run of blanks
NUMBER_PATTERN = r"[+-]?(\d+{mark}?\d*|{mark}\d+)([eE][+-]?\d+)?|[+-]?inf(inity)?|true|false"
NUMBER_WITH_POINT = re.compile(NUMBER_PATTERN.format(mark=r"\."), re.IGNORECASE)
NUMBER_WITH_ANY_MARK = re.compile(NUMBER_PATTERN.format(mark="[.,]"), re.IGNORECASE)
LINE_ENDS = re.compile(r"\r\n|\n|\r")  # str.splitlines would split at many more characters
BLANK_RUN = re.compile("[ \t\r\v\f]+")  # the blanks at which bytes.split splits
POINTS_BETWEEN_THOUSANDS = r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?"
NUMBER_WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Layout:
    """The layout of a text file; the rows begin at byte ``body``, which is in line number ``line``.

    ``units`` are those in a row below the names, one for each, or empty if there is no such row.
    """

    separator: str
    decimal: str
    names: tuple[str, ...]
    has_header: bool
    body: int
    line: int
    units: tuple[str, ...] = ()
    line_bytes: int = 0  # of the first line of rows or of names, the longer


def read_text(source: Source, encoding: str | None, max_bytes: int) -> Table:
    """Return the columns of a csv, tsv or txt file.

    Raises DataError for an empty or binary file, a wrong encoding, a header without rows and rows of unequal length.
    """
    data = _decode(source, encoding, max_bytes)
    notes: list[str] = []
    layout = _layout(source, data)
    first = data.find(b"\n", layout.body) + 1 or len(data)
    layout = replace(layout, line_bytes=max(first - layout.body, layout.body))
    if layout.body >= len(data):
        raise source.error("has a header but no rows")
    names = layout.names
    keep = list(range(len(names)))
    if layout.has_header and len(names) > 1 and not names[0]:
        keep = keep[1:]
        notes.append("the unnamed first column, an index, was left out")
    if len(keep) > 1 and not names[keep[-1]]:  # the last column is empty: each line ends with a separator
        keep = keep[:-1]
    if not layout.has_header:
        notes.append("the first row holds numbers: the file has no header, its columns are called c0, c1, ...")
    if layout.decimal == ",":
        notes.append(f"numbers are read with decimal commas, columns separated by {quote(layout.separator)}")
    if len(keep) == 1 and (blank := data[layout.body :].replace(b"\r", b"").count(b"\n\n")):
        notes.append(f"{blank} blank lines were skipped")
    rows = data.count(b"\n", layout.body) + 1
    if layout.units:
        notes.append(f"line {layout.line - 1} holds the units of the columns")

    def fetch(columns: Sequence[int], label: int | None) -> tuple[Sequence[Array | Category], Array | None]:
        wanted = {keep[i]: shown[i] for i in columns}
        return _parse(source, data, layout, wanted, None if label is None else keep[label], notes)

    shown = clean_names(source, [names[i] for i in keep], notes)
    units = {shown[i]: layout.units[k] for i, k in enumerate(keep) if layout.units and layout.units[k]}
    held = len(data) * (2 if layout.separator == " " else 1) + BLOCKS_HELD * min(len(data), _block_bytes(layout))
    return Table(
        shown, fetch, layout.has_header, partial(_describe_row, data, layout), notes, units,
        types=dict.fromkeys(shown, ""), rows=rows, held=held,
        layout=FileLayout(layout.separator, layout.decimal, layout.has_header, bool(layout.units)),
    )  # fmt: skip


def _decode(source: Source, encoding: str | None, max_bytes: int) -> bytes:
    data = source.read_bytes(max_bytes, without=b"\r\n ")
    is_utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if encoding is not None or is_utf16:
        source.check_size(DECODING_COPIES * len(data), max_bytes, "decoding it takes")
        try:
            data = data.decode(encoding or "utf-16").encode()
        except LookupError:
            raise source.error(
                f"--encoding {quote(encoding)} is unknown; expected utf-8, latin-1, cp1252, ..."
            ) from None
        except (UnicodeError, ValueError) as error:
            where = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
            raise source.error(f"is not {encoding or 'utf-16'}{where}; name its encoding with --encoding") from None
    elif not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise source.error(
                f"is not UTF-8 at byte {error.start} (0x{data[error.start]:02x}); name its encoding, for example "
                "--encoding latin-1"
            ) from None
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in data:
        raise source.error(f"holds a NUL byte at {data.index(0)}: it is binary, or --encoding is wrong")
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")  # line ends of old Macs
    if data[-1:] in (b"\r", b"\n", b" "):  # which UTF-16 hides, and a compressed file
        data = data.rstrip(b"\r\n ")
    if not data[:HEAD_BYTES].strip() and not data.strip():
        raise source.error("is empty: it holds only blanks")
    return data


def _layout(source: Source, data: bytes) -> Layout:
    comment, start, number = "", 0, 1
    while start < len(data):  # skip comments and blank lines; the last comment may name the columns
        end = data.find(b"\n", start) + 1 or len(data)
        line = data[start : min(end, start + MAX_COMMENT_BYTES)].decode(errors="replace").strip()
        if line and not line.startswith("#"):
            break
        comment = line.lstrip("# ") or comment
        start, number = end, number + 1
    if start >= len(data):
        raise source.error("holds comments but no rows")
    first_end = data.find(b"\n", start) + 1 or len(data)
    window = data[start : max(first_end, start + HEAD_BYTES)]
    if start + len(window) < len(data) and len(window) > first_end - start:
        window = window[: window.rfind(b"\n") + 1]  # without the last line, which is incomplete
    with explain_read_errors(source, "text"):
        lines = [line for line in LINE_ENDS.split(window.decode()) if line.strip()][:MAX_HEAD_LINES]
        try:
            separator, rows = _separator(lines, source.suffix == ".tsv")
        except csv.Error:
            raise _long_field(source, "one of its first lines has") from None
        try:
            named = _fields(comment, separator) if comment else []
        except csv.Error:
            named = []
    flat = [field for row in rows for field in row]
    commas = separator != "," and any(NUMBER_WITH_COMMA.fullmatch(f) for f in flat)
    decimal = "," if commas and not any("." in f and NUMBER_WITH_POINT.fullmatch(f) for f in flat) else "."
    number_like = NUMBER_WITH_ANY_MARK if decimal == "," else NUMBER_WITH_POINT
    width = Counter(map(len, rows[1:] or rows)).most_common(1)[0][0]
    if is_header(rows, number_like):
        names = rows[0]
        if len(rows) > 1 and len(names) == width - 1 and all(len(r) == width and not r[-1] for r in rows[1:]):
            names = [*names, ""]
        if is_row_of_units(rows, number_like):
            units = (*rows[1], *[""] * (len(names) - len(rows[1])))
            units_end = data.find(b"\n", first_end) + 1
            return Layout(separator, decimal, tuple(names), True, units_end, number + 2, units)
        return Layout(separator, decimal, tuple(names), True, first_end, number + 1)
    if len(named) == width and not all(number_like.fullmatch(f) for f in named):
        return Layout(separator, decimal, tuple(named), True, start, number)
    names = [f"c{i}" for i in range(width)]
    if width > 1 and not any(row[-1] for row in rows):
        names[-1] = ""
    return Layout(separator, decimal, tuple(names), False, start, number)


def _long_field(source: Source, subject: str) -> Exception:
    limit = format_bytes(csv.field_size_limit())
    return source.error(f"{subject} a field of more than {limit}, expected numbers or names; is a quote missing?")


def _fields(line: str, separator: str) -> list[str]:
    if separator == " ":
        return [field for field in BLANK_RUN.split(line) if field]
    return [field.strip() for field in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]


def _separator(lines: Sequence[str], tabs: bool) -> tuple[str, list[list[str]]]:
    """Return the separator of lines, and the rows that it gives.

    It is one that gives the first line as many fields as the others, or at least one fewer, as where the header lacks
    the name of the index; among those, the one that gives most numbers and most rows of equal length.
    """
    best: tuple[tuple[int, float, float, int], str, list[list[str]]] | None = None
    order = ("\t", *(s for s in SEPARATORS if s != "\t")) if tabs else SEPARATORS
    for rank, separator in enumerate(order):
        if not any(separator in line for line in lines):
            continue
        try:
            rows = [_fields(line, separator) for line in lines]
        except csv.Error:  # a line of many columns is one long field by a separator that it hardly has
            continue
        body = rows[1:] or rows
        width = Counter(map(len, body)).most_common(1)[0][0]
        if width < 2:
            continue
        pattern = NUMBER_WITH_POINT if separator == "," else NUMBER_WITH_ANY_MARK
        fields = [field for row in body for field in row]
        numeric = sum(field in MISSING_VALUES or pattern.fullmatch(field) is not None for field in fields) / len(fields)
        even = sum(len(row) == width for row in rows) / len(rows)
        header_fits = max(0, 2 - abs(width - len(rows[0])))
        score = (header_fits, round(numeric * even, 3), even, -rank)
        if best is None or score > best[0]:
            best = (score, separator, rows)
    if best is None:
        return ",", [_fields(line, ",") for line in lines]
    return best[1], best[2]


def _lines(data: bytes, layout: Layout) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(data[layout.body :].splitlines(), layout.line):
        if line:
            yield number, line


def _describe_row(data: bytes, layout: Layout, row: int) -> str:
    line = next((number for i, (number, _) in enumerate(_lines(data, layout)) if i == row), None)
    return f"row {row + 1}" if line is None else f"row {row + 1} (line {line})"


def _parse(
    source: Source, data: bytes, layout: Layout, columns: Mapping[int, str], label: int | None, notes: list[str]
) -> tuple[Sequence[Array | Category], Array | None]:
    """Return float64 columns and categories, and labels as text: all at once if Arrow can, else field by field."""
    import numpy as np
    import pyarrow as pa

    if layout.separator == " ":
        body: bytes | memoryview = b"\n".join(b"\t".join(line.split()) for _, line in _lines(data, layout))
        separator = "\t"
    else:
        body, separator = memoryview(data)[layout.body :], layout.separator
    describe_row = partial(_describe_row, data, layout)

    def parse(numbers: Sequence[int], texts: Sequence[int]) -> dict[int, Any]:
        """Return the columns by number, as text where Arrow finds anything but numbers."""
        text = list(numbers)
        try:
            return dict(zip((*numbers, *texts), _arrow(pa, body, separator, layout, numbers, texts), strict=True))
        except pa.ArrowInvalid as error:
            found = TEXT_IN_COLUMN.search(str(error))
            if found is None:
                _check_widths(source, data, layout)
                if not numbers:
                    raise
            elif len(texts) < MAX_ATTEMPTS:
                text = [int(found[1])]
        return parse([i for i in numbers if i not in text], [*texts, *text])

    def parse_texts(column: int, texts: Any) -> Array | Category:
        return _parse_texts(pa, source, texts, layout, columns[column], describe_row, notes)

    with explain_read_errors(source, "text"):
        parsed = parse(list(columns), [] if label is None else [label])
    labels = None if label is None else np.array(parsed.pop(label).to_pylist(), dtype=object)
    numbers: list[Array | Category] = []
    for column in columns:
        found = parsed.pop(column)  # so that it is freed once it is copied
        if pa.types.is_string(found.type):
            numbers.append(parse_texts(column, found))
            continue
        values = as_numpy(found)
        rounded = bool((np.abs(values) >= MAX_EXACT_INTEGER).any())  # an integer may have been
        numbers.append(parse_texts(column, parse([], [column])[column]) if rounded else values)
    return numbers, labels


def _parse_texts(
    pa: Any,
    source: Source,
    texts: Any,
    layout: Layout,
    column: str,
    describe_row: Callable[[int], str],
    notes: list[str],
) -> Array | Category:
    """Return an Arrow column of text as float64, or as a category; field by field if other texts are among numbers."""
    import numpy as np
    from pyarrow import compute

    in_file = texts
    if layout.decimal == ",":
        with_points = compute.match_substring(texts, ".")
        if compute.any(with_points).as_py():
            texts, in_file = _without_thousands(texts, with_points, column, notes)
        texts = compute.replace_substring(texts, ",", ".")
    with contextlib.suppress(pa.ArrowInvalid):
        numbers = as_numpy(texts.cast(pa.float64()))
        if not (abs(numbers) >= MAX_EXACT_INTEGER).any():
            return numbers
    if (category := category_of_texts(in_file)) is not None:
        return category
    out = np.empty(len(texts))
    for start in range(0, len(texts), ROWS_AT_ONCE):  # as Python objects
        block, shown = (each.slice(start, ROWS_AT_ONCE).to_pylist() for each in (texts, in_file))
        out[start : start + len(block)] = floats_of_text(
            source, block, column, partial(_describe_later_row, describe_row, start), shown
        )
    return out


def _describe_later_row(describe_row: Callable[[int], str], start: int, row: int) -> str:
    return describe_row(start + row)


def _without_thousands(texts: Any, with_points: Any, column: str, notes: list[str]) -> tuple[Any, Any]:
    """Return the texts of a file with decimal commas without the points between thousands, and as they stand in it.

    Where any point stands elsewhere, all stay.
    """
    from pyarrow import compute

    grouped = compute.match_substring_regex(texts, rf"^\s*{POINTS_BETWEEN_THOUSANDS}\s*$")
    if compute.all(compute.or_kleene(compute.invert(with_points), grouped)).as_py() is False:
        return texts, texts
    notes.append(f"column {quote(column)}: points stand between thousands, and were left out")
    return compute.replace_substring(texts, ".", ""), texts


def _block_bytes(layout: Layout) -> int:
    return max(MIN_BLOCK_BYTES, LINES_IN_BLOCK * layout.line_bytes)


def _arrow(
    pa: Any, body: Any, separator: str, layout: Layout, numbers: Sequence[int], texts: Sequence[int]
) -> list[Any]:
    from pyarrow import csv as arrow_csv

    types = {str(i): pa.float64() for i in numbers} | {str(i): pa.string() for i in texts}
    table = arrow_csv.read_csv(
        pa.BufferReader(pa.py_buffer(body)),
        read_options=arrow_csv.ReadOptions(
            column_names=[str(i) for i in range(len(layout.names))],
            block_size=_block_bytes(layout),
            use_threads=False,  # a short command may abort if it ends while such threads are still running
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=separator, newlines_in_values=b'"' in bytes(body[: HEAD_BYTES * 4])
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            null_values=list(MISSING_VALUES),
            strings_can_be_null=True,
            decimal_point=layout.decimal,
        ),
    )
    return list(table.columns)


def _check_widths(source: Source, data: bytes, layout: Layout) -> None:
    """Raise DataError at the first row whose number of fields is not that of the columns."""
    wanted = len(layout.names)
    for row, (number, line) in enumerate(_lines(data, layout), 1):
        text = line.decode(errors="replace")
        if layout.separator != " " and '"' in text and text.count('"') % 2:
            continue  # a field continues on the next line
        try:
            found = len(_fields(text, layout.separator))
        except csv.Error:
            raise _long_field(source, f"row {row} (line {number}) has") from None
        if found != wanted:
            hint = "a field is missing, or there is one too many"
            if layout.separator == "," and found == 2 * wanted:
                hint = "commas seem to be decimal marks: write points, or put ; between the columns"
            elif row == 1 and layout.has_header:
                hint = "the header should name each column"
            raise source.error(
                f"row {row} (line {number}) has {found} field{'s' if found > 1 else ''}, expected {wanted}; {hint}"
            )

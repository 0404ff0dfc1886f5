"""Convert the content of a file to float64, and check the numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from genbench.files.source import Category, Source, printable, quote

if TYPE_CHECKING:
    from genbench.protocol import Array

MAX_EXACT_INTEGER = 2**53  # float64 holds all integers up to here exactly
FLOAT32_MAX = 3.4028234663852886e38
MISSING_VALUES = ("", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "-NaN", "null", "NULL", "None", "<NA>", "#N/A", "NAN")
MARKS_OF_MISSING = ("?", "-", "--", ".", "*", "n.d.", "n.a.", "nd", "missing", "unknown", "none", "inf.")
DATE = re.compile(r"\d{4}[-/]\d\d?[-/]\d\d?([ T].*)?|\d\d?[./]\d\d?[./]\d{4}.*|\d\d?:\d\d(:.*)?")
LEAVE_OUT_HINT = "leave the column out with --columns"

BOOLEANS = ("False", "True")
TRUTHS = {"false": "False", "true": "True"}
MAX_LEVELS = 50  # of a category; text with more is taken for names, which nothing can learn

DescribeRow = Callable[[int], str]


def as_float(source: Source, values: Array, column: str, describe_row: DescribeRow) -> Array:
    """Return float64 of the same shape; booleans become 0 and 1.

    Raises DataError, with column, row and value, for text, dates, complex numbers, objects and integers above 2^53.
    """
    import numpy as np

    kind = values.dtype.kind
    if kind in "bf":
        with np.errstate(over="ignore"):  # check_finite reports an infinity
            return values.astype(np.float64, copy=False)
    if kind in "iu":
        _check_exact(source, values, column, describe_row)
        return values.astype(np.float64)
    if kind in "mM":
        raise date_error(source, column, describe_row(0), values.reshape(-1)[0])
    if kind == "c":
        raise source.error(
            f"column {quote(column)} is complex ({values.dtype}), expected real numbers; save real and imaginary parts"
        )
    if kind == "O":
        return _floats_of_objects(source, values, column, describe_row)
    if kind in "SUT":
        raise text_error(source, column, describe_row(0), _text(values.reshape(-1)[0]))
    raise source.error(f"column {quote(column)} has type {values.dtype}, expected numbers; {LEAVE_OUT_HINT}")


def without_rounding(values: Array, as_float64: Array) -> Array:
    """Return float64 numbers (n,) or (n, d), of which columns that are constant in float32 are so exactly."""
    import numpy as np

    from genbench.data import constant_columns

    if values.dtype.kind != "f" or values.dtype.itemsize >= as_float64.dtype.itemsize or not len(values):
        return as_float64
    with np.errstate(invalid="ignore"):
        constant = constant_columns(values) & ~np.isnan(values).any(axis=0)
    return np.where(constant, as_float64[:1], as_float64) if constant.any() else as_float64


def as_category(values: Array) -> Category | None:
    """Return texts or booleans as a category, with the levels in sorted order.

    None for other types, for numbers and dates written as text, and for text of more than 50 levels, or of levels that
    occur less than twice on average.
    """
    import numpy as np

    if values.dtype.kind == "b":
        return Category(values.astype(np.float64), BOOLEANS)
    if values.dtype.kind not in "OSUT":
        return None
    items = values.tolist()
    present = [item for item in items if item is not None and item == item]
    if present and all(isinstance(item, (bool, np.bool_)) for item in present):
        return Category(np.array([item if item == item else None for item in items], dtype=np.float64), BOOLEANS)
    if any(not isinstance(item, (str, bytes)) for item in present):
        return None
    index = {text: i for i, text in enumerate(dict.fromkeys(map(_text, present)))}
    codes = np.array([-1 if item is None or item != item else index[_text(item)] for item in items], dtype=np.int64)
    return _category_of_texts(codes, list(index))


def _category_of_texts(codes: Array, texts: Sequence[str], declared: bool = False) -> Category | None:
    """Return the category of rows (n,) that hold ``texts[code]``, nothing where the code is negative.

    ``declared`` are those that the data call categories: they keep their order, and may be few or look like numbers.
    """
    import numpy as np

    counts = np.bincount(codes[codes >= 0], minlength=len(texts)).tolist()
    clean = [text.strip() for text in texts]
    used: dict[str, int] = {}
    for text, count in zip(clean, counts, strict=True):
        if count and text not in MISSING_VALUES:
            used[text] = used.get(text, 0) + count
        if len(used) > MAX_LEVELS:
            return None
    if used and not declared and {text.lower() for text in used} <= TRUTHS.keys():
        clean, used = [TRUTHS.get(text.lower(), "") for text in clean], dict.fromkeys(BOOLEANS, 1)
    elif not used or (not declared and not _are_levels(used)):
        return None
    levels = tuple(used) if declared else tuple(sorted(used))
    number = {level: float(i) for i, level in enumerate(levels)}
    of_text = np.array([*(number.get(text, np.nan) for text in clean), np.nan])  # the last is that of code -1
    return Category(of_text[codes], levels)


def _are_levels(used: Mapping[str, int]) -> bool:
    """Return whether texts, each with how often it occurs, are names of categories: they repeat, and are no numbers."""
    return 2 * len(used) <= sum(used.values()) and not any(_is_number(text) or DATE.fullmatch(text) for text in used)


def holds_booleans(values: Array) -> bool:
    """Return whether an array holds booleans, of which some may be missing."""
    return values.dtype.kind == "b" or (values.dtype.kind == "O" and any(isinstance(value, bool) for value in values))


def has_value(values: Array) -> Array:
    """Return a mask of the values that are not missing."""
    import numpy as np

    if values.dtype.kind == "O":
        return np.array([v is not None and v == v for v in values])
    return ~np.isnan(values) if values.dtype.kind == "f" else np.ones(len(values), dtype=bool)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?[\d.,' ]*\d[\d.,' ]*([eE][+-]?\d+)?", text) is not None


def is_text(kind: Any) -> bool:
    """Return whether an Arrow type is one of text."""
    import pyarrow as pa

    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def as_column(column: Any, kind: Any) -> Array | Category:
    """Return an Arrow column as a category if it holds texts, booleans or a dictionary of few values, else as numbers.

    ``kind`` is its type in the file. Where that is a dictionary, which pandas writes of a categorical column, its order
    is kept.
    """
    import numpy as np
    import pyarrow as pa

    types = pa.types
    if types.is_boolean(kind):
        return Category(np.asarray(column.cast(pa.int8()).cast(pa.float64()).fill_null(np.nan).to_numpy()), BOOLEANS)
    inner = kind.value_type if (declared := types.is_dictionary(kind)) else kind
    numbers = types.is_integer(inner) or types.is_floating(inner) or types.is_boolean(inner)
    if is_text(inner) or (declared and numbers):
        found = category_of_texts(column, declared)
        return as_numpy(column) if found is None else found
    return as_numpy(column)


def category_of_texts(column: Any, declared: bool = False) -> Category | None:
    """Return an Arrow column of texts, or a dictionary, as a category; None where ``as_category`` returns None too."""
    import numpy as np

    if not len(column):
        return None
    coded, codes = _coded(column)
    if np.count_nonzero(np.bincount(codes + 1)) > 4 * MAX_LEVELS:  # some may be the same when stripped, or missing
        return None
    return _category_of_texts(codes, [_level(value) for value in coded.to_pylist()], declared)


def _coded(column: Any) -> tuple[Any, Array]:
    """Return the dictionary of an Arrow column, and the code of each row in it, -1 where a value is missing."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries()
    codes = [chunk.indices.cast(pa.int64()).fill_null(-1).to_numpy() for chunk in column.chunks]
    return column.chunk(0).dictionary, np.concatenate(codes)


def _level(value: object) -> str:
    return "" if value is None else level_of(value) if isinstance(value, float) else str(value)


def level_of(value: float) -> str:
    """Return the name of a number as the level of a category: the shortest text of it, ``1`` and not ``1.0``."""
    return repr(float(value)).removesuffix(".0")


def as_numpy(column: Any) -> Array:
    """Return an Arrow column as an array, missing numbers as nan, without importing pandas, which is slow."""
    import numpy as np
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(column.type) and is_text(column.type.value_type) and len(column):
        texts, codes = _coded(column)
        return np.array([*texts.to_pylist(), None], dtype=object)[codes]
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if types.is_decimal(column.type):
        column = column.cast(pa.float64())
    if types.is_integer(column.type) and column.null_count:
        try:
            column = column.cast(pa.float64())
        except pa.ArrowInvalid:  # one is above 2^53: as_float reports which
            column = column.fill_null(0)
    if types.is_floating(column.type):
        column = column.fill_null(np.nan) if column.null_count else column
    elif not types.is_integer(column.type):
        if types.is_string_view(column.type):
            column = column.cast(pa.large_string())
        return np.asarray(column.to_numpy())
    chunks = [np.from_dlpack(chunk) for chunk in column.chunks]
    return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _floats_of_objects(source: Source, values: Array, column: str, describe_row: DescribeRow) -> Array:
    import numpy as np

    out = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if value is None:
            continue
        try:
            out[row] = float("text" if isinstance(value, (str, bytes)) else value)
        except OverflowError:
            raise exact_error(source, column, describe_row(row), value) from None
        except (TypeError, ValueError):
            raise text_error(source, column, describe_row(row), _text(value)) from None
        if isinstance(value, int) and abs(value) > MAX_EXACT_INTEGER:
            raise exact_error(source, column, describe_row(row), value)
    return out


def _check_exact(source: Source, values: Array, column: str, describe_row: DescribeRow) -> None:
    import numpy as np

    if (
        values.dtype.itemsize < 8
        or not values.size
        or (int(values.max()) <= MAX_EXACT_INTEGER and int(values.min()) >= -MAX_EXACT_INTEGER)
    ):
        return
    large = values > MAX_EXACT_INTEGER
    if values.dtype.kind == "i":
        large |= values < -MAX_EXACT_INTEGER
    at = tuple(int(i) for i in np.argwhere(large)[0])
    raise exact_error(source, column, describe_row(at[0]), int(values[at]))


def exact_error(source: Source, column: str, where: str, value: object) -> Exception:
    """Return the error for an integer that float64 cannot hold."""
    return source.error(
        f"column {quote(column)}, {where}: the integer {printable(value, 40)} is above 2^53 and would be rounded; "
        f"{LEAVE_OUT_HINT}, or subtract an offset"
    )


def date_error(source: Source, column: str, where: str, value: object) -> Exception:
    """Return the error for a column of dates or times."""
    return source.error(
        f"column {quote(column)}, {where}: {quote(value)} is a date or time, expected a number; "
        f"convert it, to seconds since a start for example, or {LEAVE_OUT_HINT}"
    )


def floats_of_text(
    source: Source,
    texts: Sequence[str | None],
    column: str,
    describe_row: DescribeRow,
    in_file: Sequence[str | None] | None = None,
) -> Array:
    """Return float64 (n,) of text fields, missing ones as nan.

    ``in_file`` has the fields as they stand in the file, for messages, where ``texts`` are changed, as their decimal
    marks. Raises DataError at the first field that is not a number.
    """
    import numpy as np

    shown = texts if in_file is None else in_file
    out = np.full(len(texts), np.nan)
    for row, text in enumerate(texts):
        if text is None or (stripped := text.strip()) in MISSING_VALUES:
            continue
        if "_" in stripped:
            raise text_error(source, column, describe_row(row), str(shown[row]))
        try:
            out[row] = float(stripped)
        except ValueError:
            raise text_error(source, column, describe_row(row), str(shown[row])) from None
        if (
            abs(out[row]) >= MAX_EXACT_INTEGER
            and re.fullmatch(r"[+-]?\d+", stripped)
            and _is_above(stripped.lstrip("+-0"), MAX_EXACT_INTEGER)
        ):
            raise exact_error(source, column, describe_row(row), stripped)
    return out


def _is_above(digits: str, limit: int) -> bool:
    """Return whether an integer, without sign and leading zeros, is above a limit; it may have any number of digits."""
    return len(digits) > len(str(limit)) or int(digits) > limit


def text_error(source: Source, column: str, where: str, value: str) -> Exception:
    """Return the error for a field that is not a number, with a remedy for what it looks like."""
    short = value.strip()[:64]
    if DATE.fullmatch(short):
        return date_error(source, column, where, short)
    if re.fullmatch(r"[+-]?\d+,\d+([eE][+-]?\d+)?", short):
        remedy = "it looks like a decimal comma: write the file with points, or with ; between the columns"
    elif re.fullmatch(r"[+-]?\d+\.?\d*[dD][+-]?\d+", short):
        remedy = "write the exponent with E"
    elif short.lower() in MARKS_OF_MISSING:
        remedy = "if it marks a missing value, leave the field empty"
    elif re.fullmatch(r"[+-]?\d[\d,.' ]*\d", short):
        remedy = "write it without thousands separators"
    else:
        remedy = f"{LEAVE_OUT_HINT}, or name it with --labels"
    return source.error(f"column {quote(column)}, {where}: expected a number, got {quote(value)}; {remedy}")

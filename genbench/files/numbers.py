"""Convert the content of a file to float64, and check the numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from genbench.files.source import Source, join_names, quote

if TYPE_CHECKING:
    from genbench.protocol import Array

MAX_EXACT_INTEGER = 2**53  # float64 holds all integers up to here exactly
FLOAT32_MAX = 3.4028234663852886e38
MISSING_VALUES = ("", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "-NaN", "null", "NULL", "None", "<NA>", "#N/A", "NAN")
DATE = re.compile(r"\d{4}[-/]\d\d?[-/]\d\d?([ T].*)?|\d\d?[./]\d\d?[./]\d{4}.*|\d\d?:\d\d(:.*)?")
LEAVE_OUT_HINT = "leave the column out with --columns"

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


def as_category(values: Array) -> tuple[Array, tuple[str, ...]] | None:
    """Return codes (n,), nan where a value is missing, and the levels in sorted order, of texts or of booleans.

    None for other types, for numbers and dates written as text, and for text of more than 50 levels, or of levels that
    occur less than twice on average.
    """
    import numpy as np

    if values.dtype.kind == "b":
        return values.astype(np.float64), ("False", "True")
    if values.dtype.kind not in "OSUT":
        return None
    items = values.tolist()
    if bool in (kinds := set(map(type, items))) and kinds <= {bool, type(None)}:
        return np.array([np.nan if item is None else float(item) for item in items]), ("False", "True")
    if any(not isinstance(item, (str, bytes, type(None), float)) for item in items):
        return None
    texts = [None if item is None or item != item else _text(item).strip() for item in items]
    present = [text for text in texts if text is not None and text not in MISSING_VALUES]
    levels = sorted(set(present))
    if not levels or len(levels) > MAX_LEVELS or 2 * len(levels) > len(present):
        return None
    if any(_is_number(level) or DATE.fullmatch(level) for level in levels):
        return None
    code = {level: float(i) for i, level in enumerate(levels)}
    return np.array([code.get(text or "", np.nan) for text in texts]), tuple(levels)


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


def as_numpy(column: Any) -> Array:
    """Return an Arrow column as an array, missing numbers as nan, without importing pandas, which is slow."""
    import numpy as np
    import pyarrow as pa

    types = pa.types
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
        return np.asarray(column.to_numpy())
    return np.concatenate([np.from_dlpack(chunk) for chunk in column.chunks])


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
        f"column {quote(column)}, {where}: the integer {value} is above 2^53 and would be rounded; {LEAVE_OUT_HINT}, "
        "or subtract an offset"
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
    """Return float64 (n,) of text fields: numbers, true as 1, false as 0, missing ones as nan.

    ``in_file`` has the fields as they stand in the file, for messages, where ``texts`` are changed, as their decimal
    marks. Raises DataError at the first field that is not a number.
    """
    import numpy as np

    shown = texts if in_file is None else in_file

    present = {t.strip().lower() for t in texts[:1000] if t is not None}
    if present <= {"true", "false"} and present:
        texts = [None if t is None else {"true": "1", "false": "0"}.get(t.strip().lower(), t) for t in texts]
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
            and abs(int(stripped)) > MAX_EXACT_INTEGER
        ):
            raise exact_error(source, column, describe_row(row), stripped)
    return out


def text_error(source: Source, column: str, where: str, value: str) -> Exception:
    """Return the error for a field that is not a number, with a remedy for what it looks like."""
    short = value.strip()[:64]
    if DATE.fullmatch(short):
        return date_error(source, column, where, short)
    if re.fullmatch(r"[+-]?\d+,\d+([eE][+-]?\d+)?", short):
        remedy = "it looks like a decimal comma: write the file with points, or with ; between the columns"
    elif re.fullmatch(r"[+-]?\d[\d,.' ]*\d", short):
        remedy = "write it without thousands separators"
    else:
        remedy = f"{LEAVE_OUT_HINT}, or name it with --labels"
    return source.error(f"column {quote(column)}, {where}: expected a number, got {quote(value)}; {remedy}")


def check_finite(
    source: Source, rows: Array, names: Sequence[str], describe_row: DescribeRow, na: str
) -> tuple[Array | None, str]:
    """Return a mask of the rows to keep (None: all) and a note; ``rows`` are (n, d) or (n, c, h, w).

    Raises DataError, with counts and columns, if numbers are missing or infinite and ``na`` is not ``drop``.
    """
    import numpy as np

    if rows.dtype.kind != "f":
        return None, ""
    flat = rows.reshape(len(rows), -1)
    # a sum is finite only if all its terms are: data without gaps take one pass and no mask
    with np.errstate(all="ignore"):
        if np.isfinite(flat.sum(axis=0)).all():
            return None, ""
    finite = np.isfinite(flat)
    good: Array = np.asarray(finite.all(axis=1))
    if good.all():
        return None, ""
    bad, first = int((~good).sum()), int(np.argmin(good))
    nan, total = int(np.isnan(flat).sum()), int((~finite).sum())
    counts = [f"{n} {kind}" for n, kind in ((nan, "missing (NaN)"), (total - nan, "infinite")) if n]
    where = ""
    if rows.ndim == 2:
        per_column = (~finite).sum(axis=0)
        named = [f"{quote(name)} {n}" for name, n in zip(names, per_column, strict=True) if n]
        where = f", in {join_names(named, 6)}"
    if na == "drop":
        return good, f"dropped {bad} of {len(rows)} rows with missing or infinite values{where}"
    raise source.error(
        f"{' and '.join(counts)} value{'s' if total > 1 else ''} in {bad} of {len(rows)} rows{where}; "
        f"first at {describe_row(first)}; --na drop leaves these rows out"
    )


def check_logs(source: Source, values: Array, column: str) -> None:
    """Raise DataError if a column given to --log has values that are not positive."""
    import numpy as np

    wrong = values <= 0
    if wrong.any():
        row = int(np.argmax(wrong))
        raise source.error(
            f"--log {quote(column)}: row {row + 1} is {values[row]:g}, expected values above 0 "
            f"({int(wrong.sum())} of {len(values)} are not); leave the column out of --log"
        )


def check_range(source: Source, values: Array, column: str) -> None:
    """Raise DataError if a number does not fit into float32, the type in which models are trained."""
    import numpy as np

    large = np.abs(values) > FLOAT32_MAX
    if large.any():
        row = int(np.argmax(large.reshape(len(values), -1).any(axis=1)))
        worst = float(values.reshape(-1)[int(np.argmax(large))])
        raise source.error(
            f"column {quote(column)}, row {row + 1}: {worst:g} is beyond float32 (3.4e38); rescale the column, "
            "or give it to --log"
        )

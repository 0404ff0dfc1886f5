"""From whatever a file holds to float64, and what is wrong with the numbers on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from genbench.files.source import Source, quoted, some

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

EXACT = 2**53  # integers up to here are float64 without loss
FLOAT32_MAX = 3.4028234663852886e38
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "-NaN", "null", "NULL", "None", "<NA>", "#N/A", "NAN")
LEAVE_OUT = "leave the column out with --columns"

Place = Callable[[int], str]


def as_float(source: Source, values: Array, column: str, place: Place) -> Array:
    """Return float64 of the same shape; booleans become 0 and 1.

    Raises DataError, naming column, row and value, for text, dates, complex numbers, objects and integers past 2^53.
    """
    import numpy as np

    kind = values.dtype.kind
    if kind in "bf":
        with np.errstate(over="ignore"):  # an infinity is told by check_finite
            return values.astype(np.float64, copy=False)
    if kind in "iu":
        _check_exact(source, values, column, place)
        return values.astype(np.float64)
    if kind in "mM":
        raise date_error(source, column, place(0), values.reshape(-1)[0])
    if kind == "c":
        raise source.error(
            f"column {quoted(column)} is complex ({values.dtype}), expected real numbers; save real and imaginary parts"
        )
    if kind == "O":
        return _floats_of_objects(source, values, column, place)
    if kind in "SUT":
        raise text_error(source, column, place(0), _text(values.reshape(-1)[0]))
    raise source.error(f"column {quoted(column)} has type {values.dtype}, expected numbers; {LEAVE_OUT}")


def as_numpy(column: Any) -> Array:
    """Return an Arrow column as an array, missing numbers as nan; numbers go without pandas, slow to import."""
    import numpy as np
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if types.is_decimal(column.type) or (types.is_boolean(column.type) and column.null_count):
        column = column.cast(pa.float64())
    if types.is_integer(column.type) and column.null_count:
        try:
            column = column.cast(pa.float64())
        except pa.ArrowInvalid:  # one is above 2^53: as_float will say which
            column = column.fill_null(0)
    if types.is_floating(column.type):
        column = column.fill_null(np.nan) if column.null_count else column
    elif not types.is_integer(column.type):
        return np.asarray(column.to_numpy())
    return np.concatenate([np.from_dlpack(chunk) for chunk in column.chunks])


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _floats_of_objects(source: Source, values: Array, column: str, place: Place) -> Array:
    import numpy as np

    out = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        if value is None:
            continue
        try:
            out[row] = float("text" if isinstance(value, (str, bytes)) else value)
        except (TypeError, ValueError):
            raise text_error(source, column, place(row), _text(value)) from None
        if isinstance(value, int) and abs(value) > EXACT:
            raise exact_error(source, column, place(row), value)
    return out


def _check_exact(source: Source, values: Array, column: str, place: Place) -> None:
    import numpy as np

    if values.dtype.itemsize < 8 or not values.size or (int(values.max()) <= EXACT and int(values.min()) >= -EXACT):
        return
    large = values > EXACT
    if values.dtype.kind == "i":
        large |= values < -EXACT
    at = tuple(int(i) for i in np.argwhere(large)[0])
    raise exact_error(source, column, place(at[0]), int(values[at]))


def exact_error(source: Source, column: str, where: str, value: object) -> Exception:
    """Return the error for an integer that float64 cannot hold."""
    return source.error(
        f"column {quoted(column)}, {where}: the integer {value} is above 2^53 and would be rounded; {LEAVE_OUT}, "
        "or subtract an offset"
    )


def date_error(source: Source, column: str, where: str, value: object) -> Exception:
    """Return the error for a column of dates or times."""
    return source.error(
        f"column {quoted(column)}, {where}: {quoted(value)} is a date or time, expected a number; "
        f"convert it, to seconds since a start for example, or {LEAVE_OUT}"
    )


def floats_of_text(source: Source, texts: Sequence[str | None], column: str, place: Place) -> Array:
    """Return float64 (n,) of fields of text: numbers, true and false, nan where missing.

    Raises DataError at the first field that is no number.
    """
    import numpy as np

    present = {t.strip().lower() for t in texts[:1000] if t is not None}
    if present <= {"true", "false"} and present:
        texts = [None if t is None else {"true": "1", "false": "0"}.get(t.strip().lower(), t) for t in texts]
    out = np.full(len(texts), np.nan)
    for row, text in enumerate(texts):
        if text is None or (stripped := text.strip()) in MISSING:
            continue
        if "_" in stripped:
            raise text_error(source, column, place(row), text)
        try:
            out[row] = float(stripped)
        except ValueError:
            raise text_error(source, column, place(row), text) from None
        if abs(out[row]) >= EXACT and re.fullmatch(r"[+-]?\d+", stripped) and abs(int(stripped)) > EXACT:
            raise exact_error(source, column, place(row), stripped)
    return out


def text_error(source: Source, column: str, where: str, value: str) -> Exception:
    """Return the error for a field that is no number, with what it looks like."""
    short = value.strip()[:64]
    if re.fullmatch(r"\d{4}[-/]\d\d?[-/]\d\d?([ T].*)?|\d\d?[./]\d\d?[./]\d{4}.*|\d\d?:\d\d(:.*)?", short):
        return date_error(source, column, where, short)
    if re.fullmatch(r"[+-]?\d+,\d+([eE][+-]?\d+)?", short):
        remedy = "it looks like a decimal comma: write the file with points, or with ; between the columns"
    elif re.fullmatch(r"[+-]?\d[\d,.' ]*\d", short):
        remedy = "write it without thousands separators"
    else:
        remedy = f"{LEAVE_OUT}, or name it with --labels"
    return source.error(f"column {quoted(column)}, {where}: expected a number, got {quoted(value)}; {remedy}")


def check_finite(source: Source, rows: Array, names: Sequence[str], place: Place, na: str) -> tuple[Array | None, str]:
    """Return which rows to keep (None: all) and a note; rows (n, d) or (n, c, h, w).

    Raises DataError with counts and columns where numbers are missing or infinite and ``na`` is not ``drop``.
    """
    import numpy as np

    if rows.dtype.kind != "f":
        return None, ""
    flat = rows.reshape(len(rows), -1)
    # a sum is finite only if all terms are, so clean data cost one pass and no mask
    with np.errstate(all="ignore"):
        if np.isfinite(flat.sum(axis=0)).all():
            return None, ""
    finite = np.isfinite(flat)
    good: Array = np.asarray(finite.all(axis=1))
    if good.all():
        return None, ""
    bad, first = int((~good).sum()), int(np.argmin(good))
    nan, total = int(np.isnan(flat).sum()), int((~finite).sum())
    counts = [f"{n} {what}" for n, what in ((nan, "missing (NaN)"), (total - nan, "infinite")) if n]
    where = ""
    if rows.ndim == 2:
        per_column = (~finite).sum(axis=0)
        named = [f"{quoted(name)} {n}" for name, n in zip(names, per_column, strict=True) if n]
        where = f", in {some(named, 6)}"
    if na == "drop":
        return good, f"dropped {bad} of {len(rows)} rows with missing or infinite values{where}"
    raise source.error(
        f"{' and '.join(counts)} value{'s' if total > 1 else ''} in {bad} of {len(rows)} rows{where}; "
        f"first at {place(first)}; --na drop leaves these rows out"
    )


def check_logs(source: Source, values: Array, column: str) -> None:
    """Raise DataError where a column taken as a logarithm is not positive."""
    import numpy as np

    wrong = values <= 0
    if wrong.any():
        row = int(np.argmax(wrong))
        raise source.error(
            f"--log {quoted(column)}: row {row + 1} is {values[row]:g}, expected values above 0 "
            f"({int(wrong.sum())} of {len(values)} are not); take the column without --log"
        )


def check_range(source: Source, values: Array, column: str) -> None:
    """Raise DataError where a number does not fit into the float32 that models are trained in."""
    import numpy as np

    large = np.abs(values) > FLOAT32_MAX
    if large.any():
        row = int(np.argmax(large.reshape(len(values), -1).any(axis=1)))
        worst = float(values.reshape(-1)[int(np.argmax(large))])
        raise source.error(
            f"column {quoted(column)}, row {row + 1}: {worst:g} is beyond float32 (3.4e38); rescale it, "
            "or take it with --log"
        )

"""Tell the first lines of a text file apart: names of columns, their units, and rows of numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from genbench.files.numbers import MISSING_VALUES

MAX_UNIT_LENGTH = 24
MIN_ROWS_BELOW_UNITS = 3
MIN_SHARE_BELOW_UNITS = 0.75  # of fields that are numbers


def is_header(rows: Sequence[Sequence[str]], number: re.Pattern[str]) -> bool:
    """Return whether the first row names the columns: it has text above numbers, or only text."""
    first, *body = rows
    numeric = [number.fullmatch(field) is not None for field in first]
    if not any(numeric):
        return any(field not in MISSING_VALUES for field in first)
    if all(is_number or field in MISSING_VALUES for is_number, field in zip(numeric, first, strict=True)):
        return False
    return any(
        not is_number and field not in MISSING_VALUES and any(len(r) > i and number.fullmatch(r[i]) for r in body)
        for i, (is_number, field) in enumerate(zip(numeric, first, strict=True))
    )


def is_row_of_units(rows: Sequence[Sequence[str]], number: re.Pattern[str]) -> bool:
    """Return whether the second row has short texts, or nothing, above columns of numbers."""
    if len(rows) < MIN_ROWS_BELOW_UNITS + 2:
        return False
    second, body = rows[1], rows[2:]
    texts = [i for i, field in enumerate(second) if field not in MISSING_VALUES]
    if not texts or any(number.fullmatch(second[i]) or len(second[i]) > MAX_UNIT_LENGTH for i in texts):
        return False
    fields = [row[i] if len(row) > i else "" for row in body for i in texts]
    numeric = sum(field in MISSING_VALUES or number.fullmatch(field) is not None for field in fields)
    return numeric >= MIN_SHARE_BELOW_UNITS * len(fields)

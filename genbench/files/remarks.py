"""Remark on columns that are seldom meant to be modelled: identifiers, dates, fill values, a single absurd value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from genbench.files.columns import pattern_of
from genbench.files.source import printable, quote

if TYPE_CHECKING:
    from genbench.protocol import Array

FILL_VALUES = (-99.0, -999.0, -9999.0, -99999.0, -1e10, -1e20, -1e30, 99.0, 999.0, 9999.0, 99999.0, 1e20, 1e30)
FIRST_DATE, LAST_DATE = 19000101, 21001231  # as year, month, day in one integer
FAR_FROM_OTHERS = 3.0  # ranges of the other values, for a fill value
PLAIN_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
# digits with what stands before and after numbers, but no letters, as in $1.50, 5 %, (3), and 0x1f
NEARLY_A_NUMBER = re.compile(r"0x[0-9a-fA-F]+|[^\w]*\d[\d.,]*[^\w]*")
ABSURD = 1000.0  # ranges of the other values, for a single one


def remarks_on(name: str, values: Array) -> list[str]:
    """Return what is odd about a column (n,) of finite numbers, each with what to do; nothing is changed."""
    import numpy as np

    found, distinct = [], np.unique(values)
    whole = bool((values == np.rint(values)).all())
    column = f"column {quote(name)}"
    if whole and len(distinct) == len(values) and _is_even(np.diff(values)):
        found.append(f"{column} counts the rows, like an identifier; --columns=-{pattern_of(name)} leaves it out")
    elif whole and len(distinct) > 1 and _are_dates(distinct):
        found.append(f"{column} looks like dates as integers ({distinct[0]:.0f}), which no distance is right for")
    if len(distinct) < 3:
        return found
    for end, others in ((distinct[0], distinct[1:]), (distinct[-1], distinct[:-1])):
        gap, width = float(np.abs(others - end).min()), float(others[-1] - others[0])
        count = int((values == end).sum())
        rows = f"{count} row{'s' if count > 1 else ''}"
        if float(end) in FILL_VALUES and gap > FAR_FROM_OTHERS * width:
            found.append(f"{column} is {end:g} in {rows}, far from all others: a fill value for missing ones?")
        elif count == 1 and gap > ABSURD * width:
            row = int(np.argmax(values == end))
            found.append(f"{column}, row {row + 1}: {end:g} is {gap / width:.2g} times as far as all others: an error?")
    return found


def remarks_on_levels(name: str, levels: Sequence[str]) -> list[str]:
    """Return a note on levels that are numbers, alone or with a unit, a currency, signs or invisible characters."""
    column = f"column {quote(name)}"
    if all(PLAIN_NUMBER.fullmatch(level) for level in levels):
        return [f"{column} holds categories that are numbers; --kinds {pattern_of(name)}=continuous takes them as such"]
    if not all(NEARLY_A_NUMBER.fullmatch(level) for level in levels):
        return []
    odd = next(level for level in levels if not PLAIN_NUMBER.fullmatch(level))
    shown = f"{quote(odd)} (with characters that do not show)" if PLAIN_NUMBER.fullmatch(printable(odd)) else quote(odd)
    return [f"{column} holds text as {shown}, taken as categories; write numbers without more signs"]


def _is_even(steps: Array) -> bool:
    return len(steps) > 0 and bool((steps == steps[0]).all()) and abs(float(steps[0])) == 1.0


def _are_dates(values: Array) -> bool:
    if values[0] < FIRST_DATE or values[-1] > LAST_DATE:
        return False
    month, day = values // 100 % 100, values % 100
    return bool(((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)).all())

"""Select columns by names, indices from 0, ranges ``0:5``, globs ``jet*`` and exclusions ``-id``."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from genbench.errors import DataError, suggestion
from genbench.files.source import Source, join_names, printable, quote
from genbench.spec import COLUMN_KINDS


class MissingColumn(DataError):
    """The data have no column of the name that an option gives."""


ColumnNames = str | Sequence[str | int] | None


def split_names(names: ColumnNames) -> tuple[str, ...]:
    """Return the items of ``a,b,c`` or of a sequence, as text."""
    if names is None:
        return ()
    items: Iterable[str | int] = names.split(",") if isinstance(names, str) else names
    return tuple(text for item in items if (text := str(item).strip()))


def clean_names(source: Source, names: Sequence[str], notes: list[str]) -> tuple[str, ...]:
    """Return the names without control characters; raises DataError if two columns have the same name."""
    clean = tuple(printable(name, 80) for name in names)
    if changed := [c for c, name in zip(clean, names, strict=True) if c != name.strip()]:
        notes.append(
            f"control characters, extra spaces or excess length removed from column names: {join_names(changed)}"
        )
    clean = tuple(name or f"c{i}" for i, name in enumerate(clean))
    repeated = [name for name, count in Counter(clean).items() if count > 1]
    if repeated:
        raise source.error(
            f"{len(repeated)} column names occur more than once: {join_names(repeated)}; give each column its own name"
        )
    return clean


def pick(source: Source, wanted: tuple[str, ...], names: Sequence[str], option: str) -> list[int]:
    """Return the indices of the columns in ``wanted``, in that order; of all columns if ``wanted`` is empty.

    Raises DataError for a column that does not exist, and suggests the closest name.
    """
    chosen: dict[int, None] = {}
    if not wanted or (wanted[0].startswith("-") and wanted[0] not in names):
        chosen = dict.fromkeys(range(len(names)))
    for word in wanted:
        if word.startswith("-") and word not in names:
            for i in _match(source, word[1:], names, option):
                chosen.pop(i, None)
        else:
            chosen.update(dict.fromkeys(_match(source, word, names, option)))
    if not chosen:
        raise source.error(f"{option} leaves no columns of {join_names(names)}")
    return list(chosen)


def _match(source: Source, word: str, names: Sequence[str], option: str) -> list[int]:
    if word in names:
        return [names.index(word)]
    if word.isascii() and word.isdigit() and int(word) < len(names):
        return [int(word)]
    if re.fullmatch(r"\d*:\d*", word):
        found = list(range(len(names)))[slice(*(int(end) if end else None for end in word.split(":")))]
    else:
        found = [i for i, name in enumerate(names) if fnmatchcase(name, word)]
    if not found:
        hint = suggestion(word, names) or f"; it has {len(names)}: {join_names(names)}"
        raise MissingColumn(f"{source.label}: {option}: no column {quote(word)}{hint}")
    return found


def pick_one(source: Source, word: str, names: Sequence[str], option: str) -> int:
    """Return the index of one column."""
    found = _match(source, word, names, option)
    if len(found) > 1:
        raise source.error(f"{option}: {quote(word)} matches {len(found)} columns, expected one of {join_names(names)}")
    return found[0]


def parse_pairs(items: Sequence[str], option: str) -> dict[str, str]:
    """Return the value of each column in ``items`` such as ``njet=integer``; raises DataError for other items."""
    out = {}
    for word in items:
        name, equals, value = word.rpartition("=")
        if not equals or not name or not value:
            raise DataError(f"{option} {printable(word)}: expected COLUMN=VALUE")
        out[name.strip()] = value.strip()
    return out


def parse_kinds(items: Sequence[str]) -> dict[str, str]:
    """Return the kind of each column in ``items`` such as ``njet=integer``; raises DataError for an unknown kind."""
    found = parse_pairs(items, "--kinds")
    for name, kind in found.items():
        if kind not in COLUMN_KINDS:
            raise DataError(f"--kinds {printable(name)}={printable(kind)}: expected {', '.join(COLUMN_KINDS)}")
    return found


def parse_periods(items: Sequence[str]) -> dict[str, float]:
    """Return the period of each column in ``items``: ``phi`` stands for a period of 2 pi, ``phi=360`` gives one."""
    out: dict[str, float] = {}
    for word in items:
        name, equals, text = word.rpartition("=")
        try:
            value = float(text) if equals else 2 * math.pi
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise DataError(f"--periodic {printable(word)}: expected COLUMN or COLUMN=PERIOD with a period above 0")
        out[name if equals else word] = value
    return out

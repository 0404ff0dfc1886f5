"""Which columns are meant: names, indices from 0, ranges ``0:5``, globs ``jet*`` and exclusions ``-id``."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from genbench.errors import DataError, suggestion
from genbench.files.source import Source, printable, quoted, some

Words = str | Sequence[str | int] | None


def words(given: Words) -> tuple[str, ...]:
    """Return the items of ``a,b,c`` or of a sequence, as text."""
    if given is None:
        return ()
    items: Iterable[str | int] = given.split(",") if isinstance(given, str) else given
    return tuple(text for item in items if (text := str(item).strip()))


def tidy(source: Source, names: Sequence[str], notes: list[str]) -> tuple[str, ...]:
    """Return the names without control characters; raises DataError where two columns share one."""
    clean = tuple(printable(name, 80) for name in names)
    if changed := [c for c, name in zip(clean, names, strict=True) if c != name.strip()]:
        notes.append(f"control characters, extra spaces or excess length removed from column names: {some(changed)}")
    clean = tuple(name or f"c{i}" for i, name in enumerate(clean))
    twice = [name for name, count in Counter(clean).items() if count > 1]
    if twice:
        raise source.error(f"{len(twice)} column names stand twice: {some(twice)}; give each column a name of its own")
    return clean


def pick(source: Source, wanted: tuple[str, ...], names: Sequence[str], option: str) -> list[int]:
    """Return the indices of the wanted columns, in the order asked for; all of them where nothing is asked.

    Raises DataError for a column that does not exist, with a close match.
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
        raise source.error(f"{option} leaves no column of {some(names)}")
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
        hint = suggestion(word, names) or f"; it has {len(names)}: {some(names)}"
        raise source.error(f"{option}: no column {quoted(word)}{hint}")
    return found


def pick_one(source: Source, word: str, names: Sequence[str], option: str) -> int:
    """Return the index of one column."""
    found = _match(source, word, names, option)
    if len(found) > 1:
        raise source.error(f"{option}: {quoted(word)} means {len(found)} columns, expected one of {some(names)}")
    return found[0]


def periods(given: Sequence[str]) -> dict[str, float]:
    """Return the period of each named column from ``phi`` or ``phi=360``; 2 pi where none is given."""
    out: dict[str, float] = {}
    for word in given:
        name, equals, text = word.rpartition("=")
        try:
            value = float(text) if equals else 2 * math.pi
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise DataError(f"--periodic {printable(word)}: expected COLUMN or COLUMN=PERIOD with a period above 0")
        out[name if equals else word] = value
    return out

"""Arrays that a file holds under names (datasets, fields, branches, columns), joined into a table if asked for.

What an array is, is known by its header; it is loaded when a column of it is read, and never otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from genbench.files.columns import clean_names, pick
from genbench.files.source import DEFAULT_LAYOUT, FileLayout, Source, Table, join_names, quote

if TYPE_CHECKING:
    from genbench.protocol import Array

DEFAULT_KEYS = ("data", "samples", "train")  # the arrays to try, in this order, if the user names none

Item = tuple[str, int | None]  # an array, and which of its columns if it has two dimensions


class Header(NamedTuple):
    """The shape of an array, and why it cannot be a column: ``holds objects``, or nothing."""

    shape: tuple[int, ...]
    defect: str = ""

    @property
    def is_column(self) -> bool:
        """Whether this is a column (n,) or several (n, k)."""
        return not self.defect and len(self.shape) in (1, 2)


@dataclass(frozen=True)
class NamedArrays:
    """The headers of arrays by name, the ``units`` of those that have one, and ``load(names)``, which returns arrays.

    ``types`` are those of the arrays in the file where ``load`` may return another, and ``layout`` is the file's. With
    ``grouped`` names are paths: a name alone stands for ``group/name``, and columns that all lie in one group are
    called by their names alone.
    """

    headers: Mapping[str, Header]
    load: Callable[[Sequence[str]], list[Array]]
    units: Mapping[str, str] = field(default_factory=dict)
    grouped: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    layout: FileLayout = DEFAULT_LAYOUT


def default_name(names: Sequence[str]) -> str | None:
    """Return the array that is read if the user names none: ``data``, ``samples``, ``train`` or the only one."""
    usual = [name for name in DEFAULT_KEYS if name in names]
    return usual[0] if usual else names[0] if len(names) == 1 else None


def asks_for_arrays(columns: Sequence[str], names: Sequence[str]) -> bool:
    """Return whether --columns names arrays of the file, and not columns of the one array that is read."""
    if not columns:
        return False
    known = {*names, *(name.rpartition("/")[2] for name in names)}
    return default_name(names) is None or all(word in known for word in columns)


def is_table(headers: Mapping[str, Header]) -> bool:
    """Return whether all arrays are one-dimensional and of one length; single numbers may lie beside them."""
    shapes = {header.shape for header in headers.values() if header.shape or header.defect}
    one_length = len(shapes) == 1 and all(len(shape) == 1 for shape in shapes)
    return one_length and any(header.is_column for header in headers.values())


def join(source: Source, arrays: NamedArrays, columns: Sequence[str], labels: str | None, max_bytes: int) -> Table:
    """Return a table of the arrays that ``columns`` names, or of all one-dimensional ones; ``labels`` is one of them.

    An array (n, k) gives the columns ``name_0`` to ``name_{k-1}``. Raises DataError for names that do not exist, for
    shapes that are no columns, and for lengths that differ, with the arrays' names.
    """
    notes: list[str] = []
    label = None if labels is None else _one(source, arrays, labels)
    items = [item for item in _select(source, arrays, columns) if item != label]
    if not items:
        raise source.error("no column is left" + (f" besides that of --labels {quote(labels)}" if label else ""))
    used = [*items, *([label] if label else [])]
    _check_lengths(source, {name: arrays.headers[name].shape[0] for name, _ in used})
    if not columns:
        notes += _left_out(arrays)
    groups = {name.rpartition("/")[0] for name, _ in items} if arrays.grouped else set()
    strip = len(next(iter(groups))) + 1 if len(groups) == 1 and "" not in groups else 0
    names = [_shown(item)[strip:] for item in items]
    names = list(clean_names(source, names, notes))
    units = {shown: arrays.units[name] for shown, (name, _) in zip(names, items, strict=True) if arrays.units.get(name)}
    types = {shown: arrays.types[name] for shown, (name, _) in zip(names, items, strict=True) if name in arrays.types}
    group = next(iter(groups)) if strip else ""
    layout = replace(arrays.layout, key="/".join(part for part in (arrays.layout.key, group) if part))
    rows = arrays.headers[items[0][0]].shape[0]

    def fetch(chosen: Sequence[int], label_index: int | None) -> tuple[list[Array], Array | None]:
        source.check_size(rows * len(chosen) * 8, max_bytes, f"{rows} rows of {len(chosen)} columns take")
        wanted = [used[i] for i in (*chosen, *([] if label_index is None else [label_index]))]
        loaded = dict(zip(distinct := list(dict.fromkeys(n for n, _ in wanted)), arrays.load(distinct), strict=True))
        found = [loaded[name] if i is None else loaded[name][:, i] for name, i in wanted]
        return (found, None) if label_index is None else (found[:-1], found[-1])

    shown = (*names, *([labels] if labels is not None else []))
    return Table(shown, fetch, notes=notes, units=units, picked=True, types=types, layout=layout)


def _shown(item: Item) -> str:
    name, column = item
    return name if column is None else f"{name}_{column}"


def _expand(arrays: NamedArrays, name: str) -> list[Item]:
    shape = arrays.headers[name].shape
    return [(name, None)] if len(shape) == 1 else [(name, i) for i in range(shape[1])]


def _select(source: Source, arrays: NamedArrays, words: Sequence[str]) -> list[Item]:
    """Return the columns that the words of --columns mean, in their order, without repeats."""
    chosen: dict[Item, None] = {}
    if not words or (words[0].startswith("-") and words[0] not in arrays.headers):
        chosen = {(name, None): None for name, h in arrays.headers.items() if h.is_column and len(h.shape) == 1}
    for word in words:
        if word.startswith("-") and word not in arrays.headers:
            for item in _items(source, arrays, word[1:], "--columns"):
                chosen.pop(item, None)
        else:
            chosen.update(dict.fromkeys(_items(source, arrays, word, "--columns")))
    if not chosen:
        shapes = [f"{name} {header.shape}" for name, header in arrays.headers.items()]
        raise source.error(
            f"{'--columns leaves' if words else 'holds'} no columns of {join_names(shapes) or 'nothing'}"
        )
    return list(chosen)


def _one(source: Source, arrays: NamedArrays, word: str) -> Item:
    found = _items(source, arrays, word, "--labels")
    if len(found) > 1:
        shown = join_names([_shown(item) for item in found])
        raise source.error(f"--labels: {quote(word)} matches {len(found)} columns, expected one of {shown}")
    return found[0]


def _items(source: Source, arrays: NamedArrays, word: str, option: str) -> list[Item]:
    """Return the columns that one word means: a name, a path, a glob, an index, or ``name_2`` of an array (n, k)."""
    names = [name for name, header in arrays.headers.items() if header.is_column]
    word = _full_name(source, arrays, word, option)
    if word in arrays.headers and word not in names:
        header = arrays.headers[word]
        reason = header.defect or f"has the shape {header.shape}, expected (n,) or (n, k)"
        raise source.error(f"{option}: {quote(word)} {reason}")
    if word not in names and (parts := re.fullmatch(r"(.+)_(\d+)", word)):
        whole = _full_name(source, arrays, parts[1], option)
        if whole in names and len(shape := arrays.headers[whole].shape) == 2 and int(parts[2]) < shape[1]:
            return [(whole, int(parts[2]))]
    return [item for i in pick(source, (word,), names, option) for item in _expand(arrays, names[i])]


def _full_name(source: Source, arrays: NamedArrays, word: str, option: str) -> str:
    """Return the path that a word stands for where it is the last part of one, and the word itself if of none."""
    if not arrays.grouped:
        return word
    word = word.strip("/")
    if any(fnmatchcase(name, word) for name in arrays.headers):
        return word
    found = [name for name in arrays.headers if fnmatchcase(name.rpartition("/")[2], word)]
    if len(found) > 1 and word in (name.rpartition("/")[2] for name in found):
        raise source.error(f"{option}: {quote(word)} is in several groups, name one: {join_names(found)}")
    return word if not found else found[0] if len(found) == 1 else f"*/{word}"


def _check_lengths(source: Source, lengths: Mapping[str, int]) -> None:
    """Raise DataError, with the arrays' names, unless all have one length."""
    if len(set(lengths.values())) > 1:
        shown = join_names([f"{name} {length}" for name, length in lengths.items()])
        raise source.error(
            f"the arrays that --columns and --labels join have different lengths: {shown}; name arrays of one length"
        )


def _left_out(arrays: NamedArrays) -> list[str]:
    """Return a note on the arrays that are not taken unless they are asked for."""
    left = {name: h for name, h in arrays.headers.items() if h.shape and not (h.is_column and len(h.shape) == 1)}
    if not left:
        return []
    shown = join_names([f"{name} {header.defect or header.shape}" for name, header in left.items()])
    return [f"left out, since not one value per row: {shown}"]

"""Take the columns that a user asks for out of what a file holds, as numbers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from genbench.files import pixels
from genbench.files.columns import MissingColumn, clean_names, pick, pick_one
from genbench.files.numbers import as_category, as_float, holds_booleans, without_rounding
from genbench.files.source import Block, Category, Source, Table, describe_row_number, quote
from genbench.files.user_data import UserData

if TYPE_CHECKING:
    from genbench.files.numbers import DescribeRow
    from genbench.protocol import Array


@dataclass(frozen=True)
class Selection:
    """What a user asks for: columns, labels, and columns that options take out of the data.

    ``apart`` are pairs of option and column, as ``("--weights", "w")``; ``reopen(word)`` reads one that the file keeps
    under a name of its own, and is None where a file holds one table. No more than ``max_bytes`` are used.
    """

    columns: tuple[str, ...]
    labels: str | None
    max_bytes: int
    sha256: str = ""
    apart: Sequence[tuple[str, str]] = ()
    reopen: Callable[[str], Block | Table] | None = None


def take(source: Source, found: Block | Table, asked: Selection) -> tuple[UserData, DescribeRow]:
    """Return the numbers that are asked for, not yet checked for missing ones, and what names a row in errors."""
    if isinstance(found, Table):
        return _with_columns_of_their_own(source, _from_table(source, found, asked), asked), found.describe_row
    return _with_columns_of_their_own(source, _from_block(source, found, asked), asked), describe_row_number


def _places(source: Source, names: Sequence[str], asked: Selection) -> dict[int, str]:
    """Return the option of each column that is taken out of the data; not those that have to be read on their own."""
    found: dict[int, str] = {}
    for option, word in asked.apart:
        if asked.reopen is None or word in names:
            found.update(dict.fromkeys(pick(source, (word,), names, option), option))
    return found


def _with_columns_of_their_own(source: Source, loaded: UserData, asked: Selection) -> UserData:
    """Return the data with the columns that an option names and the file keeps under names of their own."""
    beside = {option: dict(found) for option, found in loaded.beside.items()}
    for option, word in asked.apart:
        if asked.reopen is None or any(word in found for found in loaded.beside.values()):
            continue
        try:
            opened = asked.reopen(word)
            if isinstance(opened, Block) and opened.values.ndim > 2:
                raise MissingColumn(
                    f"{source.label}: {option}: no column or array {quote(word)} of one value for each row"
                )
            own, _ = take(source, opened, Selection((word,), None, asked.max_bytes))
        except MissingColumn as error:
            raise MissingColumn(str(error).replace("--columns:", f"{option}:")) from None
        if len(own.rows) != len(loaded.rows):
            n = len(loaded.rows)
            raise source.error(f"{option} {quote(word)} has {len(own.rows)} values, expected one for each of {n} rows")
        beside.setdefault(option, {}).update(zip(own.columns, own.rows.T, strict=True))
        loaded = _without(source, loaded, own.columns, asked)
        loaded = replace(
            loaded, categories={**loaded.categories, **own.categories}, units={**loaded.units, **own.units}
        )
    return replace(loaded, beside=beside)


def _without(source: Source, loaded: UserData, names: Sequence[str], asked: Selection) -> UserData:
    """Return the data without columns that an option has named by a number or a pattern, and that are among them."""
    kept = [i for i, name in enumerate(loaded.columns) if name not in names]
    if len(kept) == len(loaded.columns):
        return loaded
    if not kept:
        raise source.error(f"no column is left besides those of {_options(asked)}")
    columns = tuple(loaded.columns[i] for i in kept)
    return replace(loaded, rows=loaded.rows[:, kept], columns=columns, layout=replace(loaded.layout, shape=None))


def _from_table(source: Source, table: Table, asked: Selection) -> UserData:
    import numpy as np

    columns, labels = asked.columns, asked.labels

    label = None if labels is None else pick_one(source, labels, table.names, "--labels")
    picked = range(len(table.names)) if table.picked else pick(source, columns, table.names, "--columns")
    places = _places(source, table.names, asked)
    chosen = [i for i in picked if i != label and i not in places]
    if not chosen:
        raise source.error(f"no column is left besides {'those' if places else 'that'} of {_options(asked)}")
    if table.rows is not None:
        k = len(chosen) + len(places) + (label is not None)
        source.check_memory(
            table.held, table.rows * k, asked.max_bytes, f"{table.rows} rows of {k} column{'s' if k > 1 else ''}"
        )
    fetched, side = table.fetch([*chosen, *places], label)
    found, taken = fetched[: len(chosen)], fetched[len(chosen) :]
    if "pyarrow" in sys.modules:  # it keeps what it has freed, which may be as much as all numbers take
        sys.modules["pyarrow"].default_memory_pool().release_unused()
    if not len(found[0]):
        raise source.error("has columns but no rows")
    names = tuple(table.names[i] for i in chosen)
    rows = np.empty((len(found[0]), len(found)))
    categories, types = {}, {}
    for i, (name, values) in enumerate(zip(names, found, strict=True)):
        category = values if isinstance(values, Category) else as_category(values)
        if category is not None:
            rows[:, i], categories[name] = category.codes, category.levels
            is_boolean = not isinstance(values, Category) and holds_booleans(values)
            types[name] = "bool" if is_boolean else table.types.get(name) or "text"
        elif not isinstance(values, Category):
            rows[:, i] = without_rounding(values, as_float(source, values, name, table.describe_row))
            types[name] = table.types.get(name, "" if values.dtype.kind == "O" else values.dtype.name)
    beside: dict[str, dict[str, Array]] = {}
    for (i, option), values in zip(places.items(), taken, strict=True):
        name, category = table.names[i], values if isinstance(values, Category) else as_category(values)
        if category is not None:
            categories[name] = category.levels
            beside.setdefault(option, {})[name] = category.codes
        elif not isinstance(values, Category):
            beside.setdefault(option, {})[name] = as_float(source, values, name, table.describe_row)
    known = [*names, *(table.names[i] for i in places)]
    units = {name: table.units[name] for name in known if name in table.units}
    left = [name for i, name in enumerate(table.names) if i != label and i not in chosen and i not in places]
    return UserData(
        rows, names, table.named, side, None, tuple(table.notes), asked.sha256, source.label, units,
        categories=categories, beside=beside, types=types, layout=table.layout, others=(*left, *table.others),
    )  # fmt: skip


def _options(asked: Selection) -> str:
    options = [*(["--labels"] if asked.labels is not None else []), *dict.fromkeys(option for option, _ in asked.apart)]
    return " and ".join(options)


def _from_block(source: Source, block: Block, asked: Selection) -> UserData:
    columns, labels = asked.columns, asked.labels
    values, notes = block.values, list(block.notes)
    dtype, layout = values.dtype.name, replace(block.layout, shape=values.shape[1:], dtype=values.dtype.name)
    if values.ndim == 1:
        values = values[:, None]
    if not 2 <= values.ndim <= 4:
        raise source.error(f"has the shape {block.values.shape}, expected (n,), (n, d), (n, h, w) or (n, c, h, w)")
    if 0 in values.shape:
        raise source.error(f"holds no numbers: its shape is {block.values.shape}")
    side = block.labels
    if side is not None and side.shape != (len(values),):
        raise source.error(
            f"--labels {quote(labels)} has shape {side.shape}, expected one label for each of {len(values)} rows"
        )
    named = bool(block.names)
    if values.ndim > 2 and not pixels.are_images(source, values, block.read_as):
        block = replace(block, names=pixels.names_of_rows(values.shape[1:]))
        values = values.reshape(len(values), -1)
    if values.ndim > 2:
        if columns or (labels is not None and side is None):
            raise source.error(f"{'--columns' if columns else '--labels'}: images have no columns")
        layout = replace(layout, axes=pixels.axes_of(values))
        rows, levels = pixels.read_images(source, values, block.pixel_range, notes)
        return UserData(rows, (), False, side, levels, tuple(notes), asked.sha256, source.label, layout=layout)
    if block.names and len(block.names) != values.shape[1]:
        raise source.error(f"names {len(block.names)} columns, the array has {values.shape[1]}")
    names = clean_names(source, block.names, notes) if block.names else tuple(f"c{i}" for i in range(values.shape[1]))
    label = pick_one(source, labels, names, "--labels") if labels is not None and side is None else None
    places = _places(source, names, asked)
    chosen = [i for i in pick(source, columns, names, "--columns") if i != label and i not in places]
    if label is not None:
        side = values[:, label]
    if not chosen:
        raise source.error(f"no column is left besides {'those' if places else 'that'} of {_options(asked)}")
    beside: dict[str, dict[str, Array]] = {}
    for i, option in places.items():
        beside.setdefault(option, {})[names[i]] = as_float(source, values[:, i], names[i], describe_row_number)
    if chosen != list(range(len(names))):
        values = values[:, chosen]
    rows = _numbers(source, values, [names[i] for i in chosen])
    kept = tuple(names[i] for i in chosen)
    others = tuple(name for i, name in enumerate(names) if i != label and i not in chosen and i not in places)
    if len(chosen) < len(names):
        layout = replace(layout, shape=None)
    return UserData(
        rows, kept, named, side, None, tuple(notes), asked.sha256, source.label,
        beside=beside, types=dict.fromkeys(kept, dtype), layout=layout, others=others,
    )  # fmt: skip


def _numbers(source: Source, values: Array, names: Sequence[str]) -> Array:
    """Return float64 of the same shape; raises DataError, with the column, for values that are not numbers."""
    import numpy as np

    if values.dtype.kind in "bf":
        return without_rounding(values, as_float(source, values, "", describe_row_number))
    return np.stack([as_float(source, values[:, i], name, describe_row_number) for i, name in enumerate(names)], axis=1)

"""A user's file as a dataset: declared when the run is planned, loaded in each cell.

numpy and torch are imported when the dataset is loaded, not when it is declared.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from genbench.files.columns import parse_kinds, parse_pairs, parse_periods, pattern_of, pick, pick_one, split_names
from genbench.files.expressions import observables_of
from genbench.files.finite import check_logs, check_range
from genbench.files.numbers import MAX_LEVELS, level_of
from genbench.files.objects import InMemory
from genbench.files.pixels import check_read_as, parse_range
from genbench.files.reader import known_columns, read
from genbench.files.remarks import remarks_on, remarks_on_levels
from genbench.files.source import MAX_BYTES, Source, find, join_names, quote
from genbench.files.user_data import UserData
from genbench.files.weights import check_weights, sizes_before_drawing, weights_of

if TYPE_CHECKING:
    import numpy as np

    from genbench.budget import Sizes
    from genbench.data import RepeatedRows
    from genbench.protocol import Array, Column, Data

T = TypeVar("T")
MIN_ROWS = 20
SPLITS = ("train", "test", "reference")
NOT_IN_KEY = {"essential": False}  # options that do not change the numbers: a file that was moved keeps its cells


@dataclass(frozen=True)
class FileConfig:
    """Where the user's data are, and how to read them."""

    path: str = field(
        metadata=NOT_IN_KEY
    )  # a file, with :key where it names what is meant inside (npz, hdf5, fits, root, xlsx, zip), or a folder of images
    columns: tuple[str, ...] = ()  # columns to model: names, indices, ranges 0:5, globs, exclusions -id; none means all
    labels: str | None = None  # column that holds the class of each row and is not modelled
    weights: str | None = field(
        default=None, metadata={"stream": False}
    )  # column of event weights, also negative ones, by which rows count
    given: tuple[str, ...] = field(
        default=(), metadata={"stream": False}
    )  # columns that are conditions: rows are learned and drawn given them
    log: tuple[str, ...] = ()  # columns that are modelled and scored as logarithms
    periodic: tuple[str, ...] = ()  # periodic columns: phi (period 2 pi) or phi=360
    kinds: tuple[
        str, ...
    ] = ()  # kinds of columns: njet=integer, count=continuous, phi=angle; else those that are found
    units: tuple[str, ...] = field(default=(), metadata=NOT_IN_KEY)  # units of columns: pt=GeV; else those in the file
    observables: tuple[str, ...] = field(
        default=(), metadata={"stream": False}
    )  # derived quantities, scored and drawn beside the columns: m=sqrt(e**2-p**2)
    na: str = "refuse"  # what to do with rows that have missing or infinite values: refuse or drop
    encoding: str | None = field(default=None, metadata=NOT_IN_KEY)  # encoding of a text file; none means UTF-8
    max_bytes: int = field(default=MAX_BYTES, metadata=NOT_IN_KEY)  # a file that takes more in memory is not loaded
    read_as: str | None = None  # what an array (n, a, b) holds: images or rows; none asks where it is not clear
    pixel_range: str = ""  # pixels of black and white, as 0,4095; empty means those of the type, or that occur
    # sha256 of the file when the run was planned; a file that has changed since is refused
    sha256: str = field(default="", metadata={"shown": False})

    def __post_init__(self) -> None:
        for name in ("columns", "given", "log", "periodic", "kinds", "units"):
            object.__setattr__(self, name, split_names(getattr(self, name)))
        several = (self.observables,) if isinstance(self.observables, str) else tuple(self.observables)
        object.__setattr__(self, "observables", several)
        if self.na not in ("refuse", "drop"):
            raise ValueError(f"na must be 'refuse' or 'drop', got {self.na!r}")
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes must be in [1, inf), got {self.max_bytes}")
        parse_periods(self.periodic)
        parse_kinds(self.kinds)
        parse_pairs(self.units, "--units")
        check_read_as(self.read_as)
        if self.pixel_range:
            parse_range(self.pixel_range)


class FileDataset:
    """A user's file or folder of images, split into train, test and reference rows."""

    def __init__(self, config: FileConfig) -> None:
        self.config = config

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return disjoint splits, drawn with ``rng``; raises DataError if the file cannot be used.

        A folder with sub-folders of its own for training and test keeps its split.
        """
        from genbench.data import split
        from genbench.protocol import Data

        found, columns = read_and_check(self.config)
        given, condition_columns = given_columns(found, self.config)
        held_out = None if found.parts is None else found.parts == "test"
        event_weights = weights_of(found)
        if event_weights is not None:
            sizes = sizes_before_drawing(sizes, event_weights)
        train, test, reference = split(found.rows, sizes, rng, held_out)
        codes = None if found.labels is None else _label_codes(found.labels)

        def by_split(values: Array | None) -> dict[str, Array] | None:
            parts = zip(SPLITS, (train, test, reference), strict=True)
            return None if values is None else {name: values[index] for name, index in parts}

        return Data(
            found.rows[train],
            found.rows[test],
            found.rows[reference],
            columns=columns,
            levels=found.levels,
            labels=by_split(codes),
            weights=by_split(event_weights),
            conditions=by_split(given),
            condition_columns=condition_columns,
            observables=observables_of(self.config.observables, found),
            notes=found.notes,
        )


def read_and_check(config: FileConfig, held: InMemory | None = None) -> tuple[UserData, tuple[Column, ...]]:
    """Return the checked data, of an object in memory if there is one, and what is known of their columns."""
    found = read(
        held or config.path,
        columns=config.columns,
        labels=config.labels,
        na=config.na,
        encoding=config.encoding,
        max_bytes=config.max_bytes,
        read_as=config.read_as,
        pixel_range=config.pixel_range,
        beside={"--weights": () if config.weights is None else (config.weights,), "--given": config.given},
    )
    if config.sha256 and config.sha256 != found.sha256:
        raise found.error("has changed since the run was planned; start the run again")
    source = held.source if held is not None else find(config.path)
    n = len(found.rows)
    if n < MIN_ROWS:
        raise found.error(
            f"{n} row{'s are' if n > 1 else ' is'} too few to train, test and compare: at least {MIN_ROWS} needed"
        )
    check_weights(found)
    observables_of(config.observables, found)
    config = config_of_columns(config, found.beside.get("--given", {}), named=False)
    found, columns = describe_columns(found, source, config)
    stated = {found.columns[pick_one(source, name, found.columns, "--kinds")] for name in parse_kinds(config.kinds)}
    guessed = [column for column in columns if column.name not in stated]
    notes = [*found.notes, *_inspect(source, found, columns), *_notes_on_kinds(guessed)]
    return replace(found, notes=tuple(notes)), columns


def given_columns(found: UserData, config: FileConfig) -> tuple[Array | None, tuple[Column, ...]]:
    """Return the conditions (n, k) of the rows and their columns, None and () without any; raises DataError."""
    _, table = without_conditions(found)
    if table is None:
        return None, ()
    table, columns = describe_columns(
        table, Source(Path(found.label)), config_of_columns(config, table.columns, named=True)
    )
    return table.rows, columns


def without_conditions(found: UserData) -> tuple[UserData, UserData | None]:
    """Return the data without the columns of ``--given``, and these as a table, None where there are none."""
    import numpy as np

    given = found.beside.get("--given", {})
    if not given:
        return found, None

    def kept(values: Mapping[str, T], named: bool) -> dict[str, T]:
        return {name: value for name, value in values.items() if (name in given) is named}

    rest, table = (replace(found, units=kept(found.units, named), categories=kept(found.categories, named))
                   for named in (False, True))  # fmt: skip
    beside = {option: columns for option, columns in found.beside.items() if option != "--given"}
    rows = np.stack(list(given.values()), axis=1)
    return replace(rest, beside=beside), replace(
        table, rows=rows, columns=tuple(given), levels=None, labels=None, beside={}
    )


def config_of_columns(config: FileConfig, names: Container[str], *, named: bool) -> FileConfig:
    """Return a config whose options on columns are only those of these names, or of all others."""

    def kept(items: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(item for item in items if ((item.rpartition("=")[0] or item) in names) is named)

    options: dict[str, Any] = {name: kept(getattr(config, name)) for name in ("log", "periodic", "kinds", "units")}
    return replace(config, **options)


def describe_columns(found: UserData, source: Source, config: FileConfig) -> tuple[UserData, tuple[Column, ...]]:
    """Return the columns with the kinds that are found or that ``config`` states, and the data with their categories.

    Raises DataError for columns that do not exist, and for kinds that their values do not have.
    """
    if found.kind == "image":
        for name in ("log", "periodic", "kinds", "units"):
            if getattr(config, name):
                raise found.error(f"--{name}: images have no columns")
    log = {found.columns[i] for i in pick(source, config.log, found.columns, "--log")} if config.log else set()

    def of_columns(values: Mapping[str, T], option: str) -> dict[str, T]:
        return {found.columns[pick_one(source, name, found.columns, option)]: each for name, each in values.items()}

    kinds = of_columns(parse_kinds(config.kinds), "--kinds")
    units = {**found.units, **of_columns(parse_pairs(config.units, "--units"), "--units")}
    period = of_columns(parse_periods(config.periodic), "--periodic")
    period = {name: 2 * math.pi for name, kind in kinds.items() if kind == "angle"} | period
    if both := sorted(log & set(period)):
        raise found.error(f"column {quote(both[0])} is given to both --log and --periodic")
    found = _as_categories(found, kinds)
    for name in found.categories:
        if name in log or name in period:
            raise found.error(f"column {quote(name)} holds categories: leave it out of --log and --periodic")
    for name in log:
        check_logs(source, found.rows[:, found.columns.index(name)], name)
    integers = _integers(found, log, kinds)
    columns = tuple(
        replace(c, kind="integer" if c.name in integers else c.kind, log=c.name in log, period=period.get(c.name))
        for c in known_columns(replace(found, units=units))
    )
    return found, columns


def _as_categories(found: UserData, kinds: Mapping[str, str]) -> UserData:
    """Return the data with columns of numbers that are declared as categories as codes of their sorted values.

    Raises DataError for text that is declared as something else, and for too many values.
    """
    import numpy as np

    rows, categories = found.rows, dict(found.categories)
    for name, levels in found.categories.items():
        if kinds.get(name, "category") == "category":
            continue
        try:
            numbers = np.array([float(level) for level in levels])  # that the data call categories
        except ValueError:
            raise found.error(f"--kinds {quote(name)}: it holds text, expected category") from None
        rows, i = rows.copy(), found.columns.index(name)
        rows[:, i] = numbers[rows[:, i].astype(np.int64)]
        del categories[name]
    found = replace(found, rows=rows, categories=categories)
    chosen = [n for n in found.columns if kinds.get(n) == "category" and n not in found.categories]
    if not chosen:
        return found
    rows, categories = found.rows.copy(), dict(found.categories)
    for name in chosen:
        i = found.columns.index(name)
        values, codes = np.unique(found.rows[:, i], return_inverse=True)
        if len(values) > MAX_LEVELS:
            raise found.error(
                f"--kinds {quote(name)}: {len(values)} different values, a category has {MAX_LEVELS} at most"
            )
        rows[:, i], categories[name] = codes, tuple(level_of(value) for value in values)
    return replace(found, rows=rows, categories=categories)


def _integers(found: UserData, log: set[str], kinds: Mapping[str, str]) -> list[str]:
    """Return the columns of integers: those of that kind, and others that hold nothing else, but no logarithms.

    Raises DataError where a column that should hold integers does not.
    """
    import numpy as np

    names = []
    for i, name in enumerate(found.columns):
        values, kind = found.rows[:, i], kinds.get(name, "")
        fractional = values != np.rint(values)
        if kind == "integer" and fractional.any():
            row = int(np.argmax(fractional))
            raise found.error(f"--kinds {quote(name)}: row {row + 1} is {values[row]:g}, expected integers")
        if kind == "integer" and name in log:
            raise found.error(f"column {quote(name)} is given to --log and as an integer to --kinds; drop one of them")
        varies = values.min() < values.max()
        if name in found.categories:
            continue
        if name not in log and kind != "continuous" and varies and not fractional.any():
            names.append(name)
    return names


def _notes_on_kinds(guessed: Sequence[Column]) -> list[str]:
    """Return notes on columns whose kinds were found, and how to state others."""
    notes = [note for c in guessed if c.kind == "category" for note in remarks_on_levels(c.name, c.levels)]
    if names := [column.name for column in guessed if column.kind == "integer"]:
        which = f"column {quote(names[0])} holds" if len(names) == 1 else f"{join_names(names)} hold"
        remedy = f"--kinds {pattern_of(names[0])}=continuous where that is wrong"
        notes.append(f"{which} integers: samples are rounded; {remedy}")
    return notes


def _inspect(source: Source, found: UserData, columns: Sequence[Column]) -> list[str]:
    """Return notes on constant columns, periods and repeated rows.

    Raises DataError for numbers out of range and for too few rows.
    """
    from genbench.data import MIN_PART_ROWS, constant_columns, note_on_constants, repeated_rows

    notes = []
    for i, column in enumerate(columns):
        values, name = found.rows[:, i], column.name
        width = float(values.max()) - float(values.min())
        if not column.log:
            check_range(source, values, name)
        if column.kind != "category":
            notes += remarks_on(name, values)
        if column.period is not None and width > 1.01 * column.period:
            notes.append(f"column {quote(name)} spans {width:g}, more than its period {column.period:g}")
    if found.kind == "vector":
        constant = constant_columns(found.rows)
        notes += note_on_constants([name for name, each in zip(found.columns, constant, strict=True) if each])
    if found.kind == "image" and found.levels is None:
        check_range(source, found.rows, "pixels")
    parts = [] if found.parts is None else found.parts.tolist()
    for part, minimum in MIN_PART_ROWS.items() if parts else ():
        if (n := parts.count(part)) < minimum:
            raise found.error(f"{n} images are too few for the {part} split: at least {minimum} needed")
    repeats = repeated_rows(found.rows)
    distinct = len(found.rows) - repeats.repeats
    if distinct == 1 or repeats.units < MIN_ROWS:
        needed = f"at least {MIN_ROWS} needed" if repeats.units < MIN_ROWS else "there is nothing to model"
        raise found.error(f"only {distinct} of {len(found.rows)} rows are distinct: {needed} to train and test")
    note = repeats.note
    if found.parts is not None and (shared := _copies_of_training_rows(found.rows, found.parts, repeats)):
        # the user's own split is kept, so that the note on copies would promise too much
        n_test = parts.count("test")
        note = (
            f"{repeats.repeats} of {len(found.rows)} rows repeat another, and {shared} of {n_test} images of the test "
            f"split ({100 * shared / n_test:.2g} %) are copies of training images, which are scored too well: all are "
            "kept where they are"
        )
    notes += [note] if note else []
    if found.labels is not None and len(classes := set(found.labels.tolist())) > max(100, len(found.rows) // 10):
        notes.append(f"--labels: {len(classes)} different labels for {len(found.rows)} rows")
    return notes


def _copies_of_training_rows(rows: Array, parts: Array, repeats: RepeatedRows) -> int:
    """Return how many rows of the test split are copies of training rows; training rows must come before them."""
    from genbench.data import copies_between

    return copies_between([rows[parts == "train"], rows[parts == "test"]], repeats)


def _label_codes(labels: Array) -> Array:
    """Return labels as integers: unchanged if they are integers below 2^31, else numbered in sorted order."""
    import numpy as np

    if labels.dtype.kind == "b":
        return labels.astype(np.int64)
    try:
        numbers = labels.astype(np.float64)
    except (TypeError, ValueError):
        return np.unique([str(v) for v in labels], return_inverse=True)[1].astype(np.int64)
    if (numbers == np.round(numbers)).all() and (np.abs(numbers) < 2**31).all():
        return numbers.astype(np.int64)
    return np.unique(numbers, return_inverse=True)[1].astype(np.int64)

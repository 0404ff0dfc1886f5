"""A user's file as a dataset: declared when the run is planned, loaded in each cell.

numpy and torch are imported when the dataset is loaded, not when it is declared.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, TypeVar, Unpack

from genbench.errors import DataError
from genbench.files.columns import ColumnNames, parse_kinds, parse_pairs, parse_periods, pick, pick_one, split_names
from genbench.files.numbers import MAX_LEVELS, check_logs, check_range
from genbench.files.pixels import check_read_as, parse_range
from genbench.files.reader import UserData, known_columns, read
from genbench.files.remarks import remarks_on
from genbench.files.source import MAX_BYTES, Source, find, join_names, quote
from genbench.files.weights import check_weights, sizes_before_drawing, weights_of
from genbench.spec import DatasetSpec

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
    log: tuple[str, ...] = ()  # columns that are modelled and scored as logarithms
    periodic: tuple[str, ...] = ()  # periodic columns: phi (period 2 pi) or phi=360
    kinds: tuple[
        str, ...
    ] = ()  # kinds of columns: njet=integer, count=continuous, phi=angle; else those that are found
    units: tuple[str, ...] = field(default=(), metadata=NOT_IN_KEY)  # units of columns: pt=GeV; else those in the file
    na: str = "refuse"  # what to do with rows that have missing or infinite values: refuse or drop
    encoding: str | None = field(default=None, metadata=NOT_IN_KEY)  # encoding of a text file; none means UTF-8
    max_bytes: int = field(default=MAX_BYTES, metadata=NOT_IN_KEY)  # a file that takes more in memory is not loaded
    read_as: str | None = None  # what an array (n, a, b) holds: images or rows; none asks where it is not clear
    pixel_range: str = ""  # pixels of black and white, as 0,4095; empty means those of the type, or that occur
    # sha256 of the file when the run was planned; a file that has changed since is refused
    sha256: str = field(default="", metadata={"shown": False})

    def __post_init__(self) -> None:
        for name in ("columns", "log", "periodic", "kinds", "units"):
            object.__setattr__(self, name, split_names(getattr(self, name)))
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
        held_out = None if found.parts is None else found.parts == "test"
        event_weights = weights_of(found)
        if event_weights is not None:
            sizes = sizes_before_drawing(sizes, event_weights)
        train, test, reference = split(found.rows, sizes, rng, held_out)
        labels = weights = None
        if event_weights is not None:
            weights = {name: event_weights[index] for name, index in zip(SPLITS, (train, test, reference), strict=True)}
        if found.labels is not None:
            codes = _label_codes(found.labels)
            labels = {"train": codes[train], "test": codes[test], "reference": codes[reference]}
        return Data(
            found.rows[train],
            found.rows[test],
            found.rows[reference],
            columns=columns,
            levels=found.levels,
            labels=labels,
            weights=weights,
            notes=found.notes,
        )


class FileOptions(TypedDict, total=False):
    """How a user's file is read: the fields of `FileConfig` besides its path."""

    columns: ColumnNames
    labels: str | None
    weights: str | None
    log: ColumnNames
    periodic: ColumnNames
    kinds: ColumnNames
    units: ColumnNames
    na: str
    encoding: str | None
    max_bytes: int
    read_as: str | None
    pixel_range: str


def dataset_spec(
    path: str | Path, *, notes: list[str] | None = None, **options: Unpack[FileOptions]
) -> tuple[DatasetSpec, FileConfig]:
    """Return the spec and the config of a user's file, which is read and checked here so that no cell fails on it.

    The dataset is named after the file. Notes on what was guessed or changed are added to ``notes``. Raises DataError.
    """
    source = find(path)
    absolute = str(source.path.resolve()) + (f":{source.key}" if source.key else "")
    if (na := options.get("na", "refuse")) not in ("refuse", "drop"):
        raise DataError(f"--na must be 'refuse' or 'drop', got {quote(na)}")
    config = FileConfig(absolute, **options)  # type: ignore[arg-type]  # which splits names itself
    found, _ = read_and_check(replace(config, path=str(path)))  # errors show the path as the user wrote it
    if notes is not None:
        notes += [f"{source.label}: {note}" for note in found.notes]
    n = len(found.rows)
    content = (
        f"{n} rows of {len(found.columns)} columns" if found.kind == "vector" else f"{n} images {found.rows.shape[1:]}"
    )
    spec = DatasetSpec(
        _name(source),
        "genbench.files:FileDataset",
        FileConfig,
        f"{content} from {source.label}",
        data="vector" if found.kind == "vector" else "image",
        rows=n,
        labels=found.labels is not None,
        source=absolute,
    )
    return spec, replace(config, sha256=found.sha256)


def _name(source: Source) -> str:
    """Return a dataset name made from the file's name.

    It keeps the suffixes, so that ``magic.csv``, ``magic.csv.gz`` and ``magic`` are three names.
    """
    path = source.path.resolve()
    ending = path.suffix
    if source.compression:
        ending = Path(path.stem).suffix + ending
    stem = path.name.removesuffix(ending) if ending else path.name
    stem = re.sub(r"^[^A-Za-z0-9]+", "", re.sub(r"[^A-Za-z0-9._+-]+", "_", stem)) or "data"
    suffix = re.sub(r"[^A-Za-z0-9._+-]+", "_", ending + (f".{source.key.strip('/')}" if source.key else ""))[:32]
    return stem[: 64 - len(suffix)] + suffix


def read_and_check(config: FileConfig) -> tuple[UserData, tuple[Column, ...]]:
    """Return the data that a config names, checked, and what is known of their columns; raises DataError."""
    found = read(
        config.path,
        columns=config.columns,
        labels=config.labels,
        na=config.na,
        encoding=config.encoding,
        max_bytes=config.max_bytes,
        read_as=config.read_as,
        pixel_range=config.pixel_range,
        beside={} if config.weights is None else {"--weights": (config.weights,)},
    )
    if config.sha256 and config.sha256 != found.sha256:
        raise found.error("has changed since the run was planned; start the run again")
    source = find(config.path)
    n = len(found.rows)
    if n < MIN_ROWS:
        raise found.error(
            f"{n} row{'s are' if n > 1 else ' is'} too few to train, test and compare: at least {MIN_ROWS} needed"
        )
    check_weights(found)
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
    integers = _integers(found, log, kinds)
    columns = tuple(
        replace(c, kind="integer" if c.name in integers else c.kind, log=c.name in log, period=period.get(c.name))
        for c in known_columns(replace(found, units=units))
    )
    notes = [*found.notes, *_inspect(source, found, log, period), *_note_of_integers(integers, kinds)]
    return replace(found, notes=tuple(notes)), columns


def _as_categories(found: UserData, kinds: Mapping[str, str]) -> UserData:
    """Return the data with columns of numbers that are declared as categories as codes of their sorted values.

    Raises DataError for text that is declared as something else, and for too many values.
    """
    import numpy as np

    for name in found.categories:
        if kinds.get(name, "category") != "category":
            raise found.error(f"--kinds {quote(name)}: it holds text, expected category")
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
        rows[:, i], categories[name] = codes, tuple(f"{value:.17g}" for value in values)
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


def _note_of_integers(names: Sequence[str], kinds: Mapping[str, str]) -> list[str]:
    if not (guessed := [name for name in names if name not in kinds]):
        return []
    which = f"column {quote(guessed[0])} holds" if len(guessed) == 1 else f"{join_names(guessed)} hold"
    return [f"{which} integers: samples are rounded; --kinds {guessed[0]}=continuous where that is wrong"]


def _inspect(source: Source, found: UserData, log: set[str], period: Mapping[str, float]) -> list[str]:
    """Return notes on constant columns, periods and repeated rows.

    Raises DataError for numbers out of range and for too few rows.
    """
    from genbench.data import MIN_PART_ROWS, repeated_rows

    notes, constant = [], {}
    for i, name in enumerate(found.columns):
        values = found.rows[:, i]
        low, high = float(values.min()), float(values.max())
        if name in log:
            check_logs(source, values, name)
        else:
            check_range(source, values, name)
        if low == high:
            constant[name] = low
        if name not in found.categories:
            notes += remarks_on(name, values)
        if name in period and high - low > 1.01 * period[name]:
            notes.append(f"column {quote(name)} spans {high - low:g}, more than its period {period[name]:g}")
    if len(constant) == 1:
        notes += [f"column {quote(name)} is constant: {low:g} in every row" for name, low in constant.items()]
    elif constant:
        notes.append(f"{len(constant)} of {len(found.columns)} columns are constant: {join_names(list(constant))}")
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
        which = f"{shared} of them copies of training images in the test split"
        note = f"{repeats.repeats} of {len(found.rows)} rows repeat another, {which}: all are kept where they are"
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

"""The user's own file as a dataset like any other: declared when the run is planned, loaded in each cell.

numpy and torch are imported when a dataset is loaded, not when it is declared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.errors import DataError
from genbench.files.columns import Words, periods, pick, pick_one, words
from genbench.files.numbers import check_logs, check_range
from genbench.files.reader import Loaded, read
from genbench.files.source import MAX_BYTES, Source, find, quoted, some
from genbench.spec import DatasetSpec

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from genbench.budget import Sizes
    from genbench.protocol import Data

    Array = npt.NDArray[Any]

__all__ = ["FileConfig", "FileDataset", "dataset_spec"]

FEWEST_ROWS = 20
PLACE = {"essential": False}  # where the numbers come from, not which they are: a moved file gives the same cells


@dataclass(frozen=True)
class FileConfig:
    """Where the user's data are and how they are to be read."""

    path: str = field(metadata=PLACE)  # csv, tsv, txt, parquet, npy, npz[:key], hdf5[:/path], or a folder of images
    columns: tuple[str, ...] = ()  # those to model: names, indices, ranges 0:5, globs, exclusions -id; none means all
    labels: str | None = None  # column kept apart as the class of each row
    log: tuple[str, ...] = ()  # columns modelled and scored as their logarithm
    periodic: tuple[str, ...] = ()  # columns that repeat: phi (after 2 pi) or phi=360
    na: str = "refuse"  # rows with missing or infinite values: refuse or drop
    encoding: str | None = field(default=None, metadata=PLACE)  # of text; none means UTF-8
    max_bytes: int = field(default=MAX_BYTES, metadata=PLACE)  # a file that takes more in memory is not loaded
    sha256: str = field(
        default="", metadata={"shown": False}
    )  # of the file when the run was planned; another one is refused

    def __post_init__(self) -> None:
        for name in ("columns", "log", "periodic"):
            object.__setattr__(self, name, words(getattr(self, name)))
        if self.na not in ("refuse", "drop"):
            raise ValueError(f"na must be 'refuse' or 'drop', got {self.na!r}")
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes must be in [1, inf), got {self.max_bytes}")
        periods(self.periodic)


class FileDataset:
    """A file or folder of the user's, split into train, test and reference."""

    def __init__(self, config: FileConfig) -> None:
        self.config = config

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        """Return disjoint splits, drawn with ``rng``; raises DataError where the file cannot be used."""
        from genbench.data import split
        from genbench.protocol import Column, Data

        found, log, period = _prepared(self.config)
        train, test, reference = split(found.rows, sizes, rng)
        columns = tuple(Column(c, log=c in log, period=period.get(c)) for c in found.columns)
        labels = None
        if found.labels is not None:
            codes = _codes(found.labels)
            labels = {"train": codes[train], "test": codes[test], "reference": codes[reference]}
        return Data(
            found.rows[train],
            found.rows[test],
            found.rows[reference],
            columns=columns,
            levels=found.levels,
            labels=labels,
            notes=found.notes,
        )


def dataset_spec(
    path: str | Path,
    *,
    columns: Words = None,
    labels: str | None = None,
    log: Words = None,
    periodic: Words = None,
    na: str = "refuse",
    encoding: str | None = None,
    max_bytes: int = MAX_BYTES,
    notes: list[str] | None = None,
) -> tuple[DatasetSpec, FileConfig]:
    """Return the spec and the config of the user's file, read once and checked whole, so that no cell finds a fault.

    The dataset is called after the file. What was noticed or guessed is added to ``notes``. Raises DataError.
    """
    source = find(path)
    absolute = str(source.path.resolve()) + (f":{source.key}" if source.key else "")
    if na not in ("refuse", "drop"):
        raise DataError(f"--na must be 'refuse' or 'drop', got {quoted(na)}")
    config = FileConfig(
        absolute, words(columns), labels, words(log), words(periodic), na=na, encoding=encoding, max_bytes=max_bytes
    )
    found, _, _ = _prepared(replace(config, path=str(path)))  # errors name it as it was given
    if notes is not None:
        notes += [f"{source.label}: {note}" for note in found.notes]
    n = len(found.rows)
    what = (
        f"{n} rows of {len(found.columns)} columns" if found.kind == "vector" else f"{n} images {found.rows.shape[1:]}"
    )
    spec = DatasetSpec(
        _name(source),
        "genbench.files:FileDataset",
        FileConfig,
        f"{what} from {source.label}",
        data="vector" if found.kind == "vector" else "image",
        rows=n,
        labels=found.labels is not None,
        source=absolute,
    )
    return spec, replace(config, sha256=found.sha256)


def _name(source: Source) -> str:
    """Return the file's own name made safe, with its ending: ``magic.csv`` is not the installed ``magic``."""
    path = source.path.resolve()
    stem = re.sub(r"^[^A-Za-z0-9]+", "", re.sub(r"[^A-Za-z0-9._+-]+", "_", path.stem)) or "data"
    ending = re.sub(r"[^A-Za-z0-9._+-]+", "_", path.suffix + (f".{source.key.strip('/')}" if source.key else ""))[:32]
    return stem[: 64 - len(ending)] + ending


def _prepared(config: FileConfig) -> tuple[Loaded, set[str], Mapping[str, float]]:
    """Return the rows, the columns taken as logarithms and the periods of others, all checked."""
    found = read(
        config.path,
        columns=config.columns,
        labels=config.labels,
        na=config.na,
        encoding=config.encoding,
        max_bytes=config.max_bytes,
    )
    if config.sha256 and config.sha256 != found.sha256:
        raise found.error("has changed since the run was planned; start the run again")
    source = find(config.path)
    n = len(found.rows)
    if n < FEWEST_ROWS:
        raise found.error(
            f"{n} row{'s are' if n > 1 else ' is'} too few to train, test and compare: at least {FEWEST_ROWS} needed"
        )
    if found.kind == "image" and (config.log or config.periodic):
        raise found.error(f"{'--log' if config.log else '--periodic'}: images have no columns")
    log = {found.columns[i] for i in pick(source, config.log, found.columns, "--log")} if config.log else set()
    given = periods(config.periodic)
    period = {found.columns[pick_one(source, c, found.columns, "--periodic")]: p for c, p in given.items()}
    if both := sorted(log & set(period)):
        raise found.error(f"column {quoted(both[0])} is given to both --log and --periodic")
    notes = [*found.notes, *_looked_over(source, found, log, period)]
    return replace(found, notes=tuple(notes)), log, period


def _looked_over(source: Source, found: Loaded, log: set[str], period: Mapping[str, float]) -> list[str]:
    """Return notes on constant columns, periods and duplicates; raises DataError for numbers out of range."""
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
        if name in period and high - low > 1.01 * period[name]:
            notes.append(f"column {quoted(name)} spans {high - low:g}, more than its period {period[name]:g}")
    if len(constant) == 1:
        notes += [f"column {quoted(name)} is constant: {low:g} in every row" for name, low in constant.items()]
    elif constant:
        notes.append(f"{len(constant)} of {len(found.columns)} columns are constant: {some(list(constant))}")
    if found.kind == "image" and found.levels is None:
        check_range(source, found.rows, "pixels")
    distinct = _distinct(found.rows)
    if distinct < FEWEST_ROWS:
        raise found.error(
            f"only {distinct} of {len(found.rows)} rows are distinct: at least {FEWEST_ROWS} needed to train and test"
        )
    if double := len(found.rows) - distinct:
        share = 100 * double / len(found.rows)
        notes.append(f"{double} of {len(found.rows)} rows ({share:.2g} %) repeat another and were left out")
    if found.labels is not None and len(kinds := set(found.labels.tolist())) > max(100, len(found.rows) // 10):
        notes.append(f"--labels: {len(kinds)} different labels for {len(found.rows)} rows")
    return notes


def _distinct(rows: Array) -> int:
    """Return how many rows differ, by a 64-bit hash of each (splitmix64 over its columns)."""
    import numpy as np

    flat = rows.reshape(len(rows), -1)
    state = np.zeros(len(flat), dtype=np.uint64)
    for i in range(flat.shape[1]):
        column = np.ascontiguousarray(flat[:, i])
        word = (column + 0.0).view(np.uint64) if column.dtype.kind == "f" else column.astype(np.uint64)  # -0 equals 0
        state = (state ^ word) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return len(np.unique(state))


def _codes(labels: Array) -> Array:
    """Return labels as integers: as they are where they are small integers, else numbered in sorted order."""
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

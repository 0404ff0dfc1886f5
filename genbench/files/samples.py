"""Files of samples to score against each other: read alike, and refused where they do not fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from genbench.errors import DataError
from genbench.files.columns import Words
from genbench.files.reader import Loaded, read
from genbench.files.source import MAX_BYTES, quoted, some

__all__ = ["check_alike", "read_samples"]

FEWEST_SAMPLES = 2


def read_samples(
    path: str | Path,
    *,
    columns: Words = None,
    labels: str | None = None,
    na: str = "refuse",
    encoding: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> Loaded:
    """Return the rows of a file to be scored, ``samples.npz`` of a run among them, less a column of labels.

    Raises DataError like ``read``.
    """
    found = read(path, columns=columns, labels=labels, na=na, encoding=encoding, max_bytes=max_bytes)
    if len(found.rows) < FEWEST_SAMPLES:
        raise found.error(f"one row is too few to be scored: at least {FEWEST_SAMPLES} needed")
    return found


def check_alike(files: Mapping[str, Loaded]) -> dict[str, Loaded]:
    """Return the files, each with its columns in the order of the first's where both name them.

    The keys are what errors call them: ``--real``. Raises DataError unless all hold rows of one shape and the same
    columns.
    """
    (first_name, first), *others = files.items()
    return {first_name: first, **{name: _like(first, first_name, other, name) for name, other in others}}


def _like(first: Loaded, first_name: str, other: Loaded, name: str) -> Loaded:
    both = f"{name} {other.label} and {first_name} {first.label} do not fit together"
    if not (first.named and other.named):
        if first.rows.shape[1:] != other.rows.shape[1:]:
            raise DataError(f"{both}: {_described(other)}, {_described(first)}")
        return other
    if first.columns == other.columns:
        return other
    missing = [quoted(column) for column in first.columns if column not in other.columns]
    extra = [quoted(column) for column in other.columns if column not in first.columns]
    if missing or extra:
        parts = [f"{what} {some(found)}" for what, found in (("lacks", missing), ("adds", extra)) if found]
        raise DataError(f"{both}: {name} {' and '.join(parts)}")
    order = [other.columns.index(column) for column in first.columns]
    note = f"the columns of {name} were put into the order of {first_name}"
    return replace(other, rows=other.rows[:, order], columns=first.columns, notes=(*other.notes, note))


def _described(loaded: Loaded) -> str:
    shape = loaded.rows.shape[1:]
    if len(shape) == 1:
        return f"{shape[0]} column{'s' if shape[0] > 1 else ''}"
    return f"images {'x'.join(map(str, shape))} (channels, height, width)"

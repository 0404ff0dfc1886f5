"""Files of samples to score against each other: read in one way, refused if their columns or shapes differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from genbench.errors import DataError
from genbench.files.columns import MissingColumn, split_names
from genbench.files.objects import InMemory
from genbench.files.pixels import FEW_LEVELS, parse_range
from genbench.files.reader import read
from genbench.files.source import join_names, quote
from genbench.files.user_data import UserData

MIN_SAMPLES = 2


def read_samples(
    path: str | Path | InMemory, *, weights: str | None = None, labels: str | None = None, given: Sequence[str] = (),
    generated: bool = False, **options: Any,
) -> UserData:  # fmt: skip
    """Return the rows of a file or an object to be scored; it may be the ``samples.npz`` of a run.

    ``weights`` names a column of event weights, ``labels`` one of labels, which is not scored; ``generated`` samples
    may lack them. ``given`` are the columns of conditions, which no file may lack. ``options`` are those of ``read``.
    Raises DataError like it.
    """
    conditions = {"--given": split_names(given)} if given else {}
    beside, notes = conditions if weights is None else {"--weights": (weights,), **conditions}, []
    while True:
        try:
            found = read(path, beside=beside, labels=labels, **options)
            break
        except MissingColumn as error:
            if not generated:
                raise
            if "--weights:" in str(error):
                beside, note = conditions, f"it has no column {quote(weights)} of weights: each row counts once"
            elif "--labels:" in str(error):
                labels, note = None, f"it has no column {quote(labels)} of labels"
            else:
                raise
            notes.append(note)
    found = replace(found, notes=(*found.notes, *notes))
    if len(found.rows) < MIN_SAMPLES:
        raise found.error(f"one row is too few to be scored: at least {MIN_SAMPLES} needed")
    return found


def align_columns(files: Mapping[str, UserData]) -> dict[str, UserData]:
    """Return the files with their columns in the order of the first file, where both have named columns.

    The keys are the names that errors use, as ``--real``. Raises DataError unless all rows have the same shape and the
    same columns.
    """
    (first_name, first), *others = files.items()
    aligned = {first_name: first, **{name: _align(first, first_name, other, name) for name, other in others}}
    return _with_common_levels(aligned)


def _with_common_levels(files: Mapping[str, UserData]) -> dict[str, UserData]:
    """Return the files with the codes of each category counted over the levels of all files.

    Raises DataError where a column holds categories in one file and numbers in another.
    """
    import numpy as np

    found = dict(files)
    for column in {name: None for each in files.values() for name in each.categories}:
        without = [name for name, each in files.items() if column not in each.categories]
        if without:
            holder = next(name for name, each in files.items() if column in each.categories)
            raise DataError(f"column {quote(column)} holds text in {holder} and numbers in {without[0]}")
        own_levels = [each.categories[column] for each in files.values()]
        levels = tuple(dict.fromkeys(level for own in own_levels for level in own))
        if all(own == tuple(sorted(own)) for own in own_levels):  # and not an order that the data state
            levels = tuple(sorted(levels))
        for name, each in found.items():
            i, own = each.columns.index(column), each.categories[column]
            if own != levels:
                rows = each.rows.copy()
                rows[:, i] = np.array([levels.index(level) for level in own], float)[each.rows[:, i].astype(int)]
                found[name] = replace(each, rows=rows, categories={**each.categories, column: levels})
    return found


def _align(first: UserData, first_name: str, other: UserData, name: str) -> UserData:
    both = f"{name} {other.label} and {first_name} {first.label} do not fit together"
    if not (first.named and other.named):
        if first.rows.shape[1:] != other.rows.shape[1:]:
            raise DataError(f"{both}: {_describe_shape(other)}, {_describe_shape(first)}")
        return other
    if first.columns == other.columns:
        return other
    missing = [quote(column) for column in first.columns if column not in other.columns]
    extra = [quote(column) for column in other.columns if column not in first.columns]
    if missing or extra:
        parts = [f"{verb} {join_names(names)}" for verb, names in (("lacks", missing), ("adds", extra)) if names]
        raise DataError(f"{both}: {name} {' and '.join(parts)}")
    order = [other.columns.index(column) for column in first.columns]
    note = f"the columns of {name} were put into the order of {first_name}"
    return replace(other, rows=other.rows[:, order], columns=first.columns, notes=(*other.notes, note))


def _describe_shape(data: UserData) -> str:
    shape = data.rows.shape[1:]
    if len(shape) == 1:
        return f"{shape[0]} column{'s' if shape[0] > 1 else ''}"
    return f"images {'x'.join(map(str, shape))} (channels, height, width)"


def reconcile(files: Mapping[str, UserData], pixel_range: str) -> dict[str, UserData]:
    """Return images of integers and of floats on one scale, that of the grey levels; others stay as they are.

    Floats between -1 and 1 beside integers are scaled by ``pixel_range``, which names the floats of black and white.
    Raises DataError where it is missing. The keys are the names that errors use, as ``--real``.
    """
    levels = max((each.levels or 0 for each in files.values()), default=0)
    found = dict(files)
    if levels <= FEW_LEVELS:
        return found
    whole = next(name for name, each in files.items() if each.levels == levels)
    for name, each in files.items():
        if each.levels is not None or each.kind != "image":
            continue
        low, high = float(each.rows.min()), float(each.rows.max())
        if pixel_range:
            first, last = parse_range(pixel_range)
            note = f"floats from {first:g} to {last:g} were scaled to the {levels} grey levels of {whole}"
            rows = (each.rows - first) * ((levels - 1) / (last - first))
            found[name] = replace(each, rows=rows, notes=(*each.notes, note))
        elif max(abs(low), abs(high)) <= 1.0:
            raise DataError(
                f"{name} {each.label} holds floats from {low:g} to {high:g}, {whole} {files[whole].label} {levels} "
                "grey levels: name the floats of black and white with --range 0,1 or --range=-1,1"
            )
    return found

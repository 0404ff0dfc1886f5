"""What a user's file holds: its columns, described for a dry run, and as a schema in which samples are written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from genbench.files.dataset import FileConfig, read_and_check
from genbench.files.schema import FileSchema, schema_of
from genbench.files.source import find, join_names
from genbench.files.writer import write

if TYPE_CHECKING:
    from genbench.protocol import Array


def file_schema(config: FileConfig, notes: list[str] | None = None) -> FileSchema:
    """Return in which columns, types, units and layout samples of a user's file are written; reads the file.

    Raises DataError, also for a file that has changed since the run was planned.
    """
    found, columns = read_and_check(config)
    source, suffix = find(config.path), ""
    if source.path.is_file():
        suffix = source.suffix + (source.path.suffix if source.compression else "")
    return schema_of(found, columns, suffix, [] if notes is None else notes)


def write_samples(
    config: FileConfig,
    samples: Array | Iterable[Array],
    path: str | Path,
    *,
    overwrite: bool = False,
    notes: list[str] | None = None,
) -> Path:
    """Write samples of a model of a user's file with its columns, types and units, and return the file's path.

    ``samples`` are (n, d) or (n, channels, height, width) in the data's units, as in the ``samples.npz`` of a cell, or
    blocks of them. The format is that of the suffix of ``path``, or that of the user's file where it has none. A file
    that is there is overwritten only with ``overwrite=True``. ``notes`` gets what was changed or has no place. Raises
    DataError.
    """
    return write(path, file_schema(config, notes), samples, overwrite=overwrite, notes=notes)


def describe_columns(config: FileConfig) -> list[dict[str, object]]:
    """Return for each column of a user's table its name, kind, unit, lowest and highest value; nothing for images.

    The kind is continuous, integer, angle, category or constant, with ``log`` or the period where a column has them; a
    category has no lowest and highest value. Reads the file; raises DataError.
    """
    found, columns = read_and_check(config)
    described: list[dict[str, object]] = []
    for i, column in enumerate(columns):
        low: float | None = float(found.rows[:, i].min())
        high: float | None = float(found.rows[:, i].max())
        kind = "constant" if low == high else "angle" if column.period is not None else column.kind
        if column.kind == "category":
            kind = f"category of {len(column.levels)}: {join_names(column.levels, 6)}"
            low = high = None
        details = f", period {column.period:g}" if column.period is not None else ", log" if column.log else ""
        described.append({"column": column.name, "kind": kind + details, "unit": column.unit, "low": low, "high": high})
    return described

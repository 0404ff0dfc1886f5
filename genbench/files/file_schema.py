"""Samples written with the columns, types, units and format of the user's file that a model was trained on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from genbench.files.dataset import FileConfig, given_columns, read_and_check
from genbench.files.schema import FileSchema, schema_of, with_columns
from genbench.files.source import find
from genbench.files.writer import write

if TYPE_CHECKING:
    from genbench.protocol import Array


def file_schema(config: FileConfig, notes: list[str] | None = None) -> FileSchema:
    """Return in which columns, types, units and layout samples of a user's file are written; reads the file.

    Columns that are conditions (``--given``) follow the others.
    Raises DataError, also for a file that has changed since the run was planned.
    """
    found, columns = read_and_check(config)
    notes = [] if notes is None else notes
    source, suffix = find(config.path), ""
    if source.path.is_file():
        suffix = source.suffix + (source.path.suffix if source.compression else "")
    schema = schema_of(found, columns, suffix, notes)
    given, condition_columns = given_columns(found, config)
    if given is None or found.kind == "image":
        return schema
    return with_columns(schema, schema_of(replace(found, rows=given), condition_columns, suffix, notes))


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
    blocks of them; the conditions of rows are further columns. The format is that of the suffix of ``path``, or that of
    the user's file where it has none. A file
    that is there is overwritten only with ``overwrite=True``. ``notes`` gets what was changed or has no place. Raises
    DataError.
    """
    return write(path, file_schema(config, notes), samples, overwrite=overwrite, notes=notes)

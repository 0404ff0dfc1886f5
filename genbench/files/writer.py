"""Write samples into a file with the columns, types, units and format of the file that the model was trained on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from genbench.errors import DataError, UserError
from genbench.files import array_writers, astronomy_writers, image_writer, table_writers
from genbench.files.compression import compress, compression_of
from genbench.files.schema import FileSchema
from genbench.files.source import FORMATS, STREAMED, Source, printable, quote

if TYPE_CHECKING:
    from genbench.protocol import Array

WRITERS: dict[str, Callable[..., list[str]]] = {  # of tables, by the values of FORMATS
    "arrow": table_writers.write_arrow,
    "ecsv": astronomy_writers.write_ecsv,
    "fits": astronomy_writers.write_fits,
    "hdf5": array_writers.write_hdf5,
    "json": table_writers.write_json,
    "json lines": table_writers.write_json_lines,
    "npy": array_writers.write_npy,
    "npz": array_writers.write_npz,
    "parquet": table_writers.write_parquet,
    "root": table_writers.write_root,
    "stata": table_writers.write_stata,
    "text": table_writers.write_text,
    "votable": astronomy_writers.write_votable,
    "xlsx": table_writers.write_xlsx,
}
OF_IMAGES = ("npy", "npz", "hdf5", "fits")  # formats that hold images too
FOLDER = "a folder of images"


def write(
    path: str | Path,
    schema: FileSchema,
    samples: Array | Iterable[Array],
    *,
    overwrite: bool = False,
    notes: list[str] | None = None,
) -> Path:
    """Write samples in the format of the path's suffix, or in that of the schema if it has none, and return the path.

    ``samples`` are (n, d) or (n, channels, height, width) in the data's units, or blocks of them, of which formats
    that allow it hold one at a time. The file appears when it is complete. ``notes`` gets what the format has no place
    for. Raises DataError for samples that do not fit the schema, for an unknown format, for a library that is not
    installed, and for a file that is there unless ``overwrite`` is True; a folder is never overwritten.
    """
    target = _target(path, schema)
    source = Source(target)
    kind = _format_of(source, schema)
    _check_free(source, overwrite and kind != FOLDER)
    if kind == FOLDER:
        axes = "hw" if schema.shape[0] == 1 else "hwc"
        write_one: Callable[..., list[str]] = image_writer.write_folder
        schema = replace(schema, layout=replace(schema.layout, axes=axes))
    else:
        write_one = WRITERS[kind]
    if kind == "text" and _content(target).suffix != _content(Path(f"_{schema.suffix}")).suffix:
        schema = replace(schema, layout=replace(schema.layout, separator="", decimal=".", has_units=False))
    with _temporary(target, kind) as temporary, _explain_write_errors(source, temporary, kind):
        found = write_one(temporary, schema, schema.in_types(samples))
        if source.compression:
            packed = temporary.with_name(temporary.name + target.suffix)
            try:
                compress(temporary, packed, target.stem)
                packed.replace(temporary)
            finally:
                packed.unlink(missing_ok=True)
        _check_free(source, overwrite and kind != FOLDER)  # it may have appeared since
        temporary.replace(target)
    if notes is not None:
        notes += [f"{source.label}: {note}" for note in found]
    return target


def _target(path: str | Path, schema: FileSchema) -> Path:
    """Return the path with the suffix of the schema if it has none."""
    full = Path(path).expanduser()
    if not full.name:
        raise DataError(f"{quote(path)} is not a file path")
    is_folder = str(path).endswith(("/", os.sep))
    return full if full.suffix or is_folder else full.with_name(full.name + schema.suffix)


def _content(path: Path) -> Path:
    """Return the name of what a compressed file will hold, and of any other file its own."""
    return Path(path.stem) if compression_of(path) else path


def _format_of(source: Source, schema: FileSchema) -> str:
    suffix = _content(source.path).suffix.lower()
    if not suffix and not source.compression and schema.shape:
        return FOLDER
    kind = FORMATS.get(suffix)
    if kind is None:
        known = ", ".join(each for each in FORMATS if not schema.shape or FORMATS[each] in OF_IMAGES)
        raise source.error(f"unknown suffix {quote(suffix)}; expected {known}")
    if source.compression and kind not in STREAMED:
        raise source.error(f"{kind} files are not written within {source.path.suffix}: leave it out")
    if schema.shape and kind not in OF_IMAGES:
        raise source.error(f"{kind} holds no images: write npy, npz, h5, fits or a folder, whose name has no suffix")
    return kind


def _check_free(source: Source, overwrite: bool) -> None:
    folder = source.path.parent
    if not folder.is_dir():
        raise source.error(f"there is no folder {printable(folder)}")
    if source.path.is_dir():
        raise source.error("is a folder that is there already: name another")
    if source.path.exists() and not overwrite:
        raise source.error("is there already, and is not overwritten unless that is asked for")


@contextmanager
def _temporary(target: Path, kind: str) -> Iterator[Path]:
    """Yield a path beside the target, with its suffix, which is removed if anything fails."""
    suffix = "" if kind == FOLDER else _content(target).suffix
    temporary = target.with_name(f".{target.name[:100]}.{os.getpid()}{suffix.lower()}")
    try:
        yield temporary
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


@contextmanager
def _explain_write_errors(source: Source, temporary: Path, kind: str) -> Iterator[None]:
    """Raise a DataError of one line in place of whatever a library raises, with the file's name."""
    try:
        yield
    except DataError as error:
        message = str(error).removeprefix(f"{Source(temporary).label}: ")
        raise source.error(message.removeprefix(f"{source.label}: ")) from error
    except UserError:
        raise
    except Exception as error:
        reason = printable(str(error).strip().split("\n")[0], 160) or type(error).__name__
        raise source.error(f"cannot be written as {kind}: {reason}") from error

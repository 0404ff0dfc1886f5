"""Find a user's file, detect its format and limit its size; and the classes in which readers return its content."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from genbench.errors import DataError, UserError

if TYPE_CHECKING:
    from genbench.protocol import Array

MAX_BYTES = 2 * 2**30

FORMATS = {
    ".csv": "text", ".tsv": "text", ".txt": "text", ".dat": "text",
    ".parquet": "parquet", ".pq": "parquet",
    ".npy": "npy", ".npz": "npz",
    ".h5": "hdf5", ".hdf5": "hdf5", ".hdf": "hdf5",
}  # fmt: skip
MAGIC_BYTES = {
    b"PAR1": "parquet",
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"\x89HDF\r\n\x1a\n": "hdf5",
}
SUPPORTED_FORMATS = "csv, tsv, txt, parquet, npy, npz, hdf5 or a folder of images"
REMEDIES = {
    ".gz": "it is compressed: unpack it first",
    ".bz2": "it is compressed: unpack it first",
    ".xz": "it is compressed: unpack it first",
    ".zst": "it is compressed: unpack it first",
    ".zip": "it is compressed: unpack it first",
    ".xlsx": "save the sheet as csv",
    ".xls": "save the sheet as csv",
    ".root": "write the branches to parquet first, with uproot for example",
    ".pkl": "a pickle can run code and is never opened: save it as npy or parquet",
    ".pickle": "a pickle can run code and is never opened: save it as npy or parquet",
    ".pt": "save the tensor as npy",
    ".pth": "save the tensor as npy",
}


@dataclass(frozen=True)
class Source:
    """A file or folder, and the name of an array inside it where the user gave one after a colon."""

    path: Path
    key: str | None = None

    @property
    def label(self) -> str:
        """The name that errors show."""
        return printable(str(self.path) if self.key is None else f"{self.path}:{self.key}")

    def error(self, message: str) -> DataError:
        """Return a DataError that begins with the file's name."""
        return DataError(f"{self.label}: {message}")

    def check_size(self, size: int, max_bytes: int, subject: str) -> None:
        """Raise DataError if ``size`` is above ``max_bytes``; its message begins with ``subject``: "the file has"."""
        if size > max_bytes:
            limit = format_bytes(max_bytes)
            raise self.error(f"{subject} {format_bytes(size)}, the limit is {limit}; raise it with --max-bytes")


def describe_row_number(row: int) -> str:
    """Return the name of row ``row`` (counted from 0) in errors, which count from 1."""
    return f"row {row + 1}"


@dataclass(frozen=True)
class Table:
    """Named columns that are read on demand.

    ``fetch(columns, label)`` takes column indices and returns those columns and the column of labels, 1-D and of the
    type that they have in the file. ``describe_row(row)`` names a row, counted from 0, in errors. ``units`` are those
    of the columns that have one in the file.
    """

    names: tuple[str, ...]
    fetch: Callable[[Sequence[int], int | None], tuple[list[Array], Array | None]]
    named: bool = True
    describe_row: Callable[[int], str] = describe_row_number
    notes: list[str] = field(default_factory=list)
    units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """One array (n, ...), the names of its columns if the file has them, and labels stored beside it."""

    values: Array
    names: tuple[str, ...] = ()
    labels: Array | None = None
    notes: list[str] = field(default_factory=list)


def printable(text: object, limit: int = 200) -> str:
    """Return one line of text without control and invisible characters, of at most ``limit`` characters."""
    clean = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in str(text))
    clean = " ".join(clean.split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def quote(value: object) -> str:
    """Return a value from the user in quotes, for an error message."""
    return repr(printable(value, 40))


def format_bytes(size: int) -> str:
    """Return a size in bytes as text: ``1.5 GiB``."""
    number = float(size)
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.3g} {unit}" if unit != "bytes" else f"{size} bytes"
        number /= 1024
    return f"{number:.3g} GiB"


def join_names(names: Sequence[str], limit: int = 8) -> str:
    """Return the first ``limit`` names, separated by commas, and the number of names if there are more."""
    shown = ", ".join(printable(n, 40) for n in names[:limit])
    return shown if len(names) <= limit else f"{shown}, ... ({len(names)} in all)"


def find(path: str | Path) -> Source:
    """Return the file or folder at ``path``; ``file.npz:key`` and ``file.h5:/group/data`` name an array in a file.

    Raises DataError if there is none, and suggests the closest name in the folder.
    """
    text = str(path)
    if "\0" in text or not text:
        raise DataError(f"{quote(text)} is not a file path")
    full = Path(text).expanduser()
    if full.exists():
        return Source(full)
    head, colon, key = text.rpartition(":")
    if colon and Path(head).suffix.lower() in (".npz", ".h5", ".hdf5", ".hdf"):
        source = Source(Path(head).expanduser(), key)
        if not source.path.is_file():
            raise Source(source.path).error(_missing(source.path))
        if not key:
            raise source.error("the name of an array is missing after the colon")
        return source
    raise Source(full).error(_missing(full))


def _missing(path: Path) -> str:
    from genbench.errors import suggestion

    try:
        siblings = [p.name for p in path.parent.iterdir()]
    except OSError:
        return f"no such file; the folder {printable(path.parent)} cannot be read"
    return f"no such file{suggestion(path.name, siblings)}"


def format_of(source: Source) -> str:
    """Return ``text``, ``parquet``, ``npy``, ``npz`` or ``hdf5``, from the file's first bytes and its suffix.

    Raises DataError for a file that is empty, unreadable or of an unknown format.
    """
    path, suffix = source.path, source.path.suffix.lower()
    if not path.is_file():
        raise source.error(f"is not a regular file; expected {SUPPORTED_FORMATS}")
    with explain_read_errors(source), path.open("rb") as stream:
        head = stream.read(8)
    if not head:
        raise source.error(f"is empty; expected {SUPPORTED_FORMATS}")
    found = next((kind for magic, kind in MAGIC_BYTES.items() if head.startswith(magic)), None)
    expected = FORMATS.get(suffix)
    if expected is None:
        if suffix in REMEDIES:
            raise source.error(f"{suffix} files cannot be read; {REMEDIES[suffix]}")
        if found is None:
            raise source.error(f"unknown suffix {quote(suffix)}; expected {SUPPORTED_FORMATS}")
        return found
    if expected == "text" and found:
        raise source.error(f"is {found}, not {suffix[1:]}: its suffix should be .{'h5' if found == 'hdf5' else found}")
    return expected


def digest(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def explain_read_errors(source: Source, format_name: str = "") -> Iterator[None]:
    """Raise a DataError of one line in place of whatever a library raises on a damaged file."""
    try:
        yield
    except UserError:
        raise
    except PermissionError as error:
        raise source.error("cannot be read: permission denied") from error
    except MemoryError as error:
        raise source.error("does not fit into memory") from error
    except Exception as error:
        reason = printable(str(error).strip().split("\n")[0], 160) or type(error).__name__
        read_as = f" as {format_name}" if format_name else ""
        raise source.error(f"cannot be read{read_as}, it may be damaged or cut short: {reason}") from error

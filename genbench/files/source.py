"""Which file is meant, what is in it, and how large it may be; how a reader hands over what it found."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.errors import DataError, UserError

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

MAX_BYTES = 2 * 2**30

FORMATS = {
    ".csv": "text", ".tsv": "text", ".txt": "text", ".dat": "text",
    ".parquet": "parquet", ".pq": "parquet",
    ".npy": "npy", ".npz": "npz",
    ".h5": "hdf5", ".hdf5": "hdf5", ".hdf": "hdf5",
}  # fmt: skip
MAGIC = {
    b"PAR1": "parquet",
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"\x89HDF\r\n\x1a\n": "hdf5",
}
READABLE = "csv, tsv, txt, parquet, npy, npz, hdf5 or a folder of images"
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
    """A file or folder, and the array inside it that was named after a colon."""

    path: Path
    key: str | None = None

    @property
    def label(self) -> str:
        """How errors name it."""
        return printable(str(self.path) if self.key is None else f"{self.path}:{self.key}")

    def error(self, message: str) -> DataError:
        """Return a DataError that begins with the file's name."""
        return DataError(f"{self.label}: {message}")

    def check_size(self, size: int, max_bytes: int, what: str) -> None:
        """Raise DataError where ``what`` takes more than ``max_bytes`` in memory."""
        if size > max_bytes:
            raise self.error(f"{what} {in_bytes(size)}, the limit is {in_bytes(max_bytes)}; raise it with --max-bytes")


def row_number(row: int) -> str:
    """Return how errors name a row that is counted from 0 here: people count from 1."""
    return f"row {row + 1}"


@dataclass(frozen=True)
class Table:
    """Named columns, read when they are known to be wanted.

    ``fetch(columns, label)`` takes indices and returns the 1-D columns and that of the labels, of whatever type they
    have in the file. ``place(row)`` says where a row, counted from 0, stands.
    """

    names: tuple[str, ...]
    fetch: Callable[[Sequence[int], int | None], tuple[list[Array], Array | None]]
    named: bool = True
    place: Callable[[int], str] = row_number
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Block:
    """One array (n, ...), its columns' names where the file has them, and labels that lay beside it."""

    values: Array
    names: tuple[str, ...] = ()
    labels: Array | None = None
    notes: list[str] = field(default_factory=list)


def printable(text: object, limit: int = 200) -> str:
    """Return one line of text: control and invisible formatting characters dropped, shortened to ``limit``."""
    clean = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in str(text))
    clean = " ".join(clean.split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def quoted(value: object) -> str:
    """Return a value of the user's as an error quotes it."""
    return repr(printable(value, 40))


def in_bytes(size: int) -> str:
    """Return a size as people write it: 1.5 GiB."""
    number = float(size)
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.3g} {unit}" if unit != "bytes" else f"{size} bytes"
        number /= 1024
    return f"{number:.3g} GiB"


def some(names: Sequence[str], limit: int = 8) -> str:
    """Return the names as a list that fits in a line."""
    shown = ", ".join(printable(n, 40) for n in names[:limit])
    return shown if len(names) <= limit else f"{shown}, ... ({len(names)} in all)"


def find(path: str | Path) -> Source:
    """Return the file that is meant; ``file.npz:key`` and ``file.h5:/group/data`` name an array in it.

    Raises DataError where there is none, with close matches out of its folder.
    """
    text = str(path)
    if "\0" in text or not text:
        raise DataError(f"{quoted(text)} is no path of a file")
    whole = Path(text).expanduser()
    if whole.exists():
        return Source(whole)
    head, colon, key = text.rpartition(":")
    if colon and Path(head).suffix.lower() in (".npz", ".h5", ".hdf5", ".hdf"):
        source = Source(Path(head).expanduser(), key)
        if not source.path.is_file():
            raise Source(source.path).error(_missing(source.path))
        if not key:
            raise source.error("the name of an array is missing after the colon")
        return source
    raise Source(whole).error(_missing(whole))


def _missing(path: Path) -> str:
    from genbench.errors import suggestion

    try:
        beside = [p.name for p in path.parent.iterdir()]
    except OSError:
        return f"no such file; the folder {printable(path.parent)} cannot be read"
    return f"no such file{suggestion(path.name, beside)}"


def format_of(source: Source) -> str:
    """Return text, parquet, npy, npz or hdf5, from the file's first bytes and its ending.

    Raises DataError for a file that is empty, unreadable, or of no known format.
    """
    path, suffix = source.path, source.path.suffix.lower()
    if not path.is_file():
        raise source.error(f"is no regular file; expected {READABLE}")
    with reading(source), path.open("rb") as stream:
        head = stream.read(8)
    if not head:
        raise source.error(f"is empty; expected {READABLE}")
    found = next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)
    expected = FORMATS.get(suffix)
    if expected is None:
        if suffix in REMEDIES:
            raise source.error(f"{suffix} files cannot be read; {REMEDIES[suffix]}")
        if found is None:
            raise source.error(f"unknown ending {quoted(suffix)}; expected {READABLE}")
        return found
    if expected == "text" and found:
        raise source.error(f"is {found}, not {suffix[1:]}: its ending should be .{'h5' if found == 'hdf5' else found}")
    return expected


def digest(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def reading(source: Source, what: str = "") -> Iterator[None]:
    """Turn whatever a library raises on a damaged file into one line; ``what`` names the format."""
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
        raise source.error(
            f"cannot be read{what and f' as {what}'}, it may be damaged or cut short: {reason}"
        ) from error

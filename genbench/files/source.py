"""Find a user's file, detect its format and limit its size; and the classes in which readers return its content."""

from __future__ import annotations

import hashlib
import importlib
import io
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from genbench.errors import DataError, UserError, suggestion
from genbench.files.compression import COMPRESSIONS, compression_of, list_members, open_content, read_limited

if TYPE_CHECKING:
    from genbench.protocol import Array

MAX_BYTES = 2 * 2**30

FORMATS = {
    ".csv": "text", ".tsv": "text", ".txt": "text", ".dat": "text",
    ".json": "json", ".jsonl": "json lines", ".ndjson": "json lines",
    ".xlsx": "xlsx", ".dta": "stata",
    ".parquet": "parquet", ".pq": "parquet",
    ".feather": "arrow", ".arrow": "arrow", ".ipc": "arrow",
    ".npy": "npy", ".npz": "npz",
    ".h5": "hdf5", ".hdf5": "hdf5", ".hdf": "hdf5",
    ".fits": "fits", ".fit": "fits", ".fts": "fits",
    ".ecsv": "ecsv", ".vot": "votable", ".votable": "votable", ".xml": "votable",
    ".root": "root",
}  # fmt: skip
MAGIC_BYTES = {
    b"PAR1": "parquet",
    b"ARROW1\0\0": "arrow",
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"SIMPLE  ": "fits",
    b"root\0\0": "root",
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
KEYED = ("npz", "hdf5", "fits", "root", "xlsx")  # formats whose files hold several things, each with a name
TEXTUAL = ("text", "json", "json lines", "ecsv", "votable")
STREAMED = (*TEXTUAL, "npy", "fits")  # formats that are read within a compressed file
SUFFIX_OF = {"hdf5": ".h5", "arrow": ".feather", "gzip": ".gz", "zstd": ".zst"}
SUPPORTED_FORMATS = (
    "csv, tsv, txt, json, xlsx, parquet, feather, npy, npz, hdf5, fits, ecsv, votable, root, dta or a folder of images"
)
REMEDIES = {
    ".xls": "save the sheet as csv or xlsx",
    ".pkl": "a pickle can run code and is never opened: save it as npy or parquet",
    ".pickle": "a pickle can run code and is never opened: save it as npy or parquet",
    ".pt": "save the tensor as npy",
    ".pth": "save the tensor as npy",
}


@dataclass(frozen=True)
class Source:
    """A file or folder, and the name of what is meant inside it where the user gave one after a colon."""

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

    @property
    def compression(self) -> str | None:
        """``gzip``, ``bz2``, ``xz``, ``zstd`` or ``zip``; None if the file is not compressed."""
        return compression_of(self.path)

    @property
    def suffix(self) -> str:
        """The suffix of the content in lower case: ``.csv`` for ``events.csv.gz``, and for the only csv in a zip.

        Raises DataError for a zip that holds several files, unless the key names one.
        """
        path = self.path
        if self.compression:
            path = Path(self._member() or path.stem)
        return path.suffix.lower()

    def read_head(self, size: int) -> bytes:
        """Return the first ``size`` bytes of the content, after unpacking."""
        with explain_read_errors(self, self.compression or ""), self._open() as stream:
            return stream.read(size)

    def read_bytes(self, max_bytes: int) -> bytes:
        """Return the content, unpacked if the file is compressed.

        Raises DataError for more than ``max_bytes`` of content; no more than that is ever unpacked.
        """
        with explain_read_errors(self, self.compression or ""):
            if not self.compression:
                self.check_size(self.path.stat().st_size, max_bytes, "the file has")
                return self.path.read_bytes()
            with self._open() as stream:
                content = read_limited(stream, max_bytes)
        if content is None:
            limit = format_bytes(max_bytes)
            raise self.error(f"unpacks to more than {limit}, the limit is {limit}; raise it with --max-bytes")
        return content

    def open(self, max_bytes: int) -> IO[bytes]:
        """Open the content as a stream in which a reader can seek: the file, or in memory what it unpacks to."""
        return io.BytesIO(self.read_bytes(max_bytes)) if self.compression else self.path.open("rb")

    @contextmanager
    def _open(self) -> Iterator[IO[bytes]]:
        with open_content(self.path, self._member()) if self.compression else self.path.open("rb") as stream:
            yield stream

    def _member(self) -> str | None:
        """Return the name of the file in a zip that is meant, None for other files."""
        if self.compression != "zip":
            return None
        with explain_read_errors(self, "zip"):
            names = list_members(self.path)
        if self.key is not None and self.key not in names:
            hint = suggestion(self.key, names) or f"; it holds {join_names(names) or 'nothing'}"
            raise self.error(f"there is no file of this name{hint}")
        if self.key is None and len(names) != 1:
            if not names:
                raise self.error("holds no files")
            example = f"{self.path.name}:{names[0]}"
            raise self.error(f"holds {len(names)} files: {join_names(names)}; name one, as in {example}")
        return names[0] if self.key is None else self.key


def describe_row_number(row: int) -> str:
    """Return the name of row ``row`` (counted from 0) in errors, which count from 1."""
    return f"row {row + 1}"


@dataclass(frozen=True)
class FileLayout:
    """How a file arranges what it holds, so that samples can be written in the same way.

    ``separator``, ``decimal``, ``has_header`` and ``has_units``, a row of units below the names, are those of text.
    ``key`` is the name that what is read has in the file. ``joined`` says that all columns are in one array. ``shape``
    is that of one row of an array (n, ...), ``axes`` that of images: ``hw``, ``chw`` or ``hwc``; ``dtype`` is the type
    of pixels.
    """

    separator: str = ""
    decimal: str = "."
    has_header: bool = True
    has_units: bool = False
    key: str = ""
    joined: bool = False
    shape: tuple[int, ...] | None = None
    axes: str = "chw"
    dtype: str = ""


DEFAULT_LAYOUT = FileLayout()


@dataclass(frozen=True)
class Table:
    """Named columns that are read on demand.

    ``fetch(columns, label)`` takes column indices and returns those columns and the column of labels, 1-D and of the
    type that they have in the file. ``describe_row(row)`` names a row, counted from 0, in errors. ``units`` has the
    units of columns where the file states them. ``picked`` says that the names are those of --columns, in that order,
    with the column of labels after them. ``types`` has the types of columns in the file where ``fetch`` may return
    another, as of integers with missing values; it is empty for those of text, which has no types.
    """

    names: tuple[str, ...]
    fetch: Callable[[Sequence[int], int | None], tuple[list[Array], Array | None]]
    named: bool = True
    describe_row: Callable[[int], str] = describe_row_number
    notes: list[str] = field(default_factory=list)
    units: Mapping[str, str] = field(default_factory=dict)
    picked: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    layout: FileLayout = DEFAULT_LAYOUT


@dataclass(frozen=True)
class Block:
    """One array (n, ...), the names of its columns if the file has them, and labels stored beside it.

    ``read_as`` is ``images`` or ``rows`` where the user says what an array of more than two dimensions holds;
    ``pixel_range`` is ``LOW,HIGH``, the pixels of black and white, or empty.
    """

    values: Array
    names: tuple[str, ...] = ()
    labels: Array | None = None
    notes: list[str] = field(default_factory=list)
    read_as: str | None = None
    pixel_range: str = ""
    layout: FileLayout = DEFAULT_LAYOUT


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
    """Return the file or folder at ``path``, which may name what is meant inside a file.

    It does so after a colon: ``file.npz:key``, ``file.h5:/group/data``, ``file.root:tree``, ``file.fits:table``,
    ``file.xlsx:sheet`` and ``file.zip:member``. Raises DataError if there is no such file, and suggests the closest
    name in the folder.
    """
    text = str(path)
    if "\0" in text or not text:
        raise DataError(f"{quote(text)} is not a file path")
    full = Path(text).expanduser()
    if full.exists():
        return Source(full)
    head, colon, key = text.rpartition(":")
    suffix = Path(head).suffix.lower()
    if colon and (suffix == ".zip" or FORMATS.get(suffix) in KEYED):
        source = Source(Path(head).expanduser(), key)
        if not source.path.is_file():
            raise Source(source.path).error(_missing(source.path))
        if not key:
            raise source.error("a name is missing after the colon")
        return source
    raise Source(full).error(_missing(full))


def _missing(path: Path) -> str:
    try:
        siblings = [p.name for p in path.parent.iterdir()]
    except OSError:
        return f"no such file; the folder {printable(path.parent)} cannot be read"
    return f"no such file{suggestion(path.name, siblings)}"


def format_of(source: Source) -> str:
    """Return ``text``, ``parquet`` or another value of ``FORMATS``, from the content's first bytes and its suffix.

    Raises DataError for a file that is empty, unreadable or of an unknown format.
    """
    if not source.path.is_file():
        raise source.error(f"is not a regular file; expected {SUPPORTED_FORMATS}")
    suffix = source.suffix
    if suffix in REMEDIES:
        raise source.error(f"{suffix} files cannot be read; {REMEDIES[suffix]}")
    head = source.read_head(8)
    if not head:
        raise source.error(f"is empty; expected {SUPPORTED_FORMATS}")
    found = next((kind for magic, kind in MAGIC_BYTES.items() if head.startswith(magic)), None)
    expected = FORMATS.get(suffix)
    if source.compression and expected not in STREAMED:
        raise source.error(_not_within(source, suffix, expected))
    if found in COMPRESSIONS.values():  # astropy for one would unpack it, without a limit
        raise source.error(
            f"is {found}, not {suffix[1:] or 'a table'}: its suffix should be {suffix}{_suffix_of(found)}"
        )
    if expected is None and found is None:
        raise source.error(f"unknown suffix {quote(suffix)}; expected {SUPPORTED_FORMATS}")
    if expected in TEXTUAL and found:
        raise source.error(f"is {found}, not {suffix[1:]}: its suffix should be {_suffix_of(found)}")
    return expected or str(found)


def _suffix_of(found: str | None) -> str:
    return SUFFIX_OF.get(str(found), f".{found}")


def _not_within(source: Source, suffix: str, expected: str | None) -> str:
    """Return why what is inside a compressed file cannot be read."""
    outer = source.path.suffix
    if suffix in COMPRESSIONS:
        return "is compressed twice: unpack it first"
    if expected is None:
        return f"holds a file of the unknown suffix {quote(suffix)}; expected a name as in events.csv{outer}"
    return f"{expected} files are not read within {outer}: unpack it first"


def load_library(source: Source, module: str, format_name: str, extra: str) -> Any:
    """Return a module of an optional library; raises DataError, with the remedy, if it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        library = module.partition(".")[0]
        raise source.error(
            f"{format_name} files need {library}, which is not installed: pip install 'genbench[{extra}]'"
        ) from error


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

"""Read FITS, ECSV and VOTable with astropy: one table, with the units of its columns; masked values are missing."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from genbench.files.arrays import decoded
from genbench.files.named_arrays import Header, NamedArrays, join
from genbench.files.numbers import MAX_EXACT_INTEGER
from genbench.files.source import Block, FileLayout, Source, Table, explain_read_errors, join_names, load_library

if TYPE_CHECKING:
    from genbench.protocol import Array

TABLE_FORMAT = re.compile(r"(\d*)([LXBIJKAEDCMPQ])")  # of a column in a binary table: its repeats and type
INTEGER_TYPES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
# a VOTable may name a stream in another file, also by way of an entity
STREAM_ELSEWHERE = re.compile(
    rb"""<(?:[\w.-]+:)?STREAM\b(?:[^>"']|"[^"]*"|'[^']*')*\bhref\s*=|<!ENTITY""", re.IGNORECASE
)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep astropy's warnings, on units and keywords that it does not know, from the terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def read_fits(source: Source, columns: Sequence[str], labels: str | None, max_bytes: int) -> Block | Table:
    """Return the first table of a FITS file, or else its first image as an array; a key is an HDU's name or number.

    Columns of several numbers (n, k) are taken if --columns names them. Raises DataError if astropy is not installed.
    """
    fits = load_library(source, "astropy.io.fits", "FITS", "astronomy")
    notes: list[str] = []
    with quiet(), explain_read_errors(source, "fits"), source.open(max_bytes) as stream:
        if source.read_head(6) != b"SIMPLE":  # astropy would unpack a compressed file, without a limit
            raise source.error("is not FITS: it does not begin with SIMPLE")
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        with fits.open(stream, disable_image_compression=True) as hdus:
            index = _hdu_index(source, fits, hdus, notes)
            hdu = hdus[index]
            source.check_size(hdu.size, max_bytes, "its table takes")
            if hdu.fileinfo()["datLoc"] + hdu.size > size:
                raise source.error("is cut short: its header claims more rows than it holds")
            if not _is_table(fits, hdu):
                return Block(_native(hdu.data), notes=notes)
            names = [column.name or f"c{i}" for i, column in enumerate(hdu.columns)]
            headers = {name: _header(hdu, i) for i, name in enumerate(names)}
            units = {name: str(column.unit) for name, column in zip(names, hdu.columns, strict=True) if column.unit}
            types = {name: kind for name, column in zip(names, hdu.columns, strict=True) if (kind := _type_of(column))}
            layout = FileLayout(key=hdu.name)

    def load(wanted: Sequence[str]) -> list[Array]:
        with quiet(), explain_read_errors(source, "fits"), source.open(max_bytes) as stream, fits.open(stream) as hdus:
            return [_column(hdus[index], names.index(name)) for name in wanted]

    arrays = NamedArrays(headers, load, units, types=types, layout=layout)
    table = join(source, arrays, columns, labels, max_bytes)
    table.notes.extend(notes)
    return table


def _type_of(column: Any) -> str:
    """Return the type of a column of integers, of which some may be missing; nothing for others."""
    parts = TABLE_FORMAT.match(str(column.format))
    kind = {"B": "uint8", "I": "int16", "J": "int32", "K": "int64"}.get(parts[2], "") if parts else ""
    return kind if column.null is not None and not column.bzero else ""


def _is_table(fits: Any, hdu: Any) -> bool:
    return isinstance(hdu, (fits.BinTableHDU, fits.TableHDU))


def _hdu_index(source: Source, fits: Any, hdus: Any, notes: list[str]) -> int:
    """Return the index of the HDU to read: that of the key, else the first table, else the first image."""
    names = [hdu.name or str(i) for i, hdu in enumerate(hdus)]
    # ZIMAGE marks an image that is compressed into a table
    full = [i for i, hdu in enumerate(hdus) if hdu.header.get("NAXIS", 0) > 0 and not hdu.header.get("ZIMAGE")]
    if source.key is not None and not source.compression:
        key = source.key.upper()
        found = [i for i in full if key in (names[i].upper(), str(i))]
        if not found:
            raise source.error(
                f"there is no table of this name; it holds {join_names([names[i] for i in full]) or 'none'}"
            )
        return found[0]
    if not full:
        raise source.error("holds no table")
    tables = [i for i in full if _is_table(fits, hdus[i])]
    if len(tables) > 1:
        others = join_names([names[i] for i in tables[1:]])
        notes.append(f"of {len(tables)} tables the first was read, {names[tables[0]]}; the others: {others}")
    return (tables or full)[0]


def _header(hdu: Any, index: int) -> Header:
    """Return the shape of a column by its format, TFORM, and the dimensions of its cells, TDIM."""
    n, column = int(hdu.header["NAXIS2"]), hdu.columns[index]
    parts = TABLE_FORMAT.match(str(column.format))
    if parts is None or hdu.header.get("XTENSION") == "TABLE":  # a table of text: one value per cell
        return Header((n,))
    repeats = int(parts[1] or 1)
    if parts[2] in "PQ":
        return Header((n,), "holds lists of varying length")
    if repeats == 0:
        return Header((n,), "holds nothing")
    if column.dim and parts[2] != "A":
        return Header((n, *(int(size) for size in reversed(re.findall(r"\d+", str(column.dim))))))
    if column.dim and str(column.dim).count(","):
        return Header((n,), "holds several texts")
    return Header((n,) if parts[2] == "A" or repeats == 1 else (n, repeats))


def _column(hdu: Any, index: int) -> Array:
    """Return a column; integers that equal TNULL are missing, and so is empty text."""
    import numpy as np

    values, null = hdu.data.field(index), hdu.columns[index].null
    if values.dtype.kind in "SU":
        text = np.asarray(values, dtype=str).astype(object)
        text[text == ""] = None
        return text
    values = _native(np.array(values))  # a copy: the file is closed after this
    if values.ndim == 2 and values.shape[1] == 1:  # single bits
        values = values[:, 0]
    if values.dtype.kind in "iu" and null is not None:
        return _without_masked(np.ma.MaskedArray(values, values == null))
    return values


def _native(values: Any) -> Array:
    """Return an array in the byte order of the machine."""
    import numpy as np

    found: Array = np.asarray(values)
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def read_ecsv(source: Source, columns: Sequence[str], labels: str | None, max_bytes: int) -> Table:
    """Return the columns of an ECSV file; raises DataError if astropy is not installed."""
    library = load_library(source, "astropy.table", "ECSV", "astronomy")
    data = source.read_bytes(max_bytes)
    with quiet(), explain_read_errors(source, "ecsv"):
        # given lines, since astropy takes a text without line ends for a path or an address
        table = library.Table.read(data.decode().split("\n"), format="ascii.ecsv")
    return _table(source, table, columns, labels, max_bytes)


def read_votable(source: Source, columns: Sequence[str], labels: str | None, max_bytes: int) -> Table:
    """Return the first table of a VOTable file; raises DataError if astropy is not installed, and for other files."""
    library = load_library(source, "astropy.io.votable", "VOTable", "astronomy")
    data = source.read_bytes(max_bytes)
    if b"\0" in data[:4] or STREAM_ELSEWHERE.search(data):
        raise source.error(
            "names a stream or an entity that may lie elsewhere (or is UTF-16): other files are never read; write it "
            "with its data inside, in UTF-8"
        )
    with quiet(), explain_read_errors(source, "votable"):
        document: IO[bytes] = io.BytesIO(data)
        table = library.parse(document, verify="ignore").get_first_table().to_table(use_names_over_ids=True)
    return _table(source, table, columns, labels, max_bytes)


def _table(source: Source, table: Any, columns: Sequence[str], labels: str | None, max_bytes: int) -> Table:
    """Return the columns of an astropy table, with their units."""
    headers = {name: _header_of_column(table[name]) for name in table.colnames}
    units = {name: str(unit) for name in table.colnames if (unit := getattr(table[name], "unit", None)) is not None}
    types = {
        name: table[name].dtype.name for name in table.colnames if getattr(table[name], "dtype", None) in INTEGER_TYPES
    }
    arrays = NamedArrays(headers, lambda names: [_plain(table[name]) for name in names], _texts(units), types=types)
    return join(source, arrays, columns, labels, max_bytes)


def _texts(units: Mapping[str, str]) -> dict[str, str]:
    return {name: unit for name, unit in units.items() if unit}


def _header_of_column(column: Any) -> Header:
    import numpy as np

    if type(column).__name__ == "Time":
        return Header(column.shape)
    dtype = getattr(column, "dtype", None)
    if dtype is None:
        return Header((len(column),), f"holds {type(column).__name__} objects")
    if dtype.kind == "O" and not all(isinstance(v, (str, bytes)) or v is None or v is np.ma.masked for v in column):
        return Header(column.shape, "holds objects or lists of varying length")
    return Header(column.shape, "holds named fields" if dtype.names else "")


def _plain(column: Any) -> Array:
    """Return a column of an astropy table without its mask, units and type; times as text."""
    import numpy as np

    if type(column).__name__ == "Time":
        return np.array([str(value) for value in column], dtype=object)
    return _without_masked(np.ma.MaskedArray(np.asarray(np.ma.getdata(column)), np.ma.getmaskarray(column)))


def _without_masked(column: Any) -> Array:
    """Return the values of a masked array, the masked ones as nan, or as None where that is not possible."""
    import numpy as np

    mask, values = np.ma.getmaskarray(column), decoded(_native(np.ma.getdata(column)))
    if not mask.any():
        return values
    large = values.dtype.kind in "iu" and (np.abs(values[~mask].astype(np.float64)) > MAX_EXACT_INTEGER).any()
    if values.dtype.kind in "biuf" and not large:
        out = values.astype(np.float64)
        out[mask] = np.nan
    else:
        out = values.astype(object)
        out[mask] = None
    return np.asarray(out)

"""Write FITS, ECSV and VOTable with astropy, with the units of the columns; all rows at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genbench.files.astronomy import quiet
from genbench.files.schema import TEXTS, Blocks, FileSchema
from genbench.files.source import Source, join_names, load_library

# types that a format lacks, and those that hold the same numbers
WIDER_IN_FITS = {"int8": "int16", "float16": "float32"}
WIDER_IN_VOTABLE = {
    "int8": "int16", "uint16": "int32", "uint32": "int64", "uint64": "int64", "float16": "float32",
}  # fmt: skip


def write_fits(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write a table of FITS, or images as its primary array; raises DataError if astropy is not installed."""
    import numpy as np

    fits = load_library(Source(path), "astropy.io.fits", "FITS", "astronomy")
    with quiet(), path.open("wb") as stream:
        if schema.shape:
            fits.PrimaryHDU(np.concatenate([block[0] for block in blocks])).writeto(stream)
            return []
        hdu = fits.table_to_hdu(_table(path, schema, blocks, WIDER_IN_FITS))
        hdu.name = schema.layout.key
        for column, each in zip(schema.columns, hdu.columns, strict=True):
            if column.unit.isascii():
                each.unit = column.unit or None
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(stream)
    left = [column.name for column in schema.columns if not column.unit.isascii()]
    return [f"the units of {join_names(left)} were left out: FITS has ASCII only"] if left else []


def write_ecsv(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write ECSV; raises DataError if astropy is not installed."""
    with quiet(), path.open("w", encoding="utf-8", newline="") as stream:
        table = _table(path, schema, blocks, {})
        _add_units(path, table, schema)
        table.write(stream, format="ascii.ecsv")
    return []


def write_votable(path: Path, schema: FileSchema, blocks: Blocks) -> list[str]:
    """Write a VOTable; raises DataError if astropy is not installed."""
    with quiet(), path.open("wb") as stream:
        table = _table(path, schema, blocks, WIDER_IN_VOTABLE)
        _add_units(path, table, schema)
        table.write(stream, format="votable")
    return []


def _table(path: Path, schema: FileSchema, blocks: Blocks, wider: Mapping[str, str]) -> Any:
    """Return the columns of all blocks as a table of astropy, without units."""
    import numpy as np

    library = load_library(Source(path), "astropy.table", "FITS, ECSV and VOTable", "astronomy")
    table = library.Table()
    for name, kind, parts in zip(schema.names, schema.types, zip(*blocks, strict=True), strict=True):
        values = np.concatenate(parts)
        table[name] = values.astype(str) if kind in TEXTS else values.astype(wider.get(kind, kind))
    return table


def _add_units(path: Path, table: Any, schema: FileSchema) -> None:
    library = load_library(Source(path), "astropy.units", "ECSV and VOTable", "astronomy")
    for name, unit in schema.units.items():
        table[name].unit = library.Unit(unit, parse_strict="silent")

"""Catalogues of samples: FITS, ECSV and VOTable, with units, the name of the table and the types of its columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genbench.files import FileConfig, read, write, write_samples
from genbench.files.schema import FileSchema
from genbench.spec import Column

fits = pytest.importorskip("astropy.io.fits")
RNG = np.random.default_rng(0)
N = 40


def test_a_catalogue_keeps_its_name_units_and_types_also_with_missing_integers(tmp_path: Path) -> None:
    flux = RNG.lognormal(size=N).astype("f4")
    columns = [
        fits.Column("flux", "E", unit="erg/cm^2/s", array=flux),
        fits.Column("count", "I", array=np.where(np.arange(N) == 3, -1, RNG.integers(0, 9, N)), null=-1),
        fits.Column("id", "J", bzero=2**31, array=np.full(N, 4_000_000_000, "u4")),
        fits.Column("star", "L", array=RNG.random(N) > 0.5),
    ]
    fits.BinTableHDU.from_columns(columns, name="SOURCES").writeto(tmp_path / "data.fits")
    config = FileConfig(str(tmp_path / "data.fits"), na="drop")
    out = write_samples(config, np.array([[1.5, 3.0, 4e9, 1.0], [2.5, 4.0, 4e9, 0.0]]), tmp_path / "out")
    with fits.open(out) as hdus:
        assert [(c.name, c.format, c.unit) for c in hdus["SOURCES"].columns] == [
            ("flux", "E", "erg/cm^2/s"), ("count", "I", None), ("id", "J", None), ("star", "L", None)
        ]  # fmt: skip
        assert hdus["SOURCES"].data["id"].tolist() == [4_000_000_000] * 2
        assert hdus["SOURCES"].data["star"].tolist() == [True, False]


def test_units_that_fits_cannot_hold_are_noted(tmp_path: Path) -> None:
    schema = FileSchema((Column("x", unit="µm"), Column("y", unit="m")), ("float64", "float64"))
    notes: list[str] = []
    found = read(write(tmp_path / "out.fits", schema, np.ones((3, 2)), notes=notes))
    assert found.units == {"y": "m"}
    assert "the units of x were left out" in notes[0]


@pytest.mark.parametrize("suffix", [".ecsv", ".vot", ".ecsv.gz", ".fits.gz"])
def test_units_that_astropy_does_not_know_are_kept(tmp_path: Path, suffix: str) -> None:
    schema = FileSchema((Column("x", unit="smoot"), Column("y", unit="m")), ("float64", "float32"))
    found = read(write(tmp_path / f"out{suffix}", schema, np.ones((3, 2))))
    assert (found.units, found.types) == ({"x": "smoot", "y": "m"}, {"x": "float64", "y": "float32"})

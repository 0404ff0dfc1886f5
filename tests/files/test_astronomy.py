"""FITS, ECSV and VOTable: numbers, units, masked values, and what lies in other files."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from user_files import RNG, TABLE, refusal, says, write

from genbench.files import astronomy, read
from genbench.files.source import Source

table = pytest.importorskip("astropy.table")
fits = pytest.importorskip("astropy.io.fits")

KINDS = ["star", "galaxy"] * 25
JETS = RNG.normal(size=(50, 4))
FORMATS = [("a.fits", "fits"), ("a.ecsv", "ascii.ecsv"), ("a.votable", "votable"), ("a.xml", "votable")]
SAVERS = pytest.mark.parametrize(("name", "form"), FORMATS)


def saved(path, form, masked=False, **more):
    content = table.Table(TABLE.to_dict("list"), masked=masked)
    for name, values in more.items():
        content[name] = values
    content["pt"].unit, content["phi"].unit = "GeV", "deg"
    content.write(path, format=form)
    return path


@SAVERS
def test_columns_with_their_units(tmp_path, name, form):
    path = saved(tmp_path / name, form, kind=KINDS, n=np.arange(50), flag=np.arange(50) % 2 == 0)
    found = read(path, columns="phi,pt,n,flag", labels="kind")
    assert found.columns == ("phi", "pt", "n", "flag")
    np.testing.assert_array_equal(found.rows[:, :2], TABLE[["phi", "pt"]])
    np.testing.assert_array_equal(found.rows[:, 2:], np.c_[np.arange(50), np.arange(50) % 2 == 0])
    assert found.labels.tolist() == KINDS
    assert read(path).categories["kind"] == tuple(sorted(set(KINDS)))
    reader = {"fits": astronomy.read_fits, "ascii.ecsv": astronomy.read_ecsv, "votable": astronomy.read_votable}[form]
    units = reader(Source(path), ["phi", "eta", "pt"], None, 2**30).units
    assert units == {"phi": "deg", "pt": "GeV"}


@SAVERS
def test_masked_values_are_missing(tmp_path, name, form):
    values = np.ma.MaskedArray(np.arange(50), np.arange(50) == 3)
    path = saved(tmp_path / name, form, masked=True, n=values, x=values.astype(float))
    for column in "nx":
        says(refusal(read, path, columns=column), "1 missing", "row 4")
        assert read(path, columns=f"pt,{column}", na="drop").rows.shape == (49, 2)


@SAVERS
def test_columns_of_several_numbers_are_left_out_unless_they_are_named(tmp_path, name, form):
    path = saved(tmp_path / name, form, jets=JETS)
    found = read(path)
    assert found.columns == ("pt", "eta", "phi")
    says(" ".join(found.notes), "left out", "jets (50, 4)")
    found = read(path, columns="jets,pt")
    assert found.columns == ("jets_0", "jets_1", "jets_2", "jets_3", "pt")
    np.testing.assert_array_equal(found.rows[:, :4], JETS)


@SAVERS
def test_damaged_and_large_files_are_refused(tmp_path, name, form):
    path = saved(tmp_path / name, form)
    says(refusal(read, path, max_bytes=100), "--max-bytes")
    whole = path.read_bytes()
    for share in (0.02, 0.5, 0.7):
        path.write_bytes(whole[: int(len(whole) * share)])
        says(refusal(read, path), name)


def test_the_first_table_is_read_unless_one_is_named(tmp_path):
    hdus = [fits.table_to_hdu(table.Table({"x": np.arange(30.0) + i})) for i in (0, 1)]
    hdus[0].name, hdus[1].name = "EVENTS", "TRUTH"
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "a.fits")
    found = read(tmp_path / "a.fits")
    assert found.rows[0, 0] == 0
    says(" ".join(found.notes), "the first was read, EVENTS", "TRUTH")
    for key in ("truth", "TRUTH", "2"):
        assert read(f"{tmp_path / 'a.fits'}:{key}").rows[0, 0] == 1
    says(refusal(read, f"{tmp_path / 'a.fits'}:other"), "no table of this name", "EVENTS, TRUTH")
    packed = write(tmp_path, gzip.compress((tmp_path / "a.fits").read_bytes()), "b.fits.gz")
    assert read(packed).rows[0, 0] == 0


def test_scaled_integers_text_and_lists_in_fits(tmp_path):
    columns = [
        fits.Column("u", "J", bzero=2**31, array=np.arange(50, dtype="u4") + 2**31),
        fits.Column("scaled", "I", array=np.arange(50)),
        fits.Column("lists", "PD()", array=np.array([np.zeros(i % 3) for i in range(50)], dtype=object)),
        fits.Column("bits", "1X", array=np.arange(50)[:, None] % 2 == 0),
        fits.Column("name", "5A", array=["", *["abc"] * 49]),
        fits.Column("z", "C", array=np.ones(50, dtype="c8")),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "a.fits")
    fits.setval(tmp_path / "a.fits", "TSCAL2", value=0.5, ext=1)
    fits.setval(tmp_path / "a.fits", "TZERO2", value=10, ext=1)
    found = read(tmp_path / "a.fits", columns="u,scaled,bits")
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(50) + 2.0**31)
    np.testing.assert_array_equal(found.rows[:, 1], np.arange(50) * 0.5 + 10)
    np.testing.assert_array_equal(found.rows[:, 2], np.arange(50) % 2 == 0)
    says(refusal(read, tmp_path / "a.fits", columns="u,lists"), "'lists' holds lists of varying length")
    says(refusal(read, tmp_path / "a.fits", columns="z"), "column 'z' is complex")
    says(refusal(read, tmp_path / "a.fits", columns="u", labels="name"), "1 of 50 labels are missing", "row 1")


def test_images_in_fits(tmp_path):
    images = RNG.integers(0, 200, size=(30, 8, 6)).astype("u1")
    fits.PrimaryHDU(images).writeto(tmp_path / "a.fits")
    found = read(tmp_path / "a.fits")
    assert (found.kind, found.levels) == ("image", 256)
    np.testing.assert_array_equal(found.rows[:, 0], images)
    fits.PrimaryHDU().writeto(tmp_path / "b.fits")
    says(refusal(read, tmp_path / "b.fits"), "holds no table")
    says(refusal(read, write(tmp_path, b"x" * 5000, "c.fits")), "is not FITS")


def test_a_votable_that_names_another_file_is_refused(tmp_path):
    saved(tmp_path / "a.votable", "votable")
    text = (tmp_path / "a.votable").read_text()
    start, end = text.index("<TABLEDATA>"), text.index("</TABLEDATA>") + len("</TABLEDATA>")
    stream = f'<BINARY><STREAM actuate="a>b" href="file://{tmp_path}/secret"/></BINARY>'
    says(refusal(read, write(tmp_path, text[:start] + stream + text[end:], "b.votable")), "never read", "inside")
    entity = text.replace("<VOTABLE", '<!DOCTYPE VOTABLE [<!ENTITY x SYSTEM "file:///etc/hostname">]>\n<VOTABLE', 1)
    says(refusal(read, write(tmp_path, entity, "c.votable")), "never read")
    says(refusal(read, write(tmp_path, text.encode("utf-16"), "d.votable")), "UTF-8")


def test_times_in_ecsv_are_dates(tmp_path):
    time = pytest.importorskip("astropy.time")
    path = saved(tmp_path / "a.ecsv", "ascii.ecsv", when=time.Time(["2020-01-01T00:00:00"] * 50))
    assert read(path, columns="pt").rows.shape == (50, 1)
    says(refusal(read, path, columns="when"), "column 'when'", "date or time")

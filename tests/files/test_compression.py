"""Compressed files: what is inside is read as if it lay there, and no more of it than the limit is unpacked."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from user_files import TABLE, refusal, says, write

from genbench.files import dataset_spec, read
from genbench.files.compression import compress, open_content, read_limited


def zstd(content):
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(content)
    return packed.getvalue().to_pybytes()


def zipped(content, name="inside.csv"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._inside.csv", b"x")
        archive.writestr(name, content)
    return packed.getvalue()


PACKERS = {
    ".csv.gz": gzip.compress, ".csv.bz2": bz2.compress, ".csv.xz": lzma.compress, ".csv.zst": zstd, ".zip": zipped
}  # fmt: skip


@pytest.mark.parametrize("ending", PACKERS)
def test_text_is_read_from_a_compressed_file(tmp_path, ending):
    packed = PACKERS[ending](TABLE.to_csv(index=False).encode())
    path = write(tmp_path, packed, f"events{ending}")
    found = read(path)
    assert found.columns == ("pt", "eta", "phi")
    np.testing.assert_array_equal(found.rows, TABLE)
    assert found.sha256 == hashlib.sha256(packed).hexdigest()


@pytest.mark.parametrize("ending", PACKERS)
def test_a_bomb_stops_at_the_limit(tmp_path, ending):
    path = write(tmp_path, PACKERS[ending](b"a,b\n" + b"1,2\n" * 1_000_000), f"bomb{ending}")
    assert path.stat().st_size < 50_000
    says(refusal(read, path, max_bytes=10**6), "unpacks to more than 977 KiB", "--max-bytes")


@pytest.mark.parametrize("ending", PACKERS)
def test_a_damaged_compressed_file_is_refused(tmp_path, ending):
    rows = np.random.default_rng(1).normal(size=(2000, 3))
    packed = PACKERS[ending]("\n".join(",".join(map(repr, row)) for row in rows.tolist()).encode())
    says(refusal(read, write(tmp_path, packed[: len(packed) // 2], f"cut{ending}")), f"cut{ending}", "damaged")
    says(refusal(read, write(tmp_path, b"a,b\n1,2\n", f"plain{ending}")), f"plain{ending}", "cannot be read as")


def test_no_more_is_taken_from_a_stream_than_the_limit():
    assert read_limited(io.BytesIO(b"12345"), 5) == b"12345"
    assert read_limited(io.BytesIO(b"123456"), 5) is None
    with Path("/dev/zero").open("rb") as endless:
        assert read_limited(endless, 10**7) is None


def test_arrays_and_records_are_read_from_a_compressed_file(tmp_path):
    whole = io.BytesIO()
    np.save(whole, TABLE.to_numpy())
    path = write(tmp_path, gzip.compress(whole.getvalue()), "a.npy.gz")
    np.testing.assert_array_equal(read(path).rows, TABLE)
    lines = TABLE.to_json(orient="records", lines=True, double_precision=15).encode()
    np.testing.assert_allclose(read(write(tmp_path, lzma.compress(lines), "a.jsonl.xz")).rows, TABLE, atol=1e-14)


def test_a_file_in_a_zip_is_named_after_a_colon(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("real/a.csv", "x,y\n1,2\n")
        archive.writestr("fake.tsv", "x\ty\n3\t4\n")
    np.testing.assert_array_equal(read(f"{tmp_path / 'a.zip'}:fake.tsv").rows, [[3, 4]])
    np.testing.assert_array_equal(read(f"{tmp_path / 'a.zip'}:real/a.csv").rows, [[1, 2]])
    says(refusal(read, tmp_path / "a.zip"), "2 files: real/a.csv, fake.tsv", "a.zip:real/a.csv")
    says(refusal(read, f"{tmp_path / 'a.zip'}:fake.csv"), "no file of this name", "did you mean 'fake.tsv'?")
    with zipfile.ZipFile(tmp_path / "b.zip", "w"):
        pass
    says(refusal(read, tmp_path / "b.zip"), "holds no files")


def test_what_cannot_be_read_within_a_compressed_file(tmp_path):
    says(refusal(read, write(tmp_path, gzip.compress(gzip.compress(b"a\n1\n")), "a.csv.gz.gz")), "twice")
    says(refusal(read, write(tmp_path, gzip.compress(b"x"), "a.npz.gz")), "npz", "unpack it first")
    says(refusal(read, write(tmp_path, gzip.compress(b"x"), "a.pkl.gz")), ".pkl", "pickle")
    says(refusal(read, write(tmp_path, gzip.compress(b"x"), "a.gz")), "unknown suffix", "events.csv.gz")
    says(refusal(read, write(tmp_path, gzip.compress(b""), "a.csv.gz")), "is empty")
    says(refusal(read, write(tmp_path, gzip.compress(b"a\n1\n"), "a.csv")), "is gzip, not csv", ".csv.gz")
    says(refusal(read, write(tmp_path, gzip.compress(b"a\n1\n"), "a.fits")), "is gzip, not fits", ".fits.gz")


def test_a_compressed_file_and_its_content_are_two_datasets(tmp_path):
    rows = TABLE.to_csv(index=False).encode()
    long = "a" * 90
    for stem in ("events", long):
        plain, packed = write(tmp_path, rows, f"{stem}.csv"), write(tmp_path, gzip.compress(rows), f"{stem}.csv.gz")
        names = [dataset_spec(path)[0].name for path in (plain, packed)]
        assert [name[-7:] for name in names] == [f"{stem}.csv"[-7:], ".csv.gz"]
        assert all(len(name) <= 64 for name in names)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst", ".zip"])
def test_what_is_packed_is_unpacked(tmp_path, suffix):
    content = bytes(range(256)) * 8192
    plain, packed = write(tmp_path, content, "a.dat"), tmp_path / f"b.dat{suffix}"
    compress(plain, packed, "b.dat")
    assert packed.stat().st_size < len(content) / 10
    with open_content(packed, "b.dat") as stream:
        assert stream.read() == content

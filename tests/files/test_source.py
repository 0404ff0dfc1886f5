"""Files and names in them: which are opened, as what, and which are refused unopened."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from user_files import refusal, saved_csv, saved_parquet, says, write

from genbench.errors import DataError
from genbench.files import read
from genbench.files.source import Source, load_library


def test_named_arrays_are_picked_after_a_colon(tmp_path):
    np.savez(tmp_path / "a.npz", real=np.zeros((30, 2)), fake=np.ones((20, 2)))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x/fake"] = np.ones((20, 2))
        file["y"] = np.zeros(3)
    for path in (tmp_path / "a.npz:fake", tmp_path / "a.h5:/x/fake"):
        np.testing.assert_array_equal(read(str(path)).rows, np.ones((20, 2)))
    says(refusal(read, tmp_path / "a.npz"), "a.npz", "2 arrays: fake, real", "a.npz:fake")
    says(refusal(read, f"{tmp_path / 'a.npz'}:faked"), "did you mean 'fake'?")
    says(refusal(read, tmp_path / "a.h5"), "x/fake", "y")
    np.save(tmp_path / "b.npy", np.zeros(3))
    says(refusal(read, f"{tmp_path / 'c.npz'}:data"), "no such file", "did you mean 'a.npz'?")


def test_missing_and_wrong_files(tmp_path):
    saved_csv(tmp_path / "events.csv")
    says(refusal(read, tmp_path / "event.csv"), "no such file", "did you mean 'events.csv'?")
    says(refusal(read, tmp_path / "no" / "event.csv"), "no such file")
    says(refusal(read, ""), "is not a file path")
    says(refusal(read, "a\0b"), "is not a file path")
    says(refusal(read, write(tmp_path, "x", "a.pkl")), ".pkl", "pickle")
    says(refusal(read, write(tmp_path, "x", "a.xls")), ".xls files cannot be read", "csv or xlsx")
    says(refusal(read, write(tmp_path, "x", "a.what")), "unknown suffix '.what'", "parquet")
    says(refusal(read, write(tmp_path, "no numpy", "a.npy")), "cannot be read as npy")
    saved_parquet(tmp_path / "b.csv")
    says(refusal(read, tmp_path / "b.csv"), "is parquet, not csv")
    says(refusal(read, f"{write(tmp_path, 'x,y', 'c.csv')}:key"), "no such file")


def test_pickles_are_never_opened(tmp_path):
    opened = []

    class Evil:
        def __reduce__(self):
            return opened.append, (1,)

    np.save(tmp_path / "a.npy", np.array([Evil()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", data=np.array([Evil()], dtype=object))
    opened.clear()
    for name in ("a.npy", "a.npz"):
        says(refusal(read, tmp_path / name), "pickle", "never opened")
    assert opened == []


def test_a_source_gives_its_content_whether_it_is_compressed_or_not(tmp_path):
    plain, packed = write(tmp_path, b"12345", "A.CSV"), write(tmp_path, gzip.compress(b"12345"), "a.csv.gz")
    for source in (Source(plain), Source(packed)):
        assert (source.suffix, source.read_head(3), source.read_bytes(5)) == (".csv", b"123", b"12345")
        with source.open(5) as stream:
            stream.seek(2)
            assert stream.read() == b"345"
        says(refusal(source.read_bytes, 4), "5 bytes" if source.path == plain else "more than 4 bytes", "--max-bytes")


def test_a_library_that_is_not_installed_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "uproot", None)
    with pytest.raises(DataError, match=r"a\.root: ROOT files need uproot, .* pip install 'genbench\[root\]'"):
        load_library(Source(Path("a.root")), "uproot", "ROOT", "root")
    assert load_library(Source(Path("a.root")), "gzip", "gz", "") is gzip


def test_only_some_formats_hold_things_with_names(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3))
    says(refusal(read, f"{tmp_path / 'a.npy'}:x"), "no such file")
    says(refusal(read, f"{write(tmp_path, b'x', 'a.root')}:"), "a name is missing after the colon")
    (tmp_path / "b.h5").write_bytes((tmp_path / "a.npy").read_bytes())
    says(refusal(read, f"{tmp_path / 'b.h5'}:x"), "cannot be read as hdf5")

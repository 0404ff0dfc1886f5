"""Arrays of samples with the shapes, names and types of the file."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from genbench.files import FileConfig, read, write, write_samples
from genbench.files.schema import FileSchema
from genbench.spec import Column

RNG = np.random.default_rng(0)
N = 40


def again(path: Path, out: Path, **options: object) -> Path:
    """Write the rows of a file as samples, and return the new file."""
    config = FileConfig(str(path), **options)  # type: ignore[arg-type]
    return write_samples(config, read(path, columns=config.columns, read_as=config.read_as).rows, out)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        (RNG.normal(size=N).astype("float32"), {}),
        (RNG.normal(size=(N, 3)), {}),
        (RNG.integers(0, 9, (N, 3)).astype("int16"), {}),
        (RNG.normal(size=(N, 5, 2)).astype("float32"), {"read_as": "rows"}),
        (RNG.integers(0, 256, (N, 8, 9)).astype("uint8"), {}),
        (RNG.integers(0, 4096, (N, 8, 9, 3)).astype("uint16"), {}),
        (RNG.integers(0, 2, (N, 1, 8, 9)).astype("uint8"), {}),
        (RNG.normal(size=(N, 8, 9)).astype("float32"), {}),
        (RNG.integers(-9, 9, (N, 8, 9)).astype("int32"), {}),
    ],
)
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
def test_arrays_keep_type_and_shape(tmp_path: Path, values: np.ndarray, options: dict[str, str], suffix: str) -> None:
    path, out = tmp_path / f"data{suffix}", tmp_path / "out"

    def load(path: Path) -> np.ndarray:
        if suffix == ".npy":
            return np.load(path)
        if suffix == ".npz":
            return np.load(path)["events"]
        with h5py.File(path) as file:
            return file["a/events"][()]

    if suffix == ".npy":
        np.save(path, values)
    elif suffix == ".npz":
        np.savez(path, events=values)
    else:
        with h5py.File(path, "w") as file:
            file["a/events"] = values
    found = load(again(path, out, **options))
    assert found.dtype == values.dtype
    assert found.shape == values.shape
    assert (found == values).all()


def test_records_and_named_columns_stay_as_they_were(tmp_path: Path) -> None:
    records = np.empty(N, [("pt", "f4"), ("njet", "i2"), ("kind", "U3")])
    for name, values in {
        "pt": RNG.normal(size=N),
        "njet": RNG.integers(0, 9, N),
        "kind": ["a", "bcd"] * (N // 2),
    }.items():
        records[name] = values
    np.save(tmp_path / "records.npy", records)
    assert (np.load(again(tmp_path / "records.npy", tmp_path / "out")) == records).all()
    np.savez(tmp_path / "records.npz", events=records)
    assert (np.load(again(tmp_path / "records.npz", tmp_path / "out"))["events"] == records).all()
    with h5py.File(tmp_path / "records.h5", "w") as file:
        file["a/events"] = records[["pt", "njet"]]
    with h5py.File(again(tmp_path / "records.h5", tmp_path / "out")) as file:
        assert (file["a/events"][()] == records[["pt", "njet"]]).all()
    np.savez(tmp_path / "named.npz", data=RNG.normal(size=(N, 2)), columns=np.array(["a", "b"]))
    with np.load(again(tmp_path / "named.npz", tmp_path / "out2.npz")) as named:
        assert named["columns"].tolist() == ["a", "b"]
        assert named["data"].shape == (N, 2)


def test_groups_and_units_of_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["a/events/pt"] = RNG.normal(size=N).astype("f4")
        file["a/events/pt"].attrs["unit"] = "GeV"
        file["a/events/kind"] = ["a", "b"] * (N // 2)
    out = again(tmp_path / "data.h5", tmp_path / "out")
    with h5py.File(out) as file:
        assert file["a/events/pt"].attrs["units"] == "GeV"
        assert (file["a/events/pt"].dtype, file["a/events/kind"].asstr()[1]) == ("float32", "b")
    assert read(out).units == {"pt": "GeV"}


@pytest.mark.parametrize("names", [("data", "x"), ("columns", "a"), ("a/b", "a/c"), ("x",)])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".h5"])
def test_names_with_a_meaning_are_kept(tmp_path: Path, names: tuple[str, ...], suffix: str) -> None:
    columns = tuple(Column(name, unit="m") for name in names)
    schema = FileSchema(columns, ("float32", "float64")[: len(names)])
    found = read(write(tmp_path / f"out{suffix}", schema, np.ones((3, len(names)))))
    assert (found.columns, found.types) == (names, dict(zip(names, schema.types, strict=True)))
    assert found.units == (dict.fromkeys(names, "m") if suffix == ".h5" else {})

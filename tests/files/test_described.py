"""The columns of a user's file as a dry run shows them, and samples written as the file is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from genbench.files import FileConfig, describe_columns, file_schema, read, write_samples

N = 40
EVENTS = pd.DataFrame({
    "pt": np.linspace(1, 50, N), "phi": np.linspace(-3, 3, N), "njet": np.arange(N) % 4,
    "process": ["tt", "wj"] * (N // 2), "run": 7,
})  # fmt: skip


def test_each_column_is_described_by_its_kind(tmp_path: Path) -> None:
    EVENTS.to_csv(tmp_path / "data.csv", index=False)
    config = FileConfig(str(tmp_path / "data.csv"), log=("pt",), kinds=("phi=angle",), units=("pt=GeV",))
    described = [tuple(each.values()) for each in describe_columns(config)]
    assert described == [
        ("pt", "continuous, log", "GeV", 1.0, 50.0),
        ("phi", "angle, period 6.28319", "", -3.0, 3.0),
        ("njet", "integer", "", 0.0, 3.0),
        ("process", "category of 2: tt, wj", "", None, None),
        ("run", "constant", "", 7.0, 7.0),
    ]


def test_the_format_is_that_of_the_file_or_of_the_name(tmp_path: Path) -> None:
    EVENTS.to_csv(tmp_path / "data.csv.zip", index=False, compression={"method": "zip", "archive_name": "a.csv"})
    config = FileConfig(str(tmp_path / "data.csv.zip"))
    rows = read(config.path).rows[:20]
    for name in ("out", "out.parquet"):
        path = write_samples(config, rows, tmp_path / name)
        assert path.name == {"out": "out.csv.zip"}.get(name, name)
        found = read(path)
        assert (found.rows == rows).all()
        assert found.columns == tuple(EVENTS)


def test_what_is_named_after_a_colon_keeps_its_name(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["a/jets"], file["b/jets"] = np.ones((N, 2)), np.linspace(0, 1, 2 * N, dtype="f4").reshape(N, 2)
    config = FileConfig(f"{tmp_path / 'data.h5'}:b/jets")
    assert file_schema(config).suffix == ".h5"
    out = write_samples(config, np.full((3, 2), 0.5), tmp_path / "out")
    with h5py.File(out) as file:
        assert list(file) == ["b"]
        assert file["b/jets"].dtype == "float32"

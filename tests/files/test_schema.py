"""The types in which the columns of a file are written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from genbench.errors import DataError
from genbench.files import FileConfig, file_schema, write_samples
from genbench.files.schema import FileSchema
from genbench.spec import Column

RNG = np.random.default_rng(0)
N = 40
FRAME = pd.DataFrame(
    {
        "x": RNG.normal(size=N).astype("float32"),
        "n": RNG.integers(0, 9, N).astype("int16"),
        "charge": RNG.choice([-1, 1], N).astype("int8"),
        "run": np.full(N, 7, "uint32"),
        "ok": RNG.random(N) > 0.5,
        "kind": pd.Categorical(RNG.choice(["a", "b"], N)),
    }
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    FRAME.to_parquet(tmp_path / "data.parquet")
    return tmp_path / "data.parquet"


def test_columns_keep_the_types_of_the_file(path: Path) -> None:
    notes: list[str] = []
    schema = file_schema(FileConfig(str(path), kinds=("charge=category",)), notes)
    assert schema.types == ("float32", "int16", "int8", "uint32", "bool", "dictionary")
    assert [column.kind for column in schema.columns] == [
        "continuous", "integer", "category", "continuous", "category", "category"
    ]  # fmt: skip
    assert (schema.suffix, schema.kind, notes) == (".parquet", "vector", [])


def test_integers_that_are_modelled_as_continuous_become_floats_with_a_note(path: Path) -> None:
    notes: list[str] = []
    schema = file_schema(FileConfig(str(path), kinds=("n=continuous",)), notes)
    assert schema.types[1] == "float64"
    assert notes == ["column 'n' is modelled as continuous: written as float64, not as integers"]


def test_a_file_without_types_gets_integers_where_they_are_modelled(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "data.csv", index=False)
    schema = file_schema(FileConfig(str(tmp_path / "data.csv"), kinds=("charge=category",)))
    assert schema.types == ("float64", "int64", "int64", "float64", "text", "text")


def test_integers_and_booleans_keep_their_type_where_some_are_missing(tmp_path: Path) -> None:
    gaps = pa.table({"n": pa.array([1, 2, None, 3] * 10, pa.int16()), "ok": pa.array([True, None, False, True] * 10)})
    gaps = gaps.append_column("x", pa.array(RNG.normal(size=N)))
    pyarrow.parquet.write_table(gaps, tmp_path / "gaps.parquet")
    for name in ("gaps.parquet", "gaps.jsonl"):
        if name.endswith("jsonl"):
            gaps.to_pandas().astype({"n": "Int16"}).to_json(tmp_path / name, orient="records", lines=True)
        schema = file_schema(FileConfig(str(tmp_path / name), na="drop"))
        assert schema.types == ("int16" if name.endswith("parquet") else "int64", "bool", "float64")
        assert schema.columns[1].levels == ("False", "True")


def test_columns_that_are_not_modelled_are_absent(path: Path, tmp_path: Path) -> None:
    config = FileConfig(str(path), columns=("kind", "x"), labels="n")
    out = write_samples(config, np.array([[1.0, 0.5], [0.0, 1.5]]), tmp_path / "out")
    assert pd.read_parquet(out).to_dict("list") == {"kind": ["b", "a"], "x": [0.5, 1.5]}


def test_a_file_that_has_changed_is_refused(path: Path) -> None:
    with pytest.raises(DataError, match="has changed"):
        file_schema(FileConfig(str(path), sha256="0"))


def test_values_beyond_a_type_are_clipped() -> None:
    schema = FileSchema((Column("x"), Column("u", kind="integer")), ("float32", "uint64"))
    [(x, u)] = schema.in_types(np.array([[1e300, -1.0], [-1e300, 1e300]]))
    assert x.tolist() == [np.finfo("float32").max, np.finfo("float32").min]
    assert u.tolist() == [0, 2**53]
    assert (x.dtype, u.dtype) == ("float32", "uint64")

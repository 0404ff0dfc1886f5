"""The file of a trained model: transforms and states come back to the last bit; damage is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cells import Grey, Reports, Truth, cell_of

from genbench.errors import Invalid
from genbench.protocol import Column, Data
from genbench.record.store import MODEL_FILE, cell_folder
from genbench.training import from_arrays, to_arrays
from genbench.training.model_file import read_model, save_model, state_of
from genbench.training.setup import setup_of
from genbench.training.standardise import transform_of

RNG = np.random.default_rng(0)
LEVELS = ("a", "b", "c")
COLUMNS = (
    Column("x"), Column("energy", log=True, unit="GeV"), Column("phi", kind="angle"), Column("n", kind="integer"),
    Column("kind", kind="category", levels=LEVELS), Column("same"),
)  # fmt: skip


def table(n: int) -> np.ndarray:
    columns = [RNG.normal(3, 2, n), RNG.lognormal(1, 0.5, n), RNG.uniform(0, 6, n), RNG.poisson(4, n)]
    return np.stack([*columns, RNG.integers(0, 3, n), np.full(n, 7.0)], axis=1)


def mixed() -> Data:
    given = {
        name: np.stack([RNG.uniform(1, 9, 60), RNG.integers(0, 3, 60)], 1) for name in ("train", "test", "reference")
    }
    columns = (Column("e", log=True), Column("class", kind="category", levels=LEVELS))
    return Data(table(60), table(60), table(60), columns=COLUMNS, conditions=given, condition_columns=columns)


def grey() -> Data:
    parts = (RNG.integers(0, 8, (40, 1, 4, 4), dtype=np.uint8) for _ in range(3))
    return Data(*parts, levels=8)


def saved(data: Data, run: Path, *, codes: bool = False):
    cell = cell_of(Truth, Grey)
    setup = setup_of(cell, data, transform_of(data, codes=codes), Reports())
    cell_folder(run, cell.key).mkdir(parents=True)
    save_model(run, setup, to_arrays(weight=torch.arange(3.0)), "abc")
    return setup, read_model(run, cell)


@pytest.mark.parametrize("codes", [False, True])
def test_the_space_of_a_table_comes_back(tmp_path: Path, codes: bool) -> None:
    setup, kept = saved(mixed(), tmp_path, codes=codes)
    rows = RNG.normal(size=(50, *setup.transform.shape)).astype("f4")
    assert np.array_equal(kept.transform.from_model(rows), setup.transform.from_model(rows))
    assert np.array_equal(kept.transform.to_scores(setup.data.test), setup.transform.to_scores(setup.data.test))
    assert kept.transform.shape == setup.transform.shape
    assert kept.transform.model_columns == setup.transform.model_columns
    assert kept.columns == COLUMNS
    assert kept.conditions is not None
    assert setup.conditions is not None
    given = setup.data.conditions["test"]
    assert np.array_equal(kept.conditions.to_model(given), setup.conditions.to_model(given))
    assert kept.conditions.columns == setup.conditions.columns


def test_the_space_of_images_comes_back(tmp_path: Path) -> None:
    setup, kept = saved(grey(), tmp_path)
    rows = RNG.uniform(-1, 1, (20, 1, 4, 4)).astype("f4")
    samples = kept.transform.from_model(rows)
    assert np.array_equal(samples, setup.transform.from_model(rows))
    assert samples.dtype == np.uint8
    assert (kept.levels, kept.columns, kept.conditions) == (8, (), None)
    assert from_arrays(kept.state)["weight"].tolist() == [0, 1, 2]


def test_columns_without_names_are_numbered(tmp_path: Path) -> None:
    parts = (RNG.normal(size=(30, 2)) for _ in range(3))
    _, kept = saved(Data(*parts), tmp_path)
    assert [column.name for column in kept.columns] == ["x0", "x1"]


def test_a_cell_without_a_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_model(tmp_path, cell_of(Truth))


@pytest.mark.parametrize("where", ["start", "middle", "end"])
def test_a_changed_byte_is_found(tmp_path: Path, where: str) -> None:
    setup, _ = saved(grey(), tmp_path)
    path = cell_folder(tmp_path, setup.cell.key) / MODEL_FILE
    content = bytearray(path.read_bytes())
    content[{"start": 2, "middle": len(content) // 2, "end": -1}[where]] ^= 1
    path.write_bytes(content)
    with pytest.raises(Invalid, match="damaged"):
        read_model(tmp_path, setup.cell)


def test_the_file_of_another_cell_is_refused(tmp_path: Path) -> None:
    setup, _ = saved(grey(), tmp_path)
    other = replace(setup.cell, seed=5)
    folder = cell_folder(tmp_path, other.key)
    folder.mkdir(parents=True)
    (cell_folder(tmp_path, setup.cell.key) / MODEL_FILE).rename(folder / MODEL_FILE)
    with pytest.raises(Invalid, match="the model of another cell"):
        read_model(tmp_path, other)


class Without:
    pass


class Half:
    def state(self): ...


class Lists(Half):
    def state(self):
        return [1, 2]

    def restore(self, state): ...


class Objects(Lists):
    def state(self):
        return {"a": np.array([object()])}


def test_a_model_without_both_methods_has_no_state() -> None:
    assert state_of(Without()) is None
    assert state_of(Half()) is None


@pytest.mark.parametrize(("model", "why"), [(Lists, "expected a mapping"), (Objects, "expected an array of numbers")])
def test_a_state_that_is_no_arrays_is_refused(model: type, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        state_of(model())

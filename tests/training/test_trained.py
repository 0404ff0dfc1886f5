"""A trained model in use: restored and trained again it draws the same; conditions by name; blocks."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cells import Reports, Truth, cell_of

from genbench.errors import Invalid, UserError
from genbench.plan.cell import Cell
from genbench.plan.recorded import RecordedCell
from genbench.protocol import Column, Data
from genbench.record.store import MODEL_FILE, cell_folder
from genbench.training import from_arrays, likelihood, sampling, to_arrays, trained
from genbench.training.cell import fit_cell
from genbench.training.load import load
from genbench.training.trained import TrainedModel, open_model


class Kept(Truth):
    """Its mean is what its seed drew; it is a Gaussian around that."""

    def fit(self, data, run) -> None:
        super().fit(data, run)
        self.mean = torch.rand(data.shape)

    def sample(self, n, conditions=None):
        given = 0 if conditions is None else conditions[:, :1]
        return self.mean + 0.1 * torch.randn(n, *self.shape) + given

    def log_prob(self, x, conditions=None):
        return super().log_prob(x)

    def state(self):
        return to_arrays(mean=self.mean, shape=self.shape)

    def restore(self, state) -> None:
        parts = from_arrays(state)
        self.mean, self.shape = parts["mean"], tuple(parts["shape"])


class Careless(Kept):
    def restore(self, state) -> None:
        raise KeyError("mean")


class Clumsy(Kept):
    def state(self):
        raise RuntimeError("no state today")


LEVELS = ("e", "mu")


class Given:
    """Rows given an energy and a particle."""

    def load(self, sizes, rng):
        splits = ("train", "test", "reference")
        given = {name: np.stack([rng.uniform(10, 90, 100), rng.integers(0, 2, 100)], 1) for name in splits}
        columns = (Column("energy", unit="GeV"), Column("particle", kind="category", levels=LEVELS))
        rows = (rng.normal(5, 2, (100, 2)) for _ in splits)
        return Data(*rows, columns=(Column("a"), Column("b")), conditions=given, condition_columns=columns)


def recorded(cell: Cell, key: str = "") -> RecordedCell:
    values = {each.name: getattr(cell, each.name) for each in fields(Cell)}
    return RecordedCell(**values, recorded_key=key or cell.key)


def kept_cell(run: Path, model: type = Kept, data: type | None = None, **declared) -> RecordedCell:
    cell = cell_of(model, *([data] if data else []), **declared)
    fit_cell(cell, run, Reports(), keep=True)
    return recorded(cell)


def test_restored_and_trained_again_are_the_same_model(tmp_path: Path) -> None:
    cell = kept_cell(tmp_path)
    restored = open_model(tmp_path, cell)
    assert restored.notes[0].startswith("restored as trained by genbench")
    (cell_folder(tmp_path, cell.key) / MODEL_FILE).unlink()
    again = open_model(tmp_path, cell)
    assert again.notes == ("trained again from its seed: the run has not kept this model",)
    one, other = (each.sample(700, seed=3) for each in (restored, again))
    assert np.array_equal(one, other)
    assert one.shape == (700, 2)
    assert (one[:, 1] > 0).all()  # a logarithmic column is back in its units
    assert not np.array_equal(one, restored.sample(700, seed=4))


def test_a_model_without_a_state_is_trained_again(tmp_path: Path) -> None:
    cell = kept_cell(tmp_path, Truth)
    assert not (cell_folder(tmp_path, cell.key) / MODEL_FILE).exists()
    assert open_model(tmp_path, cell).sample(5).shape == (5, 2)


def test_nothing_is_kept_unless_asked_for(tmp_path: Path) -> None:
    cell = cell_of(Kept)
    fit_cell(cell, tmp_path, Reports())
    assert not (cell_folder(tmp_path, cell.key) / MODEL_FILE).exists()


def test_a_state_that_fails_is_a_note(tmp_path: Path) -> None:
    part = fit_cell(cell_of(Clumsy), tmp_path, Reports(), keep=True)
    assert "Clumsy: the trained model was not kept: RuntimeError: no state today" in part["notes"]
    assert part["samples_sha256"]


def test_a_restore_that_fails_says_so(tmp_path: Path) -> None:
    cell = kept_cell(tmp_path, Careless)
    with pytest.raises(Invalid, match="Careless cannot be restored from its state: KeyError"):
        open_model(tmp_path, cell)


def test_a_changed_plugin_is_told(tmp_path: Path) -> None:
    cell = cell_of(Kept)
    old = recorded(cell, "0123456789abcdef01234567")
    assert not recorded(cell).has_changed
    assert "it may be another model" in open_model(tmp_path, old).notes[1]


def test_blocks_are_small_and_join_to_the_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = open_model(tmp_path, kept_cell(tmp_path))
    monkeypatch.setattr(trained, "SAMPLES_PER_BLOCK", 100)
    blocks = [rows for rows, _ in model.blocks(250)]
    assert [len(rows) for rows in blocks] == [100, 100, 50]
    assert np.array_equal(np.concatenate(blocks), model.sample(250))
    assert not np.array_equal(blocks[0], blocks[1])
    assert sampling.SAMPLES_PER_BLOCK > 100


def test_samples_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = open_model(tmp_path, kept_cell(tmp_path))
    model.model.mean = torch.full((2,), float("nan"))
    with pytest.raises(Invalid, match="not finite"):
        model.sample(3)


@pytest.fixture
def conditional(tmp_path: Path) -> TrainedModel:
    return open_model(tmp_path, kept_cell(tmp_path, Kept, Given, conditions="required"))


def test_conditions_are_given_by_name_in_the_units_of_the_data(conditional: TrainedModel) -> None:
    values = conditional.values(3, {"energy": [10, 20.5, 30], "particle": "mu"})
    assert values is not None
    assert values.tolist() == [[10, 1], [20.5, 1], [30, 1]]
    low = conditional.sample(50, {"energy": 10, "particle": "e"})
    high = conditional.sample(50, {"energy": 90, "particle": "e"})
    assert (high.mean(0) > low.mean(0) + 3).all()


def test_conditions_of_data_are_rows_that_occur(conditional: TrainedModel) -> None:
    drawn = conditional.conditions_of_data(40, seed=1)
    assert drawn is not None
    assert drawn.shape == (40, 2)
    assert set(drawn[:, 1]) == {0.0, 1.0}
    assert (drawn[:, 0] > 10).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "draws samples given energy, particle: energy is missing"),
        ({"energy": 5}, "particle is missing"),
        ({"energy": 5, "particle": "tau"}, "condition 'particle' has no level 'tau'"),
        ({"energy": "five", "particle": "e"}, "condition 'energy': expected a number, got 'five'"),
        ({"energy": float("nan"), "particle": "e"}, "expected finite numbers"),
        ({"energy": [1, 2, 3], "particle": "e"}, "3 values for 2 samples"),
        ({"energie": 5, "particle": "e"}, "did you mean 'energy'"),
    ],
)
def test_wrong_conditions_are_one_clear_line(conditional: TrainedModel, given: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        conditional.sample(2, given)


def test_a_model_without_conditions_takes_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Kept is not drawn given 'energy'"):
        open_model(tmp_path, kept_cell(tmp_path)).sample(2, {"energy": 5})


def test_log_densities_are_those_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = kept_cell(tmp_path, density="exact")
    model, data = open_model(tmp_path, cell), load(cell)
    assert data.log_prob is not None
    with np.load(cell_folder(tmp_path, cell.key) / "samples.npz") as saved:
        assert np.allclose(model.log_prob(data.test), saved["log_prob_test"], rtol=1e-6)
    assert np.mean(data.log_prob(data.test) - model.log_prob(data.test)) == pytest.approx(0, abs=0.05)
    whole = model.log_prob(data.test)
    monkeypatch.setattr(likelihood, "MAX_DENSITY_ROWS", 70)
    assert np.array_equal(model.log_prob(data.test), whole)


class Angles:
    """One angle, normal around half a turn."""

    def load(self, sizes, rng):
        rows = (rng.normal(np.pi, 1.5, (400, 1)) % (2 * np.pi) for _ in range(3))
        return Data(*rows, columns=(Column("phi", period=2 * np.pi),))


def test_the_density_of_an_angle_is_that_of_one_period(tmp_path: Path) -> None:
    model = open_model(tmp_path, kept_cell(tmp_path, Truth, Angles, density="exact"))
    width = 2 * np.pi / 5000
    middles = (np.arange(5000)[:, None] + 0.5) * width
    assert np.exp(model.log_prob(middles)).sum() * width == pytest.approx(1, abs=1e-3)


def test_log_densities_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Kept has no likelihood"):
        open_model(tmp_path, kept_cell(tmp_path / "none")).log_prob(np.ones((3, 2)))
    model = open_model(tmp_path / "exact", kept_cell(tmp_path / "exact", density="exact"))
    for rows in (np.ones((3, 5)), np.ones(2), np.ones((0, 2))):
        with pytest.raises(UserError, match=r"expected \(n, 2\), n > 0"):
            model.log_prob(rows)
    with pytest.raises(UserError, match="Kept is not drawn given 'energy'"):
        model.log_prob(np.ones((3, 2)), {"energy": 5})

"""One cell: what is made of what a model returns, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cells import Grey, Reports, Truth, Uniform, cell_of, fit

from genbench.errors import Diverged, Invalid, Unsuitable
from genbench.plan.cell import Cell
from genbench.plan.plan import REAL_ENTRY
from genbench.protocol import Column, Data
from genbench.registry.component import Component
from genbench.training.cell import fit_cell
from genbench.training.load import load


def test_images_reach_the_model_dequantised_between_minus_1_and_1(tmp_path: Path) -> None:
    _, saved = fit(cell_of(Uniform, Grey, density="exact"), tmp_path)
    data = Truth.seen if not Uniform.seen else Uniform.seen
    rows = data["data"].train
    assert (data["data"].levels, data["data"].kind, rows.dim()) == (8, "image", 4)
    assert -1 <= rows.min() < rows.max() < 1
    assert saved["samples"].dtype == np.uint8
    assert set(np.unique(saved["samples"])) == set(range(8))
    # uniform on the cube is uniform on the levels: three bits a pixel
    assert saved["log_prob_test"] / math.log(2) / 16 == pytest.approx(np.full(30, -3))


def test_samples_and_densities_are_in_the_units_of_the_data(tmp_path: Path) -> None:
    cell = cell_of(Truth, density="exact")
    _, saved = fit(cell, tmp_path)
    data = load(cell)
    samples = saved["samples"]
    assert samples.shape == (400, 2)
    assert samples[:, 0].mean() == pytest.approx(10, abs=1.5)
    assert (samples[:, 1] > 0).all()
    # the model is the truth, but for the mean and the scale that 1000 rows gave
    assert saved["log_prob_test"] == pytest.approx(data.log_prob(data.test), abs=0.6)
    assert saved["log_prob_fake"] == pytest.approx(data.log_prob(samples), abs=0.6)
    assert (saved["log_prob_test"] - data.log_prob(data.test)).mean() == pytest.approx(0, abs=0.05)


def test_the_floor_is_fresh_real_data_and_the_density_that_is_known(tmp_path: Path) -> None:
    cell = cell_of(Truth)
    floor = Cell(Component(REAL_ENTRY, None), cell.dataset, 0, "none", "cpu", cell.sizes)
    part, saved = fit(floor, tmp_path)
    data = load(cell)
    assert np.array_equal(saved["samples"], data.reference)
    assert saved["log_prob_test"] == pytest.approx(data.log_prob(data.test))
    assert part["timings"] == {}


class Certain(Truth):
    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full((len(x),), math.inf)


class Diverges(Truth):
    def fit(self, data, run) -> None:
        for _ in run.batches(data.train, 32):
            run.log(loss=math.nan)


class Vanishes(Truth):
    """Its energies are so low that their exponential is nought, which has no logarithm."""

    def sample(self, n: int) -> torch.Tensor:
        return torch.full((n, *self.shape), -1e4)


@pytest.mark.parametrize(
    ("model", "error", "reason"),
    [
        (Certain, Invalid, r"500 of 500 log-densities are nan or \+inf"),
        (Diverges, Diverged, "loss is nan"),
        (Vanishes, Invalid, "400 of 400 samples"),
    ],
)
def test_what_cannot_be_scored_is_refused(tmp_path: Path, model: type, error: type, reason: str) -> None:
    with pytest.raises(error, match=reason):
        fit_cell(cell_of(model, density="exact"), tmp_path, Reports())


def test_the_phases_are_reported_in_order(tmp_path: Path) -> None:
    heard = Reports()
    fit_cell(cell_of(Truth, density="exact"), tmp_path, heard)
    assert list(dict.fromkeys(what["phase"] for what in heard)) == ["load", "fit", "sample", "density"]
    assert any(what.get("step") == 5 for what in heard)


def few_columns(facts) -> str | None:
    return f"needs 1 column, there are {len(facts.columns)}" if len(facts.columns) > 1 else None


def test_data_that_turn_out_not_to_suit_a_model_end_its_cell_before_training(tmp_path: Path) -> None:
    Truth.seen = {}
    with pytest.raises(Unsuitable, match="needs 1 column, there are 2"):
        fit(cell_of(Truth, suits=few_columns), tmp_path)
    assert Truth.seen == {}
    assert Unsuitable.status == "skipped"


class Levels(Uniform):
    """Says that each image has the same probability, 8^-16."""

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return torch.full((len(x),), -16 * math.log(8))


def test_a_discrete_likelihood_is_the_probability_of_an_image(tmp_path: Path) -> None:
    part, discrete = fit(cell_of(Levels, Grey, density="exact", support="discrete"), tmp_path)
    _, dequantised = fit(cell_of(Uniform, Grey, density="exact"), tmp_path)
    assert discrete["log_prob_test"] == pytest.approx(-16 * math.log(8))
    assert discrete["log_prob_test"] == pytest.approx(dequantised["log_prob_test"])
    assert all(check["passed"] for check in part["checks"])


class Particles:
    def load(self, sizes, rng):
        rows = [np.stack([rng.integers(0, 3, n), rng.normal(size=n)], axis=1) for n in vars(sizes).values()]
        columns = (Column("particle", kind="category", levels=("e", "mu", "pi")), Column("x"))
        return Data(*rows, columns=columns)


class ByFrequency(Truth):
    """A normal number, and a particle by its frequency: a density times a probability."""

    def fit(self, data, run) -> None:
        super().fit(data, run)
        self.place = [column.kind for column in data.columns].index("category")
        self.shares = torch.bincount(data.train[:, self.place].long()) / len(data.train)

    def sample(self, n: int) -> torch.Tensor:
        rows = torch.randn(n, 2)
        rows[:, self.place] = torch.multinomial(self.shares, n, replacement=True).float()
        return rows

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        normal = torch.distributions.Normal(0, 1).log_prob(x[:, 1 - self.place])
        return normal + self.shares[x[:, self.place].long()].log()


def test_a_model_of_categories_receives_codes_and_has_a_likelihood(tmp_path: Path) -> None:
    part, saved = fit(cell_of(ByFrequency, Particles, density="exact", categories=True), tmp_path)
    assert set(saved["samples"][:, 0]) == {0.0, 1.0, 2.0}
    entropy = 0.5 * math.log(2 * math.pi * math.e) + math.log(3)
    assert saved["log_prob_test"].mean() == pytest.approx(-entropy, abs=0.1)
    assert not any("no likelihood" in note for note in part["notes"])
    assert all(check["passed"] for check in part["checks"])

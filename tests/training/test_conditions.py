"""Rows that are drawn given conditions: what models receive, how they are sampled, and the likelihoods that follow."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cells import cell_of, fit

from genbench.budget import Sizes
from genbench.errors import DataError
from genbench.protocol import Array, Column, Data
from genbench.training import condition_features
from genbench.training.conditions import condition_space, conditions_of, true_log_prob
from genbench.training.load import load
from genbench.training.standardise import transform_of

COLUMNS = (Column("energy", unit="GeV", log=True), Column("particle", kind="category", levels=("e", "mu", "pi")))
SPREAD = {0: 0.5, 1: 1.0, 2: 2.0}


class Detector:
    """A measured number around the logarithm of an energy, with a spread that depends on the particle."""

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        parts = {name: self.draw(n, rng) for name, n in vars(sizes).items()}
        return Data(
            *(rows for rows, _ in parts.values()),
            log_prob=self.log_prob,
            conditions={name: given for name, (_, given) in parts.items()},
            condition_columns=COLUMNS,
        )

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        given = np.stack([np.exp(rng.normal(3, 1, n)), rng.integers(0, 3, n)], axis=1)
        spread = np.array([SPREAD[k] for k in given[:, 1].astype(int)])
        return (np.log(given[:, 0]) + spread * rng.normal(size=n))[:, None], given

    def log_prob(self, rows: Array, given: Array) -> Array:
        spread = np.array([SPREAD[k] for k in given[:, 1].astype(int)])
        z = (rows[:, 0] - np.log(given[:, 0])) / spread
        return -0.5 * z**2 - np.log(spread * math.sqrt(2 * math.pi))


class Exact:
    """The conditional density itself, in the units of a model: columns and conditions are standardised."""

    seen: dict = {}  # noqa: RUF012

    def fit(self, data, run) -> None:
        type(self).seen = {"data": data}
        # both are linear in the logarithm of the energy, which regression finds
        features = condition_features(data.conditions, data.condition_columns)  # (n, 4)
        self.columns = data.condition_columns
        design = torch.cat([features[:, :1], torch.ones(len(features), 1)], 1)
        self.line = torch.linalg.lstsq(design, data.train).solution
        rest = (data.train - design @ self.line)[:, 0]
        self.spread = torch.stack([rest[data.conditions[:, 1] == k].std() for k in range(3)])
        for _ in run.batches(data.train, 32):
            run.log(loss=0.5)

    def normal(self, given):
        design = torch.cat([given[:, :1], torch.ones(len(given), 1)], 1)
        return torch.distributions.Normal((design @ self.line)[:, 0], self.spread[given[:, 1].long()])

    def sample(self, n, given):
        assert given.shape == (n, 2)
        return self.normal(given).sample()[:, None]

    def log_prob(self, x, given):
        return self.normal(given).log_prob(x[:, 0])


def conditional(model: type = Exact, **declared):
    cell = cell_of(model, Detector, density="exact", conditions="required", **declared)
    return replace(cell, sizes=Sizes(4000, 1500, 1500))


def test_models_receive_codes_and_standardised_numbers(tmp_path: Path) -> None:
    fit(conditional(), tmp_path)
    data = Exact.seen["data"]
    given = data.conditions
    assert (given.dtype, tuple(given.shape), data.condition_columns) == (torch.float32, (4000, 2), COLUMNS)
    assert abs(float(given[:, 0].mean())) < 1e-5
    assert float(given[:, 0].std()) == pytest.approx(1, abs=1e-2)
    assert sorted(given[:, 1].unique().tolist()) == [0, 1, 2]
    original = load(conditional())
    assert original.conditions is not None
    codes = original.conditions["train"][:, 1]
    assert given[:, 1].tolist() == codes.tolist()


def test_samples_are_drawn_given_the_conditions_of_the_reference_rows(tmp_path: Path) -> None:
    cell = conditional()
    _, saved = fit(cell, tmp_path)
    given = conditions_of(load(cell), "reference")
    assert given is not None
    rest = saved["samples"][:, 0] - np.log(given[:, 0])
    for k, spread in SPREAD.items():
        assert rest[given[:, 1] == k].std() == pytest.approx(spread, rel=0.15)
        assert abs(rest[given[:, 1] == k].mean()) < 0.3


def test_likelihoods_are_those_given_the_conditions_and_pass_their_checks(tmp_path: Path) -> None:
    cell = conditional()
    part, saved = fit(cell, tmp_path)
    data = load(cell)
    truth = true_log_prob(data, data.test, conditions_of(data, "test"))
    assert np.abs(saved["log_prob_test"] - truth).mean() < 0.05
    assert len(part["checks"]) >= 2
    assert [check for check in part["checks"] if not check["passed"]] == []


class Deaf(Exact):
    """Exact for one condition only: it takes those of the first row for all."""

    def log_prob(self, x, given):
        return super().log_prob(x, given[:1].expand_as(given))


def test_a_likelihood_of_the_wrong_conditions_is_worse(tmp_path: Path) -> None:
    _, right = fit(conditional(), tmp_path)
    _, wrong = fit(conditional(Deaf), tmp_path)
    assert wrong["log_prob_test"].mean() < right["log_prob_test"].mean() - 0.5


class Classes:
    """Two classes of rows; the class is given."""

    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        given = {name: rng.integers(0, 2, n) for name, n in vars(sizes).items()}
        return Data(
            *(rng.normal(4.0 * codes[:, None], 1.0, (len(codes), 2)) for codes in given.values()),
            conditions={name: codes[:, None].astype(float) for name, codes in given.items()},
            condition_columns=(Column("class", kind="category", levels=("a", "b")),),
        )


class ByClass:
    def fit(self, data, run) -> None:
        self.means = torch.stack([data.train[data.conditions[:, 0] == k].mean(0) for k in range(2)])
        for _ in run.batches(data.train, 32):
            run.log(loss=0.5)

    def sample(self, n, given):
        return self.means[given[:, 0].long()] + 0.4 * torch.randn(n, 2)

    def log_prob(self, x, given):
        return torch.distributions.Normal(self.means[given[:, 0].long()], 0.4).log_prob(x).sum(1)


def test_densities_given_each_class_are_kept_where_the_class_is_the_condition(tmp_path: Path) -> None:
    cell = cell_of(ByClass, Classes, density="exact", conditions="required")
    _, saved = fit(cell, tmp_path)
    given = conditions_of(load(cell), "test")
    assert given is not None
    assert saved["log_prob_classes"].shape == (500, 2)
    codes = given[:, 0].astype(int)
    own = np.take_along_axis(saved["log_prob_classes"], codes[:, None], 1)[:, 0]
    assert own == pytest.approx(saved["log_prob_test"], rel=1e-5)
    assert (saved["log_prob_classes"].argmax(1) == codes).mean() > 0.9


def test_scores_are_of_rows_together_with_their_conditions() -> None:
    data = load(conditional())
    space = condition_space(data)
    assert space is not None
    assert space.score_columns == ("energy", "particle=e", "particle=mu", "particle=pi")
    given = conditions_of(data, "test")
    assert given is not None
    scores = space.to_scores(given)
    assert scores[:, 0] == pytest.approx((np.log(given[:, 0]) - 3), abs=0.15)
    assert (scores[:, 1:].argmax(1) == given[:, 1]).all()


class Unfit(Detector):
    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        data = super().load(sizes, rng)
        assert data.conditions is not None
        return replace(data, conditions={**data.conditions, "test": data.conditions["test"][:-1]})


class Missing(Detector):
    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        data = super().load(sizes, rng)
        assert data.conditions is not None
        return replace(data, conditions={"train": data.conditions["train"], "test": data.conditions["test"]})


@pytest.mark.parametrize(("data", "split"), [(Unfit, "test"), (Missing, "reference")])
def test_conditions_that_do_not_fit_their_rows_are_refused(data: type, split: str) -> None:
    with pytest.raises(DataError, match=f"conditions of the {split} split"):
        condition_space(load(cell_of(Exact, data)))


def test_data_without_conditions_have_none() -> None:
    rows = np.zeros((3, 30, 2))
    data = Data(*rows)
    assert condition_space(data) is None
    assert conditions_of(data, "test") is None
    assert transform_of(data).shape == (1,)

"""Likelihoods: in the units of the data, of the kind that a model declares."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cells import PROBES, Reports, Truth, cell_of, fit

from genbench.plan.cell import Cell
from genbench.training.cell import fit_cell


def test_without_a_declared_density_none_is_asked(tmp_path: Path) -> None:
    _, saved = fit(cell_of(Truth), tmp_path)
    assert set(saved) == {"samples", *PROBES}


def test_a_bound_says_nothing_of_its_own_samples(tmp_path: Path) -> None:
    _, saved = fit(cell_of(Truth, density="bound"), tmp_path)
    assert set(saved) == {"samples", "log_prob_test", *PROBES}


class Nowhere(Truth):
    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(x[:, 0] > 0, -math.inf, 0.0)


def test_a_density_of_nought_is_an_answer(tmp_path: Path) -> None:
    _, saved = fit(cell_of(Nowhere, density="exact"), tmp_path)
    assert np.isneginf(saved["log_prob_test"]).any()


class TooSure(Truth):
    """Its density is twice what it may be."""

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return super().log_prob(x) + math.log(2)


class TooGood(Truth):
    """A bound that lies above the true density."""

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        return super().log_prob(x) + 1.0


def checks(cell: Cell, run: Path) -> dict[str, bool | None]:
    return {check["name"]: check["passed"] for check in fit_cell(cell, run, Reports())["checks"]}


def test_a_likelihood_is_checked_for_what_its_kind_promises(tmp_path: Path) -> None:
    fine = {"normalised": True, "entropy": True, "own_samples": True, "below_truth": True}
    assert checks(cell_of(Truth, density="exact"), tmp_path) == fine
    sure = checks(cell_of(TooSure, density="exact"), tmp_path)
    assert (sure["normalised"], sure["below_truth"]) == (False, False)
    assert checks(cell_of(TooGood, density="bound"), tmp_path) == {"below_truth": False}
    assert checks(cell_of(TooGood, density="estimate"), tmp_path) == {}
    assert checks(cell_of(Truth), tmp_path) == {}


class Explains(Truth):
    """A model that says something of its likelihood, as it may after it was fitted."""

    def fit(self, data, run) -> None:
        super().fit(data, run)
        self.log_prob_note = "its likelihood is that of 1,000 steps"
        self.log_prob_defect = "the covariance is singular"


class SaysNothing(Truth):
    log_prob_note = None
    log_prob_defect = 3


def test_what_a_model_says_of_its_likelihood_is_recorded(tmp_path: Path) -> None:
    record, _ = fit(cell_of(Explains, density="bound"), tmp_path)
    assert record["notes"] == ["Explains: its likelihood is that of 1,000 steps"]
    assert record["checks"][-1] | {"value": 0} == {
        "name": "model", "passed": False, "value": 0, "expected": None, "reason": "the covariance is singular"
    }  # fmt: skip
    silent, _ = fit(cell_of(SaysNothing, density="bound"), tmp_path)
    assert silent["notes"] == []
    assert [check["name"] for check in silent["checks"]] == ["below_truth"]


class TwoLikelihoods(Truth):
    def log_prob_loose(self, x: torch.Tensor) -> torch.Tensor:
        return self.log_prob(x) - 1.0


def test_further_likelihoods_are_evaluated_and_checked_by_their_own_kind(tmp_path: Path) -> None:
    cell = cell_of(TwoLikelihoods, density="exact", densities={"loose": "bound"})
    part, saved = fit(cell, tmp_path)
    assert saved["log_prob_test_loose"] == pytest.approx(saved["log_prob_test"] - 1.0, abs=1e-5)
    names = [check["name"] for check in part["checks"]]
    assert any(name.endswith("[loose]") for name in names)
    assert "own_samples[loose]" not in names  # which only an exact density is held to

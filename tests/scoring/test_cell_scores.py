"""The scores of a cell: what a metric is handed, and which seed it draws by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_cells import Normal, Reports, Scale, Truth, Uniform, cell_of, fit

from genbench.protocol import Evidence, Score
from genbench.scoring.cell_scores import evidence_of, score_cell
from genbench.spec import MetricSpec
from genbench.training.load import load

GIVEN: list[Evidence] = []


def remember(evidence: Evidence) -> Score:
    GIVEN.append(evidence)
    return Score(1.0)


def test_a_metric_sees_standardised_rows_and_the_raw_ones_beside_them(tmp_path: Path) -> None:
    cell = cell_of(Truth, density="exact", metrics=[MetricSpec("remember", remember, None, "keeps what it is given")])
    part, saved = fit(cell, tmp_path)
    GIVEN.clear()
    [score] = score_cell(cell, tmp_path, part["timings"], {"remember": {"value": 0.5}}, Reports())
    [seen] = GIVEN
    assert (score["value"], score["floor"]) == (1.0, 0.5)
    assert (seen.real.rows.shape, seen.fake.shape) == ((500, 2), (400, 2))
    assert seen.train is not None
    assert seen.train.mean(0) == pytest.approx(0, abs=1e-9)
    assert seen.train.std(0) == pytest.approx(1)
    assert seen.fake_raw is not None
    assert np.array_equal(seen.fake_raw, saved["samples"])
    assert seen.test_raw is not None
    assert (seen.space, seen.columns, seen.kind) == ("standardised", ("x", "energy"), "vector")
    assert seen.density_test is not None
    assert seen.density_test.kind == "exact"
    assert seen.truth_test == pytest.approx(Normal(Scale()).log_prob(seen.test_raw))
    assert seen.timing["fit_s"] == part["timings"]["fit_s"]


def test_the_seed_of_the_scores_leaves_the_model_out() -> None:
    seeds = []
    for model, seed in ((Truth, 0), (Uniform, 0), (Truth, 1)):
        cell = cell_of(model, seed=seed)
        seeds.append(evidence_of(cell, load(cell), {"samples": np.zeros((3, 2)) + 1.0}, {}).seed)
    assert seeds[0] == seeds[1] != seeds[2]


def test_a_metric_that_cannot_be_imported_has_no_value(tmp_path: Path) -> None:
    metrics = [MetricSpec("absent", "no_such_module:metric", None, "m"), MetricSpec("remember", remember, None, "m")]
    cell = cell_of(Truth, metrics=metrics)
    fit(cell, tmp_path)
    absent, there = score_cell(cell, tmp_path, {}, None, Reports())
    assert absent["value"] is None
    assert there["value"] == 1.0

"""Curves: the metrics of each snapshot of a training."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import genbench
from genbench.protocol import Evidence, RealSide, Score
from genbench.record.store import cell_folder
from genbench.scoring.curves import add_curves
from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer
from genbench.spec import MetricSpec
from genbench.training.snapshots import rows_per_snapshot


def distance(evidence: Evidence) -> Score:
    return Score(float(abs(evidence.fake.mean() - evidence.real.rows.mean())), n_fake=len(evidence.fake))


def scorer(*, snapshots: bool, space: str = "") -> Scorer:
    return Scorer(MetricSpec("distance", distance, None, "of means", snapshots=snapshots), distance, None, space)


def test_a_curve_is_the_metric_of_each_snapshot() -> None:
    real, last = np.zeros((50, 2)), np.full((40, 2), 0.5)
    evidence = Evidence(RealSide(real), last)
    scorers = [scorer(snapshots=True), scorer(snapshots=False)]
    scores = evaluate(evidence, scorers)
    rows = np.stack([np.full((10, 2), 8.0), np.full((10, 2), 4.0)])
    saved = {"snapshots": rows, "snapshot_seconds": np.array([1.0, 2.0]), "snapshot_steps": np.array([10, 20])}
    add_curves(scores, scorers, evidence, saved, lambda rows, _: rows / 2)
    points = [
        (point["seconds"], point["step"], point["value"], point["n_fake"]) for point in scores[0]["detail"]["curve"]
    ]
    assert points == [(1.0, 10, 4.0, 10), (2.0, 20, 2.0, 10)]
    assert scores[0]["value"] == 0.5
    assert "curve" not in scores[1]["detail"]


def test_a_cell_without_snapshots_has_no_curve() -> None:
    evidence, scorers = Evidence(RealSide(np.zeros((5, 2))), np.ones((5, 2))), [scorer(snapshots=True)]
    scores = evaluate(evidence, scorers)
    add_curves(scores, scorers, evidence, {"samples": np.ones((5, 2))}, lambda rows, _: rows)
    assert "curve" not in scores[0]["detail"]


def test_only_a_metric_of_samples_alone_can_ask_for_them() -> None:
    with pytest.raises(ValueError, match="snapshots=True"):
        MetricSpec("late", distance, None, "of likelihoods", needs=("samples", "density"), snapshots=True)


@pytest.mark.slow
def test_a_run_keeps_snapshots_and_curves_beside_the_same_samples(tmp_path: Path) -> None:
    results = genbench.run(
        models="gan,kde", datasets="moons", budget="200steps", metrics="energy", seeds=1, out=tmp_path / "run"
    )
    of = {record["label"]: record for record in results.records}
    [score] = of["gan"]["scores"]
    curve = score["detail"]["curve"]
    with np.load(cell_folder(tmp_path / "run", of["gan"]["key"]) / "samples.npz") as kept:
        assert kept["snapshots"].shape == (len(curve), rows_per_snapshot((2,)), 2)
        assert kept["snapshots"].dtype == kept["samples"].dtype
    assert all(math.isfinite(point["value"]) and point["low"] <= point["value"] <= point["high"] for point in curve)
    assert curve[0]["value"] > 2 * score["value"], "it learned"
    assert of["gan"]["timings"]["snapshots_s"] > 0
    assert curve[-1]["seconds"] < of["gan"]["timings"]["fit_s"]
    assert "curve" not in of["kde"]["scores"][0]["detail"], "it has no loop"

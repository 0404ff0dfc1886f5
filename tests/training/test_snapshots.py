"""Snapshots of a training: when they are taken, what they leave alone, and the curves that are made of them."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import genbench
from genbench.budget import Budget
from genbench.protocol import Evidence, RealSide, Score
from genbench.record.store import cell_folder
from genbench.scoring.curves import add_curves
from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer
from genbench.spec import MetricSpec
from genbench.training.run import Run
from genbench.training.snapshots import Snapshots, rows_per_snapshot

ROWS = torch.arange(640.0)[:, None]
STREAM = np.random.SeedSequence(3)


def train(budget: str, sample=None, snapshots: Snapshots | None = None) -> tuple[Run, torch.Tensor]:
    """Return a run, and the sum of what its batches and the generator gave it."""
    torch.manual_seed(0)
    run, heard = Run(Budget.parse(budget), snapshots=snapshots), torch.zeros(())
    for batch in run.batches(ROWS, 32, sample=sample):
        heard = heard + (batch[0] * torch.rand(())).sum()
    return run, heard


def keep() -> Snapshots:
    return Snapshots(lambda sample: sample(5).numpy(), STREAM)


def test_they_are_taken_at_powers_of_two_of_the_budget() -> None:
    snapshots = keep()
    run, _ = train("64steps", lambda n: torch.rand(n, 2), snapshots)
    assert snapshots.steps == [2, 4, 8, 16, 32]
    assert snapshots.seconds == sorted(snapshots.seconds)
    assert snapshots.seconds[0] > 0
    assert snapshots.seconds[-1] < run.elapsed
    arrays = snapshots.as_arrays()
    assert arrays["snapshots"].shape == (5, 5, 2)
    assert len(np.unique(arrays["snapshots"])) == 50, "each snapshot draws numbers of its own"


def test_a_budget_of_three_steps_has_one_for_each_step_that_begins() -> None:
    snapshots = keep()
    train("3steps", lambda n: torch.rand(n, 2), snapshots)
    assert snapshots.steps == [1, 2]


def test_a_budget_of_seconds_has_them_too() -> None:
    snapshots = keep()
    train("0.3s", lambda n: torch.rand(n, 2), snapshots)
    assert len(snapshots.rows) == 5
    assert [seconds / 0.3 > fraction for seconds, fraction in zip(snapshots.seconds, (0.03, 0.06, 0.12), strict=False)]


def test_a_training_is_the_same_with_them_and_without() -> None:
    _, without = train("64steps")
    _, given_no_sampler = train("64steps", None, keep())
    _, watched = train("64steps", lambda n: torch.rand(n, 2), keep())
    assert without == given_no_sampler == watched


def test_the_same_seed_gives_the_same_snapshots() -> None:
    first, second = (Snapshots(lambda sample: sample(5).numpy(), np.random.SeedSequence(3)) for _ in range(2))
    for snapshots in (first, second):
        train("64steps", lambda n: torch.rand(n, 2) + np.random.rand(), snapshots)  # noqa: NPY002
    assert np.array_equal(first.as_arrays()["snapshots"], second.as_arrays()["snapshots"])


def test_the_clock_stands_still_meanwhile_and_a_slow_one_is_not_repeated() -> None:
    def slow(n: int) -> torch.Tensor:
        time.sleep(0.3)
        return torch.rand(n, 2)

    snapshots, start = keep(), time.perf_counter()
    run, _ = train("64steps", slow, snapshots)
    assert len(snapshots.rows) == 1
    assert snapshots.spent_s >= 0.3
    assert run.elapsed <= time.perf_counter() - start - snapshots.spent_s + 1e-3


def test_no_gradient_is_kept_while_one_is_taken() -> None:
    weight = torch.ones((), requires_grad=True)
    snapshots = keep()
    train("64steps", lambda n: weight * torch.rand(n, 2), snapshots)  # .numpy() refuses what has a gradient
    assert not snapshots.problem


def test_one_that_fails_is_the_last_and_the_training_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    calls = []

    def fails(n: int) -> torch.Tensor:
        calls.append(n)
        if len(calls) == 2:
            raise ValueError("not yet fitted")
        return torch.rand(n, 2)

    snapshots = keep()
    run, _ = train("64steps", fails, snapshots)
    assert (run.steps, snapshots.steps, len(calls)) == (64, [2], 2)
    assert snapshots.problem == "no snapshot after step 4: ValueError: not yet fitted"
    assert "not yet fitted" in capsys.readouterr().err


def test_fewer_images_than_rows() -> None:
    assert rows_per_snapshot((8,)) > rows_per_snapshot((1, 8, 8)) >= 100


# -------------------------------------------------------------------------------------------------------------- curves


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
    add_curves(scores, scorers, evidence, saved, lambda rows: rows / 2)
    points = [
        (point["seconds"], point["step"], point["value"], point["n_fake"]) for point in scores[0]["detail"]["curve"]
    ]
    assert points == [(1.0, 10, 4.0, 10), (2.0, 20, 2.0, 10)]
    assert scores[0]["value"] == 0.5
    assert "curve" not in scores[1]["detail"]


def test_a_cell_without_snapshots_has_no_curve() -> None:
    evidence, scorers = Evidence(RealSide(np.zeros((5, 2))), np.ones((5, 2))), [scorer(snapshots=True)]
    scores = evaluate(evidence, scorers)
    add_curves(scores, scorers, evidence, {"samples": np.ones((5, 2))}, lambda rows: rows)
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

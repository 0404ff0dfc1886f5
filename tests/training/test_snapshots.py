"""Snapshots of a training: when they are taken, what they leave alone, and the curves that are made of them."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from genbench.budget import Budget
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


def test_the_device_is_waited_for_before_a_snapshot_and_after_it() -> None:
    """What it still computes for the training is none of the snapshot's time, and the snapshot none of training's."""
    events: list[str] = []

    def drawn(n: int) -> torch.Tensor:
        events.append("drawn")
        return torch.rand(n, 2)

    snapshots = Snapshots(lambda sample: sample(5).numpy(), STREAM, lambda: events.append("synchronised"))
    train("3steps", drawn, snapshots)
    assert events == ["synchronised", "drawn", "synchronised"] * 2


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
    assert (run.steps_taken, snapshots.steps, len(calls)) == (64, [2], 2)
    assert snapshots.problem == "no snapshot after step 4: ValueError: not yet fitted"
    assert "not yet fitted" in capsys.readouterr().err


def test_fewer_images_than_rows() -> None:
    assert rows_per_snapshot((8,)) > rows_per_snapshot((1, 8, 8)) >= 100

"""Training: what a model is handed, and under which budget, seeds and clock."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_cells import Truth, cell_of, fit

from genbench.protocol import Data
from genbench.training import setup
from genbench.training.device import Device


def test_a_model_is_given_standardised_rows_and_its_budget(tmp_path: Path) -> None:
    cell = cell_of(Truth)
    part, _ = fit(cell, tmp_path)
    data, run = Truth.seen["data"], Truth.seen["run"]
    assert (data.train.dtype, tuple(data.train.shape), data.kind) == (torch.float32, (1000, 2), "vector")
    assert data.train.mean(0).abs().max() < 1e-5
    assert (data.train.std(0) - 1).abs().max() < 1e-2
    assert (run.steps_taken, run.device.type) == (5, "cpu")
    assert part["timings"]["steps"] == 5
    assert part["timings"]["parameters"] == 17
    assert part["sizes"] == {"train": 1000, "test": 500, "reference": 400}
    assert part["shape"] == [2]
    assert part["trace"][-1][1:] == (5, {"loss": 0.5})


def test_the_seed_decides_what_a_model_draws_and_nothing_leaks(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    fit(cell_of(Truth), tmp_path)
    first = Truth.seen["draws"]
    torch.rand(9)
    _, one = fit(cell_of(Truth), tmp_path)
    assert torch.equal(Truth.seen["draws"], first)
    _, other = fit(cell_of(Truth, seed=1), tmp_path)
    assert not torch.equal(Truth.seen["draws"], first)
    assert not np.array_equal(one["samples"], other["samples"])
    torch.set_rng_state(before)


def test_a_budget_in_seconds_does_not_pay_for_building_the_model(tmp_path: Path) -> None:
    fit(cell_of(SlowToBuild), tmp_path)
    assert SlowToBuild.run_began > SlowToBuild.built


class SlowToBuild(Truth):
    built = run_began = 0.0

    def __init__(self) -> None:
        type(self).built = time.perf_counter()

    def fit(self, data, run) -> None:
        type(self).run_began = time.perf_counter() - run.elapsed
        super().fit(data, run)


class Pausing(Truth):
    """Its sampler takes its time while it trains."""

    def fit(self, data, run) -> None:
        self.shape = data.shape
        for _ in run.batches(data.train, 32, sample=self.slow_sample):
            run.log(loss=0.5)

    def slow_sample(self, n: int) -> torch.Tensor:
        time.sleep(1.0)
        return self.sample(n)


def test_snapshots_are_no_part_of_the_time_of_training(tmp_path: Path) -> None:
    timings = fit(cell_of(Pausing), tmp_path)[0]["timings"]
    assert timings["snapshots_s"] >= 1.0 > timings["fit_s"] > 0
    assert timings["steps_per_s"] == 5 / timings["fit_s"]


class Thinking(Pausing):
    """Its sampler works for a second of processor time while it trains."""

    def slow_sample(self, n: int) -> torch.Tensor:
        until = time.process_time() + 1.0
        while time.process_time() < until:
            pass
        return self.sample(n)


def test_snapshots_are_no_part_of_the_processor_time_of_training(tmp_path: Path) -> None:
    timings = fit(cell_of(Thinking), tmp_path)[0]["timings"]
    assert timings["snapshots_s"] >= 1.0 > timings["fit_cpu_s"] > 0


class Noted(Device):
    """A device that notes when it is waited for, between what its model does."""

    events: list[str] = []  # noqa: RUF012

    def synchronise(self) -> None:
        self.events.append("synchronised")

    def warm_up(self) -> None:
        self.events.append("warmed up")

    def reset_peak(self) -> None:
        self.events.append("peak reset")


class Noting(Truth):
    def fit(self, data, run) -> None:
        super().fit(data, run)
        Noted.events.append("fitted")

    def sample(self, n: int) -> torch.Tensor:
        Noted.events.append("sampled")
        return super().sample(n)


def test_the_clock_waits_for_the_device_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "Device", Noted)
    Noted.events.clear()
    fit(cell_of(Noting), tmp_path)
    assert Noted.events == [
        "warmed up", "peak reset", "fitted", "synchronised", "sampled", "synchronised", "sampled", "synchronised",
    ]  # fmt: skip


class Weighted:
    def load(self, sizes, rng):
        rows = rng.normal(size=(3, sizes.train, 2))
        weights = np.exp(0.5 * rows[:, :, 0])
        return Data(*rows, weights=dict(zip(("train", "test", "reference"), weights, strict=True)))


def test_a_model_without_weights_is_trained_on_rows_drawn_by_weight(tmp_path: Path) -> None:
    part, _ = fit(cell_of(Truth, Weighted), tmp_path)
    data = Truth.seen["data"]
    assert data.weights is None
    assert part["sizes"]["train"] == len(data.train) == 1000
    rows = np.unique(data.train.numpy(), axis=0)
    assert 500 < len(rows) < 900  # some stand several times
    assert abs(float(data.train[:, 0].mean())) < 0.15  # standardised by the weighted law


def test_a_model_that_declares_weights_receives_them(tmp_path: Path) -> None:
    fit(cell_of(Truth, Weighted, weights=True), tmp_path)
    data = Truth.seen["data"]
    assert len(np.unique(data.train.numpy(), axis=0)) == len(data.weights) == 1000
    assert float(data.weights.mean()) == pytest.approx(1, rel=1e-5)
    assert abs(float((data.weights * data.train[:, 0]).mean())) < 0.15


class Reporting(Truth):
    """It reports what it knows of itself, and logs after its loop."""

    def fit(self, data, run) -> None:
        super().fit(data, run)
        run.report(function_evaluations=39, codes_used=torch.tensor(0.5))
        run.log(bandwidth=0.25)


def test_facts_are_in_the_record_and_what_is_logged_last_is_in_the_trace(tmp_path: Path) -> None:
    part, _ = fit(cell_of(Reporting), tmp_path)
    assert part["facts"] == {"function_evaluations": 39.0, "codes_used": 0.5}
    assert [entry[2] for entry in part["trace"]][-2:] == [{"loss": 0.5}, {"bandwidth": 0.25}]


@pytest.mark.parametrize(("budget_s", "noted"), [(1e-9, True), (1e9, False), (None, False)])
def test_a_model_that_cannot_stop_in_time_has_a_note(budget_s: float | None, noted: bool, tmp_path: Path) -> None:
    cell = replace(cell_of(Truth, iterative=False), budget="none", budget_s=budget_s)
    part, _ = fit(cell, tmp_path)
    found = [note for note in part["notes"] if "it does not iterate, and cannot stop earlier" in note]
    assert [note.startswith("Truth: fitted for ") for note in found] == [True] * noted

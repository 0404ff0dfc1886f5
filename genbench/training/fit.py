"""Train the model of a cell within its budget, and time it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import torch

from genbench.budget import Budget
from genbench.data import draw_by_weight
from genbench.protocol import Array, TrainingData
from genbench.registry.component import build
from genbench.spec import ModelSpec
from genbench.training.conditions import conditions_of
from genbench.training.load import stream_of
from genbench.training.run import Run
from genbench.training.sampling import draw_snapshot
from genbench.training.seeding import seed_generators
from genbench.training.setup import Setup, Timings
from genbench.training.snapshots import Snapshots

ONE_STEP = Budget(1, "steps")  # for a model that does not iterate


@dataclass(frozen=True)
class Fitted:
    """A trained model, what its training cost, what it logged and reported, and the snapshots of its samples."""

    model: Any
    timings: Timings
    trace: list[tuple[float, int, dict[str, float]]]
    facts: dict[str, float]
    snapshots: dict[str, Array]
    notes: tuple[str, ...]


def train(setup: Setup) -> Fitted:
    """Train the model of a cell within its budget; raises Diverged, or what the model raises.

    The clock starts after loading and warm-up, stops when the device has finished, and pauses for snapshots.
    """
    data, device, transform, report = setup.data, setup.device, setup.transform, setup.report
    training_data, given = _training_data(setup), setup.conditions_on_device("reference")
    device.warm_up()
    report(phase="fit")
    budget = _budget(setup)
    device.reset_peak()
    with seed_generators(setup.fit_stream):
        model = build(setup.cell.model)
        snapshots = Snapshots(
            lambda sample: draw_snapshot(sample, transform, device, given),
            setup.snapshot_stream,
            device.synchronise,
        )
        run = Run(  # its clock starts here
            budget,
            device.torch,
            levels=data.levels,
            train=training_data.train,
            listener=lambda step, steps, values: report(phase="fit", step=step, steps=steps, values=values),
            snapshots=snapshots,
            precision=setup.cell.precision,
        )
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            model.fit(training_data, run)
        except BaseException:
            run.abandon()
            raise
        device.synchronise()
        fit_s = time.perf_counter() - wall - snapshots.spent_s
        fit_cpu_s = time.process_time() - cpu - snapshots.spent_cpu_s
        run.finish()
    timings: Timings = {
        "fit_s": fit_s,
        "fit_cpu_s": fit_cpu_s,
        "steps": run.steps_taken,
        "snapshots_s": snapshots.spent_s,
        "steps_per_s": run.steps_taken / fit_s if run.steps_taken else None,
        "parameters": sum(p.numel() for p in model.parameters()) if hasattr(model, "parameters") else None,
    }
    problems = [snapshots.problem, _overtime(setup.cell.budget_s, fit_s)]
    notes = tuple(f"{setup.cell.model.label}: {problem}" for problem in problems if problem)
    return Fitted(model, timings, run.trace, run.facts, snapshots.as_arrays(), notes)


def _budget(setup: Setup) -> Budget:
    """Return the budget of a cell, whose recipe may depend on the data."""
    data, cell = setup.data, setup.cell
    rows = data.train if data.weighted is None else data.weighted.rows
    text = cell.length(len(rows), math.prod(data.shape)).get("budget", cell.budget)
    return ONE_STEP if text == "none" else Budget.parse(text)


def _training_data(setup: Setup) -> TrainingData:
    """Return the rows that the model is trained on, in its space: weighted ones as they are, or drawn by weight."""
    data, device, weights, numbers = setup.data, setup.device, None, None
    rows, given = data.train, conditions_of(data, "train")
    if data.weighted is not None:
        rows, weights, given = data.weighted.rows, data.weighted.weights, data.weighted.conditions
        assert isinstance(setup.cell.model.spec, ModelSpec)
        if not setup.cell.model.spec.weights:
            numbers = draw_by_weight(weights, setup.noise, len(rows))
            rows, weights, given = rows[numbers], None, None if given is None else given[numbers]
    return TrainingData(
        torch.from_numpy(setup.transform.to_model(rows, setup.noise)).to(device.torch),
        data.levels,
        None if weights is None else torch.from_numpy(weights.astype("f4")).to(device.torch),
        setup.on_device(given),
        () if given is None else data.condition_columns,
        columns=setup.transform.model_columns,
        split_seed=int(stream_of(setup.cell, "validation").generate_state(1)[0]),
        row_numbers=numbers,
    )


def _overtime(budget_s: float | None, fit_s: float) -> str:
    """Return a note where a model that does not iterate was fitted for longer than the budget of the others."""
    if budget_s is None or fit_s <= budget_s:
        return ""
    return f"fitted for {fit_s:.3g} s, the budget is {budget_s:g} s: it does not iterate, and cannot stop earlier"

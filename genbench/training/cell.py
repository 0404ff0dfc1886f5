"""One cell, top to bottom: load, fit, sample, and, from what was saved, score."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genbench.budget import Budget
from genbench.data import fingerprint
from genbench.errors import Invalid
from genbench.loading import heard_by
from genbench.plan.cell import REAL, Cell
from genbench.protocol import Array, Data, TrainingData
from genbench.registry.component import build
from genbench.training.density_checks import DensityCheck
from genbench.training.device import Device
from genbench.training.likelihood import MAX_DENSITY_ROWS, checks_of, density_of, log_prob_of
from genbench.training.load import load, stream_of
from genbench.training.run import Run
from genbench.training.samples_file import digest_of_samples, probe_rows, save_samples
from genbench.training.sampling import SAMPLES_PER_BLOCK, check_draw, draw_snapshot
from genbench.training.seeding import seeded
from genbench.training.snapshots import Snapshots
from genbench.training.standardise import Transform, transform_of

__all__ = ["fit_cell"]

Report = Callable[..., None]


# ------------------------------------------------------------------------------------------------------ fit and sample


def fit_cell(cell: Cell, run: Path, report: Report) -> dict[str, Any]:
    """Train and sample; save the evidence; return the part of the record that is known then.

    ``report(phase=..., step=..., steps=..., values=...)`` hears of the progress. Raises Diverged, Invalid, or what the
    plugin raises; ``report`` was then told the phase and the timings so far.
    """
    report(phase="load")
    with heard_by(lambda done, whole: report(phase="load", step=done, steps=whole)):
        data = load(cell)
    space = transform_of(data)
    known: dict[str, Any] = {
        "fingerprint": fingerprint(data),
        "sizes": {"train": len(data.train), "test": len(data.test), "reference": len(data.reference)},
        "shape": list(data.shape),
        "notes": [*data.notes, *space.notes],
    }
    report(phase="load", known=known)
    if cell.model.name == REAL:
        evidence = _real_evidence(data)
        timings: dict[str, float | None] = {}
        trace: list[Any] = []
        checks: list[dict[str, Any]] = []
    else:
        evidence, timings, trace, checks, notes = _fit_and_sample(cell, data, space, report)
        known["notes"] = [*known["notes"], *notes]
    save_samples(run, cell, {**evidence, "test_probe": probe_rows(data)})
    return {
        **known,
        "samples_sha256": digest_of_samples(evidence["samples"]),
        "timings": timings,
        "trace": trace,
        "checks": checks,
    }


def _real_evidence(data: Data) -> dict[str, Array]:
    """Return the floor: fresh real data in the place of samples, the known density in the place of a model's."""
    evidence = {"samples": data.reference}
    if data.log_prob is not None:
        evidence["log_prob_test"] = data.log_prob(data.test[:MAX_DENSITY_ROWS])
        evidence["log_prob_fake"] = data.log_prob(data.reference[:MAX_DENSITY_ROWS])
    return evidence


def _fit_and_sample(
    cell: Cell, data: Data, space: Transform, report: Report
) -> tuple[dict[str, Array], dict[str, float | None], list[Any], list[dict[str, Any]], list[str]]:
    device = Device(cell.device)
    noise = np.random.Generator(np.random.PCG64(stream_of(cell, "dequantise")))
    rows = TrainingData(torch.from_numpy(space.to_model(data.train, noise)).to(device.torch), data.levels)
    device.warm_up()

    timings: dict[str, float | None] = {}
    fit_stream, sample_stream, density_stream, check_stream, snapshot_stream = stream_of(cell, "fit").spawn(5)

    report(phase="fit")
    listener = lambda step, steps, values: report(phase="fit", step=step, steps=steps, values=values)  # noqa: E731
    budget = (
        Budget(1, "steps") if cell.budget == "none" else Budget.parse(cell.budget)
    )  # none: the model does not iterate
    device.reset_peak()
    with seeded(fit_stream):
        model = build(cell.model)
        snapshots = Snapshots(
            lambda draw: draw_snapshot(draw, data.shape, space, device), snapshot_stream, device.synchronise
        )
        run = Run(budget, device.torch, levels=data.levels, listener=listener, snapshots=snapshots)  # its clock runs
        wall, cpu = time.perf_counter(), time.process_time()
        model.fit(rows, run)
        device.synchronise()
        fit_s = time.perf_counter() - wall - snapshots.spent_s
        fit_cpu_s = time.process_time() - cpu - snapshots.spent_cpu_s
    timings |= {"fit_s": fit_s, "fit_cpu_s": fit_cpu_s, "steps": run.steps, "snapshots_s": snapshots.spent_s}
    timings["steps_per_s"] = run.steps / fit_s if run.steps else None
    timings["parameters"] = sum(p.numel() for p in model.parameters()) if hasattr(model, "parameters") else None
    report(phase="sample", timings=timings)

    n = len(data.reference)
    with seeded(sample_stream), torch.no_grad():
        start = time.perf_counter()
        model.sample(1)
        device.synchronise()
        timings["first_sample_s"] = time.perf_counter() - start
        start = time.perf_counter()
        blocks = []
        for begin in range(0, n, SAMPLES_PER_BLOCK):
            block = min(SAMPLES_PER_BLOCK, n - begin)
            blocks.append(check_draw(model.sample(block), data.shape, block, device))
            report(phase="sample", step=begin + len(blocks[-1]), steps=n)
        device.synchronise()
        timings["samples_per_s"] = n / (time.perf_counter() - start)
    timings["peak_mb"] = device.peak_mb()
    drawn = torch.cat(blocks).cpu().numpy()
    samples = space.from_model(drawn)
    bad = ~np.isfinite(space.to_scores(samples)).all(1)  # a logarithmic column may overflow, or vanish
    if bad.any():
        raise Invalid(f"{int(bad.sum())} of {n} samples overflow or vanish in the data's units")
    evidence = {"samples": samples, **snapshots.as_arrays()}

    checks: list[DensityCheck] = []
    if cell.density != "none":
        report(phase="density", timings=timings)
        start = time.perf_counter()
        with seeded(density_stream), torch.no_grad():
            evidence["log_prob_test"] = log_prob_of(model, data.test[:MAX_DENSITY_ROWS], space, noise, device)
            if data.log_prob is not None and cell.density != "bound":  # a bound says nothing of KL(model || truth)
                evidence["log_prob_fake"] = log_prob_of(model, samples[:MAX_DENSITY_ROWS], space, noise, device)
        timings["log_prob_s"] = time.perf_counter() - start
        with seeded(check_stream), torch.no_grad():
            checks = checks_of(cell, data, evidence["log_prob_test"], density_of(model, device), drawn)
    notes = [f"{cell.model.label}: {snapshots.problem}"] if snapshots.problem else []
    return evidence, timings, run.trace, [check.as_dict() for check in checks], notes


# --------------------------------------------------------------------------------------------------------------- score

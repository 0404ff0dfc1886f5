"""One cell, top to bottom: load, fit, sample, and, from what was saved, score."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genbench.budget import Budget
from genbench.curves import add_curves
from genbench.data import Space, check_samples, fingerprint, space_of
from genbench.device import Device
from genbench.errors import Invalid, PluginError
from genbench.floors import spread_of_floors
from genbench.honesty import Check, Density, beats_no_truth, density_checks
from genbench.loading import heard_by
from genbench.measures import makers_of, scorer_of
from genbench.plan.cell import REAL, Cell
from genbench.protocol import Array, Data, Evidence, LogDensity, RealSide, Sampler, TrainingData
from genbench.record.store import cell_folder
from genbench.registry.component import build
from genbench.scoring import evaluate
from genbench.seeding import seeded, stream
from genbench.snapshots import Snapshots, rows_of
from genbench.spaces import Views
from genbench.training import Run

__all__ = ["RealHalf", "fit_cell", "score_cell"]

Report = Callable[..., None]
SAMPLES_AT_ONCE = 10_000
PROBED = 64  # rows
DENSITIES = 2_000  # rows whose log-density is asked of a model
DENSITIES_AT_ONCE = 2_000


def load(cell: Cell) -> Data:
    """Return the data of a cell; all models of the same seed get the same."""
    data = build(cell.dataset).load(cell.sizes, np.random.Generator(np.random.PCG64(_stream(cell, "data"))))
    if not isinstance(data, Data):
        raise PluginError(f"dataset {cell.dataset.label!r}: load returned {type(data).__name__}, expected Data")
    for name in ("train", "test", "reference"):
        rows = getattr(data, name)
        numbers = isinstance(rows, np.ndarray) and rows.dtype.kind in "fiu" and rows.ndim in (2, 4) and len(rows) > 0
        if not numbers or not np.isfinite(rows).all():
            raise PluginError(f"dataset {cell.dataset.label!r}: {name} must be finite (n, d) or (n, c, h, w), n > 0")
        if rows.shape[1:] != data.shape:
            raise PluginError(f"dataset {cell.dataset.label!r}: {name} is {rows.shape}, train is {data.train.shape}")
    return data


def _stream(cell: Cell, name: str) -> np.random.SeedSequence:
    """Streams of data and scores leave the model out, so that adding a model changes no other."""
    dataset = cell.dataset.identity
    return stream(cell.seed, name, dataset) if name != "fit" else stream(cell.seed, name, cell.model.identity, dataset)


# ------------------------------------------------------------------------------------------------------ fit and sample


def fit_cell(cell: Cell, run: Path, report: Report) -> dict[str, Any]:
    """Train and sample; save the evidence; return the part of the record that is known then.

    ``report(phase=..., step=..., steps=..., values=...)`` hears of the progress. Raises Diverged, Invalid, or what the
    plugin raises; ``report`` was then told the phase and the timings so far.
    """
    report(phase="load")
    with heard_by(lambda done, whole: report(phase="load", step=done, steps=whole)):
        data = load(cell)
    space = space_of(data)
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
    _save(run, cell, {**evidence, "test_probe": _probe(data)})
    digest = _digest(evidence["samples"])
    return {**known, "samples_sha256": digest, "timings": timings, "trace": trace, "checks": checks}


def _digest(samples: Array) -> str:
    """Return the sha256 of the samples' shape, type and bytes: equal samples, to the last bit, have the same."""
    told = f"{samples.shape} {samples.dtype.str} ".encode()
    return hashlib.sha256(told + np.ascontiguousarray(samples).tobytes()).hexdigest()


def _save(run: Path, cell: Cell, evidence: Mapping[str, Array]) -> None:
    """Write the evidence so that what an earlier attempt left is there until this is whole."""
    folder = cell_folder(run, cell.key)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".samples.{os.getpid()}.npz"
    try:
        np.savez(temporary, **evidence)  # type: ignore[arg-type]
        temporary.replace(folder / "samples.npz")
    finally:
        temporary.unlink(missing_ok=True)


def _saved(run: Path, cell: Cell, data: Data) -> Mapping[str, Array]:
    """Return the evidence of an attempt; raises Invalid where the data are no longer those it was made with."""
    saved: Mapping[str, Array] = np.load(cell_folder(run, cell.key) / "samples.npz", allow_pickle=False)
    then, now = saved.get("test_probe"), _probe(data)
    if then is not None and (then.shape != now.shape or not np.allclose(then, now, rtol=1e-5, atol=1e-8)):
        raise Invalid(f"dataset {cell.dataset.label!r} gives other data than those it was trained on; use --force")
    return saved


def _probe(data: Data) -> Array:
    """Return some held-out rows, by which the data are known again: on another processor last digits may differ."""
    return data.test[:: max(1, len(data.test) // PROBED)][:PROBED]


def _real_evidence(data: Data) -> dict[str, Array]:
    """Return the floor: fresh real data in the place of samples, the known density in the place of a model's."""
    evidence = {"samples": data.reference}
    if data.log_prob is not None:
        evidence["log_prob_test"] = data.log_prob(data.test[:DENSITIES])
        evidence["log_prob_fake"] = data.log_prob(data.reference[:DENSITIES])
    return evidence


def _fit_and_sample(
    cell: Cell, data: Data, space: Space, report: Report
) -> tuple[dict[str, Array], dict[str, float | None], list[Any], list[dict[str, Any]], list[str]]:
    device = Device(cell.device)
    noise = np.random.Generator(np.random.PCG64(_stream(cell, "dequantise")))
    rows = TrainingData(torch.from_numpy(space.to_model(data.train, noise)).to(device.torch), data.levels)
    device.warm_up()

    timings: dict[str, float | None] = {}
    fit_stream, sample_stream, density_stream, check_stream, snapshot_stream = _stream(cell, "fit").spawn(5)

    report(phase="fit")
    listener = lambda step, steps, values: report(phase="fit", step=step, steps=steps, values=values)  # noqa: E731
    budget = (
        Budget(1, "steps") if cell.budget == "none" else Budget.parse(cell.budget)
    )  # none: the model does not iterate
    device.reset_peak()
    with seeded(fit_stream):
        model = build(cell.model)
        snapshots = Snapshots(
            lambda draw: _snapshot(draw, data.shape, space, device), snapshot_stream, device.synchronise
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
        for begin in range(0, n, SAMPLES_AT_ONCE):
            block = min(SAMPLES_AT_ONCE, n - begin)
            blocks.append(_checked(model.sample(block), data.shape, block, device))
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

    checks: list[Check] = []
    if cell.density != "none":
        report(phase="density", timings=timings)
        start = time.perf_counter()
        with seeded(density_stream), torch.no_grad():
            evidence["log_prob_test"] = _log_prob(model, data.test[:DENSITIES], space, noise, device)
            if data.log_prob is not None and cell.density != "bound":  # a bound says nothing of KL(model || truth)
                evidence["log_prob_fake"] = _log_prob(model, samples[:DENSITIES], space, noise, device)
        timings["log_prob_s"] = time.perf_counter() - start
        with seeded(check_stream), torch.no_grad():
            checks = _checks(cell, data, evidence["log_prob_test"], _density_of(model, device), drawn)
    notes = [f"{cell.model.label}: {snapshots.problem}"] if snapshots.problem else []
    return evidence, timings, run.trace, [check.as_dict() for check in checks], notes


def _checks(cell: Cell, data: Data, held_out: Array, log_prob: Density, drawn: Array) -> list[Check]:
    """Return whether the likelihood is what its kind promises; an estimate promises nothing."""
    checks = []
    if cell.density == "exact" and drawn.ndim == 2:
        checks = density_checks(log_prob, drawn.astype(np.float64), np.random.default_rng(_stream(cell, "check")))
    if cell.density in ("exact", "bound") and data.log_prob is not None:
        checks.append(beats_no_truth(held_out, data.log_prob(data.test[: len(held_out)]), cell.density))
    return checks


def _density_of(model: Any, device: Device) -> Density:
    """Return the model's log-density as a function of arrays, in the space it was trained in."""

    def log_prob(rows: Array) -> Array:
        z = torch.from_numpy(rows.astype(np.float32)).to(device.torch)
        values = torch.cat([model.log_prob(block) for block in torch.split(z, DENSITIES_AT_ONCE)])
        found: Array = values.double().cpu().numpy()
        return found

    return log_prob


def _checked(samples: Any, shape: tuple[int, ...], n: int, device: Device) -> torch.Tensor:
    if not isinstance(samples, torch.Tensor):
        raise Invalid(f"sample returned {type(samples).__name__}, expected a tensor of shape {(n, *shape)}")
    if samples.requires_grad:
        raise Invalid("samples carry a gradient; sample under torch.no_grad()")
    if tuple(samples.shape) != (n, *shape):  # before anything is computed from them: they may be huge
        raise Invalid(f"samples have shape {tuple(samples.shape)}, expected {(n, *shape)}")
    if not samples.is_floating_point() or samples.layout != torch.strided:
        raise Invalid(f"samples have dtype {samples.dtype}, {samples.layout}; expected dense floating point")
    if samples.device.type != device.kind:
        raise Invalid(f"samples are on {samples.device}, expected {device.torch}, the run's device")
    checked = samples.detach().float()  # also of bfloat16, which numpy lacks
    check_samples(checked.cpu().numpy(), shape, n)
    return samples if samples.dtype == torch.float64 else checked


def _snapshot(sample: Sampler, shape: tuple[int, ...], space: Space, device: Device) -> Array:
    """Return samples (n, *shape) of a model that is still learning, in the data's units."""
    n = rows_of(shape)
    rows = space.from_model(_checked(sample(n), shape, n, device).cpu().numpy())
    if not np.isfinite(space.to_scores(rows)).all():
        raise Invalid("samples overflow or vanish in the data's units")
    return rows


def _log_prob(model: Any, rows: Array, space: Space, noise: np.random.Generator, device: Device) -> Array:
    """Return (n,) nats in the data's units; of integer images, of the dequantised image in units of a grey level."""
    z = torch.from_numpy(space.to_model(rows, noise)).to(device.torch)
    values = torch.cat([model.log_prob(block) for block in torch.split(z, DENSITIES_AT_ONCE)])
    if tuple(values.shape) != (len(rows),):
        raise Invalid(f"log_prob returned shape {tuple(values.shape)}, expected {(len(rows),)}")
    log_prob: Array = values.double().cpu().numpy() + space.log_det(rows)
    if np.isnan(log_prob).any() or np.isposinf(log_prob).any():
        raise Invalid(
            f"{int((np.isnan(log_prob) | np.isposinf(log_prob)).sum())} of {len(rows)} log-densities are nan or +inf"
        )
    return log_prob


# --------------------------------------------------------------------------------------------------------------- score


class RealHalf:
    """What every score on one dataset and seed begins with: the data, and all that is made of the real rows alone.

    ``fields`` are those of the evidence, ``views`` the feature spaces. Metrics leave on the real side what they made of
    it, so that the next model scored with the same half finds it there.
    """

    def __init__(self, cell: Cell, run: Path) -> None:
        self.data = load(cell)
        self.fields = _real_fields(self.data)
        self.views = Views({}, cache=run / "spaces")


def score_cell(
    cell: Cell,
    run: Path,
    timings: Mapping[str, float | None],
    floors: Mapping[str, Any] | None,
    report: Report,
    real: RealHalf | None = None,
) -> list[dict[str, Any]]:
    """Return the scores of the samples that ``fit_cell`` saved; a metric that cannot be loaded says so in its score.

    ``real`` is the half that is known already; the scores are the same without.
    """
    report(phase="score")
    real = real or RealHalf(cell, run)
    saved = _saved(run, cell, real.data)
    evidence = _evidence(cell, real.data, real.fields, saved, timings)
    scorers, views = [scorer_of(choice) for choice in cell.metrics], real.views
    views.offer(makers_of(cell.metrics))
    done = iter(range(1, len(scorers) + 1))
    listener = lambda _: report(phase="score", step=next(done), steps=len(scorers))  # noqa: E731
    scores = evaluate(evidence, scorers, floors, listener, views)
    add_curves(scores, scorers, evidence, saved, space_of(real.data).to_scores)
    made = spread_of_floors(evidence, scorers, scores, views) if cell.model.name == REAL else scores
    return [dict(score) for score in cell.complete(made)]


def evidence_of(cell: Cell, data: Data, saved: Mapping[str, Array], timings: Mapping[str, float | None]) -> Evidence:
    """Return what a metric may see of a cell."""
    return _evidence(cell, data, _real_fields(data), saved, timings)


def _real_fields(data: Data) -> dict[str, Any]:
    space, labels, truth = space_of(data), data.labels or {}, data.log_prob
    return {
        "real": RealSide(space.to_scores(data.test)),
        "space": space.name,
        "kind": "vector" if data.train.ndim == 2 else "image",
        "columns": space.columns,
        "train": space.to_scores(data.train),
        "reference": space.to_scores(data.reference),
        "test_raw": data.test,
        "train_raw": data.train,
        "truth_test": None if truth is None else truth(data.test),
        "entropy": data.entropy,
        "modes": data.modes,
        "levels": data.levels,
        "simulator": data.simulator,
        "labels_train": labels.get("train"),
        "labels_test": labels.get("test"),
        "observables_test": None if data.observables is None else data.observables(data.test),
    }


def _evidence(
    cell: Cell,
    data: Data,
    real: Mapping[str, Any],
    saved: Mapping[str, Array],
    timings: Mapping[str, float | None],
) -> Evidence:
    samples = saved["samples"]
    kind = "exact" if cell.model.name == REAL else cell.density
    return Evidence(
        **real,
        fake=space_of(data).to_scores(samples),
        fake_raw=samples,
        density_test=LogDensity(saved["log_prob_test"], kind) if "log_prob_test" in saved else None,
        density_fake=LogDensity(saved["log_prob_fake"], kind) if "log_prob_fake" in saved else None,
        truth_fake=None if data.log_prob is None else data.log_prob(samples.astype(np.float64)),
        timing=timings,
        observables_fake=None if data.observables is None else data.observables(samples),
        seed=int(_stream(cell, "score").generate_state(1)[0]),
    )

"""Draw samples of a model, and check them before anything is computed from them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from genbench.errors import Invalid
from genbench.protocol import Array, Sampler
from genbench.training.device import Device
from genbench.training.seeding import seed_generators
from genbench.training.setup import Setup, Timings
from genbench.training.snapshots import rows_per_snapshot
from genbench.training.standardise import Transform

SAMPLES_PER_BLOCK = 10_000  # in one call of the model


@dataclass(frozen=True)
class Drawn:
    """Samples (n, *shape) in the space of the model, the same in the data's units, and what drawing them cost."""

    rows: Array
    samples: Array
    timings: Timings


def draw(setup: Setup, model: Any) -> Drawn:
    """Draw as many samples as there are reference rows, given their conditions; raises Invalid for unusable ones.

    One sample is drawn first, to warm up; the clock of the others stops when the device has finished.
    """
    shape, device, n = setup.transform.shape, setup.device, len(setup.data.reference)
    given = setup.conditions_on_device("reference")
    timings: Timings = {}
    with seed_generators(setup.sample_stream), torch.no_grad():
        start = time.perf_counter()
        sample_given(model.sample, given, 0, 1)
        device.synchronise()
        timings["first_sample_s"] = time.perf_counter() - start
        start = time.perf_counter()
        blocks = []
        for begin in range(0, n, SAMPLES_PER_BLOCK):
            size = min(SAMPLES_PER_BLOCK, n - begin)
            blocks.append(check_draw(sample_given(model.sample, given, begin, begin + size), shape, size, device))
            setup.report(phase="sample", step=begin + size, steps=n)
        device.synchronise()
        timings["samples_per_s"] = n / (time.perf_counter() - start)
    timings["peak_mb"] = device.peak_mb()
    rows = torch.cat(blocks).cpu().numpy()
    samples = setup.transform.from_model(rows)
    check_units(samples, setup.transform)
    return Drawn(rows, samples, timings)


def sample_given(sample: Sampler, given: torch.Tensor | None, begin: int, end: int) -> Any:
    """Return samples given the conditions ``begin`` to ``end`` of ``given`` (n, k), or as many where it is None."""
    return sample(end - begin) if given is None else sample(end - begin, given[begin:end])


def check_units(samples: Array, transform: Transform) -> None:
    """Raise Invalid where samples are not finite in scoring units: a logarithmic column may overflow, or be zero."""
    bad = ~np.isfinite(transform.to_scores(samples)).all(1)
    if bad.any():
        raise Invalid(f"{int(bad.sum())} of {len(samples)} samples overflow or vanish in the data's units")


def check_draw(samples: Any, shape: tuple[int, ...], n: int, device: Device) -> torch.Tensor:
    """Return samples of a model as a float tensor; raises Invalid unless they are (n, *shape) finite numbers."""
    if not isinstance(samples, torch.Tensor):
        raise Invalid(f"sample returned {type(samples).__name__}, expected a tensor of shape {(n, *shape)}")
    if samples.requires_grad:
        raise Invalid("samples carry a gradient; sample under torch.no_grad()")
    if tuple(samples.shape) != (n, *shape):  # before any copy: they may be huge
        raise Invalid(f"samples have shape {tuple(samples.shape)}, expected {(n, *shape)}")
    if not samples.is_floating_point() or samples.layout != torch.strided:
        raise Invalid(f"samples have dtype {samples.dtype}, {samples.layout}; expected dense floating point")
    if samples.device.type != device.kind:
        raise Invalid(f"samples are on {samples.device}, expected {device.torch}, the run's device")
    checked = samples.detach().float()  # also of bfloat16, which numpy lacks
    check_samples(checked.cpu().numpy(), shape, n)
    return samples if samples.dtype == torch.float64 else checked


def draw_snapshot(sample: Sampler, transform: Transform, device: Device, given: torch.Tensor | None = None) -> Array:
    """Return samples (n, *shape) of a model that is still learning, in the data's units, given the first conditions."""
    shape = transform.shape
    n = rows_per_snapshot(shape) if given is None else min(rows_per_snapshot(shape), len(given))
    rows = transform.from_model(check_draw(sample_given(sample, given, 0, n), shape, n, device).cpu().numpy())
    check_units(rows, transform)
    return rows


def check_samples(rows: Array, shape: tuple[int, ...], n: int, what: str = "samples") -> None:
    """Raise Invalid, with counts, unless ``rows`` are (n, *shape) finite real numbers."""
    if rows.shape != (n, *shape):
        raise Invalid(f"{what} have shape {rows.shape}, expected {(n, *shape)}")
    if not np.issubdtype(rows.dtype, np.floating):
        raise Invalid(f"{what} have dtype {rows.dtype}, expected floating point")
    bad = ~np.isfinite(rows.reshape(n, -1)).all(1)
    if bad.any():
        raise Invalid(f"{int(bad.sum())} of {n} {what} are not finite")

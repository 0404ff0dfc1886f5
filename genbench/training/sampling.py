"""Samples of a model, checked before anything is computed from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from genbench.errors import Invalid
from genbench.protocol import Array, Sampler
from genbench.training.device import Device
from genbench.training.snapshots import rows_of
from genbench.training.standardise import Transform

__all__ = ["SAMPLES_PER_BLOCK", "check_draw", "check_samples", "draw_snapshot"]

SAMPLES_PER_BLOCK = 10_000


def check_draw(samples: Any, shape: tuple[int, ...], n: int, device: Device) -> torch.Tensor:
    """Return the samples that a model gave as a float tensor; raises Invalid where they are not (n, *shape) numbers."""
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


def draw_snapshot(sample: Sampler, shape: tuple[int, ...], space: Transform, device: Device) -> Array:
    """Return samples (n, *shape) of a model that is still learning, in the data's units."""
    n = rows_of(shape)
    rows = space.from_model(check_draw(sample(n), shape, n, device).cpu().numpy())
    if not np.isfinite(space.to_scores(rows)).all():
        raise Invalid("samples overflow or vanish in the data's units")
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

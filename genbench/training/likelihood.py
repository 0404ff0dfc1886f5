"""Log-densities of a model in the data's units, and whether they keep what their kind promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from genbench.errors import Invalid
from genbench.plan.cell import Cell
from genbench.protocol import Array, Data
from genbench.training.density_checks import Density, DensityCheck, beats_no_truth, density_checks
from genbench.training.device import Device
from genbench.training.load import stream_of
from genbench.training.standardise import Transform

__all__ = ["DENSITIES_PER_BLOCK", "MAX_DENSITY_ROWS", "checks_of", "density_of", "log_prob_of"]

MAX_DENSITY_ROWS = 2_000  # rows whose log-density is asked of a model
DENSITIES_PER_BLOCK = 2_000


def checks_of(cell: Cell, data: Data, held_out: Array, log_prob: Density, drawn: Array) -> list[DensityCheck]:
    """Return whether the likelihood is what its kind promises; an estimate promises nothing."""
    checks = []
    if cell.density == "exact" and drawn.ndim == 2:
        checks = density_checks(log_prob, drawn.astype(np.float64), np.random.default_rng(stream_of(cell, "check")))
    if cell.density in ("exact", "bound") and data.log_prob is not None:
        checks.append(beats_no_truth(held_out, data.log_prob(data.test[: len(held_out)]), cell.density))
    return checks


def density_of(model: Any, device: Device) -> Density:
    """Return the model's log-density as a function of arrays, in the space it was trained in."""

    def log_prob(rows: Array) -> Array:
        z = torch.from_numpy(rows.astype(np.float32)).to(device.torch)
        values = torch.cat([model.log_prob(block) for block in torch.split(z, DENSITIES_PER_BLOCK)])
        found: Array = values.double().cpu().numpy()
        return found

    return log_prob


def log_prob_of(model: Any, rows: Array, space: Transform, noise: np.random.Generator, device: Device) -> Array:
    """Return (n,) nats in the data's units; of integer images, of the dequantised image in units of a grey level."""
    z = torch.from_numpy(space.to_model(rows, noise)).to(device.torch)
    values = torch.cat([model.log_prob(block) for block in torch.split(z, DENSITIES_PER_BLOCK)])
    if tuple(values.shape) != (len(rows),):
        raise Invalid(f"log_prob returned shape {tuple(values.shape)}, expected {(len(rows),)}")
    log_prob: Array = values.double().cpu().numpy() + space.log_det(rows)
    if np.isnan(log_prob).any() or np.isposinf(log_prob).any():
        raise Invalid(
            f"{int((np.isnan(log_prob) | np.isposinf(log_prob)).sum())} of {len(rows)} log-densities are nan or +inf"
        )
    return log_prob

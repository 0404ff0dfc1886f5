"""Log-densities of a model in the data's units, and whether they keep what their kind promises."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from genbench.errors import Invalid
from genbench.plan.cell import Cell
from genbench.protocol import Array, Data
from genbench.training.density_checks import Density, DensityCheck, beats_no_truth, density_checks
from genbench.training.device import Device
from genbench.training.load import stream_of
from genbench.training.sampling import Drawn
from genbench.training.seeding import seeded
from genbench.training.setup import Setup, Timings
from genbench.training.standardise import Transform

__all__ = ["DENSITIES_PER_BLOCK", "MAX_DENSITY_ROWS", "Densities", "densities", "log_prob_of"]

MAX_DENSITY_ROWS = 2_000  # whose log-density is asked of a model
DENSITIES_PER_BLOCK = 2_000


@dataclass(frozen=True)
class Densities:
    """Log-densities by the names under which they are kept, whether they hold what they promise, and their cost."""

    log_prob: dict[str, Array]
    checks: list[DensityCheck]
    timings: Timings


def densities(setup: Setup, model: Any, drawn: Drawn) -> Densities:
    """Ask a model for the log-densities of held-out rows and of its samples; raises Invalid where they are none."""
    cell, data, device, found = setup.cell, setup.data, setup.device, dict[str, Array]()
    start = time.perf_counter()
    with seeded(setup.density_stream), torch.no_grad():
        asked = {"log_prob_test": data.test}
        if data.log_prob is not None and cell.density != "bound":  # a bound says nothing of KL(model || truth)
            asked["log_prob_fake"] = drawn.samples
        for name, rows in asked.items():
            found[name] = log_prob_of(model, rows[:MAX_DENSITY_ROWS], setup.transform, setup.noise, device)
    timings: Timings = {"log_prob_s": time.perf_counter() - start}
    with seeded(setup.check_stream), torch.no_grad():
        checks = _checks(cell, data, found["log_prob_test"], _density_of(model, device), drawn.rows)
    return Densities(found, checks, timings)


def _checks(cell: Cell, data: Data, held_out: Array, log_prob: Density, rows: Array) -> list[DensityCheck]:
    """Return whether the likelihood is what its kind promises; an estimate promises nothing."""
    checks = []
    if cell.density == "exact" and rows.ndim == 2:
        checks = density_checks(log_prob, rows.astype(np.float64), np.random.default_rng(stream_of(cell, "check")))
    if cell.density in ("exact", "bound") and data.log_prob is not None:
        checks.append(beats_no_truth(held_out, data.log_prob(data.test[: len(held_out)]), cell.density))
    return checks


def _density_of(model: Any, device: Device) -> Density:
    """Return the model's log-density as a function of arrays, in the space it was trained in."""

    def log_prob(rows: Array) -> Array:
        z = torch.from_numpy(rows.astype(np.float32)).to(device.torch)
        values = torch.cat([model.log_prob(block) for block in torch.split(z, DENSITIES_PER_BLOCK)])
        found: Array = values.double().cpu().numpy()
        return found

    return log_prob


def log_prob_of(model: Any, rows: Array, transform: Transform, noise: np.random.Generator, device: Device) -> Array:
    """Return (n,) nats in the data's units; of integer images, of the dequantised image in units of a grey level."""
    z = torch.from_numpy(transform.to_model(rows, noise)).to(device.torch)
    values = torch.cat([model.log_prob(block) for block in torch.split(z, DENSITIES_PER_BLOCK)])
    if tuple(values.shape) != (len(rows),):
        raise Invalid(f"log_prob returned shape {tuple(values.shape)}, expected {(len(rows),)}")
    log_prob: Array = values.double().cpu().numpy() + transform.log_det(rows)
    if np.isnan(log_prob).any() or np.isposinf(log_prob).any():
        raise Invalid(
            f"{int((np.isnan(log_prob) | np.isposinf(log_prob)).sum())} of {len(rows)} log-densities are nan or +inf"
        )
    return log_prob

"""Log-densities of a model in the data's units, checked for what their kind (exact or bound) promises."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from genbench.errors import Invalid
from genbench.plan.cell import Cell
from genbench.protocol import Array, Data
from genbench.training.density_checks import Density, DensityCheck, check_below_truth, check_density
from genbench.training.device import Device
from genbench.training.load import stream_of
from genbench.training.sampling import Drawn
from genbench.training.seeding import seed_generators
from genbench.training.setup import Setup, Timings
from genbench.training.standardise import Transform

__all__ = ["DENSITIES_PER_BLOCK", "MAX_DENSITY_ROWS", "Densities", "densities", "log_prob_of"]

MAX_DENSITY_ROWS = 2_000  # whose log-density is evaluated
DENSITIES_PER_BLOCK = 2_000  # rows in one call of the model


@dataclass(frozen=True)
class Densities:
    """Log-densities by the names that they are saved under, the checks of them, and their cost."""

    log_prob: dict[str, Array]
    checks: list[DensityCheck]
    timings: Timings


def densities(setup: Setup, model: Any, drawn: Drawn) -> Densities:
    """Evaluate and check a model's log-density at held-out rows and at its samples; raises as ``log_prob_of``."""
    cell, data, device, log_prob = setup.cell, setup.data, setup.device, dict[str, Array]()
    start = time.perf_counter()
    with seed_generators(setup.density_stream), torch.no_grad():
        requested = {"log_prob_test": data.test}
        if data.log_prob is not None and cell.density != "bound":  # a bound says nothing of KL(model || truth)
            requested["log_prob_fake"] = drawn.samples
        for name, rows in requested.items():
            log_prob[name] = log_prob_of(model, rows[:MAX_DENSITY_ROWS], setup.transform, setup.noise, device)
    timings: Timings = {"log_prob_s": time.perf_counter() - start}
    with seed_generators(setup.check_stream), torch.no_grad():
        checks = _checks(cell, data, log_prob["log_prob_test"], _density_of(model, device), drawn.rows)
    return Densities(log_prob, checks, timings)


def _checks(cell: Cell, data: Data, held_out: Array, log_prob: Density, rows: Array) -> list[DensityCheck]:
    """Check that the likelihood is what its kind promises; an estimate promises nothing."""
    checks = []
    if cell.density == "exact" and rows.ndim == 2:
        checks = check_density(log_prob, rows.astype(np.float64), np.random.default_rng(stream_of(cell, "check")))
    if cell.density in ("exact", "bound") and data.log_prob is not None:
        checks.append(check_below_truth(held_out, data.log_prob(data.test[: len(held_out)]), cell.density))
    return checks


def _density_of(model: Any, device: Device) -> Density:
    """Return the model's log-density as a function of arrays in the space it was trained in, (n, *shape) to (n,)."""

    def log_prob(rows: Array) -> Array:
        z = torch.from_numpy(rows.astype(np.float32)).to(device.torch)
        values = torch.cat([model.log_prob(block) for block in torch.split(z, DENSITIES_PER_BLOCK)])
        array: Array = values.double().cpu().numpy()
        return array

    return log_prob


def log_prob_of(model: Any, rows: Array, transform: Transform, noise: np.random.Generator, device: Device) -> Array:
    """Return a model's log-density at rows in the data's units, (n,) nats; for integer images in units of a grey level.

    Raises Invalid for nan, +inf or a wrong shape.
    """
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

"""Log-densities of a model in the data's units, checked for what their kind (exact or bound) promises."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from genbench.errors import Invalid
from genbench.protocol import Array
from genbench.training.density_checks import Density, DensityCheck, check_below_truth, check_density
from genbench.training.image_masses import check_distinct_images, check_pixel_levels
from genbench.training.load import stream_of
from genbench.training.periodic import Wrapping, check_images_of_period, wrapped_density, wrapping_of
from genbench.training.sampling import Drawn
from genbench.training.seeding import seed_generators
from genbench.training.setup import Setup, Timings
from genbench.training.standardise import Transform, VectorSpace

MAX_DENSITY_ROWS = 2_000  # whose log-density is evaluated
DENSITIES_PER_BLOCK = 2_000  # rows in one call of the model


@dataclass(frozen=True)
class Densities:
    """Log-densities by the names that they are saved under, the checks of them, their cost, and notes for the user."""

    log_prob: dict[str, Array]
    checks: list[DensityCheck]
    timings: Timings
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelDensity:
    """A model's log-density in the space it was trained in; that of its wrapped samples where columns are periodic."""

    log_prob: Density  # (n, *shape) to (n,) nats
    wrapping: Wrapping | None = None

    def rows_for(self, rows: Array) -> Array:
        """Return the first of the rows (n, *shape), as many as are evaluated."""
        rows = rows[:MAX_DENSITY_ROWS]
        return rows if self.wrapping is None else self.wrapping.rows_for(rows)


def densities(setup: Setup, model: Any, drawn: Drawn) -> Densities:
    """Evaluate and check a model's log-density at held-out rows and at its samples; raises as ``log_prob_of``."""
    cell, data, log_prob = setup.cell, setup.data, dict[str, Array]()
    density = _density_of(model, setup, drawn.rows)
    start = time.perf_counter()
    with seed_generators(setup.density_stream), torch.no_grad():
        requested = {"log_prob_test": data.test}
        if data.log_prob is not None and cell.density != "bound":  # a bound says nothing of KL(model || truth)
            requested["log_prob_fake"] = drawn.samples
        for name, rows in requested.items():
            log_prob[name] = log_prob_of(density, rows, setup.transform, setup.noise)
    timings: Timings = {"log_prob_s": time.perf_counter() - start}
    with seed_generators(setup.check_stream), torch.no_grad():
        checks = _checks(setup, log_prob["log_prob_test"], density, drawn.rows)
    if defect := _text(model, "log_prob_defect"):
        checks.append(DensityCheck("model", False, reason=defect))
    note = _text(model, "log_prob_note")
    return Densities(log_prob, checks, timings, (f"{cell.model.label}: {note}",) if note else ())


def outlier_densities(setup: Setup, model: Any, drawn: Drawn, rows: Array) -> Array:
    """Return log-densities (n,) of outliers (n, *shape), in nats, in the data's units; raises as ``log_prob_of``."""
    noise = np.random.default_rng(stream_of(setup.cell, "outliers"))
    return log_prob_of(_density_of(model, setup, drawn.rows), rows, setup.transform, noise)


def _text(model: Any, name: str) -> str:
    """Return an attribute of a fitted model if it is a text, else an empty one."""
    text = getattr(model, name, "")
    return text if isinstance(text, str) else ""


def _checks(setup: Setup, held_out: Array, density: ModelDensity, drawn: Array) -> list[DensityCheck]:
    """Check that the likelihood is what its kind promises; an estimate promises nothing but a mass of at most 1.

    ``held_out`` (n,) are log-densities of test rows in the data's units, ``drawn`` samples in the model's.
    """
    cell, data, checks = setup.cell, setup.data, list[DensityCheck]()
    rng = np.random.default_rng(stream_of(cell, "check"))
    if cell.density == "exact" and drawn.ndim == 2:
        checks += _check_own_density(density, drawn.astype(np.float64), rng)
    if density.wrapping is not None and density.wrapping.omitted:
        checks.append(check_images_of_period(density.wrapping))
    if data.levels is not None and drawn.ndim == 4:
        images = data.test[: len(held_out)]

        def log_mass(images: Array) -> Array:
            return log_prob_of(density, images, setup.transform, rng)

        checks.append(check_distinct_images(images, held_out, log_mass))
        checks.append(check_pixel_levels(images, held_out, data.levels, log_mass, rng))
    if cell.density in ("exact", "bound") and data.log_prob is not None:
        checks.append(check_below_truth(held_out, data.log_prob(data.test[: len(held_out)]), cell.density))
    return checks


def _check_own_density(density: ModelDensity, drawn: Array, rng: np.random.Generator) -> list[DensityCheck]:
    """Check an exact density of vectors against samples (n, d), both wrapped where columns are periodic."""
    wrapping = density.wrapping
    if wrapping is None:
        return check_density(density.log_prob, drawn, rng)

    def on_one_period(rows: Array) -> Array:
        return np.where(wrapping.contains(rows), density.log_prob(rows), -np.inf)

    return check_density(on_one_period, wrapping.wrap(wrapping.rows_for(drawn)), rng)


def _density_of(model: Any, setup: Setup, drawn: Array) -> ModelDensity:
    """Return the log-density of a model that drew samples (n, *shape) in its own space."""
    device, transform = setup.device, setup.transform

    def log_prob(rows: Array) -> Array:
        z = torch.from_numpy(rows.astype(np.float32)).to(device.torch)
        values = torch.cat([model.log_prob(block) for block in torch.split(z, DENSITIES_PER_BLOCK)])
        if tuple(values.shape) != (len(rows),):
            raise Invalid(f"log_prob returned shape {tuple(values.shape)}, expected {(len(rows),)}")
        array: Array = values.double().cpu().numpy()
        return array

    wrapping = wrapping_of(transform, drawn) if isinstance(transform, VectorSpace) else None
    if wrapping is None:
        return ModelDensity(log_prob)
    return ModelDensity(wrapped_density(log_prob, wrapping, bound=setup.cell.density == "bound"), wrapping)


def log_prob_of(density: ModelDensity, rows: Array, transform: Transform, noise: np.random.Generator) -> Array:
    """Return a log-density at the first rows (n, *shape) in the data's units, as many as ``density`` evaluates.

    It is (m,) in nats; for integer images in units of a grey level, at noise drawn from ``noise``. Raises Invalid for
    nan, +inf or a wrong shape.
    """
    z = density.rows_for(transform.to_model(rows[:MAX_DENSITY_ROWS], noise))
    log_prob = density.log_prob(z) + transform.log_det(rows[: len(z)])
    if np.isnan(log_prob).any() or np.isposinf(log_prob).any():
        raise Invalid(
            f"{int((np.isnan(log_prob) | np.isposinf(log_prob)).sum())} of {len(z)} log-densities are nan or +inf"
        )
    return log_prob

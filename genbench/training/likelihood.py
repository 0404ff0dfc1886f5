"""Log-densities of a model in the data's units, checked for what their kind (exact or bound) promises."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from genbench.errors import Invalid
from genbench.protocol import Array
from genbench.training.conditions import conditions_of, true_log_prob
from genbench.training.density_checks import Density, DensityCheck, check_below_truth, check_density
from genbench.training.device import Device
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
    """A model's log-density in the space it was trained in; that of its wrapped samples where columns are periodic.

    ``evaluate`` maps rows (n, *shape), and their conditions (n, k) where there are any, to (n,) nats.
    """

    evaluate: Callable[[Array, Array | None], Array]
    kind: str  # exact, bound or estimate
    wrapping: Wrapping | None = None

    def log_prob(self, rows: Array, given: Array | None) -> Array:
        """Return the log-density (n,) in nats at rows (n, *shape), given conditions (n, k) where there are any."""
        if self.wrapping is None:
            return self.evaluate(rows, given)
        if given is None:
            return wrapped_density(
                lambda points: self.evaluate(points, None), self.wrapping, bound=self.kind == "bound"
            )(rows)
        d = rows.shape[1]  # the conditions go through the sum over periods as columns that have none
        both = wrapped_density(
            lambda points: self.evaluate(points[:, :d], points[:, d:]), self.wrapping, bound=self.kind == "bound"
        )
        return both(np.concatenate([rows, given], axis=1))

    def at(self, condition: Array | None) -> Density:
        """Return the log-density given one condition (1, k), or that without conditions."""
        return lambda rows: self.log_prob(rows, None if condition is None else np.repeat(condition, len(rows), axis=0))

    def rows_for(self, rows: Array) -> Array:
        """Return the first of the rows (n, *shape), as many as are evaluated."""
        rows = rows[:MAX_DENSITY_ROWS]
        return rows if self.wrapping is None else self.wrapping.rows_for(rows)


def densities(setup: Setup, model: Any, drawn: Drawn) -> Densities:
    """Evaluate and check a model's log-densities at held-out rows, and the main one at its samples.

    Raises as ``log_prob_of``.
    """
    found = _main_density(setup, model, drawn)
    for name, kind in setup.cell.densities.items():
        density = density_of(model, setup.transform, setup.device, drawn.rows, kind, f"log_prob_{name}")
        with seed_generators(setup.density_stream), torch.no_grad():
            given = setup.model_conditions("test")
            values = _log_prob(density, setup.data.test, setup, setup.noise, given)
        with seed_generators(setup.check_stream), torch.no_grad():
            checks = _checks(setup, model, values, density, drawn.rows)
        found.log_prob[f"log_prob_test_{name}"] = values
        found.checks.extend(replace(check, name=f"{check.name}[{name}]") for check in checks)
    return found


def _main_density(setup: Setup, model: Any, drawn: Drawn) -> Densities:
    cell, data, log_prob = setup.cell, setup.data, dict[str, Array]()
    density = density_of(model, setup.transform, setup.device, drawn.rows, cell.density)
    start = time.perf_counter()
    with seed_generators(setup.density_stream), torch.no_grad():
        requested = {"log_prob_test": ("test", data.test)}
        if data.log_prob is not None and cell.density != "bound":  # a bound says nothing of KL(model || truth)
            requested["log_prob_fake"] = ("reference", drawn.samples)
        for name, (split, rows) in requested.items():
            log_prob[name] = _log_prob(density, rows, setup, setup.noise, setup.model_conditions(split))
        timings: Timings = {"log_prob_s": time.perf_counter() - start}
        if setup.conditions is not None and setup.conditions.levels:
            log_prob["log_prob_classes"] = _log_prob_of_classes(density, setup, setup.conditions.levels)
    with seed_generators(setup.check_stream), torch.no_grad():
        checks = _checks(setup, model, log_prob["log_prob_test"], density, drawn.rows)
    if defect := _text(model, "log_prob_defect"):
        checks.append(DensityCheck("model", False, reason=defect))
    note = _text(model, "log_prob_note")
    return Densities(log_prob, checks, timings, (f"{cell.model.label}: {note}",) if note else ())


def outlier_densities(setup: Setup, model: Any, drawn: Drawn, rows: Array) -> Array:
    """Return log-densities (n,) of outliers (n, *shape), in nats, in the data's units; raises as ``log_prob_of``."""
    noise = np.random.default_rng(stream_of(setup.cell, "outliers"))
    density = density_of(model, setup.transform, setup.device, drawn.rows, setup.cell.density)
    return _log_prob(density, rows, setup, noise, setup.model_conditions("outliers"))


def _text(model: Any, name: str) -> str:
    """Return an attribute of a fitted model if it is a text, else an empty one."""
    text = getattr(model, name, "")
    return text if isinstance(text, str) else ""


def _log_prob_of_classes(density: ModelDensity, setup: Setup, levels: int) -> Array:
    """Return (n, levels) log-densities of test rows given each level of the one category that is the condition."""
    codes = np.arange(levels, dtype=np.float32)[:, None]
    return np.stack([_log_prob(density, setup.data.test, setup, setup.noise, code[None]) for code in codes], axis=1)


def _checks(setup: Setup, model: Any, held_out: Array, density: ModelDensity, drawn: Array) -> list[DensityCheck]:
    """Check that the likelihood is what its kind promises; an estimate promises nothing but a mass of at most 1.

    ``held_out`` (n,) are log-densities of test rows in the data's units, ``drawn`` samples in the model's. A
    conditional density is checked given the condition of the first test row.
    """
    cell, data, checks = setup.cell, setup.data, list[DensityCheck]()
    rng = np.random.default_rng(stream_of(cell, "check"))
    condition = setup.model_conditions("test")
    condition = None if condition is None else condition[:1]
    if condition is not None and density.kind == "exact" and drawn.ndim == 2:
        given = torch.from_numpy(np.repeat(condition, len(drawn), axis=0)).to(setup.device.torch)
        drawn = model.sample(len(drawn), given).cpu().numpy()
    if (
        density.kind == "exact" and drawn.ndim == 2 and not setup.transform.has_codes
    ):  # over which nothing is integrated
        checks += _check_own_density(density, drawn.astype(np.float64), rng, condition)
    if density.wrapping is not None and density.wrapping.omitted:
        checks.append(check_images_of_period(density.wrapping))
    if data.levels is not None and drawn.ndim == 4:
        images = data.test[: len(held_out)]

        def log_mass(images: Array) -> Array:
            return _log_prob(density, images, setup, rng, condition)

        at_one = held_out if condition is None else log_mass(images)
        checks.append(check_distinct_images(images, at_one, log_mass))
        checks.append(check_pixel_levels(images, at_one, data.levels, log_mass, rng))
    if density.kind in ("exact", "bound") and data.log_prob is not None:
        truth = true_log_prob(data, data.test[: len(held_out)], conditions_of(data, "test"))
        checks.append(check_below_truth(held_out, truth, density.kind))
    return checks


def _check_own_density(
    density: ModelDensity, drawn: Array, rng: np.random.Generator, condition: Array | None
) -> list[DensityCheck]:
    """Check an exact density of vectors against samples (n, d), both wrapped where columns are periodic."""
    wrapping, log_prob = density.wrapping, density.at(condition)
    if wrapping is None:
        return check_density(log_prob, drawn, rng)

    def on_one_period(rows: Array) -> Array:
        return np.where(wrapping.contains(rows), log_prob(rows), -np.inf)

    return check_density(on_one_period, wrapping.wrap(wrapping.rows_for(drawn)), rng)


def density_of(
    model: Any, transform: Transform, device: Device, drawn: Array, kind: str, method: str = "log_prob"
) -> ModelDensity:
    """Return the log-density, by a method, of a model that drew samples (n, *shape) in its own space."""

    def log_prob(rows: Array, given: Array | None) -> Array:
        z = torch.from_numpy(rows.astype(np.float32)).to(device.torch)
        blocks: Any = zip(torch.split(z, DENSITIES_PER_BLOCK), strict=True)
        if given is not None:
            c = torch.from_numpy(given.astype(np.float32)).to(device.torch)
            blocks = zip(torch.split(z, DENSITIES_PER_BLOCK), torch.split(c, DENSITIES_PER_BLOCK), strict=True)
        values = torch.cat([getattr(model, method)(*block) for block in blocks])
        if tuple(values.shape) != (len(rows),):
            raise Invalid(f"{method} returned shape {tuple(values.shape)}, expected {(len(rows),)}")
        array: Array = values.double().cpu().numpy()
        return array

    wrapping = wrapping_of(transform, drawn) if isinstance(transform, VectorSpace) else None
    return ModelDensity(log_prob, kind, wrapping)


def _log_prob(
    density: ModelDensity, rows: Array, setup: Setup, noise: np.random.Generator, given: Array | None = None
) -> Array:
    return log_prob_of(density, rows, setup.transform, noise, given, discrete=setup.is_discrete)


def log_prob_of(
    density: ModelDensity,
    rows: Array,
    transform: Transform,
    noise: np.random.Generator,
    given: Array | None = None,
    *,
    discrete: bool,
) -> Array:
    """Return a log-density at the first rows (n, *shape) in the data's units, as many as ``density`` evaluates.

    It is (m,) in nats; for integer images in units of a grey level, at noise drawn from ``noise``. ``given`` are their
    conditions in the space of models, (n, k), or one (1, k) for all; ``discrete`` is ``Setup.is_discrete``. Raises
    Invalid for nan, +inf or a wrong shape.
    """
    z = density.rows_for(transform.to_model(rows[:MAX_DENSITY_ROWS], noise))
    if given is not None:
        given = np.repeat(given, len(z), axis=0) if len(given) == 1 else given[: len(z)]
    log_prob = density.log_prob(z, given)
    if not discrete:
        log_prob = log_prob + transform.log_det(rows[: len(z)])
    if np.isnan(log_prob).any() or np.isposinf(log_prob).any():
        raise Invalid(
            f"{int((np.isnan(log_prob) | np.isposinf(log_prob)).sum())} of {len(z)} log-densities are nan or +inf"
        )
    return log_prob

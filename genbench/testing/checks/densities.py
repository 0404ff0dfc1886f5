"""Checks of likelihoods: an exact one must be a density, and neither it nor a bound may exceed the true one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from genbench.errors import describe
from genbench.protocol import Array
from genbench.testing import toy_data
from genbench.testing.check import Skipped, Subject, check, expect
from genbench.testing.model_training import (
    draw,
    fitted_model,
    kind_of,
    require_vectors,
    rows_for,
    train,
    trained_model,
)
from genbench.testing.process_state import seed_of
from genbench.training.standardise import ImageSpace

GRID = np.linspace(-8.0, 8.0, 241)  # for clusters of unit variance, which have no mass outside
GAUSSIAN_STEPS = 300  # of a training on one Gaussian
IMAGE_ROWS, IMAGE_STEPS = 2000, 100  # of a training on tiny images
EXACT_DRAWS, BOUND_DRAWS = 64, 8  # of the noise within a grey level, for each image


def log_densities(model: Any, rows: Array) -> Array:
    """Return (n,) nats at rows; raises Skipped where log_prob does not give one number per row."""
    values = log_prob(model, rows)
    if values.shape != (len(rows),) or np.isnan(values).any():
        raise Skipped("log_prob does not give one number per row")
    return values


def log_prob(model: Any, rows: Array) -> Array:
    """Return log_prob at rows, called in blocks as by the core."""
    blocks = torch.split(torch.as_tensor(rows, dtype=torch.float32), 2000)
    with seed_of(0, "density"), torch.no_grad():
        values: Array = torch.cat([model.log_prob(block) for block in blocks]).double().cpu().numpy()
    return values


def density_of(subject: Subject) -> str:
    """Return the declared kind of density; raises Skipped where there is none."""
    kind: str = subject.spec.density_of(subject.config)
    if kind == "none":
        raise Skipped("it declares no density")
    return kind


def require_exact(subject: Subject) -> None:
    """Raise Skipped where no exact density of vectors is declared."""
    if density_of(subject) != "exact":
        raise Skipped("its density is not declared exact")
    require_vectors(subject)


@check("model", remedy="return one number per row, summed over all its columns or pixels")
def log_prob_gives_a_number_a_row(subject: Subject) -> None:
    """log_prob returns one number per row, and neither nan nor +inf."""
    density_of(subject)
    rows = rows_for(kind_of(subject), 40, seed=1)
    values = log_prob(fitted_model(subject)[0], rows)
    expect(values.shape == (40,), f"log_prob of 40 rows has shape {values.shape}")
    wrong = np.isnan(values) | np.isposinf(values)
    expect(not wrong.any(), f"{int(wrong.sum())} of 40 log-densities are nan or +inf")


@check("model", remedy="compute each row on its own, without statistics over the batch")
def log_prob_looks_at_each_row_alone(subject: Subject) -> None:
    """An exact log-density of a row does not depend on the other rows of the call."""
    require_exact(subject)
    model, rows = fitted_model(subject)[0], rows_for("vector", 200, seed=1)
    together, alone = log_densities(model, rows)[:20], log_densities(model, rows[:20])
    worst = float(np.abs(together - alone).max())
    expect(
        worst < 1e-3 * (1 + np.abs(alone).max()), f"log-densities change by {worst:.3g} with the other rows of the call"
    )


def _on_grid(subject: Subject) -> tuple[Array, float]:
    """Return the density of the trained model at the nodes of a grid in the plane, and the area per node."""
    x, y = np.meshgrid(GRID, GRID, indexing="ij")
    model = trained_model(subject)
    values = subject.once("grid", lambda: log_densities(model, np.stack([x.ravel(), y.ravel()], 1)))
    return np.exp(values), float(GRID[1] - GRID[0]) ** 2


@check("model", remedy="look for a missing log-determinant or constant: 0.5 log(2 pi) for each dimension")
def exact_density_integrates_to_one(subject: Subject) -> None:
    """A density that is declared exact integrates to 1 over the plane."""
    require_exact(subject)
    density, area = _on_grid(subject)
    total = float(density.sum() * area)
    expect(abs(total - 1) < 0.02, f"it integrates to {total:.4g} over the plane")


@check("model", remedy="sample from the distribution whose log_prob you return: same scale, temperature and weights")
def exact_density_agrees_with_its_samples(subject: Subject) -> None:
    """Each part of the plane has the share of samples that the declared density implies."""
    require_exact(subject)
    density, _ = _on_grid(subject)
    samples = draw(trained_model(subject), 4000).cpu().numpy()
    edges = np.array([-1.2, -0.6, 0.0, 0.6, 1.2])
    x, y = np.meshgrid(np.searchsorted(edges, GRID), np.searchsorted(edges, GRID), indexing="ij")
    share = np.bincount((6 * x + y).ravel(), density, 36) / density.sum()
    part = 6 * np.searchsorted(edges, samples[:, 0]) + np.searchsorted(edges, samples[:, 1])
    sampled = np.bincount(part, minlength=36) / len(samples)
    noise = np.sqrt((share * (1 - share) + 1e-4) / len(samples))
    tolerance = 0.01 * np.sqrt(share) + 1e-3  # for the coarseness of the grid at the borders of the parts
    worst = int(np.argmax((np.abs(sampled - share) - tolerance) / noise))
    z = (abs(sampled[worst] - share[worst]) - tolerance[worst]) / noise[worst]
    expect(z < 6, f"a part of the plane has {sampled[worst]:.3f} of its samples, {share[worst]:.3f} of its density")


@check(
    "model",
    remedy="return the log-density, in nats, of dequantised pixels in [-1, 1]: log-mass + log(levels / 2) a pixel",
)
def masses_of_integer_images_sum_to_one(subject: Subject) -> None:
    """The masses of all integer images of 2 x 2 pixels and 3 grey levels sum to at most 1, and exact ones to 1."""
    kind = density_of(subject)
    if kind == "estimate":
        raise Skipped("an estimate need not sum to 1")
    if "image" not in subject.spec.data:
        raise Skipped("it takes no images")
    levels, rng = toy_data.LEVELS, np.random.default_rng(4)
    images = toy_data.tiny_images()
    space = ImageSpace.fit(images, levels)
    rows = space.to_model(toy_data.integer_images(IMAGE_ROWS, rng), rng)
    try:
        model, _ = train(subject, rows, IMAGE_STEPS, levels=levels)
        draw(model, 1)
    except Exception as raised:  # a network may need more pixels
        raise Skipped(f"it does not take images of 2 x 2 pixels: {describe(raised)}") from raised
    draws = EXACT_DRAWS if kind == "exact" else BOUND_DRAWS
    repeated = np.repeat(images, draws, axis=0)
    values = log_densities(model, space.to_model(repeated, rng))
    if subject.spec.support == "continuous":
        values = values + space.log_det(repeated)
    if kind == "bound":
        _expect_at_most_one(values.reshape(len(images), draws))
        return
    mass = np.exp(np.minimum(values, 300.0)).reshape(len(images), draws)  # whose squares are finite
    total, error = float(mass.mean(1).sum()), math.sqrt(float(mass.var(1, ddof=1).sum()) / draws)
    samples = draw(model, 4000).cpu().numpy()
    share = float((np.abs(samples) <= 1).all((1, 2, 3)).mean())  # of its mass that lies within the grey levels
    error = math.hypot(error, math.sqrt(share * (1 - share) / len(samples)))
    found = f"the masses of all {len(images)} images sum to {total:.4g} ± {error:.2g}"
    expected = f"where {share:.4g} of its samples lie within the grey levels"
    expect(abs(total - share) <= 5 * error + 0.02, f"{found}, {expected}")


def _expect_at_most_one(values: Array) -> None:
    """Raise Failed if bounds (images, draws) of log-masses, averaged over the draws, sum to masses above 1."""
    means, errors = values.mean(1), values.std(1, ddof=1) / math.sqrt(values.shape[1])
    mass = np.exp(np.minimum(means, 300.0))
    total, error = float(mass.sum()), float((mass * np.where(mass > 0, errors, 0.0)).sum())
    found = f"the masses of all {len(values)} images sum to {total:.4g} ± {error:.2g}"
    expect(total <= 1.02 + 5 * error, f"{found}, and can at most sum to 1")


@check("model", remedy="average the bound over samples of the code with the right sign and scale; see arXiv:1312.6114")
def likelihood_does_not_exceed_the_truth(subject: Subject) -> None:
    """On data of a known density, no exact density or bound is higher on average than the true one (Gibbs)."""
    if density_of(subject) == "estimate":
        raise Skipped("an estimate may exceed the truth")
    require_vectors(subject)
    truth, rng = toy_data.Clusters(np.zeros((1, 2)), 1.0, np.ones(1)), np.random.default_rng(3)
    model, _ = train(subject, truth.draw(2000, rng), GAUSSIAN_STEPS // (3 if subject.fast else 1))
    held_out = truth.draw(4000, rng)
    excess = log_densities(model, held_out) - truth.log_prob(held_out)
    mean, error = float(excess.mean()), float(excess.std() / math.sqrt(len(excess)))
    expect(mean < 4 * error + 0.01, f"its mean log-density exceeds the truth by {mean:.3f} +- {error:.3f} nats")

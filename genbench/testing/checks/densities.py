"""Checks of likelihoods: what is declared exact must be a density, and no bound may exceed the truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from genbench.protocol import Array
from genbench.testing import laws
from genbench.testing.check import Skipped, Subject, check, expect
from genbench.testing.surroundings import seed_of
from genbench.testing.trained import LEARNING, draw, fitted, kind_of, rows_for, train, vector_model

GRID = np.linspace(-8.0, 8.0, 241)  # clusters of unit variance leave nothing beyond


def nats(model: Any, rows: Array) -> Array:
    """Return (n,) nats at rows; raises Skipped where log_prob gives something else."""
    values = log_prob(model, rows)
    if values.shape != (len(rows),) or np.isnan(values).any():
        raise Skipped("log_prob gives no number for each row")
    return values


def log_prob(model: Any, rows: Array) -> Array:
    """Return what log_prob gives at rows, in blocks, as the core asks for it."""
    blocks = torch.split(torch.as_tensor(rows, dtype=torch.float32), 2000)
    with seed_of(0, "density"), torch.no_grad():
        values: Array = torch.cat([model.log_prob(block) for block in blocks]).double().cpu().numpy()
    return values


def density_of(subject: Subject) -> str:
    """Return the kind of density that is declared; raises Skipped where there is none."""
    kind: str = subject.spec.density_of(subject.config)
    if kind == "none":
        raise Skipped("it declares no density")
    return kind


def exact(subject: Subject) -> None:
    """Raise Skipped where no exact density of vectors is declared."""
    if density_of(subject) != "exact":
        raise Skipped("its density is not declared exact")
    vector_model(subject)


@check("model", remedy="return one number for each row, summed over all its columns or pixels")
def log_prob_gives_a_number_a_row(subject: Subject) -> None:
    """log_prob returns (n,) numbers, none of them nan or +inf."""
    density_of(subject)
    rows = rows_for(kind_of(subject), 40, seed=1)
    values = log_prob(fitted(subject)[0], rows)
    expect(values.shape == (40,), f"log_prob of 40 rows has shape {values.shape}")
    wrong = np.isnan(values) | np.isposinf(values)
    expect(not wrong.any(), f"{int(wrong.sum())} of 40 log-densities are nan or +inf")


@check("model", remedy="compute each row on its own: no statistics over the batch in log_prob")
def log_prob_looks_at_each_row_alone(subject: Subject) -> None:
    """An exact log-density does not depend on the other rows of the call."""
    exact(subject)
    model, rows = fitted(subject)[0], rows_for("vector", 200, seed=1)
    together, alone = nats(model, rows)[:20], nats(model, rows[:20])
    worst = float(np.abs(together - alone).max())
    expect(worst < 1e-3 * (1 + np.abs(alone).max()), f"with other rows beside them log-densities change by {worst:.3g}")


def _on_grid(subject: Subject) -> tuple[Array, float]:
    """Return the trained model's density on the nodes of a grid of the plane, and the area of a cell."""
    x, y = np.meshgrid(GRID, GRID, indexing="ij")
    model, _ = fitted(subject, steps=LEARNING)
    values = subject.once("grid", lambda: nats(model, np.stack([x.ravel(), y.ravel()], 1)))
    return np.exp(values), float(GRID[1] - GRID[0]) ** 2


@check("model", remedy="look for a missing log-determinant or constant: 0.5 log(2 pi) for each dimension")
def exact_density_integrates_to_one(subject: Subject) -> None:
    """A density that is declared exact integrates to 1 over the plane."""
    exact(subject)
    density, area = _on_grid(subject)
    total = float(density.sum() * area)
    expect(abs(total - 1) < 0.02, f"it integrates to {total:.4g} over the plane")


@check("model", remedy="sample from the law whose log_prob you return: same scale, same temperature, same weights")
def exact_density_agrees_with_its_samples(subject: Subject) -> None:
    """Samples fall where the declared density says, part by part of the plane."""
    exact(subject)
    density, _ = _on_grid(subject)
    samples = draw(fitted(subject, steps=LEARNING)[0], 4000).cpu().numpy()
    edges = np.array([-1.2, -0.6, 0.0, 0.6, 1.2])
    x, y = np.meshgrid(np.searchsorted(edges, GRID), np.searchsorted(edges, GRID), indexing="ij")
    share = np.bincount((6 * x + y).ravel(), density, 36) / density.sum()
    place = 6 * np.searchsorted(edges, samples[:, 0]) + np.searchsorted(edges, samples[:, 1])
    seen = np.bincount(place, minlength=36) / len(samples)
    noise = np.sqrt((share * (1 - share) + 1e-4) / len(samples))
    slack = 0.01 * np.sqrt(share) + 1e-3  # the grid's own coarseness at the parts' borders
    worst = int(np.argmax((np.abs(seen - share) - slack) / noise))
    z = (abs(seen[worst] - share[worst]) - slack[worst]) / noise[worst]
    expect(z < 6, f"a part of the plane holds {seen[worst]:.3f} of its samples, of its density {share[worst]:.3f}")


@check("model", remedy="average the bound over samples of the code with the right sign and scale; see arXiv:1312.6114")
def likelihood_does_not_exceed_the_truth(subject: Subject) -> None:
    """On data of a known law no exact density or bound is higher on average than the law itself (Gibbs)."""
    if density_of(subject) == "estimate":
        raise Skipped("an estimate may be too high")
    vector_model(subject)
    law, rng = laws.gaussian(2), np.random.default_rng(3)
    model, _ = train(subject, law.draw(2000, rng), 300)
    held_out = law.draw(4000, rng)
    gaps = nats(model, held_out) - law.log_prob(held_out)
    gap, error = float(gaps.mean()), float(gaps.std() / math.sqrt(len(gaps)))
    expect(gap < 4 * error + 0.01, f"its mean log-density exceeds the truth by {gap:.3f} +- {error:.3f} nats")

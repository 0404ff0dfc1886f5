"""Train and sample models as a cell does, on a small scale, for the checks of models."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch

from genbench.budget import Budget
from genbench.protocol import Array, TrainingData
from genbench.testing import toy_data
from genbench.testing.check import Skipped, Subject
from genbench.testing.process_state import seed_of
from genbench.training.run import Run
from genbench.training.snapshots import Snapshots

SHORT_TRAINING_STEPS = 5  # enough to see that training changes the model
FULL_TRAINING_STEPS = 1000  # enough to learn two clusters
ROWS = 2000


def kind_of(subject: Subject) -> str:
    """Return the kind of data that a model is checked on: vectors where it takes them, else images."""
    return "vector" if "vector" in subject.spec.data else "image"


def require_vectors(subject: Subject) -> None:
    """Raise Skipped where a model does not take vectors."""
    if "vector" not in subject.spec.data:
        raise Skipped("it takes no vectors, for which the true density is known")


def rows_for(kind: str, n: int = ROWS, seed: int = 0) -> Array:
    """Return (n, 2) rows of two clusters, or (n, 1, 8, 8) images."""
    rng = np.random.default_rng([seed, n])
    return toy_data.CLUSTERS.draw(n, rng) if kind == "vector" else toy_data.images(n, rng)


def train(
    subject: Subject,
    rows: Array,
    steps: int = SHORT_TRAINING_STEPS,
    seed: int = 0,
    model: Any = None,
    snapshots: Snapshots | None = None,
    levels: int | None = None,
    weights: Array | None = None,
) -> tuple[Any, Run]:
    """Return a model fitted to rows (n, *shape) under a seed, and its run; fits ``model`` again where given."""
    each = None if weights is None else torch.as_tensor(weights, dtype=torch.float32)
    data = TrainingData(torch.as_tensor(rows, dtype=torch.float32), levels, each)
    with seed_of(seed, "fit"):
        model = subject.build() if model is None else model
        run = Run(Budget(steps, "steps"), levels=levels, snapshots=snapshots)
        model.fit(data, run)
    return model, run


def fitted_model(subject: Subject, steps: int = SHORT_TRAINING_STEPS) -> tuple[Any, Run]:
    """Return a fitted model and its run, shared by several checks; none may fit it again."""
    return subject.once(("fitted", steps), lambda: train(subject, rows_for(kind_of(subject)), steps))


def draw(model: Any, n: int, seed: int = 0) -> torch.Tensor:
    """Return n samples under a seed, drawn as the core does."""
    with seed_of(seed, "sample"), torch.no_grad():
        samples: torch.Tensor = model.sample(n)
    return samples.detach() if isinstance(samples, torch.Tensor) else samples


def require_repeatable(subject: Subject) -> None:
    """Raise Skipped where two trainings with one seed differ: no check that compares samples could pass."""
    if not is_repeatable(subject):
        raise Skipped("two trainings with one seed differ")


def is_repeatable(subject: Subject) -> bool:
    """Return whether a second training under the same seed gives the same samples."""
    rows = rows_for(kind_of(subject))
    return subject.once("repeatable", lambda: samples_as_fitted(subject, train(subject, rows)[0]))


def samples_as_fitted(subject: Subject, model: Any) -> bool:
    """Return whether a model gives the same samples as the shared fitted one, bit for bit."""
    return torch.equal(draw(fitted_model(subject)[0], 50), draw(model, 50))


def digest(samples: torch.Tensor) -> str:
    """Return the sha256 of samples, to compare those of two processes."""
    return hashlib.sha256(samples.detach().cpu().contiguous().numpy().tobytes()).hexdigest()

"""Training and sampling as a cell does them, in little: what the checks of models share."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch

from genbench.budget import Budget
from genbench.protocol import Array, TrainingData
from genbench.testing import laws
from genbench.testing.check import Skipped, Subject
from genbench.testing.surroundings import seed_of
from genbench.training.run import Run
from genbench.training.snapshots import Snapshots

__all__ = [
    "FEW",
    "LEARNING",
    "deterministic",
    "digest",
    "draw",
    "fitted",
    "kind_of",
    "repeatable",
    "rows_for",
    "train",
    "vector_model",
]

FEW = 5  # steps: enough to see that training happens
LEARNING = 1000  # steps in which a model must have learned two clusters
ROWS = 2000


def kind_of(subject: Subject) -> str:
    """Return the kind of data that a model is mostly checked on: vectors, where it takes them."""
    return "vector" if "vector" in subject.spec.data else "image"


def vector_model(subject: Subject) -> None:
    """Raise Skipped where a model takes no vectors."""
    if "vector" not in subject.spec.data:
        raise Skipped("it takes no vectors, and the answers are known for those")


def rows_for(kind: str, n: int = ROWS, seed: int = 0) -> Array:
    """Return (n, 2) rows of two clusters, or (n, 1, 8, 8) images."""
    rng = np.random.default_rng([seed, n])
    return laws.clusters().draw(n, rng) if kind == "vector" else laws.images(n, rng)


def train(
    subject: Subject,
    rows: Array,
    steps: int = FEW,
    seed: int = 0,
    model: Any = None,
    snapshots: Snapshots | None = None,
) -> tuple[Any, Run]:
    """Return a model fitted to rows (n, *shape) under a seed, and its run; ``model`` is fitted again, if given."""
    data = TrainingData(torch.as_tensor(rows, dtype=torch.float32))
    with seed_of(seed, "fit"):
        model = subject.build() if model is None else model
        run = Run(Budget(steps, "steps"), snapshots=snapshots)
        model.fit(data, run)
    return model, run


def fitted(subject: Subject, kind: str = "", steps: int = FEW, seed: int = 0) -> tuple[Any, Run]:
    """Return the model that several checks share; none may fit it again."""
    kind = kind or kind_of(subject)
    return subject.once(  # type: ignore[no-any-return]
        ("fitted", kind, steps, seed), lambda: train(subject, rows_for(kind), steps, seed)
    )


def draw(model: Any, n: int, seed: int = 0) -> torch.Tensor:
    """Return n samples under a seed, as the core asks for them."""
    with seed_of(seed, "sample"), torch.no_grad():
        samples: torch.Tensor = model.sample(n)
    return samples.detach() if isinstance(samples, torch.Tensor) else samples


def deterministic(subject: Subject) -> None:
    """Raise Skipped where two trainings under one seed differ: then nothing that compares samples can pass."""
    if not repeatable(subject):
        raise Skipped("two trainings with one seed differ already")


def repeatable(subject: Subject) -> bool:
    """Return whether a second training under the same seed gives the same samples."""
    return subject.once(  # type: ignore[no-any-return]
        "repeatable",
        lambda: torch.equal(draw(fitted(subject)[0], 50), draw(train(subject, rows_for(kind_of(subject)))[0], 50)),
    )


def digest(samples: torch.Tensor) -> str:
    """Return the sha256 of samples, by which two processes compare them."""
    return hashlib.sha256(samples.detach().cpu().contiguous().numpy().tobytes()).hexdigest()

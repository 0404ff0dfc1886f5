"""Train and sample models as a cell does, on a small scale, for the checks of models."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from genbench.budget import Budget
from genbench.columns import DataFacts, DataKind
from genbench.protocol import Array, Column, TrainingData
from genbench.testing import toy_data
from genbench.testing.check import Skipped, Subject
from genbench.testing.process_state import seed_of
from genbench.training.run import Run
from genbench.training.snapshots import Snapshots

SHORT_TRAINING_STEPS = 5  # enough to see that training changes the model
FULL_TRAINING_STEPS, FAST_TRAINING_STEPS = 1000, 300  # enough to learn two clusters, of a model that learns fast
ROWS = 2000
GREY_LEVELS = (17, 2)  # of the images that a model is checked on where it does not take those without
CLASS = Column("class", kind="category", levels=("0", "1"))


def kind_of(subject: Subject) -> str:
    """Return the data that a model is checked on: ``vector`` where it takes them, else ``image``.

    They are ``binary``, images of two levels, where it takes these and no others.
    """
    if "vector" in subject.spec.data:
        return "vector"
    rows = rows_for("image", 1)
    others = any(takes(subject, rows, levels) for levels in (None, *GREY_LEVELS[:-1]))
    return "image" if others or not takes(subject, rows, GREY_LEVELS[-1]) else "binary"


def takes(subject: Subject, rows: Array, levels: int | None) -> bool:
    """Return whether a model declares that it takes rows (n, *shape), of grey levels or none."""
    if subject.spec.suits is None:
        return True
    kind: DataKind = "vector" if rows.ndim == 2 else "image"
    return not subject.spec.suits(DataFacts(kind, shape=rows.shape[1:], levels=levels, rows=ROWS))


def require_vectors(subject: Subject) -> None:
    """Raise Skipped where a model does not take vectors."""
    if "vector" not in subject.spec.data:
        raise Skipped("it takes no vectors, for which the true density is known")


def rows_for(kind: str, n: int = ROWS, seed: int = 0) -> Array:
    """Return (n, 2) rows of two clusters, or (n, 1, 8, 8) images, ``binary`` ones of pixels -1/2 and 1/2."""
    rng = np.random.default_rng([seed, n])
    if kind == "binary":
        return toy_data.binary_images(n, rng)
    return toy_data.CLUSTERS.draw(n, rng) if kind == "vector" else toy_data.images(n, rng)


def levels_for(subject: Subject, shape: tuple[int, ...]) -> int | None:
    """Return the grey levels that images without any are given, for a model that takes only such; else None."""
    for levels in (None, *GREY_LEVELS) if len(shape) == 3 else ():
        if takes(subject, np.empty((1, *shape)), levels):
            return levels
    return None


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
    levels = levels_for(subject, tuple(rows.shape[1:])) if levels is None else levels
    each = None if weights is None else torch.as_tensor(weights, dtype=torch.float32)
    data = TrainingData(torch.as_tensor(rows, dtype=torch.float32), levels, each)
    if subject.spec.conditions == "required":
        data = given_classes(data)
        model = GivenAnyClass(subject.build() if model is None else model.model)
    with seed_of(seed, "fit"):
        model = subject.build() if model is None else model
        run = Run(Budget(steps, "steps"), levels=levels, train=data.train, snapshots=snapshots)
        model.fit(data, run)
        run.finish()
    return model, run


def classes_of(rows: torch.Tensor) -> torch.Tensor:
    """Return the class (n,), 0 or 1, of each row: which of two clusters it is from, or which half is bright."""
    flat = rows.flatten(1)
    half = flat.shape[1] // 2
    return (flat.mean(1) > 0).long() if rows.dim() == 2 else (flat[:, :half].mean(1) > flat[:, half:].mean(1)).long()


def given_classes(data: TrainingData) -> TrainingData:
    """Return training data with the class of each row as their condition."""
    return replace(data, conditions=classes_of(data.train)[:, None].float(), condition_columns=(CLASS,))


def train_with(subject: Subject, data: TrainingData, steps: int) -> Any:
    """Return a model fitted to data as they are, with their conditions."""
    with seed_of(0, "fit"):
        model = subject.build()
        run = Run(Budget(steps, "steps"), levels=data.levels, train=data.train)
        model.fit(data, run)
        run.finish()
    return model


class GivenAnyClass:
    """A model that needs conditions, as one without: its samples and density are those of both classes together.

    Other attributes are those of the model.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def __getattr__(self, name: str) -> Any:
        if name == "model":  # which a copy asks for before it has one
            raise AttributeError(name)
        return getattr(self.model, name)

    def fit(self, data: TrainingData, run: Run) -> None:
        """Train with conditions."""
        assert data.conditions is not None
        self.share = float(data.conditions.mean().clamp(0.01, 0.99))  # of the class 1
        self.model.fit(data, run)

    def sample(self, n: int) -> torch.Tensor:
        """Return samples (n, *shape) of classes drawn as often as in training."""
        share = getattr(self, "share", 0.5)
        samples: torch.Tensor = self.model.sample(n, (torch.rand(n, 1) < share).float())
        return samples

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """Return the log-density (n,) of rows of either class."""
        each = [self.model.log_prob(x, torch.full((len(x), 1), float(k))) for k in range(2)]
        return torch.logaddexp(each[0] + math.log(1 - self.share), each[1] + math.log(self.share))


def fitted_model(subject: Subject, steps: int = SHORT_TRAINING_STEPS) -> tuple[Any, Run]:
    """Return a fitted model and its run, shared by several checks; none may fit it again."""
    return subject.once(("fitted", steps), lambda: train(subject, rows_for(kind_of(subject)), steps))


def trained_model(subject: Subject) -> Any:
    """Return a model that had the steps to learn two clusters; it is shared, and none may fit it again."""
    return fitted_model(subject, FAST_TRAINING_STEPS if subject.fast else FULL_TRAINING_STEPS)[0]


@contextmanager
def counted_updates() -> Iterator[list[int]]:
    """Count the steps of all optimisers of torch in the block; the list has their number when the block ends."""
    count = [0]

    def add(*_: object) -> None:
        count[0] += 1

    handle = register_optimizer_step_post_hook(add)
    try:
        yield count
    finally:
        handle.remove()


def draw(model: Any, n: int, seed: int = 0) -> torch.Tensor:
    """Return n samples under a seed, drawn as the core does."""
    with seed_of(seed, "sample"), torch.no_grad():
        samples: torch.Tensor = model.sample(n)
    return samples.detach() if isinstance(samples, torch.Tensor) else samples


def log_densities(model: Any, x: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """Return the log-densities (n,) of rows under a seed, as the core evaluates them."""
    with seed_of(seed, "density"), torch.no_grad():
        values: torch.Tensor = model.log_prob(x)
    return values.detach()


def restored_model(subject: Subject, model: Any, state: dict[str, Array]) -> Any:
    """Return a new model that was given the state of a fitted one."""
    new = subject.build()
    new.restore(state)
    if not isinstance(model, GivenAnyClass):
        return new
    given = GivenAnyClass(new)
    given.share = model.share
    return given


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

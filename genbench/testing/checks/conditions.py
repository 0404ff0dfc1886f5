"""Checks of models that take conditions: whether samples and densities depend on them as they should."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from genbench.protocol import Column, TrainingData
from genbench.testing.check import Skipped, Subject, check, expect
from genbench.testing.model_training import (
    CLASS,
    FAST_TRAINING_STEPS,
    FULL_TRAINING_STEPS,
    classes_of,
    kind_of,
    levels_for,
    rows_for,
    train_with,
)

MIN_RIGHT = 0.8  # of the samples show the class that they were drawn given; of a model that ignores it, half
NOISE = Column("noise")  # a condition that says nothing of the rows


def conditional_model(subject: Subject) -> Any:
    """Return a model trained with a class and a number as conditions; raises Skipped where it takes none."""
    if subject.spec.conditions == "none":
        raise Skipped("it takes no conditions")

    def fitted() -> Any:
        rows = torch.as_tensor(rows_for(kind_of(subject)), dtype=torch.float32)
        noise = torch.as_tensor(np.random.default_rng(1).normal(size=len(rows)), dtype=torch.float32)
        given = torch.stack([classes_of(rows).float(), noise], 1)
        steps = FAST_TRAINING_STEPS if subject.fast else FULL_TRAINING_STEPS
        levels = levels_for(subject, tuple(rows.shape[1:]))
        return train_with(subject, TrainingData(rows, levels, None, given, (CLASS, NOISE)), steps)

    return subject.once("conditional", fitted)


def _given(code: int, n: int) -> torch.Tensor:
    return torch.tensor([[float(code), 0.0]]).expand(n, 2)


@check("model", remedy="use the conditions that sample is given, one row for each sample; categories are codes from 0")
def samples_follow_their_conditions(subject: Subject) -> None:
    """Samples given a class are of that class, in most cases, whatever another condition says."""
    model = conditional_model(subject)
    for code in range(2):
        with torch.no_grad():
            samples = model.sample(500, _given(code, 500))
        expect(len(samples) == 500, f"sample(500, conditions) returned {len(samples)} samples")
        right = float((classes_of(samples.cpu()) == code).float().mean())
        expect(right >= MIN_RIGHT, f"{100 * right:.0f} % of the samples given class {code} are of that class")


@check("model", remedy="condition log_prob, too: of each row, given the conditions in the same row")
def densities_follow_their_conditions(subject: Subject) -> None:
    """Rows are more probable given their own class than given the other, on average."""
    model = conditional_model(subject)
    if subject.spec.density == "none":
        raise Skipped("it declares no density")
    rows = torch.as_tensor(rows_for(kind_of(subject), 500, seed=3), dtype=torch.float32)
    codes = classes_of(rows)
    with torch.no_grad():
        each = torch.stack([model.log_prob(rows, _given(code, len(rows))) for code in range(2)], 1)
    expect(
        each.shape == (len(rows), 2), f"log_prob(x, conditions) of {len(rows)} rows has shape {tuple(each.shape[:1])}"
    )
    right = float((each.argmax(1).cpu() == codes).float().mean())
    expect(right >= MIN_RIGHT, f"{100 * right:.0f} % of the rows are more probable given their own class")

"""Checks that a model learns: one whose fit does nothing must fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from genbench.protocol import Array
from genbench.testing import toy_data
from genbench.testing.check import Skipped, Subject, check, expect
from genbench.testing.model_training import FULL_TRAINING_STEPS, draw, fitted_model, kind_of, rows_for, trained_model

NUMBER_OF_SAMPLES = 1500


@check(
    "model", remedy="check that training changes the weights: optimiser.step(), the sign of the loss, the learning rate"
)
def it_learned(subject: Subject) -> None:
    """After training, samples are closer to the data than noise, shifted data and samples of the untrained model."""
    kind = kind_of(subject)
    held_out = rows_for(kind, NUMBER_OF_SAMPLES, seed=1)
    rng = np.random.default_rng(2)
    others = {
        "normal noise": (toy_data.energy_distance(rng.normal(size=held_out.shape), held_out), 0.5),
        "real data shifted by half a standard deviation": (
            toy_data.energy_distance(rows_for(kind, NUMBER_OF_SAMPLES, seed=3) + 0.5 * held_out.std(), held_out),
            1.0,
        ),
    }
    if subject.spec.iterative:
        others["the same model after one step"] = (
            toy_data.energy_distance(_samples(fitted_model(subject, steps=1)[0]), held_out),
            0.8,
        )

    def shortcoming(model: Any) -> str:
        distance = toy_data.energy_distance(_samples(model), held_out)
        for other, (reference, share) in others.items():
            if not distance < share * reference:
                expected = f"expected below {share:g} of {reference:.3g}, that of {other}"
                return f"its energy distance to held-out data is {distance:.3g}, {expected}"
        return ""

    found = shortcoming(trained_model(subject))
    if found and subject.fast and subject.spec.iterative:  # it may learn slowly
        found = shortcoming(fitted_model(subject, FULL_TRAINING_STEPS)[0])
    expect(not found, found)


def _samples(model: Any) -> Array:
    samples: Array = draw(model, NUMBER_OF_SAMPLES).cpu().numpy().astype(np.float64)
    return samples


@check("model", remedy="give all learned tensors to the optimiser, and use each in the loss; detach none by accident")
def gradient_reaches_every_parameter(subject: Subject) -> None:
    """Training changes each tensor that parameters() returns."""
    if not subject.spec.iterative:
        raise Skipped("it does not iterate")
    early, late = (fitted_model(subject, steps=steps)[0] for steps in (1, 30))
    if not hasattr(early, "parameters"):
        raise Skipped("it has no method parameters()")
    names = [name for name, _ in late.named_parameters()] if hasattr(late, "named_parameters") else None
    pairs = list(zip(early.parameters(), late.parameters(), strict=True))
    expect(pairs, "parameters() is empty")
    unchanged = [i for i, (a, b) in enumerate(pairs) if torch.equal(a, b)]
    which = ", ".join(names[i] if names else f"{i} of shape {tuple(pairs[i][0].shape)}" for i in unchanged)
    expect(not unchanged, f"training does not change {len(unchanged)} of {len(pairs)} parameters: {which}")

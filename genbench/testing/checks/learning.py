"""Checks that a model learned: a stub whose fit does nothing must fail."""

from __future__ import annotations

import numpy as np
import torch

from genbench.protocol import Array
from genbench.testing import laws
from genbench.testing.check import Skipped, Subject, check, expect
from genbench.testing.trained import LEARNING, draw, fitted, kind_of, rows_for

N = 1500


@check(
    "model", remedy="see that the loss reaches the weights: optimiser.step(), the sign of the loss, the learning rate"
)
def it_learned(subject: Subject) -> None:
    """After training, samples are nearer to the data than noise, shifted data, and the model's untrained self."""
    kind = kind_of(subject)
    held_out = rows_for(kind, N, seed=1)
    distance = laws.energy_distance(_samples(subject, LEARNING), held_out)
    rng = np.random.default_rng(2)
    others = {
        "normal noise": (laws.energy_distance(rng.normal(size=held_out.shape), held_out), 0.5),
        "real data shifted by half a standard deviation": (
            laws.energy_distance(rows_for(kind, N, seed=3) + 0.5 * held_out.std(), held_out),
            1.0,
        ),
    }
    if subject.spec.iterative:
        others["the same model after one step"] = (laws.energy_distance(_samples(subject, 1), held_out), 0.8)
    for other, (its, share) in others.items():
        asked = f"expected below {share:g} of {its:.3g}, that of {other}"
        expect(distance < share * its, f"its energy distance to held-out data is {distance:.3g}, {asked}")


def _samples(subject: Subject, steps: int) -> Array:
    model, _ = fitted(subject, steps=steps)
    samples: Array = draw(model, N).cpu().numpy().astype(np.float64)
    return samples


@check(
    "model", remedy="give all tensors that learn to the optimiser, and use each in the loss; detach nothing by accident"
)
def gradient_reaches_every_parameter(subject: Subject) -> None:
    """Each learned tensor that the model shows has moved during training."""
    if not subject.spec.iterative:
        raise Skipped("it does not iterate")
    early, late = (fitted(subject, steps=steps)[0] for steps in (1, 30))
    if not hasattr(early, "parameters"):
        raise Skipped("it has no method parameters")
    names = [name for name, _ in late.named_parameters()] if hasattr(late, "named_parameters") else None
    pairs = list(zip(early.parameters(), late.parameters(), strict=True))
    expect(pairs, "parameters() gives nothing")
    still = [i for i, (a, b) in enumerate(pairs) if torch.equal(a, b)]
    told = ", ".join(names[i] if names else f"{i} of shape {tuple(pairs[i][0].shape)}" for i in still)
    expect(not still, f"training leaves {len(still)} of {len(pairs)} parameters as they were: {told}")

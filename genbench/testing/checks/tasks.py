"""Checks of what a model declares beside sampling: codes, reconstructions, anomaly scores."""

from __future__ import annotations

from typing import Any

import torch

from genbench.testing.check import Skipped, Subject, check, expect
from genbench.testing.model_training import draw, kind_of, require_repeatable, rows_for, train
from genbench.testing.process_state import expect_process_unchanged, seed_of

NUMBER_OF_ROWS = 20
OTHER_ROWS = 31  # beside them, in another call
TOLERANCE = 1e-3  # of single precision in sums over another number of rows, relative to the spread of a result


def capabilities_of(subject: Subject) -> tuple[Any, list[str]]:
    """Return a trained model of its own for these checks, and the declared capabilities that it has."""
    model = subject.once("of capabilities", lambda: train(subject, rows_for(kind_of(subject)))[0])
    capabilities = [name for name in subject.spec.capabilities if callable(getattr(model, name, None))]
    if not capabilities:
        raise Skipped("it declares no capabilities")
    return model, capabilities


def held_out(subject: Subject) -> torch.Tensor:
    """Return rows (n, *shape) that the model has not seen."""
    return torch.as_tensor(rows_for(kind_of(subject), NUMBER_OF_ROWS, seed=9), dtype=torch.float32)


def call(model: Any, capabilities: list[str], x: torch.Tensor, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return what each capability makes of rows, called as the core calls them; ``decode`` is given their codes."""
    found: dict[str, torch.Tensor] = {}
    with seed_of(seed, "tasks"), torch.no_grad():
        for name in sorted(capabilities, key=lambda each: each == "decode"):  # codes first
            if name != "decode":
                found[name] = getattr(model, name)(x.clone())
            elif "encode" in found:
                found[name] = model.decode(found["encode"].detach().clone())
    return found


@check("model", remedy="return one row for each row from encode, decode and reconstruct, one number from anomaly_score")
def capabilities_work(subject: Subject) -> None:
    """Each capability returns one row per row: decode and reconstruct in the shape of the data, anomaly_score (n,)."""
    model, capabilities = capabilities_of(subject)
    x = held_out(subject)
    for name, rows in call(model, capabilities, x).items():
        expect(isinstance(rows, torch.Tensor), f"{name} returned {type(rows).__name__}, expected a tensor")
        shapes = {"encode": (len(x), *rows.shape[1:]), "anomaly_score": (len(x),)}
        expected = shapes.get(name, tuple(x.shape))
        expect(tuple(rows.shape) == expected, f"{name} returned shape {tuple(rows.shape)}, expected {expected}")


@check("model", remedy="compute under torch.no_grad(), and return finite numbers for any rows, also noisy ones")
def capabilities_give_plain_numbers(subject: Subject) -> None:
    """What capabilities return is finite, of noisy rows too, and carries no gradient."""
    model, capabilities = capabilities_of(subject)
    x = held_out(subject)
    with seed_of(0, "noise"):
        noisy = x + 0.5 * torch.randn_like(x)
    for rows in (x, noisy):
        for name, values in call(model, capabilities, rows).items():
            expect(not values.requires_grad, f"{name} returned a tensor with a gradient")
            bad = int((~torch.isfinite(values)).sum())
            expect(not bad, f"{name} returned {bad} values that are not finite")


@check("model", remedy="compute the result of a row from that row alone: no statistics of the batch, model.eval()")
def capabilities_look_at_each_row_alone(subject: Subject) -> None:
    """What a capability makes of a row does not depend on the other rows of the call."""
    model, capabilities = capabilities_of(subject)
    x = held_out(subject)
    others = torch.as_tensor(rows_for(kind_of(subject), OTHER_ROWS, seed=10), dtype=torch.float32)
    alone, again = call(model, capabilities, x), call(model, capabilities, x, seed=1)
    together = call(model, capabilities, torch.cat([x, 2 * others]))
    for name, values in alone.items():
        if not torch.equal(values, again[name]) or len(values) != len(x) or len(together[name]) < len(x):
            continue  # it draws random numbers, of which other rows take some, or returns too few rows
        gap = (together[name][: len(x)] - values).double().abs()
        spread = 1.0 + float(values.double().abs().max())
        expect(not bool((gap > TOLERANCE * spread).any()), f"{name} of a row changes with the other rows of the call")


@check("model", remedy="change no attribute of the model, and not the rows, in encode, reconstruct and anomaly_score")
def capabilities_leave_the_model_alone(subject: Subject) -> None:
    """Calling capabilities changes neither the samples that follow, nor the rows, nor the process."""
    model, capabilities = capabilities_of(subject)
    require_repeatable(subject)
    x, before = held_out(subject), draw(model, 50)
    given = x.clone()
    with expect_process_unchanged("a capability"), seed_of(0, "tasks"), torch.no_grad():
        for name in capabilities:
            if name != "decode":
                getattr(model, name)(given)
    expect(torch.equal(given, x), "a capability changed the rows that it was given")
    expect(torch.equal(draw(model, 50), before), "after its capabilities were called, the model gives other samples")

"""Checks of what a model declares beside sampling: codes, reconstructions, anomaly scores."""

from __future__ import annotations

from typing import Any

import torch

from genbench.testing.check import Skipped, Subject, check, expect
from genbench.testing.checks.conditions import conditional_model
from genbench.testing.model_training import classes_of, draw, kind_of, require_repeatable, rows_for, train
from genbench.testing.process_state import expect_process_unchanged, seed_of

NUMBER_OF_ROWS = 20
OTHER_ROWS = 31  # beside them, in another call
TOLERANCE = 1e-3  # of single precision in sums over another number of rows, relative to the spread of a result


class Capable:
    """A trained model of its own for these checks, with the declared capabilities that it has.

    A model that needs conditions is given the class of each row; ``sampler`` samples without any.
    """

    def __init__(self, subject: Subject) -> None:
        self.sampler = subject.once("of capabilities", lambda: train(subject, rows_for(kind_of(subject)))[0])
        self.needs_conditions = subject.spec.conditions == "required"
        self.model = self.sampler.model if self.needs_conditions else self.sampler
        self.names = [name for name in subject.spec.capabilities if callable(getattr(self.model, name, None))]
        if not self.names:
            raise Skipped("it declares no capabilities")

    def conditions(self, x: torch.Tensor) -> torch.Tensor | None:
        """Return the conditions (n, 1) of rows; None where the model needs none."""
        return given_class(x) if self.needs_conditions else None

    def call(self, x: torch.Tensor, seed: int = 0) -> dict[str, torch.Tensor]:
        """Return what each capability makes of rows, called as the core calls them."""
        return call(self.model, self.names, x, self.conditions(x), seed)


def given_class(x: torch.Tensor) -> torch.Tensor:
    """Return the class of each row as its condition, (n, 1)."""
    return classes_of(x)[:, None].float()


def held_out(subject: Subject) -> torch.Tensor:
    """Return rows (n, *shape) that the model has not seen."""
    return torch.as_tensor(rows_for(kind_of(subject), NUMBER_OF_ROWS, seed=9), dtype=torch.float32)


def call(
    model: Any, capabilities: list[str], x: torch.Tensor, given: torch.Tensor | None = None, seed: int = 0
) -> dict[str, torch.Tensor]:
    """Return what each capability makes of rows, called as the core calls them; ``decode`` is given their codes.

    ``given`` are the conditions of the rows.
    """
    found: dict[str, torch.Tensor] = {}
    conditions = () if given is None else (given,)
    with seed_of(seed, "tasks"), torch.no_grad():
        for name in sorted(capabilities, key=lambda each: each == "decode"):  # codes first
            if name != "decode":
                found[name] = getattr(model, name)(x.clone(), *conditions)
            elif "encode" in found:
                found[name] = model.decode(found["encode"].detach().clone(), *conditions)
    return found


@check("model", remedy="return one row for each row from encode, decode and reconstruct, one number from anomaly_score")
def capabilities_work(subject: Subject) -> None:
    """Each capability returns one row per row: decode and reconstruct in the shape of the data, anomaly_score (n,)."""
    capable, x = Capable(subject), held_out(subject)
    _expect_rows(capable.call(x), x)


@check("model", remedy="take conditions as second argument: encode(x, conditions), decode(z, conditions), one row each")
def capabilities_take_conditions(subject: Subject) -> None:
    """Capabilities of a model that takes conditions are called with those of the rows, and return one row per row."""
    names, x = Capable(subject).names, held_out(subject)
    given = torch.cat([given_class(x), torch.zeros(len(x), 1)], 1)
    found = call(conditional_model(subject), names, x, given)
    _expect_rows(found, x)
    for name, values in found.items():
        expect(bool(torch.isfinite(values).all()), f"{name} returned values that are not finite, given conditions")


def _expect_rows(found: dict[str, torch.Tensor], x: torch.Tensor) -> None:
    """Expect of each capability one row for each of ``x``."""
    for name, rows in found.items():
        expect(isinstance(rows, torch.Tensor), f"{name} returned {type(rows).__name__}, expected a tensor")
        shapes = {"encode": (len(x), *rows.shape[1:]), "anomaly_score": (len(x),)}
        expected = shapes.get(name, tuple(x.shape))
        expect(tuple(rows.shape) == expected, f"{name} returned shape {tuple(rows.shape)}, expected {expected}")


@check("model", remedy="compute under torch.no_grad(), and return finite numbers for any rows, also noisy ones")
def capabilities_give_plain_numbers(subject: Subject) -> None:
    """What capabilities return is finite, of noisy rows too, and carries no gradient."""
    capable, x = Capable(subject), held_out(subject)
    with seed_of(0, "noise"):
        noisy = x + 0.5 * torch.randn_like(x)
    for rows in (x, noisy):
        for name, values in capable.call(rows).items():
            expect(not values.requires_grad, f"{name} returned a tensor with a gradient")
            bad = int((~torch.isfinite(values)).sum())
            expect(not bad, f"{name} returned {bad} values that are not finite")


@check("model", remedy="compute the result of a row from that row alone: no statistics of the batch, model.eval()")
def capabilities_look_at_each_row_alone(subject: Subject) -> None:
    """What a capability makes of a row does not depend on the other rows of the call."""
    capable, x = Capable(subject), held_out(subject)
    others = torch.as_tensor(rows_for(kind_of(subject), OTHER_ROWS, seed=10), dtype=torch.float32)
    alone, again = capable.call(x), capable.call(x, seed=1)
    together = capable.call(torch.cat([x, 2 * others]))
    for name, values in alone.items():
        if not torch.equal(values, again[name]) or len(values) != len(x) or len(together[name]) < len(x):
            continue  # it draws random numbers, of which other rows take some, or returns too few rows
        gap = (together[name][: len(x)] - values).double().abs()
        spread = 1.0 + float(values.double().abs().max())
        expect(not bool((gap > TOLERANCE * spread).any()), f"{name} of a row changes with the other rows of the call")


@check("model", remedy="change no attribute of the model, and not the rows, in encode, reconstruct and anomaly_score")
def capabilities_leave_the_model_alone(subject: Subject) -> None:
    """Calling capabilities changes neither the samples that follow, nor the rows, nor the process."""
    capable = Capable(subject)
    require_repeatable(subject)
    x, before = held_out(subject), draw(capable.sampler, 50)
    rows, given = x.clone(), capable.conditions(x)
    with expect_process_unchanged("a capability"), seed_of(0, "tasks"), torch.no_grad():
        for name in capable.names:
            if name != "decode":
                getattr(capable.model, name)(*((rows,) if given is None else (rows, given)))
    expect(torch.equal(rows, x), "a capability changed the rows that it was given")
    expect(
        torch.equal(draw(capable.sampler, 50), before),
        "after its capabilities were called, the model gives other samples",
    )

"""The scale on which the values of a column are compared: smaller is better, and errors are alike along it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.table.differences import Differences, Measured

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Values:
    """The values of one model in one column by seed, as its records hold them.

    ``shown`` are those that a table prints, without bias where a metric knows it; ``errors`` are sampling errors.
    """

    raw: Mapping[int, float]
    shown: Mapping[int, float]
    errors: Mapping[int, float] = field(default_factory=dict)
    replicates: Mapping[int, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class ValueScale:
    """A monotone function of the values of a column, its derivative and its inverse."""

    map: Callable[[Any], Any]
    slope: Callable[[float], float]
    inverse: Callable[[float], float]


LINEAR = ValueScale(lambda x: x, lambda _: 1.0, lambda y: y)
LOGARITHM = ValueScale(np.log, lambda x: 1.0 / x, math.exp)


def display_scale(models: Mapping[str, Values], better: str | None, best: float | None, positive: bool) -> ValueScale:
    """Return the scale on which the mean of a column is taken to be symmetric.

    Costs (``positive``) have logarithms. Distances, whose best value is 0, grow in proportion to their noise where they
    are large and have constant noise near 0: they are linear up to twice the typical sampling error, then logarithmic.
    """
    values = [value for each in models.values() for value in each.shown.values()]
    if positive:
        return LOGARITHM if values and min(values) > 0.0 else LINEAR
    if better != "lower" or best != 0.0:
        return LINEAR
    errors = [error for each in models.values() for error in each.errors.values() if error > 0.0]
    if not errors and values and min(values) > 0.0:
        return LOGARITHM
    sizes = [abs(value) for value in values if value]
    if not errors and not sizes:
        return LINEAR
    unit = 2.0 * float(np.median(errors)) if errors else float(np.median(sizes))
    return ValueScale(
        lambda x: np.arcsinh(np.asarray(x) / unit),
        lambda x: 1.0 / math.hypot(unit, x),
        lambda y: unit * math.sinh(y),
    )


def spreads(models: Mapping[str, Values], scale: ValueScale) -> Differences:
    """Return the values that are shown, on a scale, for the errors of their means."""
    return _on_scale({name: Values(each.shown, each.shown, each.errors) for name, each in models.items()}, scale)


def comparison(
    models: Mapping[str, Values], better: str, best: float | None, positive: bool, floor: float | None = None
) -> Differences:
    """Return the values of a column, to be compared: smaller is better.

    Where the best value is neither 0 nor unknown, the distance from it counts: a classifier's area of 0.4 is as far
    from chance as 0.6. Where higher is better, values above ``floor``, that of fresh real rows, are as good as it.
    Values are those with their bias, which all models have in common.
    """
    if best:
        flipped = {name: _distances(each, best) for name, each in models.items()}
        return _on_scale(flipped, LINEAR)
    if better == "higher" and not positive:
        flipped = {name: _shortfalls(each, floor) for name, each in models.items()}
        return _on_scale(flipped, LINEAR)
    raw = {name: Values(each.raw, each.raw, each.errors, each.replicates) for name, each in models.items()}
    scale = display_scale(raw, better, best, positive)
    if better == "higher":
        scale = replace(scale, map=partial(_negative, scale.map))
    return _on_scale(raw, scale)


def _on_scale(models: Mapping[str, Values], scale: ValueScale) -> Differences:
    found = {}
    for name, each in models.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            replicates = {seed: np.asarray(scale.map(values), float) for seed, values in each.replicates.items()}
        found[name] = Measured(
            {seed: float(scale.map(value)) for seed, value in each.raw.items()},
            {seed: error * scale.slope(each.raw[seed]) for seed, error in each.errors.items()},
            {seed: values for seed, values in replicates.items() if np.isfinite(values).all()},
        )
    return Differences(found)


def _distances(values: Values, best: float) -> Values:
    signs = {seed: 1.0 if value >= best else -1.0 for seed, value in values.raw.items()}
    raw = {seed: abs(value - best) for seed, value in values.raw.items()}
    replicates = {seed: signs[seed] * (each - best) for seed, each in values.replicates.items()}
    return Values(raw, raw, values.errors, replicates)


def _shortfalls(values: Values, floor: float | None) -> Values:
    """Return how far values lie below the floor; replicates go on beyond it, so that their errors stay."""
    at = 0.0 if floor is None else floor
    raw = {seed: at - value if floor is None else max(at - value, 0.0) for seed, value in values.raw.items()}
    return Values(raw, raw, values.errors, {seed: at - each for seed, each in values.replicates.items()})


def _negative(function: Callable[[Any], Any], x: Any) -> Any:
    return -function(x)

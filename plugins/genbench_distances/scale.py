"""Metrics at any scale of the data: squares of numbers like 1e200 or 1e-200 overflow or vanish without rescaling."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from genbench.protocol import Array, Evidence, RealSide, Score

__all__ = ["any_scale"]

MAX_EXTENTS = 2.0**400  # of the real rows: metrics without a unit do not depend on how much farther a sample is
MIN_SCALE, MAX_SCALE = 2.0**-100, 2.0**100  # between which third and fourth powers and their sums do not overflow
VALUE_ENTRIES = ("standard_error", "debiased")  # of ``detail``, which have the power of the value
LENGTH_PARAMS = ("bandwidth", "tolerance")  # of ``params``, which are lengths


def any_scale(power: int, *lengths: str) -> Callable[[Callable[..., Score]], Callable[..., Score]]:
    """Decorate a metric whose value grows with this power of the data's scale: too large or small data are rescaled.

    The factor is a power of two, so no digit changes. ``lengths`` are the entries of ``detail`` that grow with the same
    power, or with the first power where ``power`` is 0.
    """

    def decorate(metric: Callable[..., Score]) -> Callable[..., Score]:
        @functools.wraps(metric)
        def scaled(evidence: Evidence, *config: Any) -> Score:
            if power == 0:
                evidence = _within_reach(evidence)
            largest = _largest(evidence)
            if not largest or MIN_SCALE <= largest <= MAX_SCALE:
                return metric(evidence, *config)
            unit = 2.0 ** (math.frexp(largest)[1] - 1) if math.isfinite(largest) else 2.0**1023
            return _scaled_back(metric(_rescaled(evidence, unit), *config), unit, power, lengths)

        return scaled

    return decorate


def _within_reach(evidence: Evidence) -> Evidence:
    """Return the evidence with very distant samples moved closer: rescaled to them, all other rows would be equal."""
    rows, fake = evidence.real.rows, evidence.fake
    if not rows.size or not fake.size:
        return evidence
    reach = MAX_EXTENTS * _extent(rows[0], *_ends(evidence.real))
    if not 0 < reach < _extent(rows[0], fake.min(0), fake.max(0)):
        return evidence
    return replace(evidence, fake=np.clip(fake, rows[0] - reach, rows[0] + reach))


def _largest(evidence: Evidence) -> float:
    """Return the largest difference from the first real row, which does not depend on an offset."""
    rows, fake = evidence.real.rows, evidence.fake
    if not rows.size or not fake.size:
        return 0.0
    return _extent(rows[0], *_ends(evidence.real), fake.min(0), fake.max(0))


def _ends(real: RealSide) -> tuple[Array, Array]:
    return real.once("ends", lambda: (real.rows.min(0), real.rows.max(0)))


def _extent(origin: Array, *ends: Array) -> float:
    with np.errstate(over="ignore"):
        return float(max(np.abs(end - origin).max() for end in ends))


def _rescaled(evidence: Evidence, unit: float) -> Evidence:
    real = evidence.real
    others: dict[str, Any] = {
        name: None if (rows := getattr(evidence, name)) is None else rows / unit for name in ("train", "reference")
    }
    kept = real.once(("rescaled", unit), lambda: RealSide(real.rows / unit))
    return replace(evidence, real=kept, fake=evidence.fake / unit, **others)


def _scaled_back(score: Score, unit: float, power: int, lengths: tuple[str, ...]) -> Score:
    """Return the score at the data's own scale."""
    exponent = math.frexp(unit)[1] - 1
    powers = dict.fromkeys(VALUE_ENTRIES, power) | dict.fromkeys(lengths, power or 1)
    detail = {name: _times(entry, exponent * powers.get(name, 0)) for name, entry in score.detail.items()}
    params = {name: _times(entry, exponent * (name in LENGTH_PARAMS)) for name, entry in score.params.items()}
    numbers = {name: _times(getattr(score, name), exponent * power) for name in ("value", "low", "high")}
    if None in numbers.values() and score.low is not None:
        warnings = (*score.warnings, "out of the range of numbers at the scale of the data")
        return replace(score, value=None, low=None, high=None, level=None, detail={}, params=params, warnings=warnings)
    replicates = tuple(_times(score.replicates, exponent * power))
    return replace(score, **numbers, detail=detail, params=params, replicates=replicates)


def _times(entry: Any, exponent: int) -> Any:
    """Return an entry, a number or a list or mapping of numbers, times a power of two; None for what overflows."""
    if not exponent or entry is None or isinstance(entry, str):
        return entry
    if isinstance(entry, Mapping):
        return {key: _times(value, exponent) for key, value in entry.items()}
    if isinstance(entry, (list, tuple)):
        return [_times(value, exponent) for value in entry]
    try:
        return math.ldexp(entry, exponent)
    except OverflowError:
        return None

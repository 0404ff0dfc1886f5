"""One reader of a stored score: its column, its error, whether it is a limit, whether its metric failed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

__all__ = [
    "LEVEL",
    "STANDARD",
    "SUSPECT",
    "column_of",
    "failed",
    "finite",
    "floor_spread",
    "is_limit",
    "own_error",
    "standard_error",
]

SUSPECT = 3.0  # standard errors, of value and floor together, by which a score must beat the floor before it is flagged
STANDARD = ("standardised", "pixels", "")  # the spaces that go without saying in the name of a column
LEVEL = 0.95


def failed(score: Mapping[str, Any]) -> bool:
    """Return whether there is no value because the metric raised."""
    return score.get("value") is None and any(str(text).startswith("failed:") for text in score.get("warnings") or ())


def floor_spread(floor: Mapping[str, Any]) -> float | None:
    """Return the standard deviation of a floor: as measured, else as its interval implies."""
    given: float | None = floor.get("floor_sd")
    return (standard_error(floor) or None) if given is None else given


def standard_error(score: Mapping[str, Any]) -> float | None:
    """Return the standard error that a score states, or that its interval at 95 % implies, None where there is none.

    Where an interval is cut off at what is possible its width tells too little.
    """
    low, high = score.get("low"), score.get("high")
    stated = (score.get("detail") or {}).get("standard_error")
    if low is not None and isinstance(stated, float):
        return stated
    return None if low is None or high is None else (high - low) / (2 * 1.96)


def column_of(score: Mapping[str, Any]) -> str:
    """Return the name of a score's column: its label, else its metric and, unless it is the standard one, its space."""
    if score.get("label"):
        return str(score["label"])
    metric, space = str(score["metric"]), str(score.get("space") or "")
    return metric if space in STANDARD or "@" in metric else f"{metric}@{space}"


def finite(value: Any) -> float | None:
    """Return a finite float or None."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def is_limit(score: Mapping[str, Any]) -> bool:
    """Return whether a value is only a lower limit: these samples are worth at least so many events."""
    return bool((score.get("detail") or {}).get("at_least"))


def own_error(score: Mapping[str, Any]) -> float | None:
    """Return the standard error of one value that its interval implies, None where it has no interval."""
    low, high = finite(score.get("low")), finite(score.get("high"))
    if low is None or high is None:
        return None
    return (high - low) / (2.0 * NormalDist().inv_cdf(0.5 + (score.get("level") or LEVEL) / 2.0))

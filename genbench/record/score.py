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
    "interval_error",
    "is_limit",
    "standard_error",
]

SUSPECT = 3.0  # standard errors, of value and floor together, by which a score must beat the floor before it is flagged
STANDARD = ("standardised", "pixels", "")  # the spaces that go without saying in the name of a column
LEVEL = 0.95  # of an interval that states no level


def failed(score: Mapping[str, Any]) -> bool:
    """Return whether there is no value because the metric raised."""
    return score.get("value") is None and any(str(text).startswith("failed:") for text in score.get("warnings") or ())


def floor_spread(floor: Mapping[str, Any]) -> float | None:
    """Return the standard deviation of a floor: as measured, else as its interval implies."""
    given: float | None = floor.get("floor_sd")
    return (standard_error(floor) or None) if given is None else given


def standard_error(score: Mapping[str, Any]) -> float | None:
    """Return the standard error that a score states, or that its interval implies, None where there is none.

    An interval that is cut off at what is possible is too narrow to tell, so that a stated error comes first.
    """
    stated = finite((score.get("detail") or {}).get("standard_error"))
    return interval_error(score) if stated is None or score.get("low") is None else stated


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


def interval_error(score: Mapping[str, Any]) -> float | None:
    """Return the standard error that the interval of a score implies at its level, None where it has no interval."""
    low, high = finite(score.get("low")), finite(score.get("high"))
    if low is None or high is None:
        return None
    level = score.get("level") or LEVEL
    # metrics make their 95 % intervals with 1.96, so that this gives back the very error that they had
    quantile = 1.96 if level == LEVEL else NormalDist().inv_cdf(0.5 + level / 2.0)
    return (high - low) / (2.0 * quantile)

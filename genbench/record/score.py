"""Read a stored score: its column, its standard error, whether it is a limit, whether its metric failed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

# a score that beats the floor by more than this, in standard errors of value and floor together, is flagged as suspect
SUSPECT_STANDARD_ERRORS = 3.0
UNNAMED_SPACES = ("standardised", "pixels", "")  # spaces that the name of a column does not mention
CONFIDENCE_LEVEL = 0.95  # of an interval that states no level
MIN_GROUPS = 5  # of a jackknife, for an error


def jackknife_gap_error(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return the standard error of the difference of two scores from their replicates; None of too few, or unequal.

    The groups are left out of both at once, so that what the shared real rows contribute cancels.
    """
    groups = len(one)
    if not len(other) == groups >= MIN_GROUPS:
        return None
    gaps = [float(a - b) for a, b in zip(one, other, strict=True)]
    mean = math.fsum(gaps) / groups
    return math.sqrt((groups - 1) / groups * math.fsum((each - mean) ** 2 for each in gaps))


def metric_failed(score: Mapping[str, Any]) -> bool:
    """Return whether a score has no value because its metric raised an error."""
    return score.get("value") is None and any(str(text).startswith("failed:") for text in score.get("warnings") or ())


def floor_spread(floor: Mapping[str, Any]) -> float | None:
    """Return the standard deviation of a floor: as measured, else as its interval implies."""
    measured: float | None = floor.get("floor_sd")
    return (standard_error(floor) or None) if measured is None else measured


def standard_error(score: Mapping[str, Any]) -> float | None:
    """Return the standard error that a score states, or that its interval implies; None if there is neither.

    A stated error takes precedence, because an interval may be cut off at the limit of what is possible.
    """
    stated = finite_or_none((score.get("detail") or {}).get("standard_error"))
    return interval_error(score) if stated is None or score.get("low") is None else stated


def column_of(score: Mapping[str, Any]) -> str:
    """Return the name of a score's column: its label, else its metric, with any space but the standard one."""
    if score.get("label"):
        return str(score["label"])
    metric, space = str(score["metric"]), str(score.get("space") or "")
    return metric if space in UNNAMED_SPACES or "@" in metric else f"{metric}@{space}"


def finite_or_none(value: Any) -> float | None:
    """Return a finite number as a float, and None for anything else."""
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None


def shown_value(score: Mapping[str, Any]) -> float | None:
    """Return the value that a table shows: without its bias, where the interval is of the value without it."""
    debiased = finite_or_none((score.get("detail") or {}).get("debiased"))
    return finite_or_none(score.get("value")) if debiased is None else debiased


def is_limit(score: Mapping[str, Any]) -> bool:
    """Return whether the value is only a lower limit, as in "worth at least so many events"."""
    return bool((score.get("detail") or {}).get("at_least"))


def interval_error(score: Mapping[str, Any]) -> float | None:
    """Return the standard error that the interval of a score implies at its level; None without an interval."""
    low, high = finite_or_none(score.get("low")), finite_or_none(score.get("high"))
    if low is None or high is None:
        return None
    level = score.get("level") or CONFIDENCE_LEVEL
    # metrics multiply their standard error by 1.96 for a 95 % interval: dividing by the same number returns it exactly
    quantile = 1.96 if level == CONFIDENCE_LEVEL else NormalDist().inv_cdf(0.5 + level / 2.0)
    return (high - low) / (2.0 * quantile)

"""Statistical power: the smallest effect that a number of runs can show, and the runs that a given effect needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from scipy import optimize, special

ALPHA = 0.01  # one-sided
POWER = 0.8
MAX_RUNS = 1000  # runs a side that are ever advised


def smallest_shift(sd: float, runs: int, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return the smallest shift that a one-sided t-test with this many runs a side detects with this power.

    ``sd`` is the standard deviation of one run, on the scale of the shift. The result is infinite for a single run a
    side. Uses the non-central t distribution (Cohen 1988, Statistical Power Analysis, section 2.5).
    """
    return math.inf if runs < 2 else sd * _standard_shift(runs, alpha, power)


def runs_for(shift: float, sd: float, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """Return the smallest number of runs a side that detects ``shift``, at least 2; None for more than MAX_RUNS."""
    return _smallest_sufficient(lambda runs: smallest_shift(sd, runs, alpha, power) <= shift) if shift > 0.0 else None


def runs_to_exclude(distance: float, sd: float, alpha: float = ALPHA) -> int | None:
    """Return the smallest number of runs a side whose one-sided bound lies within ``distance`` of the estimated shift.

    None for more than MAX_RUNS.
    """
    return _smallest_sufficient(lambda runs: sd * _standard_bound(runs, alpha) <= distance) if distance > 0.0 else None


def _smallest_sufficient(suffices: Callable[[int], bool]) -> int | None:
    """Return the smallest number of runs, 2 to MAX_RUNS, that suffices, by bisection; None where MAX_RUNS do not."""
    if not suffices(MAX_RUNS):
        return None
    low, high = 1, MAX_RUNS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle) else (middle, high)
    return high


@lru_cache(maxsize=4096)
def _standard_bound(runs: int, alpha: float) -> float:
    """Return the half-width of the one-sided interval of a shift, for runs of standard deviation 1."""
    return -float(special.stdtrit(2 * (runs - 1), alpha)) * math.sqrt(2.0 / runs)


@lru_cache(maxsize=4096)
def _standard_shift(runs: int, alpha: float, power: float) -> float:
    """Return ``smallest_shift`` for runs of standard deviation 1."""
    degrees = 2 * (runs - 1)
    critical = -float(special.stdtrit(degrees, alpha))
    high = critical + 5.0
    while _excess_power(high, critical, degrees, power) < 0.0:
        high *= 2.0
    root: float = optimize.brentq(_excess_power, 0.0, high, args=(critical, degrees, power))
    return root * math.sqrt(2.0 / runs)


def _excess_power(shift: float, critical: float, degrees: int, power: float) -> float:
    return 1.0 - float(special.nctdtr(degrees, shift, critical)) - power

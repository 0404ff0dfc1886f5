"""What a number of runs can show: the smallest effect, and how many runs would show a given one."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

from scipy import optimize, special

__all__ = ["ALPHA", "MOST_RUNS", "POWER", "runs_for", "runs_to_exclude", "smallest_shift"]

ALPHA = 0.01  # one-sided
POWER = 0.8
MOST_RUNS = 1000  # a side: more is no advice


def smallest_shift(sd: float, runs: int, alpha: float = ALPHA, power: float = POWER) -> float:
    """Return the smallest shift that a one-sided t-test of two sides with so many runs each finds with this power.

    ``sd`` is that of one run, on the scale of the shift; infinite for a single run a side. The non-central t
    distribution is used (Cohen 1988, Statistical Power Analysis, section 2.5).
    """
    return math.inf if runs < 2 else sd * _standard_shift(runs, alpha, power)


def runs_for(shift: float, sd: float, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """Return the smallest number of runs a side that shows ``shift``, at least 2; None where 1000 are too few."""
    return _fewest(lambda runs: smallest_shift(sd, runs, alpha, power) <= shift) if shift > 0.0 else None


def runs_to_exclude(room: float, sd: float, alpha: float = ALPHA) -> int | None:
    """Return the smallest number of runs a side whose one-sided bound of the shift lies within ``room`` of it.

    None where 1000 are too few.
    """
    return _fewest(lambda runs: sd * _standard_bound(runs, alpha) <= room) if room > 0.0 else None


def _fewest(enough: Callable[[int], bool]) -> int | None:
    """Return the smallest number of runs, 2 to 1000, from which on it is enough."""
    if not enough(MOST_RUNS):
        return None
    few, many = 1, MOST_RUNS
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many


@lru_cache(maxsize=4096)
def _standard_bound(runs: int, alpha: float) -> float:
    return -float(special.stdtrit(2 * (runs - 1), alpha)) * math.sqrt(2.0 / runs)


@lru_cache(maxsize=4096)
def _standard_shift(runs: int, alpha: float, power: float) -> float:
    degrees = 2 * (runs - 1)
    critical = -float(special.stdtrit(degrees, alpha))
    high = critical + 5.0
    while _shortfall(high, critical, degrees, power) < 0.0:
        high *= 2.0
    root: float = optimize.brentq(_shortfall, 0.0, high, args=(critical, degrees, power))
    return root * math.sqrt(2.0 / runs)


def _shortfall(shift: float, critical: float, degrees: int, power: float) -> float:
    return 1.0 - float(special.nctdtr(degrees, shift, critical)) - power

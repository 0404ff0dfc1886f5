"""Hard limits of one column: where its values pile up at an edge, and not where an ordinary tail happens to end.

All functions look for a lower limit; an upper limit is the lower limit of the negative values. Of n rows of a smooth
distribution about one fresh row in n lies below the lowest: such an edge is no limit. At a limit many rows are near
the edge, so that more of them would be expected beyond it than the none that there are.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["MIN_EXPECTED_ROWS", "lower_limit"]

Array = npt.NDArray[Any]
MIN_ROWS = 50  # below which no limit is inferred
MIN_EXPECTED_ROWS = 10.0  # beyond an edge, if it were none: their absence has a probability of exp(-10)
EDGE_SHARE, MIN_EDGE_ROWS, MAX_EDGE_ROWS = 0.025, 20, 200  # rows that the density at an edge is measured with
MAX_SPACING_RATIO = 1.5  # of rows at the edge to those behind: 1 at a sharp edge, 2 or more in a tail
MARGIN_SPACINGS = 10.0  # beyond the outermost row: a sharp edge is farther with a probability of exp(-10)
SLICE_SHARE = 0.1  # of the rows, between 0 and the end of the slice that is compared with those behind


def lower_limit(values: Array) -> float | None:
    """Return the lowest possible value of what these are draws (n,) of, or None if they show no limit.

    The limit is 0 where the values end near it, as quantities that cannot be negative do.
    """
    if len(values) < MIN_ROWS or not np.isfinite(values).all():
        return None
    ordered = np.sort(values)
    lowest = float(ordered[0])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if ordered[1] == lowest:
            return lowest if _piles_up(ordered) else None
        limit = _sharp_edge(ordered)
        if limit is None:
            return 0.0 if lowest > 0 and _ends_at_zero(ordered) else None
    return 0.0 if limit <= 0 <= lowest else limit


def _piles_up(ordered: Array) -> bool:
    """Return whether the lowest value is repeated so often that a lower one would have been seen.

    The counts of integers fall ever faster towards the end of a tail: their next count is at most the last one times
    the last ratio of two counts.
    """
    last = int(np.searchsorted(ordered, ordered[0], "right"))
    if last == len(ordered):
        return True
    before = int(np.searchsorted(ordered, ordered[last], "right")) - last
    return last * min(1.0, last / before) >= MIN_EXPECTED_ROWS


def _sharp_edge(ordered: Array) -> float | None:
    """Return a bound of the values where their density does not fall towards the lowest one, else None.

    There the first k rows are spaced as the k rows behind them are, and so are the first 2k.
    """
    k = int(min(max(EDGE_SHARE * len(ordered), MIN_EDGE_ROWS), MAX_EDGE_ROWS, (len(ordered) - 1) // 4))
    for rows in (k, 2 * k):
        first, behind = ordered[rows] - ordered[0], ordered[2 * rows] - ordered[rows]
        if not first < MAX_SPACING_RATIO * behind or not math.isfinite(first):
            return None
    return float(ordered[0] - MARGIN_SPACINGS * (ordered[k] - ordered[0]) / k)


def _ends_at_zero(ordered: Array) -> bool:
    """Return whether positive values would be expected below 0 too, if nothing ended them there.

    Three slices of equal width are counted from 0 upwards. The count below 0 is extrapolated from their logarithms by a
    parabola, which is exact for a normal distribution, and lowered by two standard errors.
    """
    width = ordered[int(SLICE_SHARE * len(ordered))]
    counts = np.diff(np.searchsorted(ordered, width * np.arange(4)))
    if not (counts > 0).all():
        return False
    logs = np.log(counts)
    expected = 3 * logs[0] - 3 * logs[1] + logs[2]
    error = math.sqrt(9 / counts[0] + 9 / counts[1] + 1 / counts[2])
    return bool(expected - 2 * error > math.log(MIN_EXPECTED_ROWS))

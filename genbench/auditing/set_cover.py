"""The smallest set of metrics that together see all faults: exact, after a greedy bound."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, islice

__all__ = ["smallest_cover"]

TRIES = 500_000  # sets looked at; beyond, the greedy set stands


def smallest_cover(strengths: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    """Return the fewest metrics that see every fault which any sees, in the order given.

    ``strengths`` maps a metric to the faults it sees and its |z| there. Of several smallest sets it is the one whose
    weakest sight of a fault is strongest.
    """
    everything = frozenset[str]().union(*strengths.values())
    if not everything:
        return ()
    bound = _greedy(strengths, everything)
    useful = [metric for metric in strengths if strengths[metric]]
    tried = 0
    for size in range(1, len(bound) + 1):
        chosen: tuple[float, tuple[str, ...]] | None = None
        for some in islice(combinations(useful, size), TRIES - tried):
            tried += 1
            if everything <= frozenset[str]().union(*(strengths[metric] for metric in some)):
                weakest = min(max(strengths[metric].get(fault, 0.0) for metric in some) for fault in everything)
                if chosen is None or weakest > chosen[0]:
                    chosen = (weakest, some)
        if chosen is not None:
            return chosen[1]
    return bound


def _greedy(strengths: Mapping[str, Mapping[str, float]], everything: frozenset[str]) -> tuple[str, ...]:
    left, chosen = set(everything), set[str]()
    while left:
        best = max(strengths, key=lambda metric: len(left & set(strengths[metric])))
        chosen.add(best)
        left -= set(strengths[best])
    return tuple(metric for metric in strengths if metric in chosen)

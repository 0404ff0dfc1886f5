"""The smallest set of metrics that together see all faults: an exact search, bounded by a greedy one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, islice

MAX_SETS_TRIED = 500_000  # the greedy set is returned beyond that


def smallest_cover(strengths: Mapping[str, Mapping[str, float]]) -> tuple[str, ...]:
    """Return the fewest metrics that see every fault which any sees, in the order given.

    ``strengths`` maps a metric to the faults it sees, with their |z|. Of several smallest sets it is the one with the
    largest |z| on the fault that it sees least.
    """
    everything = frozenset[str]().union(*strengths.values())
    if not everything:
        return ()
    bound = _greedy(strengths, everything)
    useful = [metric for metric in strengths if strengths[metric]]
    tried = 0
    for size in range(1, len(bound) + 1):
        best: tuple[float, tuple[str, ...]] | None = None
        for metrics in islice(combinations(useful, size), MAX_SETS_TRIED - tried):
            tried += 1
            if everything <= frozenset[str]().union(*(strengths[metric] for metric in metrics)):
                weakest = min(max(strengths[metric].get(fault, 0.0) for metric in metrics) for fault in everything)
                if best is None or weakest > best[0]:
                    best = (weakest, metrics)
        if best is not None:
            return best[1]
    return bound


def _greedy(strengths: Mapping[str, Mapping[str, float]], everything: frozenset[str]) -> tuple[str, ...]:
    left, chosen = set(everything), set[str]()
    while left:
        best = max(strengths, key=lambda metric: len(left & set(strengths[metric])))
        chosen.add(best)
        left -= set(strengths[best])
    return tuple(metric for metric in strengths if metric in chosen)

"""Rank models: which is better in each column beyond chance, and the partial order over the core metrics."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from genbench.record.score import CONFIDENCE_LEVEL
from genbench.table.aggregate import LOGARITHMIC_METRICS, Aggregate
from genbench.table.columns import ColumnInfo
from genbench.table.differences import Differences, holm
from genbench.table.scales import comparison


@dataclass(frozen=True)
class PairTest:
    """Two models in one column: which is better, by how many standard errors, and the p-value."""

    better: str
    worse: str
    column: str
    t: float
    p_value: float
    significant: bool = False


@dataclass(frozen=True)
class Order:
    """The partial order of models over the core metrics.

    ``ranks`` are the ranks that each model may have, ``above`` the models that are better than it, ``mixed`` the pairs
    of which each is better in another metric, ``comparisons`` all pairs in all core metrics.
    """

    ranks: Mapping[str, tuple[int, int]]
    above: Mapping[str, frozenset[str]]
    mixed: frozenset[frozenset[str]]
    comparisons: tuple[PairTest, ...]

    def significant(self, one: str, other: str) -> list[PairTest]:
        """Return the metrics in which two models differ beyond chance."""
        return [c for c in self.comparisons if c.significant and {c.better, c.worse} == {one, other}]


def compared_groups(aggregates: Mapping[str, Aggregate], column: ColumnInfo) -> Iterator[tuple[list[str], Differences]]:
    """Yield the models that may be compared with each other in a column, and their differences.

    Only values of one scale and one kind of likelihood are compared.
    """
    groups: dict[tuple[object, ...], list[str]] = {}
    for name, entry in aggregates.items():
        if entry.estimate is not None and entry.ranked:
            groups.setdefault((entry.kind, entry.scale), []).append(name)
    for names in groups.values():
        floors = [f for name in names if (f := aggregates[name].floor) is not None]
        floor = math.fsum(floors) / len(floors) if floors else None
        values = {name: aggregates[name].values for name in names}
        yield names, comparison(values, column.better or "lower", column.best, is_cost(column), floor)


def is_cost(column: ColumnInfo) -> bool:
    """Return whether a column holds costs or worth, which are never below 0 and are compared as logarithms."""
    return column.timing or column.metric in LOGARITHMIC_METRICS


def better_than(differences: Differences, limits: Container[str] = ()) -> tuple[dict[str, set[str]], bool]:
    """Return the models that are significantly better than each, and whether any pair could be tested.

    The values of ``limits`` are lower limits of a number of which higher is better: no other is better than they are.
    """
    adjusted = differences.adjusted()
    above: dict[str, set[str]] = {name: set() for name in differences.models}
    for (one, other), p in adjusted.items():
        if p < 1.0 - CONFIDENCE_LEVEL:
            winner, loser = (one, other) if differences.difference(one, other).value < 0.0 else (other, one)
            if loser not in limits:
                above[loser].add(winner)
    return above, any(not math.isnan(p) for p in adjusted.values())


def order_of(
    scored: Sequence[str], failed: Sequence[str], columns: Mapping[ColumnInfo, Mapping[str, Aggregate]]
) -> Order:
    """Return the partial order of models: one is above another if it is better in a core metric and worse in none.

    Differences are tested at 5 %, adjusted for the number of pairs and core metrics (Holm 1979). The relation is closed
    transitively; models of a cycle count as equal. The ranks of a model begin after those above it and end before those
    below it. ``failed`` models are below all others.
    """
    found = []
    for column, aggregates in columns.items():
        for names, differences in compared_groups(aggregates, column):
            for at, one in enumerate(names):
                for other in names[:at]:
                    gap = differences.difference(one, other)
                    pair = (one, other) if gap.value < 0.0 else (other, one)
                    t = abs(gap.value) / gap.error if gap.error else math.copysign(math.inf, abs(gap.value))
                    found.append(PairTest(*pair, column.name, t, gap.p_value))
    adjusted = holm([c.p_value for c in found])
    comparisons = tuple(
        PairTest(c.better, c.worse, c.column, c.t, c.p_value, p < 1.0 - CONFIDENCE_LEVEL)
        for c, p in zip(found, adjusted, strict=True)
    )
    wins = {(c.better, c.worse) for c in comparisons if c.significant}
    mixed = frozenset(frozenset(pair) for pair in wins if pair[::-1] in wins)
    reached = _closure(scored, {pair for pair in wins if frozenset(pair) not in mixed})
    above = {
        name: frozenset(other for other in scored if name in reached[other] and other not in reached[name])
        for name in scored
    }
    total = len(scored) + len(failed)
    ranks = {
        name: (1 + len(above[name]), total - len(failed) - sum(name in above[other] for other in scored))
        for name in scored
    }
    ranks |= dict.fromkeys(failed, (len(scored) + 1, total))
    return Order(ranks, above | dict.fromkeys(failed, frozenset(scored)), mixed, comparisons)


def _closure(names: Sequence[str], better: set[tuple[str, str]]) -> dict[str, set[str]]:
    """Return what each model is better than, directly or through others."""
    reached = {name: {worse for one, worse in better if one == name} for name in names}
    for middle in names:
        for name in names:
            if middle in reached[name]:
                reached[name] |= reached[middle]
    return reached

"""Rules that every training row keeps: limits, integers, categories, and relations between columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Column
from genbench_constraints.limits import MIN_EXPECTED_ROWS, lower_limit

__all__ = ["MIN_ROWS", "Rule", "Table", "rules_of"]

Array = npt.NDArray[Any]
MIN_ROWS = 50  # of training, from which rules are inferred
RESOLUTION = 2.0**-21  # of samples in single precision, after standardising and back: 8 roundings
EQUAL_RESOLUTION = 2.0**-21  # of training rows, relative: files may hold single precision
MAX_INTEGER = 2.0**53
MAX_CATEGORIES = 50
MIN_CATEGORY_ROWS = 5  # of each category: with fewer, there may be others that were never drawn
MAX_RELATED_COLUMNS = 40  # beyond which relations between columns are not looked for
PROBE_ROWS = 16  # on which sums of columns are tried first
MAX_EDGE_TEST_ROWS = 10_000  # in which the differences of two columns must pile up at 0
MIN_OVERLAP = 0.01  # of rows that would break an order relation if the columns were independent


@dataclass(frozen=True)
class Table:
    """Training rows (n, d) in the data's own units, and how finely samples resolve each column."""

    rows: Array
    columns: tuple[Column, ...]
    centre: Array  # (d,) of the values, or of their logarithms
    scale: Array  # (d,)

    @classmethod
    def of(cls, rows: Array, columns: tuple[Column, ...]) -> Table:
        """Return the table of training rows."""
        logged = np.array([column.log for column in columns])
        with np.errstate(all="ignore"):
            values = np.where(logged, np.log(np.where(logged & (rows > 0), rows, 1.0)), rows)
            unit = np.abs(values).max(0)
            unit = np.where(unit > 0, unit, 1.0)
            scale = (values / unit).std(0) * unit  # squares of large numbers would overflow
        return cls(rows, columns, values.mean(0), np.where(scale > 0, scale, 1.0))

    def tolerance(self, samples: Array) -> Array:
        """Return by how much samples (m, d) may differ from what the model meant, (m, d).

        Models work in single precision on standardised columns, or on logarithms.
        """
        with np.errstate(all="ignore"):
            found = np.empty(samples.shape)
            for j, column in enumerate(self.columns):
                values = samples[:, j]
                if column.log:
                    logs = np.log(np.where(values > 0, values, 1.0))
                    found[:, j] = RESOLUTION * np.abs(values) * (np.abs(logs - self.centre[j]) + self.scale[j])
                else:
                    found[:, j] = RESOLUTION * (np.abs(values - self.centre[j]) + self.scale[j])
            return found + 2.0**-50 * np.abs(samples)


@dataclass(frozen=True)
class Rule:
    """A rule in words, and a function that returns which samples keep it, (m,), given their tolerances (m, d)."""

    text: str
    kept: Callable[[Array, Array], Array]


def rules_of(table: Table) -> list[Rule]:
    """Return the rules that all rows of a table keep; none of fewer than 50 rows."""
    if len(table.rows) < MIN_ROWS:
        return []
    found = [rule for j in range(table.rows.shape[1]) for rule in _of_column(table, j)]
    if table.rows.shape[1] <= MAX_RELATED_COLUMNS:
        numbers = [j for j, column in enumerate(table.columns) if column.kind != "category"]
        varying = [j for j in numbers if np.ptp(table.rows[:, j]) > 0]
        equal = list(_equal_pairs(table, varying))
        copies = {j for _, j in equal}
        free = [j for j in varying if j not in copies]
        found += [_equal(table, i, j) for i, j in equal]
        found += [_sum(table, *triple) for triple in _sums(table, free)]
        ordered = [j for j in free if table.columns[j].period is None]
        found += [_order(table, i, j) for i, j in _ordered_pairs(table, ordered)]
    return found


# ------------------------------------------------------------------------------------------------------- one column


def _of_column(table: Table, j: int) -> Iterator[Rule]:
    values, column = table.rows[:, j], table.columns[j]
    if column.kind == "category":  # samples have its levels and no others
        return
    name, low, high = column.name, float(values.min()), float(values.max())
    if low == high:
        yield Rule(f"{name} = {low:g}", lambda x, t: np.abs(x[:, j] - low) <= t[:, j])
        return
    if column.period is not None:
        start, end = high - column.period, low + column.period
        yield Rule(f"{name} within one period, {start:g} to {end:g}", _between(j, start, end))
        return
    if column.log:
        yield Rule(f"{name} > 0", lambda x, _: x[:, j] > 0)
    if np.array_equal(values, np.round(values)) and max(abs(low), abs(high)) < MAX_INTEGER:
        yield Rule(f"{name} is an integer", lambda x, t: np.abs(x[:, j] - np.round(x[:, j])) <= t[:, j])
    distinct, counts = np.unique(values, return_counts=True)
    if _are_categories(distinct, counts):
        steps = ", ".join(f"{value:g}" for value in distinct[:8]) + (", ..." if len(distinct) > 8 else "")
        yield Rule(f"{name} is one of {steps}", lambda x, t: _nearest_gap(x[:, j], distinct) <= t[:, j])
        return
    lower, upper = None if column.log else lower_limit(values), lower_limit(-values)
    if lower is not None:
        yield Rule(f"{name} >= {lower:.6g}", _between(j, lower, np.inf))
    if upper is not None:
        yield Rule(f"{name} <= {-upper:.6g}", _between(j, -np.inf, -upper))


def _between(j: int, low: float, high: float) -> Callable[[Array, Array], Array]:
    return lambda x, t: (x[:, j] >= low - t[:, j]) & (x[:, j] <= high + t[:, j])


def _are_categories(distinct: Array, counts: Array) -> bool:
    """Return whether a column has these values only: few, each of many rows.

    Values in equal steps, as counts are, may go on beyond the ends where their number of rows falls off.
    """
    if len(distinct) > MAX_CATEGORIES or counts.min() < MIN_CATEGORY_ROWS:
        return False
    steps = np.diff(distinct)
    if len(distinct) == 2 or steps.max() > 1.5 * steps.min():
        return bool(counts.min() >= MIN_CATEGORY_ROWS)
    ends = ((counts[0], counts[1]), (counts[-1], counts[-2]))
    return all(last * min(1.0, last / before) >= MIN_EXPECTED_ROWS for last, before in ends)


def _nearest_gap(values: Array, distinct: Array) -> Array:
    """Return the distance of each value to the nearest of the sorted distinct ones; NaN for NaN."""
    at = np.clip(np.searchsorted(distinct, values), 1, len(distinct) - 1)
    gap: Array = np.minimum(np.abs(values - distinct[at - 1]), np.abs(values - distinct[at]))
    return gap


# ---------------------------------------------------------------------------------------------- relations of columns


def _equal_pairs(table: Table, columns: list[int]) -> Iterator[tuple[int, int]]:
    """Yield pairs of columns that are equal in all rows, the first of several equal ones with each other."""
    copies: set[int] = set()
    for position, i in enumerate(columns):
        for j in columns[position + 1 :]:
            if i in copies or j in copies:
                continue
            if _are_equal(table.rows[:PROBE_ROWS], i, j) and _are_equal(table.rows, i, j):
                copies.add(j)
                yield i, j


def _are_equal(rows: Array, i: int, j: int) -> bool:
    return bool((np.abs(rows[:, i] - rows[:, j]) <= EQUAL_RESOLUTION * np.abs(rows[:, i])).all())


def _equal(table: Table, i: int, j: int) -> Rule:
    text = f"{table.columns[j].name} = {table.columns[i].name}"
    return Rule(text, lambda x, t: np.abs(x[:, i] - x[:, j]) <= t[:, i] + t[:, j])


def _sums(table: Table, columns: list[int]) -> Iterator[tuple[int, int, int]]:
    """Yield triples a, b, c of columns with a = b + c in all rows, each relation once."""
    index = np.array(columns, dtype=np.intp)
    if len(index) < 3:
        return
    probe = table.rows[np.linspace(0, len(table.rows) - 1, PROBE_ROWS).astype(int)][:, index]
    with np.errstate(all="ignore"):
        sums = probe[:, :, None] + probe[:, None, :]
        size = np.abs(probe)[:, :, None] + np.abs(probe)[:, None, :]
        for position, a in enumerate(columns):
            fits = (np.abs(sums - probe[:, position, None, None]) <= EQUAL_RESOLUTION * size).all(0)
            for first, second in zip(*np.nonzero(np.triu(fits, 1)), strict=True):
                b, c = columns[first], columns[second]
                x, y, z = (table.rows[:, k] for k in (a, b, c))
                if a not in (b, c) and (np.abs(y + z - x) <= EQUAL_RESOLUTION * (np.abs(y) + np.abs(z))).all():
                    yield a, b, c


def _sum(table: Table, a: int, b: int, c: int) -> Rule:
    names = [table.columns[k].name for k in (a, b, c)]
    return Rule(
        f"{names[0]} = {names[1]} + {names[2]}",
        lambda x, t: np.abs(x[:, b] + x[:, c] - x[:, a]) <= t[:, a] + t[:, b] + t[:, c],
    )


def _ordered_pairs(table: Table, columns: list[int]) -> Iterator[tuple[int, int]]:
    """Yield pairs a, b of columns with a <= b in all rows, where the difference piles up at 0.

    Relations that follow from others are left out: a <= c where a <= b and b <= c. So are those of columns whose
    ranges hardly overlap, which say nothing about the relation.
    """
    found = {(a, b) for a, b in permutations(columns, 2) if _is_ordered(table.rows[:, a], table.rows[:, b])}
    for a, b in sorted(found):
        if not any((a, c) in found and (c, b) in found for c in columns):
            yield a, b


def _is_ordered(x: Array, y: Array) -> bool:
    if (x[:PROBE_ROWS] > y[:PROBE_ROWS]).any() or (x > y).any():
        return False
    step = max(1, len(x) // MAX_EDGE_TEST_ROWS)
    x, y = x[::step], y[::step]
    independent = 1 - np.searchsorted(np.sort(x), y, "right").mean() / len(x)  # share of pairs with x > y
    return bool(independent >= MIN_OVERLAP) and lower_limit(y - x) == 0


def _order(table: Table, a: int, b: int) -> Rule:
    text = f"{table.columns[a].name} <= {table.columns[b].name}"
    return Rule(text, lambda x, t: x[:, a] <= x[:, b] + t[:, a] + t[:, b])

"""Tools for authors of datasets: split rows into train, test and reference, draw them by weight, hash the splits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from genbench.budget import SPLIT_FRACTIONS, Sizes
from genbench.errors import DataError
from genbench.protocol import Array, Data

__all__ = [
    "RepeatedRows",
    "constant_columns",
    "copies_between",
    "draw_by_weight",
    "fingerprint",
    "note_on_constants",
    "repeated_rows",
    "split",
    "unweighted_count",
]

MIN_ROWS = 20
MIN_PART_ROWS = {"train": 14, "test": 6}  # where the data say which rows to train on: what 20 rows would be split into
MAX_NAMES = 8  # in a note
ROUNDINGS = 2  # by which equal numbers may differ: units in the last place
MIN_ATOM = 10  # equal rows; fewer are kept together if they are copies
MAX_COPIES_SHARE = 0.02  # of all rows; if more are equal, they are an atom of the law and no copies
MAX_COPIES_RATIO = 10  # to the median row, where no independent draws repeat rows so often as all are repeated
MAX_REPEATED_SHARE = 0.01  # of rows that are drawn by weight
MIN_GAP_ULP = 4  # units in the last place: values that are closer differ by rounding only
NEIGHBOUR_STEPS = 1.5  # steps of a column, up to which two of its values are neighbours: decimals are not exact
HASH_BLOCK_BYTES = 2**20
HASH_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)  # splitmix64, Steele et al. 2014


def split(
    rows: Array, sizes: Sizes, rng: np.random.Generator, held_out: Array | None = None
) -> tuple[Array, Array, Array]:
    """Return the indices of disjoint train, test and reference rows; no row is deleted because it stands twice.

    ``rows`` are (n, *shape). Each split has at most the requested size; if there are too few rows, the splits share
    them 70 : 15 : 15. Copies go to one split together, where equal rows of discrete columns are split like any others:
    ``repeated_rows`` tells them apart. Raises DataError for fewer than 20 rows, copies counted once.

    Where the data have a split of their own, ``held_out`` (n,) is True for the rows among which test and reference rows
    are drawn, which share them in halves if they are too few; training rows are drawn among the others. Copies stay on
    the side of it where they are.
    """
    repeats = repeated_rows(rows)
    if repeats.units < MIN_ROWS:
        rest = f", the other {repeats.copies} are copies of them" if repeats.copies else ""
        raise DataError(
            f"{repeats.units} distinct rows are too few to train, test and compare: at least {MIN_ROWS} needed{rest}"
        )
    if held_out is None:
        return _draw(repeats, (sizes.train, sizes.test, sizes.reference), SPLIT_FRACTIONS, rng)
    parts = {"train": np.flatnonzero(~held_out), "test": np.flatnonzero(held_out)}
    for part, minimum in MIN_PART_ROWS.items():
        if len(parts[part]) < minimum:
            raise DataError(f"{len(parts[part])} rows are too few for the {part} split: at least {minimum} needed")
    train, *_ = _draw(repeats.of(parts["train"]), (sizes.train, 0, 0), (1.0, 0.0, 0.0), rng)
    _, test, reference = _draw(repeats.of(parts["test"]), (0, sizes.test, sizes.reference), (0.0, 0.5, 0.5), rng)
    return parts["train"][train], parts["test"][test], parts["test"][reference]


def _draw(
    repeats: RepeatedRows, sizes: Sequence[int], fractions: Sequence[float], rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Return the indices of three splits of at most these sizes, or of these fractions if there are too few rows."""
    n, wanted = len(repeats.group), np.array(sizes)
    if wanted.sum() > n:
        wanted = np.minimum(wanted, np.floor(np.array(fractions) * n).astype(int))
    if repeats.copies:
        return _fill(repeats, wanted, rng)
    order = rng.permutation(n)
    train, test, reference = wanted
    return order[:train], order[train : train + test], order[train + test : train + test + reference]


def _fill(repeats: RepeatedRows, wanted: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return the indices of the splits: each row or group of copies in the first that has room, in random order."""
    own = np.arange(len(repeats.group)) + len(repeats.group)
    _, unit, count = np.unique(np.where(repeats.together, repeats.group, own), return_inverse=True, return_counts=True)
    by_unit = np.argsort(unit, kind="stable")
    start = np.cumsum(count) - count
    room: list[int] = wanted.tolist()
    parts: tuple[list[Array], ...] = ([], [], [])
    for i in rng.permutation(len(count)):
        for k in range(3):
            if count[i] <= room[k]:
                room[k] -= int(count[i])
                parts[k].append(by_unit[start[i] : start[i] + count[i]])
                break
        if not any(room):
            break
    train, test, reference = (np.concatenate(part) if part else np.zeros(0, dtype=np.int64) for part in parts)
    return train, test, reference


# ------------------------------------------------------------------------------------------------------------- weights


def draw_by_weight(weights: Array, rng: np.random.Generator, count: int | None = None) -> Array:
    """Return the indices of rows in proportion to their weights (n,), which are not negative; in the order of the rows.

    Row i is drawn ``count`` w_i / sum(w) times, rounded up or down by chance with that mean, by systematic sampling of
    the rows in random order (Madow 1949, doi:10.1214/aoms/1177729988). By default as many are drawn as are nearly all
    different: ``unweighted_count``.
    """
    count = unweighted_count(weights) if count is None else count
    order = rng.permutation(len(weights))
    ends = np.cumsum(weights[order].astype(np.float64))
    passed = np.floor(ends * (count / ends[-1]) + rng.random() * (1 - 1e-9)).astype(np.int64)
    passed[-1] = count  # whatever rounding made of it
    times = np.zeros(len(weights), dtype=np.int64)
    times[order] = np.diff(passed, prepend=0)
    return np.repeat(np.arange(len(weights)), times)


def unweighted_count(weights: Array) -> int:
    """Return how many rows can be drawn in proportion to their weights (n,) with at most 1 % of them drawn before.

    It is n for equal weights, and sum(w) / max(w) where one row is much heavier than all others.
    """
    share = np.sort(weights[weights > 0].astype(np.float64))[::-1]
    share /= share.sum()
    heavier = np.arange(1, len(share) + 1)
    # with k rows of more than 1 / count each, the share drawn before is their sum less k / count
    counts = heavier / np.maximum(np.cumsum(share) - MAX_REPEATED_SHARE, 1e-300)
    following = np.append(1 / np.maximum(share[1:], 1e-300), np.inf)
    largest = np.where(np.cumsum(share) > MAX_REPEATED_SHARE, counts, np.inf)
    k = int(np.argmax(largest <= following))
    return int(min(len(share), max(1, np.floor(largest[k] * (1 + 1e-12)))))


# ------------------------------------------------------------------------------------------------------- repeated rows


@dataclass(frozen=True)
class RepeatedRows:
    """Which rows stand more than once, and why.

    ``group`` (n,) numbers the distinct rows. ``together`` (n,) is True for copies: rows that should not stand on two
    sides of a split. ``repeats`` counts the rows beyond the first of each group, ``copies`` those of them that are
    copies; the others are equal because their columns are discrete.
    """

    group: Array
    together: Array
    repeats: int
    copies: int

    @property
    def units(self) -> int:
        """How many rows there are, copies counted once."""
        return len(self.group) - self.copies

    def of(self, index: Array) -> RepeatedRows:
        """Return which of the rows ``index`` (k,) repeat another of them, and which of those are copies."""
        group, together = self.group[index], self.together[index]
        copies = int(together.sum()) - len(np.unique(group[together]))
        return RepeatedRows(group, together, len(index) - len(np.unique(group)), copies)

    @property
    def note(self) -> str:
        """How many rows repeat another and what follows for the split, in words; empty where none does."""
        n = len(self.group)
        if not self.repeats:
            return ""
        text = f"{self.repeats} of {n} rows ({100 * self.repeats / n:.2g} %) repeat another"
        if not self.copies:
            return f"{text}, as rows of discrete columns do: all are kept"
        which = "" if self.copies == self.repeats else f", {self.copies} of them as copies"
        return f"{text}{which}: all are kept, copies on one side of the split"


def repeated_rows(rows: Array) -> RepeatedRows:
    """Return which of ``rows`` (n, *shape) repeat another, and which of those are copies rather than coincidences.

    Equal rows are a coincidence, as independent draws of discrete columns are, where all of this holds; else they are
    copies, unless they are so many (more than 10, and than 2 % of all rows) that they are an atom of the law:

    - Each of their values stands in another distinct row too, or has a neighbour at one step of its column, as the
      values of counts, categories and rounded numbers do. A continuous column has a value of its own in each row.
    - Another distinct row agrees with them in half of the columns, which happens more often than that all agree. This
      is not asked where one column alone determines the row.
    - Over all rows, k f_k^2 <= (k + 1) f_(k-1) f_(k+1) within chance, for f_k rows that stand k times. It holds for
      independent draws of any discrete law (by the Cauchy-Schwarz inequality for the moments of a Poisson mixture,
      Good 1953, doi:10.1093/biomet/40.3-4.237), and not for rows of which many stand twice and hardly one three times.
      Where it fails, an atom also has more than 10 times as many rows as the median row.
    """
    n, flat = len(rows), np.ascontiguousarray(rows.reshape(len(rows), -1))
    hashes = _row_hash(flat)
    in_order = np.sort(hashes)
    if (in_order[1:] != in_order[:-1]).all():
        return RepeatedRows(np.arange(n), np.zeros(n, dtype=bool), 0, 0)
    _, first, group, size = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    repeats = n - len(first)
    independent = _drawn_independently(size)
    limit = MAX_COPIES_SHARE * n if independent else max(MAX_COPIES_SHARE * n, MAX_COPIES_RATIO * np.median(size))
    candidate = (size > 1) & (size <= max(MIN_ATOM, limit))
    if independent and candidate.any():
        index = np.flatnonzero(candidate)
        candidate[index[_coincident(flat[first], index)]] = False
    together = candidate[group]
    return RepeatedRows(group, together, repeats, int((size[candidate] - 1).sum()))


def copies_between(splits: Sequence[Array], repeats: RepeatedRows | None = None) -> int:
    """Return how many rows are copies of a row in an earlier one of the splits, each (n, *shape).

    ``repeats`` are the repeated rows of all splits, one after the other, if they are known already.
    """
    repeats = repeated_rows(np.concatenate(splits)) if repeats is None else repeats
    if not repeats.copies:
        return 0
    ends = np.cumsum([len(rows) for rows in splits])
    groups = [
        np.where(repeats.together, repeats.group, -1)[end - len(rows) : end]
        for end, rows in zip(ends, splits, strict=True)
    ]
    return sum(
        int((np.isin(groups[k], np.concatenate(groups[:k])) & (groups[k] >= 0)).sum()) for k in range(1, len(groups))
    )


def _row_hash(flat: Array) -> Array:
    """Return a 64-bit hash (n,) of each row of (n, d), by splitmix64 over its words; -0 and 0 are equal."""
    result = np.zeros(len(flat), dtype=np.uint64)
    size = max(1, HASH_BLOCK_BYTES // max(1, flat.shape[1] * flat.itemsize))
    for at in range(0, len(flat), size):
        result[at : at + size] = _block_hash(flat[at : at + size])
    return result


def _block_hash(rows: Array) -> Array:
    """Return the hash of few rows, so that all intermediate arrays fit into the cache of the processor."""
    if rows.dtype.kind == "f":
        rows = rows.astype(np.float64, copy=False) if rows.itemsize > 8 else rows  # whose bytes are not all used
        rows = rows + 0.0
    octets = np.ascontiguousarray(rows).view(np.uint8)
    missing = -octets.shape[1] % 8
    words = np.ascontiguousarray(np.pad(octets, ((0, 0), (0, missing))) if missing else octets).view(np.uint64)
    add, one, two = map(np.uint64, HASH_MULTIPLIERS)
    state = np.zeros(len(rows), dtype=np.uint64)
    for word in words.T:
        state = (state ^ word) + add
        state = (state ^ (state >> np.uint64(30))) * one
        state = (state ^ (state >> np.uint64(27))) * two
        state ^= state >> np.uint64(31)
    return state


def _drawn_independently(size: Array) -> bool:
    """Return whether rows may stand so often, (r,) times each, in independent draws of a discrete law."""
    f = np.bincount(size, minlength=3).astype(np.float64)
    f = np.append(f, [0.0, 0.0])
    bound = f + 4.0 * np.sqrt(f) + 4.0  # of an expected number, where f was counted
    k = np.arange(2, len(f) - 1)
    return bool((k * f[k] ** 2 <= (k + 1) * bound[k - 1] * bound[k + 1]).all())


def _coincident(distinct: Array, index: Array) -> Array:
    """Return which (k,) of the rows ``index`` (k,) of distinct rows (r, d) may be equal by coincidence."""
    halves = [_row_hash(distinct[:, k::2]) for k in range(2)]
    shared = np.any([_counts(np.sort(half), half[index]) > 1 for half in halves], axis=0)
    result = np.ones(len(index), dtype=bool)
    if not shared.all() and not _has_decisive_column(distinct):
        result = shared
    for column in distinct.T if result.any() else ():
        in_order, found = np.sort(column), column[index]
        values = in_order[np.append(True, in_order[1:] != in_order[:-1])]
        result &= (_counts(in_order, found) > 1) | _has_neighbour(values)[np.searchsorted(values, found)]
    return result


def _counts(in_order: Array, values: Array) -> Array:
    """Return how often each of ``values`` occurs in a sorted array."""
    return np.searchsorted(in_order, values, "right") - np.searchsorted(in_order, values, "left")


def _has_decisive_column(distinct: Array) -> bool:
    """Return whether one column alone determines the row."""
    if distinct.dtype.itemsize == 1 and len(distinct) > 256:
        return False
    return any(len(np.unique(column)) == len(distinct) for column in distinct.T)


def _has_neighbour(values: Array) -> Array:
    """Return which of the sorted distinct values (u,) have another at the smallest step between any of them."""
    if len(values) < 2:
        return np.zeros(len(values), dtype=bool)
    gaps = np.diff(values.astype(np.float64))
    size = np.abs(values) if values.dtype.kind == "f" else np.abs(values.astype(np.float64))
    rounding = MIN_GAP_ULP * np.spacing(np.maximum(size[:-1], size[1:])).astype(np.float64)
    steps = gaps[gaps > rounding]
    near = gaps <= (NEIGHBOUR_STEPS * float(steps.min()) if len(steps) else np.inf)
    return np.append(near, False) | np.insert(near, 0, False)


# ---------------------------------------------------------------------------------------------------- constant columns


def constant_columns(rows: Array) -> Array:
    """Return which columns (d,) of rows (n, d) are constant: no two numbers differ beyond a rounding of their type.

    The spread of times of 1.7e9 s that differ by milliseconds is thousands of such roundings.
    """
    low, high = rows.min(0), rows.max(0)
    if rows.dtype.kind != "f":
        return np.asarray(low == high)
    size = np.maximum(np.abs(low), np.abs(high))
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers at the ends of their type
        step = np.spacing(size)
        step = np.where(np.isfinite(step), step, size - np.nextafter(size, 0))
        return np.asarray(high - low <= ROUNDINGS * step)


def note_on_constants(names: Sequence[str]) -> tuple[str, ...]:
    """Return a note on columns that are constant, by name; none where there are none."""
    if not names:
        return ()
    if len(names) == 1:
        return (f"column {names[0]!r} is constant, and is set aside",)
    shown = ", ".join(names[:MAX_NAMES]) + (", ..." if len(names) > MAX_NAMES else "")
    return (f"{len(names)} columns are constant, and are set aside: {shown}",)


def fingerprint(data: Data) -> str:
    """Return the sha256 of the dtypes, shapes and bytes of the three splits, and of the outliers if there are any."""
    digest = hashlib.sha256()
    for rows in (data.train, data.test, data.reference, *(() if data.outliers is None else (data.outliers,))):
        digest.update(f"{rows.dtype.str}{rows.shape}".encode())
        digest.update(np.ascontiguousarray(rows).data)
    return digest.hexdigest()

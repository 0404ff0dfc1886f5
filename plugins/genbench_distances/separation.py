"""Separation power: the triangular chi-squared distance of the histograms of each column and each observable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Column, Evidence, Score, jackknife_groups
from genbench_distances.jackknife import SIZES, TOO_FEW_ROWS, Fields, Interval, bounded, count, jackknife_square

__all__ = ["bin_edges", "separation"]

Array = npt.NDArray[Any]
DATA_SPACES = ("standardised", "raw", "pixels")  # whose columns are those of the data, not features
MAX_PIXELS = 64  # of images: with more, only observables are compared
MIN_ROWS = 2  # of either side, for an unbiased estimate
BIN_FACTOR, BIN_POWER = 2.0, 0.4  # 2 n^0.4 bins: the most powerful number for chi-squared tests, to a factor of 2


@dataclass(frozen=True)
class Counts:
    """How many rows of each group of the jackknife are in each bin: (G, bins) of either side."""

    real: Array
    fake: Array

    def values(self) -> tuple[float, float, Array, Array]:
        """Return the value and its biased form, and the value without each group and of each group alone, (G,)."""
        real, fake = self.real.sum(0), self.fake.sum(0)
        value, biased = _separation(real, fake), _separation(real, fake, unbiased=False)
        if len(self.real) == 1:
            return value, biased, np.empty(0), np.empty(0)
        weight = _weight(real, fake)
        without = np.array([_separation(real - a, fake - b) for a, b in zip(self.real, self.fake, strict=True)])
        alone = np.array([_separation(a, b, weight) for a, b in zip(self.real, self.fake, strict=True)])
        return value, biased, without, alone


def separation(evidence: Evidence) -> Score:
    """Return the separation power ½ Σ (p - q)²/(p + q) of each column and observable, their mean; lower is better.

    p and q are the shares of real rows and of samples in each bin; 0 for equal shares, 1 for shares without overlap,
    without a unit. Bins hold equally many real rows, 2 n^0.4 of them for n rows of the smaller side; the outer ones are
    open. A column of no more distinct values than that, of integers or categories, has a bin for each, and bounds lie
    midway between neighbouring values, so that rounding moves no row. A category and a periodic column are one column
    each. The bias, about (1/n + 1/m) bins/4 for n real
    rows and m samples of equal distributions, is removed: the value may be negative, and ``detail["biased"]`` is the
    sum as it stands. ``detail`` has each column and observable with its interval, and the number of bins. Constant
    columns are left out. Of images with many pixels only the observables are compared. The interval is a delete-a-group
    jackknife's, of the mean at these sizes. Krause et al. 2024 (CaloChallenge), arXiv:2410.21611; triangular
    discrimination: Topsøe 2000, doi:10.1109/18.850703.
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    columns, observables = _columns(evidence), _observables(evidence)
    fields: Fields = {"n_real": n, "n_fake": m}
    if min(n, m) < MIN_ROWS:
        return Score(None, warnings=(f"needs at least {MIN_ROWS} rows of either side",), **fields)
    pairs = columns | observables
    if not pairs:
        return Score(None, warnings=("needs observables, as these images have many pixels",), **fields)
    bad = [name for name, pair in pairs.items() if not all(np.isfinite(side).all() for side in pair)]
    if bad:
        return Score(None, warnings=tuple(f"{name!r} is not finite in some rows" for name in bad), **fields)
    bins, groups = _number_of_bins(n, m), count(n, m)
    labels = jackknife_groups(n, groups), jackknife_groups(m, groups)
    found: dict[str, Counts] = {}
    for name, (x, y) in pairs.items():
        edges = evidence.real.once(("separation", name, bins), lambda x=x: bin_edges(x, bins))  # type: ignore[misc]
        if len(edges):
            found[name] = Counts(_count(x, edges, labels[0], groups), _count(y, edges, labels[1], groups))
    constant = sorted(pairs.keys() - found.keys())
    if not found:
        return Score(None, warnings=("every column is constant",), **fields)
    each = {name: counts.values() for name, counts in found.items()}
    values = {name: value for name, (value, *_) in each.items()}
    intervals = {name: _bounds(_interval(value, *parts)) for name, (value, _, *parts) in each.items()}
    without = np.mean([left for _, _, left, _ in each.values()], axis=0)
    alone = np.mean([groups_alone for *_, groups_alone in each.values()], axis=0)
    value = float(np.mean(list(values.values())))
    detail: dict[str, Any] = {
        "columns": {name: values[name] for name in columns if name in values},
        "observables": {name: values[name] for name in observables if name in values},
        "worst": max(values, key=lambda name: values[name]),
        "biased": float(np.mean([biased for _, biased, *_ in each.values()])),
        "bins": {name: counts.real.shape[1] for name, counts in found.items()},
    }
    detail |= {"intervals": intervals} if all(intervals.values()) else {}
    fields["params"] = {"bins": bins, "binning": "quantiles of the real rows, or values"}
    warnings = (f"constant columns left out: {', '.join(constant)}",) if constant else ()
    return bounded(
        value, _interval(value, without, alone), of=SIZES, missing=TOO_FEW_ROWS, detail=detail, warnings=warnings,
        **fields,
    )  # fmt: skip


def _columns(evidence: Evidence) -> dict[str, tuple[Array, Array]]:
    """Return the values of both sides in each column of the space, by name."""
    real, fake = evidence.real.rows, evidence.fake
    d = real.shape[1]
    if evidence.kind == "image" and evidence.space in DATA_SPACES and d > MAX_PIXELS:
        return {}
    names = evidence.columns if len(evidence.columns) == d else tuple(f"x{i}" for i in range(d))
    column_of, found = np.array(evidence.column_of), {}
    for column in dict.fromkeys(column_of.tolist()):
        [first, *others] = np.flatnonzero(column_of == column)
        if not others:
            found[names[first]] = real[:, first], fake[:, first]
            continue
        declared = evidence.raw_columns[column]
        which = [first, *others]
        found[declared.name] = _joined(real[:, which], declared), _joined(fake[:, which], declared)
    return found


def _joined(features: Array, column: Column) -> Array:
    """Return the codes (n,) of a category from features of its levels, or angles from their sine and cosine."""
    joined: Array = features.argmax(1) if column.kind == "category" else np.arctan2(*features.T)
    return joined.astype(np.float64)


def _observables(evidence: Evidence) -> dict[str, tuple[Array, Array]]:
    """Return the values of both sides of each observable, by name; none in the space of features."""
    real, fake = evidence.observables_test, evidence.observables_fake
    if not real or not fake or evidence.space not in DATA_SPACES:
        return {}
    names = sorted(real.keys() & fake.keys())
    taken = set(_columns(evidence))
    return {
        f"{name} (observable)" if name in taken else name: (
            np.asarray(real[name], np.float64).reshape(-1),
            np.asarray(fake[name], np.float64).reshape(-1),
        )
        for name in names
    }


def _number_of_bins(n: int, m: int) -> int:
    number: int = round(BIN_FACTOR * min(n, m) ** BIN_POWER)
    return max(2, number)


def bin_edges(values: Array, bins: int) -> Array:
    """Return the inner edges (bins - 1,) of about equally filled bins; () for equal values.

    Edges lie midway between neighbouring distinct values. Few distinct values have a bin for each, and so has a value
    that fills a bin.
    """
    distinct, counts = np.unique(values, return_counts=True)
    middles: Array = np.unique(distinct[:-1] / 2 + distinct[1:] / 2)  # halves, since a sum may overflow
    if len(distinct) <= bins:
        return middles
    ends = np.cumsum(counts)
    # the edge above the last value of each bin, and both edges of a value that fills one
    chosen = np.searchsorted(ends, len(values) * np.arange(1, bins) / bins)
    full = np.flatnonzero(counts >= len(values) / bins)
    chosen = np.unique(np.concatenate([chosen, full, full - 1]))
    return middles[chosen[(chosen >= 0) & (chosen < len(middles))]]


def _count(values: Array, edges: Array, labels: Array, groups: int) -> Array:
    """Return the numbers of values in each bin by group, (groups, bins)."""
    number = len(edges) + 1
    cells = labels.astype(np.intp) * number + np.searchsorted(edges, values)
    counts: Array = np.bincount(cells, minlength=groups * number).reshape(groups, number).astype(np.float64)
    return counts


def _weight(real: Array, fake: Array) -> Array:
    """Return 1/(p + q) in each bin, 0 in empty ones."""
    total = real / real.sum() + fake / fake.sum()
    weight: Array = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return weight


def _separation(real: Array, fake: Array, weight: Array | None = None, unbiased: bool = True) -> float:
    """Return ½ Σ (p - q)² weight of counts in bins, less what their noise adds to it on average."""
    n, m = real.sum(), fake.sum()
    p, q = real / n, fake / m
    squares = (p - q) ** 2
    if unbiased:
        squares = squares - p * (1 - p) / (n - 1) - q * (1 - q) / (m - 1)
    return 0.5 * float(squares @ (_weight(real, fake) if weight is None else weight))


def _interval(value: float, without: Array, alone: Array) -> Interval | None:
    return jackknife_square(value, without, pieces=alone)


def _bounds(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]

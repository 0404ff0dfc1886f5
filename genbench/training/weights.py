"""Event weights: negative ones compensated by near rows, then rows drawn by weight, so that each counts once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from genbench.budget import Sizes
from genbench.data import draw_by_weight
from genbench.errors import DataError
from genbench.protocol import Array, Data, WeightedRows
from genbench.training.standardise import transform_of

NEIGHBOURS = 16  # that are looked up first for a negative weight; then twice as many, and so on
MIN_DRAWN = 20  # rows of a split, fewer of which nothing can be compared with


@dataclass(frozen=True)
class WeightedDraw:
    """Rows drawn by weight: their indices in order, and the weights (n,) of all rows, of which none is negative now.

    ``negative`` counts those that were, and ``radius`` is the distance to the farthest row that compensates one, in the
    units of the rows.
    """

    index: Array
    weights: Array
    negative: int
    radius: float

    @property
    def worth(self) -> float:
        """How many rows of equal weight would give means of the same error (Kish 1965)."""
        return float(self.weights.sum() ** 2 / np.square(self.weights).sum())


def compensate(rows: Array, weights: Array) -> tuple[Array, float]:
    """Return weights (n,), none negative, of the same sums in cells of near rows (n, d), and the size of the largest.

    The size of a cell is the distance from its first row to the farthest.

    A cell begins at a row of negative weight, the most negative first, and grows by its nearest rows until its sum is
    not negative; the sum is then shared in proportion to the absolute weights. Expectations that vary little within a
    cell stay as they are. Raises DataError where the sum of all weights is not positive.

    Source: Andersen and Maier 2021, arXiv:2109.07851.
    """
    from scipy.spatial import cKDTree

    total = float(weights.sum())
    if not np.isfinite(weights).all() or total <= 0:
        raise DataError(f"the sum of the weights is {total:g}: it must be positive, for there to be a density")
    seeds = np.flatnonzero(weights < 0)
    out = weights.astype(np.float64)
    if not len(seeds):
        return out, 0.0
    tree, radius = cKDTree(rows), 0.0
    seeds = seeds[np.argsort(out[seeds], kind="stable")]
    size = min(NEIGHBOURS, len(rows))
    near, far = tree.query(rows[seeds], size)[::-1]
    for seed, first, distance in zip(seeds, near.reshape(len(seeds), -1), far.reshape(len(seeds), -1), strict=True):
        if out[seed] >= 0:  # compensated within an earlier cell
            continue
        cell, away = first, distance
        while not (enough := np.flatnonzero(np.cumsum(out[cell]) >= 0)).size:
            if len(cell) == len(rows):
                enough = np.array([len(cell) - 1])  # their sum is positive but for rounding
                break
            away, cell = tree.query(rows[seed], min(2 * len(cell), len(rows)))
        cell = cell[: enough[0] + 1]
        share = np.abs(out[cell])
        out[cell] = share * (max(0.0, float(out[cell].sum())) / share.sum())
        radius = max(radius, float(away[enough[0]]))
    return out, radius


def apply_weights(data: Data, sizes: Sizes, rng: np.random.Generator) -> Data:
    """Return data whose splits are drawn by weight, at most ``sizes`` rows each, with ``weighted`` for training.

    Nearly all rows of a split are then different and each counts once, as every metric and picture takes them. Models
    are trained on all rows of ``weighted``. Notes say how many rows are left, what they were worth, and how far
    negative weights were moved. Raises DataError for weights that do not fit, or leave too few rows.
    """
    assert data.weights is not None
    to_scores = transform_of(data).to_scores
    drawn: dict[str, WeightedDraw] = {}
    for name, size in (("train", sizes.train), ("test", sizes.test), ("reference", sizes.reference)):
        rows, weights = getattr(data, name), data.weights.get(name)
        if weights is None or weights.shape != (len(rows),):
            shape = "missing" if weights is None else str(weights.shape)
            raise DataError(f"weights of the {name} split: {shape}, expected one for each of {len(rows)} rows")
        drawn[name] = draw(name, to_scores(rows), weights, rng, size)
    weights = drawn["train"].weights
    return replace(
        data,
        weights=None,
        weighted=WeightedRows(data.train, weights / weights.mean(), (data.conditions or {}).get("train")),
        conditions=None if data.conditions is None else _taken(data.conditions, drawn),
        labels=None if data.labels is None else _taken(data.labels, drawn),
        notes=(*data.notes, *notes_on(drawn)),
        **{name: getattr(data, name)[each.index] for name, each in drawn.items()},
    )


def draw(name: str, rows: Array, weights: Array, rng: np.random.Generator, size: int | None = None) -> WeightedDraw:
    """Return at most ``size`` of rows (n, d), drawn by their weights (n,) after negative ones are compensated.

    ``name`` is that of the rows in notes and errors. Raises DataError for weights that cannot be used.
    """
    positive, radius = compensate(rows, weights)
    index = draw_by_weight(positive, rng)
    if len(index) < MIN_DRAWN:
        raise DataError(
            f"weights: the heaviest of {len(rows)} {name} rows outweigh the others, so that only {len(index)} can be "
            f"drawn by weight, expected {MIN_DRAWN}: give more rows, or rows of more equal weights"
        )
    if size is not None and len(index) > size:
        index = np.sort(rng.permutation(index)[:size])
    return WeightedDraw(index, positive, int((weights < 0).sum()), radius)


def notes_on(drawn: Mapping[str, WeightedDraw]) -> list[str]:
    """Return notes on rows that were drawn by weight: how many, what all were worth, and how far weights were moved."""
    notes = []
    if unequal := {name: each for name, each in drawn.items() if len(each.index) < len(each.weights)}:
        counts = [f"{len(each.index)} of {len(each.weights)} {name} rows" for name, each in unequal.items()]
        worth = [f"{each.worth:.0f}" for each in unequal.values()]
        trained = "; models are trained on all" if "train" in unequal else ""
        notes.append(
            f"weights: {', '.join(counts)} are drawn by weight for comparison, of the worth of {', '.join(worth)} of "
            f"equal weight{trained}"
        )
    if negative := sum(each.negative for each in drawn.values()):
        farthest = max(each.radius for each in drawn.values())
        notes.append(
            f"weights: {negative} of {sum(len(each.weights) for each in drawn.values())} are negative; the rows around "
            f"each compensate it, to a distance of {farthest:.2g} standard deviations at most"
        )
    return notes


def _taken(arrays: Mapping[str, Array], drawn: Mapping[str, WeightedDraw]) -> dict[str, Array]:
    """Return the arrays of the splits as they were drawn, and those of outliers, which have no weights, as they are."""
    return {name: values[drawn[name].index] if name in drawn else values for name, values in arrays.items()}

"""Fourteen faults that a generative model may have, each injected into real rows at a size that is known.

A fault takes fresh real rows (n, d), in random order, and returns as many faulty ones. Lengths are in standard
deviations of a column of the training rows; shares are of the rows. The same ``rng`` at a larger size gives a larger
fault of the same kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import chi2

from genbench.auditing.workspace import Ground
from genbench.protocol import Array

__all__ = ["FAULTS", "Fault"]

FAR = 5.0  # standard deviations of the data: how widely outliers are spread
NEAR = 0.1  # of the median distance between neighbours: how far a near copy lies from its original
POINTS = 10  # real rows that are repeated
SHARE, SPREAD = "of the rows", "standard deviations"
NEIGHBOURS = 2  # nearest modes that ridges lead to


@dataclass(frozen=True)
class Fault:
    """One fault: ``function(rows, size, rng, ground)``, and the sizes it is tried at, in ``unit``."""

    name: str
    function: Callable[[Array, float, np.random.Generator, Ground], Array]
    low: float
    size: float  # what the table shows
    high: float
    unit: str

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        return (self.function.__doc__ or "").partition("\n")[0]

    def smaller(self, n: int, step: float) -> list[float]:
        """Return sizes below the usual one, each ``step`` times smaller, to the lowest that changes one of n rows."""
        low = max(self.low, min(1 / n, self.size)) if self.unit == SHARE else self.low
        rungs = math.floor(math.log(self.size / low) / math.log(step) - 1e-9)
        return [*(self.size / step**k for k in range(1, rungs + 1)), *([low] if low < self.size else [])]

    def larger(self, step: float) -> list[float]:
        """Return sizes above the usual one, each ``step`` times larger, to the highest."""
        rungs = math.floor(math.log(self.high / self.size) / math.log(step) - 1e-9)
        return [*(self.size * step**k for k in range(1, rungs + 1)), *([self.high] if self.high > self.size else [])]

    def __call__(self, rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:
        """Return faulty rows; raises ValueError outside ``[low, high]``."""
        if not self.low <= size <= self.high:
            raise ValueError(f"{self.name}: size must be in [{self.low}, {self.high}], got {size}")
        return self.function(rows, size, rng, ground)


# ---------------------------------------------------------------------------------------------------- wrong weights


def dropped_modes(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:
    """Leave out modes that hold this share of the rows, the last of them in part; the others keep their proportions."""
    order = rng.permutation(len(ground.centres))
    ends = np.cumsum(ground.weights[order])
    kept = np.empty(len(order))
    kept[order] = np.clip((ends - size) / ground.weights[order], 0.0, 1.0)
    return _reweighted(rows, kept, rng, ground)


def uneven_weights(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:
    """Move this share of the rows from one half of the modes to the other: the total variation of the weights."""
    light, mass = np.zeros(len(ground.centres), bool), 0.0
    for mode in rng.permutation(len(ground.centres)):
        if mass + ground.weights[mode] <= 0.5 + 1e-9:
            light[mode] = True
            mass += ground.weights[mode]
    return _reweighted(rows, np.where(light, 1 + size / mass, 1 - size / (1 - mass)), rng, ground)


def _reweighted(rows: Array, ratio: Array, rng: np.random.Generator, ground: Ground) -> Array:
    """Return n rows whose modes have ``ratio`` times their weight, by rejection; with repeats where rows run out."""
    offered = np.concatenate([rows, ground.spare])
    accepted = np.flatnonzero(rng.random(len(offered)) * ratio.max() < ratio[ground.label(offered)])
    missing = len(rows) - len(accepted)
    if missing > 0:
        accepted = np.concatenate([accepted, rng.choice(accepted, missing)])
    taken: Array = offered[accepted[: len(rows)]]
    return taken


# ------------------------------------------------------------------------------------------------------- wrong shape


def shift(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:
    """Move all rows by this many standard deviations in one random direction."""
    direction = rng.standard_normal(rows.shape[1]) * (ground.scale > 0)  # a constant column has none to move by
    moved: Array = rows + size * ground.scale * direction / (np.linalg.norm(direction) or 1.0)
    return moved


def width(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:  # noqa: ARG001
    """Make each mode wider by this fraction, around its own centre."""
    centres = ground.centres[ground.label(rows)]
    wider: Array = centres + (1 + size) * (rows - centres)
    return wider


def heavy_tails(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:
    """Give each mode the tails of Student's t with 1/size degrees of freedom; the median distance stays."""
    freedom = 1 / size
    # one uniform number a row, so that a larger size has heavier tails of the same rows
    quantile = rng.random(len(rows))
    factor = np.sqrt(chi2.median(freedom) / np.maximum(chi2.ppf(quantile, freedom), 1e-12))
    centres = ground.centres[ground.label(rows)]
    tailed: Array = centres + factor[:, None] * (rows - centres)
    return tailed


def quantisation(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:  # noqa: ARG001
    """Round all numbers to multiples of this many standard deviations."""
    step = size * np.where(ground.scale > 0, ground.scale, 1.0)
    rounded: Array = np.where(ground.scale > 0, np.round(rows / step) * step, rows)
    return rounded


# -------------------------------------------------------------------------------------------------- lost dependence


def lost_correlation(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:  # noqa: ARG001
    """Shuffle each column among this share of the rows: every marginal stays as it is, to the last bit."""
    return _shuffled(rows, _some(rows, size, rng), rng)


def lost_mode_correlation(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:
    """Shuffle each column among this share of the rows of each mode: marginals stay, within every mode too."""
    labels, chosen = ground.label(rows), np.zeros(len(rows), bool)
    chosen[_some(rows, size, rng)] = True
    for mode in range(len(ground.centres)):
        rows = _shuffled(rows, np.flatnonzero(chosen & (labels == mode)), rng)
    return rows


def _shuffled(rows: Array, chosen: Array, rng: np.random.Generator) -> Array:
    out = rows.copy()
    out[chosen] = rng.permuted(rows[chosen], axis=0)
    return out


# ------------------------------------------------------------------------------------------------ where no data are


def outliers(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:
    """Put this share of the rows far out: normal around the mean of all, five times as wide as the data."""
    chosen = _some(rows, size, rng)
    noise = rng.standard_normal((len(rows), rows.shape[1]))[: len(chosen)]
    return _with(rows, chosen, ground.train.mean(0) + FAR * ground.scale * noise)


def ridges(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:
    """Move this share of the rows from their modes to anywhere on the way to one of the two nearest modes."""
    chosen = _some(rows, size, rng)
    own = ground.label(rows[chosen])
    near = min(NEIGHBOURS, len(ground.centres) - 1)
    others = cKDTree(ground.centres).query(ground.centres, k=near + 1)[1][:, 1:]
    target = ground.centres[others[own, rng.integers(near, size=len(rows))[: len(chosen)]]]
    way = rng.random((len(rows), 1))[: len(chosen)]
    return _with(rows, chosen, rows[chosen] + way * (target - ground.centres[own]))


# ---------------------------------------------------------------------------------------------------------- copying


def exact_copies(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:
    """Replace this share of the rows by training rows, each at most once."""
    return _with(rows, chosen := _some(rows, size, rng), _originals(chosen, rng, ground))


def near_copies(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:
    """Replace this share of the rows by training rows, moved by a tenth of the median distance between neighbours."""
    chosen = _some(rows, size, rng)
    copies = _originals(chosen, rng, ground)
    noise = rng.standard_normal(copies.shape)
    noise *= NEAR * ground.spacing / np.linalg.norm(noise, axis=1, keepdims=True)
    return _with(rows, chosen, copies + noise)


def repeated_points(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:
    """Replace this share of the rows by repeats of ten real ones, which are no training rows."""
    chosen = _some(rows, size, rng)
    points = ground.spare[rng.choice(len(ground.spare), min(POINTS, len(ground.spare)), replace=False)]
    return _with(rows, chosen, points[rng.integers(len(points), size=len(rows))[: len(chosen)]])


def memorised_half(rows: Array, size: float, rng: np.random.Generator, ground: Ground) -> Array:
    """Draw this share of the rows, with replacement, from the one half of the training rows that is remembered."""
    chosen = _some(rows, size, rng)
    half = ground.train[: max(1, len(ground.train) // 2)]
    return _with(rows, chosen, half[rng.integers(len(half), size=len(rows))[: len(chosen)]])


def _originals(chosen: Array, rng: np.random.Generator, ground: Ground) -> Array:
    order = rng.permutation(len(ground.train))
    return ground.train[np.resize(order, len(chosen))]


def _some(rows: Array, size: float, rng: np.random.Generator) -> Array:
    """Return the indices of this share of the rows, at least one; a larger share holds a smaller one."""
    return rng.permutation(len(rows))[: max(1, round(size * len(rows)))]


def _with(rows: Array, chosen: Array, values: Array) -> Array:
    out = rows.copy()
    out[chosen] = values
    return out


FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("dropped_modes", dropped_modes, 0.005, 0.25, 0.45, SHARE),
        Fault("uneven_weights", uneven_weights, 0.005, 0.15, 0.45, SHARE),
        Fault("shift", shift, 0.002, 0.3, 3.0, SPREAD),
        Fault("width", width, 0.01, 0.5, 4.0, "of the width"),
        Fault("lost_correlation", lost_correlation, 0.005, 0.5, 1.0, SHARE),
        Fault("lost_mode_correlation", lost_mode_correlation, 0.005, 1.0, 1.0, SHARE),
        Fault("outliers", outliers, 0.001, 0.02, 0.4, SHARE),
        Fault("ridges", ridges, 0.001, 0.15, 0.8, SHARE),
        Fault("quantisation", quantisation, 0.001, 0.1, 2.0, SPREAD),
        Fault("exact_copies", exact_copies, 0.001, 0.3, 1.0, SHARE),
        Fault("near_copies", near_copies, 0.001, 0.3, 1.0, SHARE),
        Fault("repeated_points", repeated_points, 0.002, 0.3, 1.0, SHARE),
        Fault("memorised_half", memorised_half, 0.001, 0.5, 1.0, SHARE),
        Fault("heavy_tails", heavy_tails, 0.02, 0.5, 1.0, "1 / degrees of freedom"),
    )
}

"""Faults that a generative model may have, each injected into real rows with a known size, and the list of them all.

A fault takes fresh real rows (n, d) in random order and returns as many faulty rows. Lengths are in standard deviations
of each column of the training rows; shares are of the rows. With the same ``rng``, a larger size changes the same rows
further, or the same rows and more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import chi2

from genbench.auditing import image_faults, table_faults
from genbench.auditing.row_selection import choose_rows, replace_rows
from genbench.auditing.triple_dependence import lost_triple_dependence
from genbench.auditing.workspace import RealRows
from genbench.protocol import Array
from genbench.spec import DATA_KINDS

OUTLIER_SDS = 5.0  # spread of outliers, in standard deviations of the data
NEAR_COPY_DISTANCE = 0.1  # of a near copy from its original, in median distances between neighbours
MAX_REPEATED_POINTS = 10  # real rows of which the others are repeats
MAX_RIDGE_MODES = 2  # nearest modes that the ridges of a mode lead to
SHARE_UNIT, SD_UNIT = "of the rows", "standard deviations"
TABLES, IMAGES = ("vector",), ("image",)


@dataclass(frozen=True)
class Fault:
    """One fault: ``function(rows, size, rng, real)`` injects it, at sizes from ``low`` to ``high`` in ``unit``."""

    name: str
    function: Callable[[Array, float, np.random.Generator, RealRows], Array]
    low: float
    size: float  # the usual one, which the table shows
    high: float
    unit: str
    data: tuple[str, ...] = DATA_KINDS  # that can have it

    @property
    def summary(self) -> str:
        """What the fault does, in a sentence."""
        return (self.function.__doc__ or "").partition("\n")[0]

    def smaller(self, n: int, step: float) -> list[float]:
        """Return sizes below the usual one, each ``step`` times smaller, to the lowest that changes one of n rows."""
        low = max(self.low, min(1 / n, self.size)) if self.unit == SHARE_UNIT else self.low
        steps = math.floor(math.log(self.size / low) / math.log(step) - 1e-9)
        return [*(self.size / step**k for k in range(1, steps + 1)), *([low] if low < self.size else [])]

    def larger(self, step: float) -> list[float]:
        """Return sizes above the usual one, each ``step`` times larger, up to the highest."""
        steps = math.floor(math.log(self.high / self.size) / math.log(step) - 1e-9)
        return [*(self.size * step**k for k in range(1, steps + 1)), *([self.high] if self.high > self.size else [])]

    def __call__(self, rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
        """Return rows with the fault; raises ValueError for a size outside ``[low, high]``."""
        if not self.low <= size <= self.high:
            raise ValueError(f"{self.name}: size must be in [{self.low}, {self.high}], got {size}")
        return self.function(rows, size, rng, real)


# ---------------------------------------------------------------------------------------------------- wrong weights


def dropped_modes(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Drop modes that hold this share of the rows, the last of them in part; the others keep their proportions."""
    order = rng.permutation(len(real.centres))
    ends = np.cumsum(real.weights[order])
    kept = np.empty(len(order))
    kept[order] = np.clip((ends - size) / real.weights[order], 0.0, 1.0)
    return _reweight(rows, kept, rng, real)


def uneven_weights(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Move this share of the rows from one half of the modes to the other (total variation of the weights)."""
    grows, mass = np.zeros(len(real.centres), bool), 0.0
    for mode in rng.permutation(len(real.centres)):
        if mass + real.weights[mode] <= 0.5 + 1e-9:
            grows[mode] = True
            mass += real.weights[mode]
    return _reweight(rows, np.where(grows, 1 + size / mass, 1 - size / (1 - mass)), rng, real)


def lost_rare_mode(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Drop the rows that are nearest to the centre of the rarest mode, this share of all rows."""
    centre = real.centres[real.weights.argmin()]
    known, candidates = (np.concatenate([each, real.spare]) for each in (real.train, rows))
    radius = np.quantile(np.linalg.norm(known - centre, axis=1), size)
    return _resample(rows, (np.linalg.norm(candidates - centre, axis=1) > radius).astype(np.float64), rng, real)


def lost_class(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Drop this share of the rows of one class."""
    lost = rng.choice(sorted(set(real.classes.values())))
    labels = real.class_of(np.concatenate([rows, real.spare]))
    return _resample(rows, np.where(labels == lost, 1 - size, 1.0), rng, real)


def _reweight(rows: Array, ratio: Array, rng: np.random.Generator, real: RealRows) -> Array:
    """Return n rows whose modes have ``ratio`` times their weight."""
    return _resample(rows, ratio[real.label(np.concatenate([rows, real.spare]))] / ratio.max(), rng, real)


def _resample(rows: Array, kept: Array, rng: np.random.Generator, real: RealRows) -> Array:
    """Return n of the rows and the spare ones, each kept with its probability; repeats rows where they run out."""
    candidates = np.concatenate([rows, real.spare])
    accepted = np.flatnonzero(rng.random(len(candidates)) < kept)
    missing = len(rows) - len(accepted)
    if missing > 0:
        accepted = np.concatenate([accepted, rng.choice(accepted, missing)])
    selected: Array = candidates[accepted[: len(rows)]]
    return selected


# ------------------------------------------------------------------------------------------------------- wrong shape


def shift(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Move all rows by this many standard deviations in one random direction."""
    direction = rng.standard_normal(rows.shape[1]) * (real.scale > 0)  # a constant column stays constant
    moved: Array = rows + size * real.scale * direction / (np.linalg.norm(direction) or 1.0)
    return moved


def width(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:  # noqa: ARG001
    """Widen each mode by this fraction, around its own centre."""
    centres = real.centres[real.label(rows)]
    wider: Array = centres + (1 + size) * (rows - centres)
    return wider


def heavy_tails(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Give each mode the tails of Student's t with 1/size degrees of freedom, at the same median distance."""
    freedom = 1 / size
    # one uniform number per row: a larger size moves the same rows further out
    quantile = rng.random(len(rows))
    factor = np.sqrt(chi2.median(freedom) / np.maximum(chi2.ppf(quantile, freedom), 1e-12))
    centres = real.centres[real.label(rows)]
    tailed: Array = centres + factor[:, None] * (rows - centres)
    return tailed


def quantisation(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:  # noqa: ARG001
    """Round all values to multiples of this many standard deviations."""
    step = size * np.where(real.scale > 0, real.scale, 1.0)
    rounded: Array = np.where(real.scale > 0, np.round(rows / step) * step, rows)
    return rounded


def added_noise(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Add normal noise of this many standard deviations to every column."""
    noisy: Array = rows + size * real.scale * rng.standard_normal(rows.shape)
    return noisy


# -------------------------------------------------------------------------------------------------- lost dependence


def lost_correlation(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:  # noqa: ARG001
    """Shuffle each column among this share of the rows: every marginal stays the same, bit for bit."""
    chosen = choose_rows(rows, size, rng)
    return replace_rows(rows, chosen, rng.permuted(rows[chosen], axis=0))


def lost_mode_correlation(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Shuffle each column among this share of the rows of each mode: the marginals of each mode stay equal."""
    labels, chosen = real.label(rows), np.zeros(len(rows), bool)
    chosen[choose_rows(rows, size, rng)] = True
    for mode in range(len(real.centres)):
        own = chosen & (labels == mode)
        rows = replace_rows(rows, own, rng.permuted(rows[own], axis=0))
    return rows


# ----------------------------------------------------------------------------------------------- outside the data


def outliers(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Replace this share of the rows by draws of a normal distribution, centred as the data and five times as wide."""
    chosen = choose_rows(rows, size, rng)
    noise = rng.standard_normal((len(rows), rows.shape[1]))[: len(chosen)]
    return replace_rows(rows, chosen, real.train.mean(0) + OUTLIER_SDS * real.scale * noise)


def ridges(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Move this share of the rows from their modes to a point on the line to one of the two nearest modes."""
    chosen = choose_rows(rows, size, rng)
    own = real.label(rows[chosen])
    neighbours = min(MAX_RIDGE_MODES, len(real.centres) - 1)
    nearest = cKDTree(real.centres).query(real.centres, k=neighbours + 1)[1][:, 1:]
    target = real.centres[nearest[own, rng.integers(neighbours, size=len(rows))[: len(chosen)]]]
    fraction = rng.random((len(rows), 1))[: len(chosen)]
    return replace_rows(rows, chosen, rows[chosen] + fraction * (target - real.centres[own]))


# ---------------------------------------------------------------------------------------------------------- copying


def exact_copies(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Replace this share of the rows by training rows, each at most once."""
    chosen = choose_rows(rows, size, rng)
    return replace_rows(rows, chosen, _originals(chosen, rng, real))


def near_copies(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Replace this share of the rows by training rows, moved by a tenth of the median distance between neighbours."""
    chosen = choose_rows(rows, size, rng)
    return replace_rows(rows, chosen, _jittered(_originals(chosen, rng, real), rng, real))


def repeated_points(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Replace this share of the rows by repeats of ten real rows that are not training rows."""
    chosen = choose_rows(rows, size, rng)
    points = real.spare[rng.choice(len(real.spare), min(MAX_REPEATED_POINTS, len(real.spare)), replace=False)]
    return replace_rows(rows, chosen, points[rng.integers(len(points), size=len(rows))[: len(chosen)]])


def jittered_repeats(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Replace this share of the rows by the others, moved by a tenth of the median distance between neighbours."""
    order = rng.permutation(len(rows))
    count = min(max(1, round(size * len(rows))), len(rows) - 1)
    # from the end, where a larger share takes over last
    repeated = np.resize(order[count:][::-1], count)
    return replace_rows(rows, order[:count], _jittered(rows[repeated], rng, real))


def memorised_half(rows: Array, size: float, rng: np.random.Generator, real: RealRows) -> Array:
    """Replace this share of the rows by draws, with replacement, from one half of the training rows."""
    chosen = choose_rows(rows, size, rng)
    half = real.train[: max(1, len(real.train) // 2)]
    return replace_rows(rows, chosen, half[rng.integers(len(half), size=len(rows))[: len(chosen)]])


def _jittered(rows: Array, rng: np.random.Generator, real: RealRows) -> Array:
    noise = rng.standard_normal(rows.shape)
    noise *= NEAR_COPY_DISTANCE * real.spacing / np.linalg.norm(noise, axis=1, keepdims=True)
    moved: Array = rows + noise
    return moved


def _originals(chosen: Array, rng: np.random.Generator, real: RealRows) -> Array:
    order = rng.permutation(len(real.train))
    return real.train[np.resize(order, len(chosen))]


FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("dropped_modes", dropped_modes, 0.005, 0.25, 0.45, SHARE_UNIT),
        Fault("uneven_weights", uneven_weights, 0.005, 0.15, 0.45, SHARE_UNIT),
        Fault("shift", shift, 0.002, 0.3, 3.0, SD_UNIT),
        Fault("width", width, 0.01, 0.5, 4.0, "of the width"),
        Fault("lost_correlation", lost_correlation, 0.005, 0.5, 1.0, SHARE_UNIT),
        Fault("lost_mode_correlation", lost_mode_correlation, 0.005, 1.0, 1.0, SHARE_UNIT),
        Fault("outliers", outliers, 0.001, 0.02, 0.4, SHARE_UNIT),
        Fault("ridges", ridges, 0.001, 0.15, 0.8, SHARE_UNIT),
        Fault("quantisation", quantisation, 0.001, 0.1, 2.0, SD_UNIT),
        Fault("exact_copies", exact_copies, 0.001, 0.3, 1.0, SHARE_UNIT),
        Fault("near_copies", near_copies, 0.001, 0.3, 1.0, SHARE_UNIT),
        Fault("repeated_points", repeated_points, 0.002, 0.3, 1.0, SHARE_UNIT),
        Fault("memorised_half", memorised_half, 0.001, 0.5, 1.0, SHARE_UNIT),
        Fault("heavy_tails", heavy_tails, 0.02, 0.5, 1.0, "1 / degrees of freedom"),
        Fault("lost_rare_mode", lost_rare_mode, 0.002, 0.02, 0.25, SHARE_UNIT),
        Fault("lost_class", lost_class, 0.01, 1.0, 1.0, "of the class"),
        Fault("added_noise", added_noise, 0.001, 0.05, 3.0, SD_UNIT),
        Fault("jittered_repeats", jittered_repeats, 0.005, 0.5, 0.9, SHARE_UNIT),
        Fault("exchanged_columns", table_faults.exchanged_columns, 0.005, 1.0, 1.0, SHARE_UNIT, TABLES),
        Fault("mirrored_column", table_faults.mirrored_column, 0.005, 1.0, 1.0, SHARE_UNIT, TABLES),
        Fault("rounded_column", table_faults.rounded_column, 0.001, 0.1, 2.0, SD_UNIT, TABLES),
        Fault("rounded_angle", table_faults.rounded_angle, 0.01, 1.0, 90.0, "degrees", TABLES),
        Fault("clipped_tails", table_faults.clipped_tails, 0.1, 1 / 3, 1.0, "1 / standard deviations", TABLES),
        Fault("shuffled_column", table_faults.shuffled_column, 0.005, 0.1, 1.0, SHARE_UNIT, TABLES),
        Fault("drift", table_faults.drift, 0.01, 0.5, 3.0, SD_UNIT, TABLES),
        Fault("impossible_values", table_faults.impossible_values, 0.001, 0.01, 0.5, SHARE_UNIT, TABLES),
        Fault("lost_triple_dependence", lost_triple_dependence, 0.05, 1.0, 1.0, "of the dependence", TABLES),
        Fault("blur", image_faults.blur, 0.1, 0.5, 3.0, "pixels", IMAGES),
        Fault("shifted_images", image_faults.shifted_images, 0.005, 0.1, 1.0, SHARE_UNIT, IMAGES),
        Fault("low_contrast", image_faults.low_contrast, 0.005, 0.1, 0.9, "of the contrast", IMAGES),
        Fault("checkerboard_pattern", image_faults.checkerboard_pattern, 0.05, 1.0, 16.0, "grey levels", IMAGES),
    )
}

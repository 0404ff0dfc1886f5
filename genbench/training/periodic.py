"""Densities of periodic columns: samples are wrapped into one period, so that the densities of all periods add up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product

import numpy as np

from genbench.protocol import Array
from genbench.training.density_checks import NUMERICAL_TOLERANCE, Density, DensityCheck
from genbench.training.standardise import VectorSpace

MAX_OMITTED = 1e-6  # of the model's mass, beyond each end of the images that are summed
TAIL_SHARE = 0.01  # of the samples, from which the tail of a column is extrapolated
MIN_TAIL_ROWS = 20
MAX_IMAGES = 1_000  # of a row, over all columns together
MAX_EVALUATIONS = 60_000  # of the model's density for one set of rows
MIN_ROWS = 200  # whose density is evaluated, however many images they have
MIN_WEIGHT = 1e-6  # of an image in a bound
VALUES_PER_BLOCK = 1 << 20  # rows times images in memory at once


@dataclass(frozen=True)
class Wrapping:
    """The periodic columns (p,) of a model's space, and the images of a row in which the model has mass.

    ``period`` and ``low`` (p,) are the periods and where they begin; ``reach`` (2, p) are the ends of what the model
    draws before it is wrapped. ``images`` (m, p) are whole numbers of periods; ``omitted`` is the share of the model's
    mass that they are estimated to lack.
    """

    columns: Array
    period: Array
    low: Array
    reach: Array
    images: Array
    omitted: float = 0.0

    def wrap(self, rows: Array) -> Array:
        """Return rows (n, d) with periodic columns moved by whole periods into [low, low + period)."""
        out = np.array(rows, np.float64)
        out[:, self.columns] = self.low + np.mod(out[:, self.columns] - self.low, self.period)
        return out

    def contains(self, rows: Array) -> Array:
        """Return (n,) bool: whether each row (n, d) lies in the period that samples are wrapped into."""
        at: Array = rows[:, self.columns] - self.low
        return np.asarray(((at >= 0) & (at < self.period)).all(1))

    def near(self, rows: Array) -> Array:
        """Return (n, m) bool: which images of wrapped rows (n, d) lie where the model has mass, at least one of each.

        Where none does, all count.
        """
        near: Array = np.ones((len(rows), len(self.images)), bool)
        for i, column in enumerate(self.columns):
            at: Array = rows[:, column, None] + self.images[:, i] * self.period[i]
            near &= np.logical_and(at >= self.reach[0, i], at <= self.reach[1, i])
        near[~near.any(1)] = True
        return near

    def rows_for(self, rows: Array) -> Array:
        """Return the first of the rows (n, d): as many as 60,000 evaluations of the model allow, and 200 at least."""
        each = float(self.near(self.wrap(rows[:MIN_ROWS])).sum(1).mean())
        return rows[: max(MIN_ROWS, int(MAX_EVALUATIONS / each))]


def wrapping_of(space: VectorSpace, rows: Array) -> Wrapping | None:
    """Return the wrapping of a model, found from its samples (n, d) before they were wrapped; None without periods.

    The images of a row span all samples, and beyond them the tail that holds a millionth of the mass, extrapolated as
    an exponential from the outermost hundredth of the samples. Where periodic columns are so many that a row would have
    more than 1,000 images, the images are those in which most samples lie.
    """
    columns = np.flatnonzero(~np.isnan(space.period[space.varying]))
    if not len(columns):
        return None
    each = np.flatnonzero(space.varying)[columns]  # their indices among all columns of the data
    period = space.period[each] / space.scale[each]
    low = (space.low[each] - space.mean[each]) / space.scale[each]
    drawn = rows[:, columns].astype(np.float64)
    reach = np.stack([-_upper_end(-drawn), _upper_end(drawn)])
    first, last = np.minimum(np.floor((reach[0] - low) / period), 0), np.maximum(np.floor((reach[1] - low) / period), 0)
    if float(np.prod(last - first + 1)) <= MAX_IMAGES:
        ranges = [range(int(a), int(b) + 1) for a, b in zip(first, last, strict=True)]
        return Wrapping(columns, period, low, reach, np.array(list(product(*ranges)), float))
    cells, counts = np.unique(np.floor((drawn - low) / period), axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:MAX_IMAGES]
    # of images without any sample, the mass is that of samples which are alone in theirs (Good 1953)
    omitted = 1 - float(counts[order].sum() - (counts == 1).sum()) / len(drawn)
    return Wrapping(columns, period, low, reach, cells[order], min(1.0, omitted))


def _upper_end(drawn: Array) -> Array:
    """Return (p,) beyond which a column of samples (n, p) has at most a millionth of its mass."""
    n = len(drawn)
    tail = max(1, min(n // 2, max(MIN_TAIL_ROWS, math.ceil(TAIL_SHARE * n))))
    ordered = np.sort(drawn, axis=0)
    start = ordered[max(0, n - tail - 1)]
    excess = ordered[-tail:].mean(0) - start
    end: Array = np.maximum(ordered[-1], start + excess * math.log(tail / n / MAX_OMITTED))
    return end


def check_images_of_period(wrapping: Wrapping) -> DensityCheck:
    """Check that the images that are summed lack so little of the model's mass that log p does not show it."""
    wrong = wrapping.omitted > NUMERICAL_TOLERANCE
    what = f"{len(wrapping.images)} images of the periods of {len(wrapping.columns)} columns"
    reason = f"log p is too low: the {what} that are summed lack {wrapping.omitted:.2g} of the model's mass"
    return DensityCheck("images_of_the_period", not wrong, 1 - wrapping.omitted, 1.0, reason if wrong else "")


def wrapped_density(log_prob: Density, wrapping: Wrapping, *, bound: bool = False) -> Density:
    """Return the log-density (n,) of wrapped samples, in nats, at rows (n, d): log Σ_k p(x + k period).

    With ``bound``, ``log_prob`` is a lower bound of log p, evaluated with noise, and so is the result, on average over
    the noise: Σ_k w_k (log p(x + k period) - log w_k), whose weights come from a first evaluation and whose
    log-densities from a second. The logarithm of a sum of noisy values would be too high on average (Jensen).
    """
    size = max(1, VALUES_PER_BLOCK // (len(wrapping.images) * max(1, len(wrapping.columns))))

    def density(rows: Array) -> Array:
        starts = range(0, len(rows), size)
        return np.concatenate([_of_block(log_prob, wrapping, rows[start : start + size], bound) for start in starts])

    return density


def _of_block(log_prob: Density, wrapping: Wrapping, rows: Array, bound: bool) -> Array:
    rows = wrapping.wrap(rows)

    def evaluate(where: Array) -> Array:
        """Return (n, m): the log-density of those images of rows that ``where`` (n, m) names, -inf elsewhere."""
        row, image = np.nonzero(where)
        points = rows[row]
        points[:, wrapping.columns] += wrapping.images[image] * wrapping.period
        values = np.full(where.shape, -np.inf)
        values[where] = log_prob(points)
        return values

    first = evaluate(wrapping.near(rows))
    total = _log_sum(first)
    if not bound or len(wrapping.images) == 1:
        return total
    sound = np.isfinite(total)  # infinities and nan are for the caller to refuse
    log_weight = np.where(sound[:, None], first - np.where(sound, total, 0.0)[:, None], 0.0)
    kept = (log_weight >= math.log(MIN_WEIGHT)) & sound[:, None]
    log_weight = np.where(kept, log_weight, -np.inf)
    log_weight -= np.where(sound, _log_sum(log_weight), 0.0)[:, None]
    second = evaluate(kept)
    terms = np.exp(log_weight[kept]) * (second[kept] - log_weight[kept])
    bounds = np.bincount(np.nonzero(kept)[0], terms, len(rows))
    return np.where(sound, bounds, total)


def _log_sum(values: Array) -> Array:
    """Return (n,): the logarithms of the sums of exp(values), (n, m)."""
    largest = values.max(1)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        result: Array = shift + np.log(np.exp(values - shift[:, None]).sum(1))
    return result

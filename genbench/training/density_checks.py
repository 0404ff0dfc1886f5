"""Check in a fraction of a second that a likelihood is what it claims to be.

An exact density must integrate to 1 and be the density of the model's own samples. No density, and no lower bound of
one, exceeds the true density on average over held-out data. The checks take plain functions of arrays, so that they
apply to any density.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from genbench.errors import describe
from genbench.protocol import Array

MAX_STANDARD_ERRORS = 5.0  # a deviation of so many is still taken for chance
NUMERICAL_TOLERANCE = 0.02  # relative for an integral, in nats for log p: quadrature and single precision
CELLS_PER_SIDE = 32  # of the grid
GRID_POINTS = 4000  # at which a density is evaluated on the grid, roughly
MIN_ROWS = 50  # samples, and as many draws
MAX_ROWS = 1000
MAX_DIMENSIONS = 16  # beyond which a kernel estimate from 500 rows says nothing
EXCLUDED_SHARE = 0.2  # of the samples, those of lowest density, so that no ratio explodes
MIN_SHARE_INSIDE = 0.02  # of the draws that must lie where the samples do, for a verdict

Density = Callable[[Array], Array]


@dataclass(frozen=True)
class DensityCheck:
    """One check: the value found, the value expected, and why it failed where ``passed`` is False.

    ``passed`` is None where the check could not decide; ``reason`` says why.
    """

    name: str
    passed: bool | None
    value: float | None = None
    expected: float | None = None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the check as a record holds it."""
        return asdict(self)


def check_density(log_prob: Density, samples: Array, rng: np.random.Generator) -> list[DensityCheck]:
    """Check an exact log-density of vectors, (n, d) to (n,) nats, against samples (n, d) of its model.

    A log-density that raises, or that returns nan, fails.
    """
    try:
        checks = check_on_grid(log_prob, samples, rng) if samples.shape[1] == 2 else []
        return [*checks, check_own_samples(log_prob, samples, rng)]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return [DensityCheck("density", False, reason=f"log_prob could not be checked: {describe(error)}")]


@dataclass(frozen=True)
class _Grid:
    """A density on the plane at random points, one or more in each cell, for integrals with standard errors."""

    low: Array
    high: Array
    log_p: Array  # (points,)
    area: Array  # (points,) that each point stands for
    blocks: tuple[int, int]  # cells with many points, which come first, and points in each; other cells have one

    def integral(self, factor: Array) -> tuple[float, float]:
        """Return the integral of p times ``factor`` (points,), and its standard error."""
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.area * np.where(np.isneginf(self.log_p), 0.0, np.exp(self.log_p) * factor)
        dense, alone = values[: math.prod(self.blocks)].reshape(self.blocks), values[math.prod(self.blocks) :]
        # from differences of neighbours: the variance within a cell is mostly the slope of the density
        noise = (np.diff(dense, axis=1) ** 2).mean(1).sum() / 2 * self.blocks[1] + (alone**2).sum()
        return float(values.sum()), math.sqrt(float(noise))


def _make_grid(log_prob: Density, samples: Array, rng: np.random.Generator) -> _Grid:
    """Evaluate a density in a box around samples (n, 2), at one point in each cell and at more where samples lie."""
    low, high = np.quantile(samples, 0.001, axis=0), np.quantile(samples, 0.999, axis=0)
    margin = 0.25 * (high - low) + 1e-9
    low, high = low - margin, high + margin
    width = (high - low) / CELLS_PER_SIDE
    cells = np.floor((samples - low) / width).astype(int)
    cells = cells[((cells >= 0) & (cells < CELLS_PER_SIDE)).all(1)]
    occupied = np.zeros((CELLS_PER_SIDE, CELLS_PER_SIDE), bool)
    occupied[cells[:, 0], cells[:, 1]] = True
    inside, empty = np.argwhere(occupied), np.argwhere(~occupied)
    divisions = int(np.clip(math.isqrt(GRID_POINTS // max(1, len(inside))), 2, 12))
    steps = np.stack(np.meshgrid(np.arange(divisions), np.arange(divisions), indexing="ij"), -1).reshape(1, -1, 2)
    dense = (inside[:, None] + (steps + rng.random((len(inside), divisions**2, 2))) / divisions).reshape(-1, 2)
    log_p = _evaluate(log_prob, low + width * np.concatenate([dense, empty + rng.random(empty.shape)]))
    area = np.repeat([width.prod() / divisions**2, width.prod()], [len(dense), len(empty)])
    return _Grid(low, high, log_p, area, (len(inside), divisions**2))


def check_on_grid(log_prob: Density, samples: Array, rng: np.random.Generator) -> list[DensityCheck]:
    """Check that a planar density integrates to 1, and that samples (n, 2) have its entropy.

    The integral over a box must be the share of the samples inside it; how much lies in the tails outside is taken from
    the samples. Points are random within the cells of the grid, so that the integral is unbiased however narrow the
    density is. The mean of log p over the samples in the box must be its mean under the density.
    """
    grid = _make_grid(log_prob, samples, rng)
    within = ((samples >= grid.low) & (samples <= grid.high)).all(1)
    share = float(within.mean())
    total, error = grid.integral(np.ones(len(grid.log_p)))
    error = math.hypot(error, math.sqrt(share * (1 - share) / len(samples)))
    wrong = abs(total - share) > MAX_STANDARD_ERRORS * error + NUMERICAL_TOLERANCE * share
    reason = f"the density integrates to {total:.4g} ± {error:.2g} where {share:.4g} of the samples lie"
    checks = [DensityCheck("normalised", not wrong, total, share, reason if wrong else "")]
    if not total > 0:
        return checks

    log_p = _evaluate(log_prob, samples[within][:MAX_ROWS])
    if np.isneginf(log_p).any():
        return [*checks, _zero_density("entropy", log_p)]
    expected = grid.integral(np.where(np.isneginf(grid.log_p), 0.0, grid.log_p))[0] / total
    noise = grid.integral(np.where(np.isneginf(grid.log_p), 0.0, grid.log_p - expected))[1] / total
    value = float(log_p.mean())
    error = math.hypot(noise, float(log_p.std()) / math.sqrt(len(log_p)))
    wrong = not abs(value - expected) <= MAX_STANDARD_ERRORS * error + NUMERICAL_TOLERANCE
    reason = f"log p is {value:.4g} on average over the samples, {expected:.4g} ± {error:.2g} under the density itself"
    return [*checks, DensityCheck("entropy", not wrong, value, expected, reason if wrong else "")]


def check_own_samples(log_prob: Density, samples: Array, rng: np.random.Generator) -> DensityCheck:
    """Check that p is normalised and is the density of the samples (n, d), in at most 16 dimensions.

    For any density q, the mean over samples of q/p, counted as 0 outside the region A where p is high, is the
    probability of A under q (importance sampling; the region bounds the ratio, as in Geweke 1999,
    doi:10.1080/07474939908800428). Here q is a kernel estimate from other samples; both sides have standard errors.
    """
    n, d = samples.shape
    rows = min(MAX_ROWS, n // 2)
    if d > MAX_DIMENSIONS or rows < MIN_ROWS:
        why = f"{d} dimensions are more than {MAX_DIMENSIONS}" if d > MAX_DIMENSIONS else f"{n} samples are too few"
        return DensityCheck("own_samples", None, reason=f"nothing can be said: {why}")
    order = rng.permutation(n)
    centres, held_out = samples[order[: rows // 2]], samples[order[rows // 2 : rows // 2 + rows]]
    bandwidth = _bandwidth(centres)
    draws = centres[rng.integers(len(centres), size=rows)] + bandwidth * rng.standard_normal((rows, d))
    log_p, log_p_draws = _evaluate(log_prob, held_out), _evaluate(log_prob, draws)
    if np.isneginf(log_p).any():
        return _zero_density("own_samples", log_p)
    threshold = float(np.quantile(log_p, EXCLUDED_SHARE))
    log_q = _kernel_estimate(held_out, centres, bandwidth)
    ratio = np.where(log_p >= threshold, np.exp(np.minimum(log_q - log_p, 50.0)), 0.0)
    inside = log_p_draws >= threshold
    value, expected = float(ratio.mean()), float(inside.mean())
    if expected < MIN_SHARE_INSIDE:
        return DensityCheck("own_samples", None, value, expected, "nothing can be said: the samples are too far apart")
    error = math.sqrt((float(ratio.var(ddof=1)) + expected * (1 - expected)) / rows)
    wrong = abs(value - expected) > MAX_STANDARD_ERRORS * error + NUMERICAL_TOLERANCE * expected
    reason = f"the log-density is not that of the samples: {value:.4g} ± {error:.2g}, expected {expected:.4g}"
    return DensityCheck("own_samples", not wrong, value, expected, reason if wrong else "")


def check_below_truth(log_prob: Array, truth: Array, kind: str) -> DensityCheck:
    """Check that log-densities (n,) of held-out rows do not exceed the true ones (n,) on average, in nats.

    The mean of log p - log q over rows of p is a Kullback-Leibler divergence, which is never negative (Gibbs); a lower
    bound of log q only makes it larger.
    """
    n = min(len(log_prob), len(truth))
    gaps = np.asarray(truth[:n], np.float64) - np.asarray(log_prob[:n], np.float64)
    gaps = gaps[np.isfinite(gaps)]  # a log-density of -inf does not exceed anything
    value, expected = float(np.mean(log_prob[:n])), float(np.mean(truth[:n]))
    if len(gaps) < 2:
        return DensityCheck("below_truth", None, reason="nothing can be said: no log-density is finite")
    error = float(gaps.std(ddof=1)) / math.sqrt(len(gaps))
    wrong = float(gaps.mean()) < -MAX_STANDARD_ERRORS * error - 1e-3
    what = "bound" if kind == "bound" else "log-density"
    reason = f"the {what} is {-gaps.mean():.4g} ± {error:.2g} nats above the true log-density, which is impossible"
    return DensityCheck("below_truth", not wrong, value, expected, reason if wrong else "")


def _evaluate(log_prob: Density, rows: Array) -> Array:
    """Return log-densities (n,); raises ValueError where one is nan or +inf."""
    values = np.asarray(log_prob(rows), dtype=np.float64)
    if np.isnan(values).any() or np.isposinf(values).any():
        raise ValueError(f"{int((np.isnan(values) | np.isposinf(values)).sum())} of {len(rows)} values are nan or +inf")
    return values


def _zero_density(name: str, log_p: Array) -> DensityCheck:
    reason = f"{int(np.isneginf(log_p).sum())} of {len(log_p)} of the model's own samples have density 0 under it"
    return DensityCheck(name, False, reason=reason)


def _bandwidth(rows: Array) -> float:
    """Return a bandwidth that is small against the distance to near neighbours, so that modes stay apart."""
    some = rows[:200]
    squares = ((some[:, None] - rows[None]) ** 2).sum(2)
    np.put_along_axis(squares, np.arange(len(some))[:, None], np.inf, axis=1)
    distance = np.sqrt(np.partition(squares, 4, axis=1)[:, 4])
    return max(float(np.median(distance)), 1e-6) / math.sqrt(rows.shape[1])


def _kernel_estimate(rows: Array, centres: Array, bandwidth: float) -> Array:
    """Return the log-density (n,) at ``rows`` of a mixture of normals around ``centres``."""
    squares = ((rows[:, None] - centres[None]) ** 2).sum(2) / (2 * bandwidth * bandwidth)
    smallest = squares.min(1)
    mean = np.log(np.exp(smallest[:, None] - squares).mean(1)) - smallest
    return np.asarray(mean - rows.shape[1] * math.log(bandwidth * math.sqrt(2 * math.pi)))

"""Whether a likelihood is what it claims to be: checks that cost a fraction of a second and need no truth, or use it.

An exact density must integrate to 1 and be that of the model's own samples; no density, and no lower bound of one, can
beat the true one on held-out data. Everything is asked of plain functions of arrays, so that any density can be held
against it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from genbench.errors import describe
from genbench.protocol import Array

__all__ = ["Density", "DensityCheck", "beats_no_truth", "density_checks", "on_grid", "own_samples"]

SIGMAS = 5.0  # standard errors that are forgiven
SLACK = 0.02  # relative error that is forgiven: of a quadrature, of single precision
SIDE = 32  # cells along each side of the grid
POINTS = 4000  # at which a density is asked for, on the grid
ROWS = 1000  # samples of the model, and as many draws beside them
MOST = 16  # dimensions, beyond which a kernel estimate from 500 rows says nothing
INSIDE = 0.2  # the samples of lowest density are left out, so that no ratio explodes
FEWEST = 0.02  # share of the draws that must lie where the samples do, for a verdict

Density = Callable[[Array], Array]


@dataclass(frozen=True)
class DensityCheck:
    """One check: what was found, what was expected, and in words what is wrong where ``passed`` is False.

    ``passed`` is None where nothing can be said, with the reason.
    """

    name: str
    passed: bool | None
    value: float | None = None
    expected: float | None = None
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as a record holds it."""
        return asdict(self)


def density_checks(log_prob: Density, samples: Array, rng: np.random.Generator) -> list[DensityCheck]:
    """Return what can be said of an exact log-density of vectors, (n, d) to (n,) nats, and samples (n, d) of it.

    One that raises or that is nan has failed.
    """
    try:
        checks = on_grid(log_prob, samples, rng) if samples.shape[1] == 2 else []
        return [*checks, own_samples(log_prob, samples, rng)]
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return [DensityCheck("density", False, reason=f"log_prob could not be checked: {describe(error)}")]


@dataclass(frozen=True)
class _Grid:
    """A density on the plane at random points of strata: what each adds to an integral, and its noise."""

    low: Array
    high: Array
    log_p: Array  # (points,)
    area: Array  # (points,) of the stratum of each, over how many points it has
    blocks: tuple[int, int]  # the first points come in this many blocks of so many neighbours; the others are alone

    def integral(self, of: Array) -> tuple[float, float]:
        """Return the integral of p times ``of`` (points,), and its standard error."""
        with np.errstate(over="ignore", invalid="ignore"):
            values = self.area * np.where(np.isneginf(self.log_p), 0.0, np.exp(self.log_p) * of)
        dense, alone = values[: math.prod(self.blocks)].reshape(self.blocks), values[math.prod(self.blocks) :]
        # neighbours differ by little where the strata are finer than the density: less than chance within a block
        noise = (np.diff(dense, axis=1) ** 2).mean(1).sum() / 2 * self.blocks[1] + (alone**2).sum()
        return float(values.sum()), math.sqrt(float(noise))


def _on_grid(log_prob: Density, samples: Array, rng: np.random.Generator) -> _Grid:
    """Take a density in a box around the samples (n, 2): a point in each of 32 x 32 cells, more where samples lie."""
    low, high = np.quantile(samples, 0.001, axis=0), np.quantile(samples, 0.999, axis=0)
    margin = 0.25 * (high - low) + 1e-9
    low, high = low - margin, high + margin
    width = (high - low) / SIDE
    cells = np.floor((samples - low) / width).astype(int)
    cells = cells[((cells >= 0) & (cells < SIDE)).all(1)]
    occupied = np.zeros((SIDE, SIDE), bool)
    occupied[cells[:, 0], cells[:, 1]] = True
    inside, empty = np.argwhere(occupied), np.argwhere(~occupied)
    finer = int(np.clip(math.isqrt(POINTS // max(1, len(inside))), 2, 12))
    steps = np.stack(np.meshgrid(np.arange(finer), np.arange(finer), indexing="ij"), -1).reshape(1, -1, 2)
    at = (inside[:, None] + (steps + rng.random((len(inside), finer**2, 2))) / finer).reshape(-1, 2)
    log_p = _finite(log_prob, low + width * np.concatenate([at, empty + rng.random(empty.shape)]))
    area = np.repeat([width.prod() / finer**2, width.prod()], [len(at), len(empty)])
    return _Grid(low, high, log_p, area, (len(inside), finer**2))


def on_grid(log_prob: Density, samples: Array, rng: np.random.Generator) -> list[DensityCheck]:
    """Return whether a planar density integrates to 1, and whether samples (n, 2) have its entropy.

    The integral over a box must be the share of the samples within it: tails outside of it are what the samples say
    they are. The points are random within the cells of the grid, so that the integral is unbiased however narrow the
    density is. The mean of log p over the samples in the box must be that of the integral.
    """
    grid = _on_grid(log_prob, samples, rng)
    within = ((samples >= grid.low) & (samples <= grid.high)).all(1)
    share = float(within.mean())
    total, error = grid.integral(np.ones(len(grid.log_p)))
    error = math.hypot(error, math.sqrt(share * (1 - share) / len(samples)))
    wrong = abs(total - share) > SIGMAS * error + SLACK * share
    reason = f"the density integrates to {total:.4g} ± {error:.2g} where {share:.4g} of the samples lie"
    checks = [DensityCheck("normalised", not wrong, total, share, reason if wrong else "")]
    if not total > 0:
        return checks

    log_p = _finite(log_prob, samples[within][:ROWS])
    if np.isneginf(log_p).any():
        return [*checks, _impossible("entropy", log_p)]
    expected = grid.integral(np.where(np.isneginf(grid.log_p), 0.0, grid.log_p))[0] / total
    noise = grid.integral(np.where(np.isneginf(grid.log_p), 0.0, grid.log_p - expected))[1] / total
    value = float(log_p.mean())
    error = math.hypot(noise, float(log_p.std()) / math.sqrt(len(log_p)))
    wrong = not abs(value - expected) <= SIGMAS * error + SLACK
    reason = f"log p is {value:.4g} on average over the samples, {expected:.4g} ± {error:.2g} under the density itself"
    return [*checks, DensityCheck("entropy", not wrong, value, expected, reason if wrong else "")]


def own_samples(log_prob: Density, samples: Array, rng: np.random.Generator) -> DensityCheck:
    """Return whether a log-density p is that of the samples (n, d), normalised, in any few dimensions.

    For any density q, the mean over samples of q/p within the region A where p is high is the share of q that lies in A
    (importance sampling; the region bounds the ratio, as in Geweke 1999, doi:10.1080/07474939908800428). Here q is a
    kernel estimate from other samples, and both sides come with their standard errors.
    """
    n, d = samples.shape
    rows = min(ROWS, n // 2)
    if d > MOST or rows < 50:
        why = f"{d} dimensions are more than {MOST}" if d > MOST else f"{n} samples are too few"
        return DensityCheck("own_samples", None, reason=f"nothing can be said: {why}")
    order = rng.permutation(n)
    centres, held = samples[order[: rows // 2]], samples[order[rows // 2 : rows // 2 + rows]]
    bandwidth = _bandwidth(centres)
    draws = centres[rng.integers(len(centres), size=rows)] + bandwidth * rng.standard_normal((rows, d))
    log_p, log_p_draws = _finite(log_prob, held), _finite(log_prob, draws)
    if np.isneginf(log_p).any():
        return _impossible("own_samples", log_p)
    threshold = float(np.quantile(log_p, INSIDE))
    log_q = _kernel_estimate(held, centres, bandwidth)
    ratio = np.where(log_p >= threshold, np.exp(np.minimum(log_q - log_p, 50.0)), 0.0)
    inside = log_p_draws >= threshold
    value, expected = float(ratio.mean()), float(inside.mean())
    if expected < FEWEST:
        return DensityCheck("own_samples", None, value, expected, "nothing can be said: the samples are too far apart")
    error = math.sqrt((float(ratio.var(ddof=1)) + expected * (1 - expected)) / rows)
    wrong = abs(value - expected) > SIGMAS * error + SLACK * expected
    reason = f"the log-density is not that of the samples: {value:.4g} ± {error:.2g}, expected {expected:.4g}"
    return DensityCheck("own_samples", not wrong, value, expected, reason if wrong else "")


def beats_no_truth(log_prob: Array, truth: Array, kind: str) -> DensityCheck:
    """Return whether log-densities (n,) of held-out rows stay below the true ones (n,) on average, in nats.

    The mean of log p - log q over rows of p is a Kullback-Leibler divergence, and a lower bound of log q makes it only
    larger: it is never negative (Gibbs).
    """
    n = min(len(log_prob), len(truth))
    gaps = np.asarray(truth[:n], np.float64) - np.asarray(log_prob[:n], np.float64)
    gaps = gaps[np.isfinite(gaps)]  # -inf is no claim to be too good
    value, expected = float(np.mean(log_prob[:n])), float(np.mean(truth[:n]))
    if len(gaps) < 2:
        return DensityCheck("below_truth", None, reason="nothing can be said: no log-density is finite")
    error = float(gaps.std(ddof=1)) / math.sqrt(len(gaps))
    wrong = float(gaps.mean()) < -SIGMAS * error - 1e-3
    what = "bound" if kind == "bound" else "log-density"
    reason = f"the {what} is {-gaps.mean():.4g} ± {error:.2g} nats above the true log-density, which nothing can be"
    return DensityCheck("below_truth", not wrong, value, expected, reason if wrong else "")


def _finite(log_prob: Density, rows: Array) -> Array:
    values = np.asarray(log_prob(rows), dtype=np.float64)
    if np.isnan(values).any() or np.isposinf(values).any():
        raise ValueError(f"{int((np.isnan(values) | np.isposinf(values)).sum())} of {len(rows)} are nan or +inf")
    return values


def _impossible(name: str, log_p: Array) -> DensityCheck:
    wrong = int(np.isneginf(log_p).sum())
    return DensityCheck(
        name, False, reason=f"{wrong} of {len(log_p)} of the model's own samples have density 0 under it"
    )


def _bandwidth(rows: Array) -> Array:
    """Return the bandwidth (1,): small against the distance of neighbours, so that modes stay apart."""
    some = rows[:200]
    squares = ((some[:, None] - rows[None]) ** 2).sum(2)
    np.put_along_axis(squares, np.arange(len(some))[:, None], np.inf, axis=1)
    nearest = np.sqrt(np.partition(squares, 4, axis=1)[:, 4])
    return np.array([max(float(np.median(nearest)), 1e-6) / math.sqrt(rows.shape[1])])


def _kernel_estimate(at: Array, centres: Array, bandwidth: Array) -> Array:
    d, h = at.shape[1], float(bandwidth[0])
    squares = ((at[:, None] - centres[None]) ** 2).sum(2) / (2 * h * h)
    least = squares.min(1)
    mean = np.log(np.exp(least[:, None] - squares).mean(1)) - least
    return np.asarray(mean - d * math.log(h * math.sqrt(2 * math.pi)))

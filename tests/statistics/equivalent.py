"""Simulate the equivalent sample of generators whose worth is known in closed form.

    python tests/statistics/equivalent.py --repeats 200

prints a table of coverage and bias. All laws are mixtures of Gaussians, for which the mean of a Gaussian kernel over
pairs of rows is a sum of products: the squared MMD of a generator to the truth, and so its worth at each bandwidth,
needs no simulation.
"""

from __future__ import annotations

import argparse
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import brentq
from scipy.spatial.distance import pdist

from genbench.protocol import Evidence, RealSide
from genbench.table.estimate import worth_interval
from genbench_equivalent.kernels import FACTORS
from genbench_equivalent.metric import equivalent

SEEDS = 3  # generators that are scored against the same held-out rows
JITTER = 1.0  # of a jittered memoriser, in units of the smallest standard deviation of a mode


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of k Gaussians in d dimensions: weights (k,), means (k, d), covariances (k, d, d)."""

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    def sample(self, n, rng):
        modes = rng.choice(len(self.weights), n, p=self.weights)
        rows = rng.standard_normal((n, self.means.shape[1]))
        for mode, root in enumerate(np.linalg.cholesky(self.covariances)):
            rows[modes == mode] = self.means[mode] + rows[modes == mode] @ root.T
        return rows


def kernel_mean(one, other, bandwidths, noise=0.0):
    """Return E exp(-|X-Y|²/2h²) (K,) of independent rows of two mixtures, with noise of this variance added to X-Y."""
    total = np.zeros(len(bandwidths))
    squares = np.asarray(bandwidths)[:, None] ** 2
    for weight, mean, covariance in zip(one.weights, one.means, one.covariances, strict=True):
        for factor, centre, spread in zip(other.weights, other.means, other.covariances, strict=True):
            values, vectors = np.linalg.eigh(covariance + spread)
            values = values + noise
            gaps = (vectors.T @ (mean - centre)) ** 2
            total += weight * factor * np.exp(-0.5 * (np.log1p(values / squares) + gaps / (squares + values)).sum(1))
    return total


# ------------------------------------------------------------------------------------------------------------ the laws


@dataclass(frozen=True, eq=False)
class Law:
    """The truth: a mixture, the bandwidths of the metric, and c = k(0) - E k(X,X') at each of them."""

    mixture: Mixture
    bandwidths: np.ndarray
    inside: np.ndarray  # E k(X, X')

    @property
    def scale(self):
        return 1 - self.inside


@cache
def law(name, d):
    mixture = LAWS[name](d)
    rows = mixture.sample(2000, np.random.default_rng(0))
    bandwidths = np.median(pdist(rows)) * np.array(FACTORS)
    return Law(mixture, bandwidths, kernel_mean(mixture, mixture, bandwidths))


def gaussian(d):
    """Return a Gaussian whose columns are correlated."""
    return Mixture(np.ones(1), np.zeros((1, d)), _covariance(d)[None])


def modes(d):
    """Return narrow modes of equal weight: 25 on a grid in two dimensions, 10 at random in more."""
    if d == 2:
        means = np.stack(np.meshgrid(*2 * [np.linspace(-1.4, 1.4, 5)]), -1).reshape(-1, 2)
    else:
        means = np.random.default_rng(d).standard_normal((10, d))
    k = len(means)
    return Mixture(np.full(k, 1 / k), means, np.repeat(np.eye(d)[None] * (0.07 if d == 2 else 0.3) ** 2, k, axis=0))


def tails(d):
    """Return a correlated law with heavy tails: a mixture of Gaussians of three widths."""
    widths, weights = np.array([0.5, 1.0, 3.0]), np.array([0.5, 0.4, 0.1])
    return Mixture(weights, np.zeros((3, d)), widths[:, None, None] ** 2 * _covariance(d))


def _covariance(d):
    """Return a covariance whose eigenvalues fall as a power: 0.6^|i-j|."""
    return 0.6 ** np.abs(np.arange(d)[:, None] - np.arange(d))


LAWS: dict[str, Callable[[int], Mixture]] = {"gaussian": gaussian, "modes": modes, "tails": tails}


# ------------------------------------------------------------------------------------------------------ the generators


def worth_of(truth, distance):
    """Return the smallest worth over bandwidths of a squared MMD (K,)."""
    return float((truth.scale / distance).min())


def distance_of(truth, mixture):
    between = kernel_mean(truth.mixture, mixture, truth.bandwidths)
    return truth.inside + kernel_mean(mixture, mixture, truth.bandwidths) - 2 * between


def memoriser(truth, worth, m, rng):
    """Return m draws from ``worth`` events, and their worth."""
    return truth.mixture.sample(worth, rng)[rng.integers(0, worth, m)], float(worth)


def jittered(truth, worth, m, rng):
    """Return m draws from ``worth`` events with noise added, and their worth, which is higher."""
    noise = JITTER * np.sqrt(np.linalg.eigvalsh(truth.mixture.covariances).min())
    rows = memoriser(truth, worth, m, rng)[0]
    return rows + noise * rng.standard_normal(rows.shape), _jittered_worth(truth, worth, noise)


@cache
def _jittered_worth(truth, worth, noise):
    """The expected distance is that of the blurred truth, and 1/n of what n events add to it."""
    h, d = truth.bandwidths, truth.mixture.means.shape[1]
    blurred = kernel_mean(truth.mixture, truth.mixture, h, 2 * noise**2)
    between = kernel_mean(truth.mixture, truth.mixture, h, noise**2)
    itself = (h * h / (h * h + 2 * noise**2)) ** (d / 2)
    return worth_of(truth, blurred + truth.inside - 2 * between + (itself - blurred) / worth)


def shifted(truth, worth, m, rng):
    """Return m fresh rows, shifted along the first column so far that they are worth ``worth`` events."""
    moved = _moved(truth, worth, "shift")
    return moved.sample(m, rng), float(worth)


def widened(truth, worth, m, rng):
    """Return m fresh rows whose modes are so much wider that they are worth ``worth`` events."""
    return _moved(truth, worth, "width").sample(m, rng), float(worth)


@cache
def _moved(truth, worth, fault):
    law = truth.mixture

    def at(size):
        if fault == "shift":
            return Mixture(law.weights, law.means + size * np.eye(1, law.means.shape[1]), law.covariances)
        return Mixture(law.weights, law.means, law.covariances * (1 + size) ** 2)

    def excess(size):
        return np.log(worth_of(truth, distance_of(truth, at(size))) / worth)

    return at(brentq(excess, 1e-3, 8.0, xtol=1e-4))


def fitted(truth, worth, m, rng):
    """Return m rows of the Gaussian that ``worth`` events are fitted with, and its worth."""
    rows = truth.mixture.sample(worth, rng)
    fit = Mixture(np.ones(1), rows.mean(0)[None], np.cov(rows.T)[None])
    return fit.sample(m, rng), worth_of(truth, distance_of(truth, fit))


GENERATORS = {"memoriser": memoriser, "jittered": jittered, "shifted": shifted, "widened": widened, "fitted": fitted}


# ------------------------------------------------------------------------------------------------------ the simulation


@dataclass(frozen=True)
class Cell:
    """A law in d dimensions, a generator that is worth about ``worth`` events, and the numbers of rows."""

    law: str
    d: int
    generator: str
    worth: int
    n_real: int
    n_fake: int


def simulate(cell: Cell, repeats: int) -> dict[str, object]:
    """Return how often the printed interval, or limit, is true, and how far the values are from the truth.

    ``low_misses`` and ``high_misses`` are the shares of files whose truth is outside; ``ratio`` is the median of value
    over truth where the samples are distinguished from real rows, ``within`` the share within a factor 1.5. ``seeds``
    is the coverage of the interval over three seeds where all are distinguished, from their own intervals alone,
    ``seeds_spread`` the same with their spread. The seeds share the held-out rows, as in no other simulation.
    """
    found = [simulate_repeat(cell, repeat) for repeat in range(repeats)]
    distinguished, value, low, high = np.moveaxis([rows for rows, _ in found], 2, 0)
    distinguished = distinguished > 0
    ratios = value[distinguished]
    seeds = np.array([repeat[1] for repeat in found if repeat[1] is not None]).reshape(-1, 2)
    return {
        **cell.__dict__,
        "distinguished": distinguished.mean(),
        "ratio": float(np.median(ratios)) if len(ratios) else np.nan,
        "within": np.mean((ratios > 1 / 1.5) & (ratios < 1.5)) if len(ratios) else np.nan,
        "covered": np.mean((low <= 1) & (high >= 1)),
        "low_misses": np.mean(low > 1),
        "high_misses": np.mean(high < 1),
        "width": float(np.median(high[distinguished] / low[distinguished])) if len(ratios) else np.nan,
        "seeds": seeds[:, 0].mean() if len(seeds) else np.nan,
        "seeds_spread": seeds[:, 1].mean() if len(seeds) else np.nan,
        "seeds_counted": len(seeds),
    }


def simulate_repeat(cell, repeat):
    """Return [distinguished, value, low, high] of each seed, over the truth, and whether their interval holds it."""
    truth = law(cell.law, cell.d)
    rng = np.random.default_rng([zlib.crc32(repr(cell).encode()), repeat])
    real = RealSide(truth.mixture.sample(cell.n_real, rng))
    rows = []
    for _ in range(SEEDS):
        fake, worth = GENERATORS[cell.generator](truth, cell.worth, cell.n_fake, rng)
        score = equivalent(Evidence(real, fake))
        high = np.inf if score.high is None else score.high
        rows.append([not score.detail["at_least"], score.value / worth, score.low / worth, high / worth])
    return rows, covered_over_seeds(rows)


def covered_over_seeds(rows):
    """Return whether 1 is in the interval that tables print over seeds, without and with a spread between seeds.

    ``rows`` are [distinguished, value, low, high] of each seed; None unless all are distinguished.
    """
    if not all(row[0] for row in rows):
        return None
    ends = {seed: (value, low, high) for seed, (_, value, low, high) in enumerate(rows)}
    if not all(math.isfinite(row[1]) for row in rows):
        return [False, False]
    spread = float(np.var([math.log(row[1]) for row in rows], ddof=1)), SEEDS - 1.0
    found = [worth_interval(ends, each) for each in (None, spread)]
    return [each is not None and each[0] <= 1 <= each[1] for each in found]


def cells(sizes: Sequence[tuple[int, int]], dimensions: Sequence[int]) -> list[Cell]:
    """Return all cells of these numbers of real rows and samples, and dimensions."""
    found = []
    for n_real, n_fake in sizes:
        for d in dimensions:
            worths = {"memoriser": (30, n_fake // 2), "jittered": (60,), "shifted": (30, 150), "widened": (30, 150)}
            worths["fitted"] = (max(100, 2 * d),)
            found += [
                Cell(name, d, generator, worth, n_real, n_fake)
                for name in LAWS
                for generator, each in worths.items()
                for worth in each
                if (name, d, generator, worth) != ("modes", 2, "widened", 30)  # wider modes are worth more
            ]
    return found


def table(repeats: int, sizes: Sequence[tuple[int, int]], dimensions: Sequence[int]) -> list[dict[str, object]]:
    """Return one row of `simulate` for each cell."""
    return [simulate(cell, repeats) for cell in cells(sizes, dimensions)]


COLUMNS = (
    "law", "d", "generator", "worth", "n_real", "n_fake", "distinguished", "ratio", "within", "covered", "low_misses",
    "high_misses", "width", "seeds", "seeds_spread", "seeds_counted",
)  # fmt: skip


def line_of(row: dict[str, object]) -> str:
    """Return a row as a line of a Markdown table."""
    shown = [f"{row[name]:.2f}" if isinstance(row[name], float) else str(row[name]) for name in COLUMNS]
    return "| " + " | ".join(shown) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description="Coverage and bias of the equivalent sample, by simulation.")
    parser.add_argument("--repeats", type=int, default=200, help="held-out sets of each row, with three seeds each")
    parser.add_argument("--sizes", nargs="+", default=["300x300", "1000x700"], help="real rows x samples")
    parser.add_argument("--dimensions", nargs="+", type=int, default=[2, 5, 10, 64])
    options = parser.parse_args()
    sizes = [tuple(map(int, each.split("x"))) for each in options.sizes]
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|")
    for cell in cells(sizes, options.dimensions):
        print(line_of(simulate(cell, options.repeats)), flush=True)


if __name__ == "__main__":
    main()

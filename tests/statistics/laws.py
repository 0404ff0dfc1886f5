"""Laws of which the truth is known, to hold intervals, tests and ranks to: each draws n rows (n, d) with ``rng``."""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["LAWS", "grid25", "heavy_tails", "images8", "normal10", "sign_law"]

MODE_SD = 0.05
FREEDOM = 3  # degrees of freedom of the heavy tails: the variance exists, the kurtosis does not
CORRELATION = 0.5  # of neighbouring columns of the heavy tails
BLUR_PIXELS = 1.0  # standard deviation of the Gaussian that images are blurred with


def grid25(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return rows (n, 2) of 25 equal modes at the points of {-2, ..., 2}², Gaussians with standard deviation 0.05."""
    return rng.integers(-2, 3, (n, 2)) + MODE_SD * rng.standard_normal((n, 2))


def heavy_tails(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return rows (n, 10) of Student's t with 3 degrees of freedom, columns i and j correlated as 0.5^|i-j|."""
    gaps = np.abs(np.subtract.outer(np.arange(10), np.arange(10)))
    normal = rng.standard_normal((n, 10)) @ np.linalg.cholesky(CORRELATION**gaps).T
    return normal / np.sqrt(rng.chisquare(FREEDOM, (n, 1)) / FREEDOM)


def images8(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return images (n, 64) of 8x8 pixels: white noise that is blurred, each pixel with mean 0 and variance 1."""
    return rng.standard_normal((n, 64)) @ _blur().T


def normal10(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return rows (n, 10) of the standard normal law."""
    return rng.standard_normal((n, 10))


def sign_law(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return rows (n, 10), standard normal but for sign(x₃) = sign(x₁x₂).

    All pairs of columns are independent. The likelihood ratio to the standard normal law is 2 or 0, which gives an area
    under the ROC curve of 3/4.
    """
    rows = rng.standard_normal((n, 10))
    rows[:, 2] = np.abs(rows[:, 2]) * np.sign(rows[:, 0] * rows[:, 1])
    return rows


LAWS = {"grid25": grid25, "heavy_tails": heavy_tails, "images8": images8}


@cache
def _blur() -> np.ndarray:
    """Return the matrix (64, 64) that blurs flattened images; each of its rows has length 1."""
    line = np.exp(-0.5 * (np.subtract.outer(np.arange(8), np.arange(8)) / BLUR_PIXELS) ** 2)
    both = np.kron(line, line)
    return both / np.linalg.norm(both, axis=1, keepdims=True)

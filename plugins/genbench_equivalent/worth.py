"""From distances to numbers of real events: how many have the same distance to the truth as the samples.

If the samples are m draws from n real events, their biased squared distance to N held-out rows is, at each bandwidth,
c (1/n + 1/m + 1/N) W: the Gaussian process of the differences has the covariance of one event times that sum, and W is
a weighted sum of chi-squares with mean 1 (Gretton et al. 2012, JMLR 13). W has variance 2/ν, with ν = c² / E k̃². At a
bandwidth that covers all of the data ν is 1 to 5, so that real samples of one size differ widely; at a narrow one it is
tens or thousands. The interval at level 1 - α contains every n for which the measured distance is between the α/2 and
1 - α/2 quantiles.

The score is the smallest worth over the bandwidths, whose interval holds for all of them together. The plain minimum of
noisy estimates is too small, so that the bandwidth is chosen by the distance minus 1.5 standard errors: a bound is
compared instead of an estimate (Chernozhukov, Lee & Rosen 2013, arXiv:0907.3503).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, stdtrit

__all__ = ["LEVEL", "Smallest", "Worth", "smallest", "worth"]

Array = npt.NDArray[Any]
LEVEL = 0.95
TAIL_PROBABILITY = (1 - LEVEL) / 2
SELECTION_ERRORS = 1.5  # standard errors below the distance, where scales are compared to find the decisive one


@dataclass(frozen=True)
class Worth:
    """Numbers of real events at each of K scales, with their bounds, (K,) each; infinite where unbounded.

    Where the distance cannot be distinguished from that of fresh real data, ``value`` is infinite and ``low`` is
    ``limit``. ``high`` may be infinite where ``value`` is not: it takes account of the uncertainty of the distance by
    the jackknife too, as the samples may have other faults than being few.
    """

    value: Array
    low: Array
    high: Array
    distinguished: Array  # from fresh real data, in a test of all scales together
    high_of_all: Array  # upper bound that holds at all scales together
    low_of_all: Array  # lower bound by the jackknife, at 97.5 %, one-sided
    limit: Array  # the same at 95 %
    error: Array  # standard error of ``value``
    degrees: Array  # ν, at most the number of rows
    closer: Array  # whether fresh real data would not be as close, in a test of all scales together
    selection: Array  # the distance minus 1.5 standard errors, in units of c


@dataclass(frozen=True)
class Smallest:
    """The smallest worth over all scales: the scale, whether it is a lower limit only, the value and its interval."""

    at: int
    is_limit: bool
    value: float
    low: float
    high: float  # infinite where unbounded


def worth(
    distance: Array, error: Array, degrees: Array, n_real: int, n_fake: int, *, groups: int = 20, together: int = 1
) -> Worth:
    """Return the number of real events that samples are worth at each scale (K,).

    ``distance`` is the unbiased squared distance in units of c, ``error`` its standard error by a jackknife with
    ``groups`` groups, ``degrees`` the ν of real data. The distance of samples with other faults than being few may be
    more uncertain than that of real events, so the wider of both intervals counts. ``together`` is the number of scales
    that ``distinguished``, ``closer`` and ``high_of_all`` hold for (Bonferroni).

    Where the distance is small by chance, so is its jackknifed error: it is a square, whose root has a constant error.
    So the largest distance that the samples may have is t standard errors and t² λ (1/m + 1/N) away, where λ is the
    largest eigenvalue of the kernel in units of c, at most 1/√ν.
    """
    floor = 1 / n_real + 1 / n_fake
    biased = np.maximum(distance + floor, 0.0)
    degrees = np.clip(degrees, 1, min(n_real, n_fake))  # from few pairs of rows, ν may be too large

    def events(probability: float) -> tuple[Array, Array]:
        """Return the n for which ``biased`` is this quantile of W, and the n at this quantile of the jackknife."""
        excess = biased / _quantile(probability, degrees) - floor
        return _inverse(excess), _inverse(distance - stdtrit(groups - 1, probability) * error)

    def at_least(probability: float) -> Array:
        t = stdtrit(groups - 1, 1 - probability)
        return _inverse(distance + t * error + t**2 * floor / np.sqrt(degrees))

    null, jackknifed = events(1 - TAIL_PROBABILITY)
    null_of_all, jackknifed_of_all = events(1 - TAIL_PROBABILITY / together)
    limit = at_least(1 - LEVEL)
    alone = np.isfinite(null)  # distinguished from fresh real data, in a test of this scale alone
    value = np.where(alone, _inverse(distance), np.inf)
    return Worth(
        value=value,
        low=np.where(alone, np.minimum(*events(TAIL_PROBABILITY)), limit),
        high=np.maximum(null, jackknifed),
        distinguished=np.isfinite(null_of_all),
        high_of_all=np.maximum(null_of_all, jackknifed_of_all),
        low_of_all=at_least(TAIL_PROBABILITY),
        limit=limit,
        error=value**2 * np.maximum(error, np.sqrt(2 / degrees) * biased),  # of 1/D, from that of D
        degrees=degrees,
        closer=biased < floor * _quantile(TAIL_PROBABILITY / together, degrees),
        selection=distance - SELECTION_ERRORS * error,
    )


def _inverse(x: Array) -> Array:
    """Return 1/x, infinite where x is not positive."""
    return np.where(x > 0, 1 / np.where(x > 0, x, 1.0), np.inf)


def _quantile(probability: float, degrees: Array) -> Array:
    quantile: Array = gammaincinv(degrees / 2, probability) * 2 / degrees
    return quantile


def smallest(found: Worth, n_real: int) -> Smallest:
    """Return the smallest worth over the scales, with its interval; a lower limit if none distinguishes.

    The limit is at most ``n_real``. The decisive scale is that with the largest distance minus 1.5 standard errors, of
    those that distinguish the samples from fresh real data. The upper end is the smallest upper bound that holds at all
    scales together. The lower end is the smallest over all scales by the jackknife: no correction for several scales is
    due, since the bound of the scale with the smallest worth suffices. It includes the variation of few real events at
    the decisive scale only: at another scale with ν of 1 or 2 it would allow for a fortieth of the value.
    """
    if not found.distinguished.any():
        at = int(np.argmin(found.limit))
        bound = min(float(found.limit[at]), float(n_real))
        return Smallest(at, True, bound, bound, np.inf)
    at = int(np.argmax(np.where(found.distinguished, found.selection, -np.inf)))
    value = float(found.value[at])
    low = min(float(found.low[at]), float(found.low_of_all.min()), value)
    return Smallest(at, False, value, low, float(found.high_of_all.min()))

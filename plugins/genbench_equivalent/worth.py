"""From distances to real events: how many are as far from the truth as these samples, and which numbers are possible.

Samples that are n real events drawn m times have, at each bandwidth, a biased squared distance to N held-out rows of
c (1/n + 1/m + 1/N) W: the Gaussian process of their differences has the covariance of one event times that sum, and W
is a weighted sum of chi-squares with mean 1 (Gretton et al. 2012, JMLR 13). W has variance 2/ν, with ν = c² / E k̃²: at
a bandwidth that covers all the data ν is 1 to 5, so that real samples of one size differ widely; at a narrow one it is
tens or thousands. An interval at level 1 - α is every n for which the distance found is no quantile of W beyond α/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, stdtrit

__all__ = ["LEVEL", "Worth", "chosen", "worth"]

Array = npt.NDArray[Any]
LEVEL = 0.95
TAIL = (1 - LEVEL) / 2


@dataclass(frozen=True)
class Worth:
    """Real events at each of some scales (K,): the estimate and its interval; infinite where nothing bounds them.

    ``value`` is infinite where the distance cannot be told from that of fresh real data; ``low`` then is ``limit``, the
    n that one cannot be below at 95 %, from the largest distance that these samples may have. ``high`` may be infinite
    where ``value`` is not: the null law alone says what real data do, but not how uncertain the distance is of samples
    that fail otherwise than by being few. ``high_of_all`` and ``null_of_all``, its part of the null law, hold at all
    scales together; ``error`` is the standard error of ``value``; ``closer`` says that fresh real data would not come
    so close.
    """

    value: Array
    low: Array
    high: Array
    high_of_all: Array
    null_of_all: Array  # finite where fresh real data would not be so far away
    limit: Array
    error: Array
    degrees: Array  # ν, at most the number of rows
    closer: Array


def worth(
    distance: Array, error: Array, degrees: Array, n_real: int, n_fake: int, *, groups: int = 20, together: int = 1
) -> Worth:
    """Return what samples are worth at each scale (K,).

    ``distance`` is the unbiased squared distance in units of c, ``error`` its standard error by a jackknife of
    ``groups`` groups, ``degrees`` the ν of real data. Samples that fail otherwise than by being few may have a distance
    that is known worse than that of real events: the wider of both intervals counts. ``together`` is how many scales
    ``high_of_all`` is to hold for (Bonferroni).
    """
    floor = 1 / n_real + 1 / n_fake
    biased = np.maximum(distance + floor, 0.0)
    degrees = np.clip(degrees, 1, min(n_real, n_fake))  # what a few pairs of rows tell is no law of chi-squares

    def events(probability: float) -> tuple[Array, Array]:
        """Return the n of which ``biased`` is this quantile, and the n at this quantile of the jackknife."""
        law = biased / _quantile(probability, degrees) - floor
        return _inverse(law), _inverse(distance - stdtrit(groups - 1, probability) * error)

    null, jackknifed = events(1 - TAIL)
    null_of_all, jackknifed_of_all = events(1 - TAIL / together)
    limit = events(1 - LEVEL)[1]
    told = np.isfinite(null)
    value = np.where(told, _inverse(distance), np.inf)
    return Worth(
        value=value,
        low=np.where(told, np.minimum(*events(TAIL)), limit),
        high=np.maximum(null, jackknifed),
        limit=limit,
        error=value**2 * np.maximum(error, np.sqrt(2 / degrees) * biased),  # of 1/D, from that of D
        high_of_all=np.maximum(null_of_all, jackknifed_of_all),
        null_of_all=null_of_all,
        degrees=degrees,
        closer=biased < floor * _quantile(TAIL / together, degrees),
    )


def _inverse(x: Array) -> Array:
    """Return 1/x, infinite where x is not positive."""
    return np.where(x > 0, 1 / np.where(x > 0, x, 1.0), np.inf)


def _quantile(probability: float, degrees: Array) -> Array:
    quantile: Array = gammaincinv(degrees / 2, probability) * 2 / degrees
    return quantile


def chosen(found: Worth) -> tuple[int, bool]:
    """Return which scale speaks for all, and whether it tells the samples from real data.

    The smallest estimate of several would be that of the noisiest scale, and too small. The one with the smallest upper
    bound is the scale that proves most against the samples: that of both laws, or that of the null law where the
    jackknife bounds none. Where no scale proves anything, it is the one that leaves most room for doubt: what the
    samples are worth at least, at every scale, they are worth at that one.
    """
    for bound in (found.high_of_all, found.null_of_all):
        if np.isfinite(bound).any():
            return int(np.argmin(bound)), True
    return int(np.argmin(found.limit)), False

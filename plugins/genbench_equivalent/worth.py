"""From distances to numbers of real events: how many have the same distance to the truth as the samples.

If the samples are m draws from n real events, their biased squared distance to N held-out rows is, at each bandwidth,
c (1/n + 1/m + 1/N) W: the Gaussian process of the differences has the covariance of one event times that sum, and W is
a weighted sum of chi-squares with mean 1 (Gretton et al. 2012, JMLR 13). W has variance 2/ν, with ν = c² / E k̃². At a
bandwidth that covers all of the data ν is 1 to 5, so that real samples of one size differ widely; at a narrow one it is
tens or thousands. The interval at level 1 - α contains every n for which the measured distance is between the α/2 and
1 - α/2 quantiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, stdtrit

__all__ = ["LEVEL", "Worth", "decisive_scale", "worth"]

Array = npt.NDArray[Any]
LEVEL = 0.95
TAIL_PROBABILITY = (1 - LEVEL) / 2


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
    high_of_all: Array  # upper bound that holds at all scales together
    null_of_all: Array  # the same by the null distribution alone; finite where fresh real data would not be so far away
    limit: Array  # lower bound at 95 %, one-sided, from the largest distance that the samples may have
    error: Array  # standard error of ``value``
    degrees: Array  # ν, at most the number of rows
    closer: Array  # whether fresh real data would not be as close


def worth(
    distance: Array, error: Array, degrees: Array, n_real: int, n_fake: int, *, groups: int = 20, together: int = 1
) -> Worth:
    """Return the number of real events that samples are worth at each scale (K,).

    ``distance`` is the unbiased squared distance in units of c, ``error`` its standard error by a jackknife with
    ``groups`` groups, ``degrees`` the ν of real data. The distance of samples with other faults than being few may be
    more uncertain than that of real events, so the wider of both intervals counts. ``together`` is the number of scales
    that ``high_of_all`` holds for (Bonferroni).
    """
    floor = 1 / n_real + 1 / n_fake
    biased = np.maximum(distance + floor, 0.0)
    degrees = np.clip(degrees, 1, min(n_real, n_fake))  # from few pairs of rows, ν may be too large

    def events(probability: float) -> tuple[Array, Array]:
        """Return the n for which ``biased`` is this quantile of W, and the n at this quantile of the jackknife."""
        excess = biased / _quantile(probability, degrees) - floor
        return _inverse(excess), _inverse(distance - stdtrit(groups - 1, probability) * error)

    null, jackknifed = events(1 - TAIL_PROBABILITY)
    null_of_all, jackknifed_of_all = events(1 - TAIL_PROBABILITY / together)
    limit = events(1 - LEVEL)[1]
    distinguished = np.isfinite(null)  # from fresh real data
    value = np.where(distinguished, _inverse(distance), np.inf)
    return Worth(
        value=value,
        low=np.where(distinguished, np.minimum(*events(TAIL_PROBABILITY)), limit),
        high=np.maximum(null, jackknifed),
        limit=limit,
        error=value**2 * np.maximum(error, np.sqrt(2 / degrees) * biased),  # of 1/D, from that of D
        high_of_all=np.maximum(null_of_all, jackknifed_of_all),
        null_of_all=null_of_all,
        degrees=degrees,
        closer=biased < floor * _quantile(TAIL_PROBABILITY / together, degrees),
    )


def _inverse(x: Array) -> Array:
    """Return 1/x, infinite where x is not positive."""
    return np.where(x > 0, 1 / np.where(x > 0, x, 1.0), np.inf)


def _quantile(probability: float, degrees: Array) -> Array:
    quantile: Array = gammaincinv(degrees / 2, probability) * 2 / degrees
    return quantile


def decisive_scale(found: Worth) -> tuple[int, bool]:
    """Return the index of the scale that decides the score, and whether the samples differ from real data there.

    The smallest of several estimates would be that of the noisiest scale, and too small. The scale with the smallest
    upper bound proves most against the samples: the bound of the null distribution and the jackknife or, where the
    jackknife bounds no scale, that of the null distribution. Where there is no bound at all, it is the scale with the
    smallest lower bound, which then holds at every scale.
    """
    for bound in (found.high_of_all, found.null_of_all):
        if np.isfinite(bound).any():
            return int(np.argmin(bound)), True
    return int(np.argmin(found.limit)), False

"""Number of modes hit, share of samples of high quality, and weights of modes, as defined by VEEGAN and PacGAN."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from scipy.special import gammainc

from genbench.protocol import Evidence, Score
from genbench_modes import ModesConfig

__all__ = ["high_quality", "mode_kl", "modes"]

Array = npt.NDArray[Any]
LEVEL = 0.95
QUANTILE = 1.959964  # of the normal distribution, at 97.5 %
MIN_SAMPLES = 10  # of high quality, for an interval of the weights


@dataclass(frozen=True)
class Hits:
    """How many samples were used, and how many of high quality are closest to each mode (k,)."""

    samples: int
    counts: Array
    weights: Array
    dimensions: int

    @property
    def good(self) -> int:
        """Samples of high quality."""
        return int(self.counts.sum())


def modes(evidence: Evidence, config: ModesConfig) -> Score:
    """Return how many modes are the closest mode of at least one sample of high quality; higher is better.

    2,500 samples are used, in the data's own units; a sample is of high quality within 3 standard deviations of its
    closest mode. ``detail`` has the count of every mode. Srivastava et al. 2017 (VEEGAN), arXiv:1705.07761.
    """
    hits = _hits(evidence, config)
    if isinstance(hits, Score):
        return hits
    detail = {"of": len(hits.counts), "counts": hits.counts.tolist()}
    value = float(np.count_nonzero(hits.counts))
    warnings = ("no interval: the number of modes that are hit has none",)
    return Score(value, n_fake=hits.samples, params=_params(config), detail=detail, warnings=warnings)


def high_quality(evidence: Evidence, config: ModesConfig) -> Score:
    """Return the percentage of samples within 3 standard deviations of their closest mode; higher is better.

    Real data do not reach 100: ``detail["perfect"]`` is the value of Gaussian modes, 98.89 in two dimensions. A higher
    one means that the modes are too narrow. The interval is Wilson's (1927). Srivastava et al. 2017 (VEEGAN),
    arXiv:1705.07761.
    """
    hits = _hits(evidence, config)
    if isinstance(hits, Score):
        return hits
    n, share = hits.samples, hits.good / hits.samples
    shrink = 1 + QUANTILE**2 / n
    centre = (share + QUANTILE**2 / (2 * n)) / shrink
    half = QUANTILE / shrink * math.sqrt(share * (1 - share) / n + QUANTILE**2 / (4 * n * n))
    perfect = 100 * float(gammainc(hits.dimensions / 2, config.radius**2 / 2))  # chi-squared of d degrees of freedom
    return Score(
        100 * share, low=100 * max(centre - half, 0.0), high=100 * min(centre + half, 1.0), level=LEVEL,
        n_fake=n, params=_params(config), detail={"perfect": perfect},
    )  # fmt: skip


def mode_kl(evidence: Evidence, config: ModesConfig) -> Score:
    """Return KL(samples‖truth) of the modes' weights among samples of high quality, in nats; lower is better.

    It is log k - entropy where the true weights are equal. Perfect samples give about (k - 1)/2n, ``detail["floor"]``:
    0.0048 for 25 modes and 2,500 samples. The interval is of the value without this bias, ``detail["debiased"]``. Lin
    et al. 2018 (PacGAN), arXiv:1712.04086.
    """
    hits = _hits(evidence, config)
    if isinstance(hits, Score):
        return hits
    n, k, params = hits.good, len(hits.counts), _params(config)
    if not n:
        return Score(None, n_fake=hits.samples, params=params, warnings=("no sample is within reach of a mode",))
    shares = hits.counts / n
    logs = np.log(np.where(shares > 0, shares, 1.0)) - np.log(hits.weights)
    value = float(shares @ logs)
    detail: dict[str, float] = {"floor": (k - 1) / (2 * n), "high_quality": n}
    if n < MIN_SAMPLES:
        warnings = (f"no interval: only {n} of {hits.samples} samples are within reach of a mode",)
        return Score(value, n_fake=hits.samples, params=params, detail=detail, warnings=warnings)
    # the delta method for multinomial counts, with the chi-squared term that is left where the weights are right
    bias = (np.count_nonzero(shares) - 1) / (2 * n)
    error = math.sqrt(max(float(shares @ logs**2) - value**2, 0.0) / n + bias / n)
    low, high = max(value - bias - QUANTILE * error, 0.0), max(value - bias + QUANTILE * error, 0.0)
    detail |= {"debiased": max(value - bias, 0.0), "standard_error": error}
    return Score(value, low=low, high=high, level=LEVEL, n_fake=hits.samples, params=params, detail=detail)


def _params(config: ModesConfig) -> dict[str, Any]:
    return {"samples": config.samples, "radius": config.radius}


def _hits(evidence: Evidence, config: ModesConfig) -> Hits | Score:
    known, fake = evidence.modes, evidence.fake_raw
    if known is None or fake is None:
        return Score(None, warnings=("the modes are not known",))
    rows = np.asarray(fake, dtype=np.float64).reshape(len(fake), -1)
    if not len(rows):
        return Score(None, warnings=("there are no samples",))
    if len(rows) > config.samples:
        rows = rows[evidence.rng("modes").choice(len(rows), config.samples, replace=False)]
    centres = np.asarray(known.centres, dtype=np.float64).reshape(len(known.centres), -1)
    distance, nearest = cKDTree(centres).query(rows)
    counts = np.bincount(nearest[distance < config.radius * known.std], minlength=len(centres))
    weights = np.asarray(known.weights, dtype=np.float64)
    return Hits(len(rows), counts, weights / weights.sum(), rows.shape[1])

"""Feature likelihood divergence: held-out rows under Gaussians around samples, fitted to training rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from genbench.protocol import Array, Evidence, Score, jackknife_groups
from genbench_features import FLDConfig

__all__ = ["fld"]

GROUPS = 20  # of the jackknife
QUANTILE = 2.093  # Student's t at 97.5 % with 19 degrees of freedom
MIN_ROWS = 2 * GROUPS  # of held-out rows and of samples; of training rows twice as many
MAX_TRAIN_ROWS, MAX_TEST_ROWS = 8000, 2000
STEPS = 25  # of expectation maximisation
MIN_VARIANCE = 1e-4  # of a Gaussian, in units of the features' variance: copies of training rows would get 0


@dataclass(frozen=True)
class Likelihoods:
    """Negative log-likelihoods of held-out rows in nats per dimension: their mean, and without each group (G,)."""

    mean: float
    without: Array


def fld(evidence: Evidence, config: FLDConfig) -> Score:
    """Return the feature likelihood divergence; lower is better, 0 is what training rows themselves reach.

    A Gaussian stands around each sample, whose width is fitted to make the training rows likely; the value is 100 times
    the negative log-likelihood of held-out rows per dimension (nats), minus that of Gaussians around one half of the
    training rows, fitted to the other half. So samples that miss the data are penalised, and so are copies: a Gaussian
    around a copy becomes narrow, and held-out rows are not in it. Features are standardised by the training rows.

    At most ``max_rows`` samples are used, and no more than half of the training rows; 2,000 held-out rows and 8,000
    training rows: of copies of other training rows nothing is seen. Widths come from 25 steps of expectation
    maximisation and are at least 0.01 standard deviations; the paper descends by gradient and adds a background to the
    fit. The interval is of the mean at these sizes, by a jackknife over groups of held-out rows, samples and training
    rows, with the widths kept. Jiralerspong et al. 2023, arXiv:2302.04440.
    """
    train, n, m = evidence.train, len(evidence.real.rows), len(evidence.fake)
    if train is None:
        return Score(None, n_real=n, n_fake=m, warnings=("needs the training rows",))
    if min(n, m, len(train) // 2) < MIN_ROWS:
        reason = f"needs at least {MIN_ROWS} held-out rows and samples, and {2 * MIN_ROWS} training rows"
        return Score(None, n_real=n, n_fake=m, warnings=(reason,))
    mean, scale = train.mean(0), train.std(0)
    varies = scale > 1e-9 * max(float(scale.max()), 1e-300)
    if not scale.max() > 0:
        return Score(None, n_real=n, n_fake=m, warnings=("the features of the training rows do not vary",))

    def standard(rows: Array, most: int) -> Array:
        return np.asarray((_thinned(rows, most)[:, varies] - mean[varies]) / scale[varies])

    fitted_to, test = standard(train, MAX_TRAIN_ROWS), standard(evidence.real.rows, MAX_TEST_ROWS)
    half = len(fitted_to) // 2
    m = min(m, half, config.max_rows)

    def baseline() -> Likelihoods:
        return _likelihoods(test, fitted_to[:m], fitted_to[half:])

    base = evidence.real.once(("fld", m), baseline)
    samples = standard(evidence.fake, m)
    found = _likelihoods(test, samples, fitted_to)
    value, replicates = 100 * (found.mean - base.mean), 100 * (found.without - base.without)
    error = math.sqrt((GROUPS - 1) / GROUPS * float(((replicates - replicates.mean()) ** 2).sum()))
    detail: dict[str, Any] = {
        "nats_per_dimension": found.mean, "baseline": base.mean, "interval": "delete-a-group jackknife",
        "interval_of": "these sizes", "standard_error": error,
    }  # fmt: skip
    warnings = (
        () if len(evidence.fake) == m else (f"of {m} samples: at most {config.max_rows}, or half of the training rows",)
    )
    return Score(
        value, low=value - QUANTILE * error, high=value + QUANTILE * error, level=0.95, n_real=len(test), n_fake=m,
        params={"n_train": len(fitted_to), "dimensions": int(varies.sum())}, detail=detail, warnings=warnings,
        replicates=replicates.tolist(),
    )  # fmt: skip


def _thinned(rows: Array, most: int) -> Array:
    """Return at most this many rows, random since files may be sorted, the same for all models."""
    return rows[np.random.Generator(np.random.PCG64(len(rows))).permutation(len(rows))[:most]]


def _likelihoods(test: Array, centres: Array, fitted_to: Array) -> Likelihoods:
    variances = _fitted_variances(_squares(fitted_to, centres), centres.shape[1])
    logs = _log_normal(_squares(test, centres), variances, centres.shape[1])
    peak = logs.max(1)
    row_groups, groups = jackknife_groups(len(test), GROUPS), jackknife_groups(len(centres), GROUPS)
    parts = np.exp(logs - peak[:, None]) @ (groups[:, None] == np.arange(GROUPS)).astype(np.float64)  # (n, G)
    sizes = np.bincount(groups, minlength=GROUPS)
    # at a row whose only near sample is left out, what is left may round to 0
    left = np.maximum(parts.sum(1, keepdims=True) - parts, 1e-12)
    without = np.log(left / (len(centres) - sizes)) + peak[:, None]
    kept = row_groups[:, None] != np.arange(GROUPS)
    total = float(np.mean(np.log(parts.sum(1) / len(centres)) + peak))
    d = centres.shape[1]
    return Likelihoods(-total / d, -(without * kept).sum(0) / kept.sum(0) / d)


def _squares(rows: Array, centres: Array) -> Array:
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(rows, centres, "sqeuclidean"))


def _log_normal(squares: Array, variances: Array, d: int) -> Array:
    return np.asarray(-0.5 * squares / variances - 0.5 * d * np.log(2 * math.pi * variances))


def _fitted_variances(squares: Array, d: int) -> Array:
    """Return the variances (m,) that make rows likely, from their squared distances (n, m) to the centres."""
    variances = np.maximum(squares.min(0) / d, MIN_VARIANCE)
    for _ in range(STEPS):
        logs = _log_normal(squares, variances, d)
        logs -= logs.max(1, keepdims=True)
        shares = np.exp(logs, out=logs)
        shares /= shares.sum(1, keepdims=True)
        weights = shares.sum(0)
        used = weights > 1e-12  # a Gaussian to which no row belongs keeps its variance
        fitted = (shares * squares).sum(0) / (d * np.where(used, weights, 1.0))
        variances = np.where(used, np.maximum(fitted, MIN_VARIANCE), variances)
    return np.asarray(variances)

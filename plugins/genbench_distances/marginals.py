"""What one feature, or one pair of features, shows: distances of marginals, their tails, rank correlations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score
from genbench_distances.jackknife import assign, bounded, count, jackknife
from genbench_distances.quantiles import line_costs
from genbench_distances.sliced import costs

__all__ = ["correlation", "w1_marginal"]

Array = npt.NDArray[Any]
TAILS = (0.001, 0.01, 0.99, 0.999)
WIDEST = 32  # columns, up to which ranks are taken anew without each group


def w1_marginal(evidence: Evidence) -> Score:
    """Return the 1-Wasserstein distance of each feature, mean over the d features; lower is better.

    In units of the space: standard deviations where it is standardised. ``detail`` has every feature, the shift of its
    quantiles far in the tails, and the distance of each derived observable in standard deviations of the real one. Any
    sizes; blind to what features do together.
    """
    real, fake = evidence.real, evidence.fake
    groups = count(len(real.rows), len(fake))
    values, replicates = costs(real, fake, np.eye(fake.shape[1]), 1, groups)
    names = evidence.columns if len(evidence.columns) == len(values) else tuple(f"x{i}" for i in range(len(values)))
    real_tails = real.once("tails", lambda: np.quantile(real.rows, TAILS, axis=0))
    shifts = np.quantile(fake, TAILS, axis=0) - real_tails
    detail: dict[str, Any] = {
        "features": dict(zip(names, values.tolist(), strict=True)),
        "worst": names[int(values.argmax())],
        "tails": {f"{q:g}": dict(zip(names, row.tolist(), strict=True)) for q, row in zip(TAILS, shifts, strict=True)},
    }
    if evidence.observables_test is not None and evidence.observables_fake is not None:
        detail["observables"] = _observables(evidence.observables_test, evidence.observables_fake)
    value = float(values.mean())
    interval = jackknife(value, replicates.mean(1), bias=0.5)
    sizes = {"n_real": len(real.rows), "n_fake": len(fake)}
    return bounded(value, interval, transform=lambda w: max(w, 0.0), debiased=True, detail=detail, **sizes)


def _observables(real: Mapping[str, Array], fake: Mapping[str, Array]) -> dict[str, float | None]:
    """Return W1 of each observable in standard deviations of the real one, None where that or a value is not finite."""
    distances: dict[str, float | None] = {}
    for name in real.keys() & fake.keys():
        x, y = (np.sort(np.asarray(side[name], np.float64).reshape(1, -1), axis=1) for side in (real, fake))
        width = x.std()
        usable = bool(np.isfinite(x).all() and np.isfinite(y).all() and width > 0)
        distances[name] = float(line_costs(x, y, 1)[0] / width) if usable else None
    return dict(sorted(distances.items()))


def correlation(evidence: Evidence) -> Score:
    """Return the mean absolute difference of Spearman's rank correlations, over pairs of features; lower is better.

    Between 0 and 2, without a unit; ties get their mean rank. Needs two features that vary on the real side; one that
    is constant among the samples counts as uncorrelated. ``detail`` names the worst pair. Spearman 1904,
    doi:10.2307/1412159.
    """
    real, fake = evidence.real, evidence.fake
    n, m, d = len(real.rows), len(fake), fake.shape[1]
    varies = np.ptp(real.rows, axis=0) > 0
    if varies.sum() < 2 or min(n, m) < 2:
        return Score(None, n_real=n, n_fake=m, warnings=("needs two features that vary, and two rows of either side",))
    pairs = np.triu_indices(int(varies.sum()), 1)
    left = real.once("spearman", lambda: _spearman(real.rows[:, varies]))
    gaps = np.abs(_spearman(fake[:, varies]) - left)[pairs]
    worst = int(gaps.argmax())
    features = np.flatnonzero(varies)
    names = evidence.columns if len(evidence.columns) == d else tuple(f"x{i}" for i in range(d))
    detail = {"worst": [names[features[side[worst]]] for side in pairs], "worst_difference": float(gaps[worst])}
    warnings = () if varies.all() else (f"{d - varies.sum()} constant features left out",)

    groups, missing = count(n, m), "no interval: needs 10 rows of either side"
    if varies.sum() > WIDEST:
        groups, missing = 1, f"no interval: beyond {WIDEST} features it costs 20 times the value"
    replicates = np.empty(0)
    if groups > 1:
        kept = real.once(("spearman", groups), lambda: _without(real.rows[:, varies], groups))
        others = _without(fake[:, varies], groups)
        replicates = np.array([np.abs(a - b)[pairs].mean() for a, b in zip(kept, others, strict=True)])
    value = float(gaps.mean())
    return bounded(
        value, jackknife(value, replicates, bias=0.5), transform=lambda v: min(max(v, 0.0), 2.0), missing=missing,
        debiased=True, detail=detail, warnings=warnings, n_real=n, n_fake=m, params={"rank": "spearman"},
    )  # fmt: skip


def _spearman(rows: Array) -> Array:
    """Return the correlations of ranks (d, d), 0 where a column is constant."""
    from scipy.stats import rankdata

    ranks = rankdata(rows, axis=0)
    ranks -= ranks.mean(0)
    norms = np.sqrt((ranks**2).sum(0))
    ranks /= np.where(norms > 0, norms, 1.0)
    return np.clip(ranks.T @ ranks, -1.0, 1.0)


def _without(rows: Array, groups: int) -> list[Array]:
    labels = assign(len(rows), groups)
    return [_spearman(rows[labels != g]) for g in range(groups)]

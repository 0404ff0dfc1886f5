"""Distances of single features, their tails, and rank correlations of pairs of features."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, RealSide, Score, jackknife_groups
from genbench_distances.jackknife import (
    SKEWED,
    TOO_FEW_ROWS,
    Fields,
    Interval,
    bounded,
    count,
    jackknife_absolute,
    unreliable,
)
from genbench_distances.quantiles import sort
from genbench_distances.scale import any_scale
from genbench_distances.sliced import absolute, between, lines

__all__ = ["correlation", "w1_marginal", "w1_observables"]

Array = npt.NDArray[Any]
TAIL_QUANTILES = (0.001, 0.01, 0.99, 0.999)
MAX_INTERVAL_COLUMNS = 32  # for the interval of correlations, which ranks the rows again without each group


def w1_marginal(evidence: Evidence) -> Score:
    """Return the 1-Wasserstein distance ∫|F - G| of each feature, mean over the d features; lower is better.

    It is in units of the space: standard deviations where that is standardised. In the raw space, whose features have
    different units, each is divided by the standard deviation of the real rows, if that is not 0. ``detail`` has every
    feature, and the shifts of its quantiles in the tails. Any sizes are possible. Relations between features are not
    seen. Samples of equal distributions have a distance of order n^-½; the interval, of the population value, allows
    for it. Vallender 1974, doi:10.1137/1118101.
    """
    if evidence.space != "raw":
        return _w1_marginal(evidence)
    found = _w1_marginal(_in_deviations(evidence))
    return replace(found, params={**found.params, "unit": "standard deviations of the real rows"})


@any_scale(1, "features", "tails")
def _w1_marginal(evidence: Evidence) -> Score:
    real, fake = evidence.real, evidence.fake
    n, m = len(real.rows), len(fake)
    found = lines(real, fake, None, count(n, m))
    costs = found.costs[0]
    names = evidence.columns if len(evidence.columns) == fake.shape[1] else tuple(f"x{i}" for i in range(fake.shape[1]))
    real_tails = real.once("tails", lambda: np.quantile(real.rows, TAIL_QUANTILES, axis=0))
    shifts = zip(TAIL_QUANTILES, np.quantile(fake, TAIL_QUANTILES, axis=0) - real_tails, strict=True)
    detail: dict[str, Any] = {
        "features": dict(zip(names, costs.tolist(), strict=True)),
        "worst": names[int(costs.argmax())],
        "tails": {f"{q:g}": dict(zip(names, shift.tolist(), strict=True)) for q, shift in shifts},
    }
    return bounded(float(costs.mean()), absolute(found), least=0.0, detail=detail, n_real=n, n_fake=m)


def w1_observables(evidence: Evidence) -> Score:
    """Return the 1-Wasserstein distance of each derived observable, mean over observables; lower is better.

    Each is in standard deviations of the real rows, so that masses, angles and counts can be averaged; ``detail`` has
    each, with its interval. If an observable is not finite for some rows there is no value, and a warning names it.
    Constant observables are left out. The interval is that of `w1_marginal`. Vallender 1974, doi:10.1137/1118101.
    """
    real, fake = evidence.observables_test, evidence.observables_fake
    names = sorted(real.keys() & fake.keys()) if real and fake else []
    n, m = len(evidence.real.rows), len(evidence.fake)
    if real is None or fake is None or not names:
        return Score(None, n_real=n, n_fake=m, warnings=("no observable is known on both sides",))
    not_finite, constant, found = [], [], {}
    for name in names:
        x, y = (np.asarray(side[name], np.float64).reshape(1, -1) for side in (real, fake))
        bad = [int(np.count_nonzero(~np.isfinite(values))) for values in (x, y)]
        if any(bad):
            counts = f"{bad[0]} of {x.size} real rows and {bad[1]} of {y.size} samples"
            not_finite.append(f"{name!r} is not finite in {counts}")
        elif not np.ptp(x / 2):
            constant.append(name)
        else:
            found[name] = _standardised(x, y)
    fields: Fields = {"n_real": n, "n_fake": m, "params": {"observables": names, "constant": constant}}
    if not_finite or not found:
        return Score(None, warnings=tuple(not_finite) or ("every observable is constant",), **fields)
    x, y = (np.concatenate([pair[side] for pair in found.values()]) for side in (0, 1))
    groups = count(x.shape[1], y.shape[1])
    each = between(sort(x, groups), sort(y, groups), groups)
    costs = each.costs[0]
    detail = {
        "observables": dict(zip(found, costs.tolist(), strict=True)),
        "worst": list(found)[int(costs.argmax())],
    }
    warnings = (f"constant observables left out: {', '.join(constant)}",) if constant else ()
    intervals = {name: _bounds(absolute(each.only(i))) for i, name in enumerate(found)}
    detail |= {"intervals": intervals} if all(intervals.values()) else {}
    value = float(costs.mean())
    return bounded(value, absolute(each), least=0.0, detail=detail, warnings=warnings, **fields)


def _bounds(interval: Interval | None) -> list[float] | None:
    """Return the bounds of a distance, cut off at 0 like those of the mean."""
    if interval is None:
        return None
    score = bounded(interval.centre, interval, least=0.0)
    return None if score.low is None or score.high is None else [score.low, score.high]


def _in_deviations(evidence: Evidence) -> Evidence:
    """Return the evidence with the rows of both sides divided by the standard deviations of the real columns."""
    rows = evidence.real.rows

    def scaled() -> tuple[Array, RealSide]:
        largest = np.abs(rows / 2 - rows[0] / 2).max(0)  # halves, since a range may overflow
        unit = np.where(largest > 0, largest, 1.0)
        width = (rows / unit - rows[0] / unit).std(0) * unit
        width[(largest == 0) | (width == 0)] = 1.0
        return width, RealSide(rows / width)

    width, real = evidence.real.once("in deviations", scaled)
    return replace(evidence, real=real, fake=evidence.fake / width)


def _standardised(x: Array, y: Array) -> tuple[Array, Array]:
    """Return both minus the mean of x, divided by its standard deviation, also for numbers whose squares overflow."""
    unit = np.abs(x).max() or 1.0
    x, y = x / unit, y / unit
    mean, width = x.mean(), x.std()
    return (x - mean) / width, (y - mean) / width


def correlation(evidence: Evidence) -> Score:
    """Return the mean absolute difference of Spearman's rank correlations, over pairs of features; lower is better.

    It is between 0 and 2, without a unit; ties are given their mean rank. It needs two features that vary on the real
    side; a feature that is constant among the samples counts as uncorrelated. ``detail`` names the worst pair. There is
    no interval where n <= d. Spearman 1904, doi:10.2307/1412159.
    """
    real, fake = evidence.real, evidence.fake
    n, m, d = len(real.rows), len(fake), fake.shape[1]
    varies = np.ptp(real.rows / 2, axis=0) > 0  # halves, since a range may overflow
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

    value, interval, missing = float(gaps.mean()), None, TOO_FEW_ROWS
    groups = count(n, m)
    if reason := unreliable(n, m, int(varies.sum())):
        missing = reason
    elif varies.sum() > MAX_INTERVAL_COLUMNS:
        missing = f"no interval: beyond {MAX_INTERVAL_COLUMNS} features it costs 20 times the value"
    elif groups > 1:
        real_parts = real.once(("spearman", groups), lambda: _parts(real.rows[:, varies], groups))
        parts = zip(real_parts, _parts(fake[:, varies], groups), strict=True)
        without, alone = ((a - b)[:, *pairs] for a, b in parts)
        # the noise of each difference if the distributions are equal, jackknifed, since it depends on the tails; and
        # the part of it that biases others
        noise = np.sqrt(2 / np.pi * (groups - 1) * without.var(0))
        bias = (noise * np.minimum(1.0, (2 * noise / np.where(gaps > 0, gaps, 1.0)) ** 2)).mean()
        interval = jackknife_absolute(value, np.abs(without).mean(1), np.abs(alone).mean(1), float(bias), SKEWED)
    return bounded(
        value, interval, least=0.0, most=2.0, missing=missing, detail=detail, warnings=warnings,
        n_real=n, n_fake=m, params={"rank": "spearman"},
    )  # fmt: skip


def _spearman(rows: Array) -> Array:
    """Return the rank correlations (d, d) of rows (n, d), 0 for constant columns."""
    from scipy.stats import rankdata

    ranks = rankdata(rows, axis=0)
    ranks -= ranks.mean(0)
    norms = np.sqrt((ranks**2).sum(0))
    ranks /= np.where(norms > 0, norms, 1.0)
    correlations: Array = np.clip(ranks.T @ ranks, -1.0, 1.0)
    return correlations


def _parts(rows: Array, groups: int) -> tuple[Array, Array]:
    """Return the correlations without each group, and of each group alone, (G, d, d) both."""
    labels = jackknife_groups(len(rows), groups)
    without = [_spearman(rows[labels != g]) for g in range(groups)]
    return np.array(without), np.array([_spearman(rows[labels == g]) for g in range(groups)])

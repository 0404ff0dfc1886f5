"""Distances of single features, their tails, and rank correlations of pairs of features."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, RealSide, Score, jackknife_groups
from genbench_distances.jackknife import (
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
    """Return the 1-Wasserstein distance ∫|F - G| of each column, mean over the columns of the data; lower is better.

    It is in units of the space: standard deviations where that is standardised. In the raw space, whose columns have
    different units, each is divided by the standard deviation of the real rows, if that is not 0. A category counts as
    one column, with its levels 1 apart: the distance is the total variation of their shares, ½ Σ|p - q|. That of a
    periodic column is the mean of those of its sine and cosine. ``detail`` has every column, and the shifts of the
    quantiles of numbers in the tails. Any sizes are possible. Relations between columns are not seen. Samples of equal
    distributions have a distance of order n^-½; the interval, of the population value, allows for it. Vallender 1974,
    doi:10.1137/1118101.
    """
    if evidence.space != "raw":
        return _w1_marginal(evidence)
    found = _w1_marginal(_with_levels(_in_deviations(evidence)))
    return replace(found, params={**found.params, "unit": "standard deviations of the real rows"})


@any_scale(1, "features", "tails")
def _w1_marginal(evidence: Evidence) -> Score:
    real, fake = evidence.real, evidence.fake
    n, m, d = len(real.rows), len(fake), fake.shape[1]
    column_of, shares = _columns_and_shares(evidence)
    number = int(column_of.max()) + 1
    weights = shares * (d / number)  # so that the mean over features is that over columns
    if (weights == 1).all():
        found = lines(real, fake, None, count(n, m))
    else:
        weighted = real.once("columns weighted", lambda: RealSide(real.rows * weights))
        found = lines(weighted, fake * weights, None, count(n, m))
    costs = found.costs[0]
    features = _feature_names(evidence)
    is_declared = number < d or len(evidence.raw_columns) == d
    names = tuple(c.name for c in evidence.raw_columns) if is_declared and evidence.raw_columns else features
    by_column = np.bincount(column_of, costs / (d / number))
    numeric = [i for i in range(d) if not _is_level(evidence, column_of, i)]
    real_tails = real.once("tails", lambda: np.quantile(real.rows, TAIL_QUANTILES, axis=0))
    shifts = zip(TAIL_QUANTILES, np.quantile(fake, TAIL_QUANTILES, axis=0) - real_tails, strict=True)
    detail: dict[str, Any] = {
        "features": dict(zip(names, by_column.tolist(), strict=True)),
        "worst": names[int(by_column.argmax())],
        "tails": {f"{q:g}": {features[i]: float(shift[i]) for i in numeric} for q, shift in shifts},
    }
    return bounded(float(costs.mean()), absolute(found), least=0.0, detail=detail, n_real=n, n_fake=m)


def _feature_names(evidence: Evidence) -> tuple[str, ...]:
    d = evidence.fake.shape[1]
    return evidence.columns if len(evidence.columns) == d else tuple(f"x{i}" for i in range(d))


def _is_level(evidence: Evidence, column_of: Array, feature: int) -> bool:
    """Return whether a feature is a level of a category."""
    column = column_of[feature]
    return bool((column_of == column).sum() > 1) and evidence.raw_columns[column].kind == "category"


def _columns_and_shares(evidence: Evidence) -> tuple[Array, Array]:
    """Return for each feature (d,) its column of the data, and by what its distance counts in that of the column.

    Levels of a category are features in which two levels are 1/√2 apart.
    """
    column_of = np.array(evidence.column_of)
    shares = 1.0 / np.bincount(column_of)[column_of]
    shares[[_is_level(evidence, column_of, i) for i in range(len(column_of))]] = math.sqrt(0.5)
    return column_of, shares


def _with_levels(evidence: Evidence) -> Evidence:
    """Return evidence of the raw space with the codes of each category as features, as the standardised space has them.

    The names of its features are those of that space.
    """
    columns = evidence.raw_columns
    if len(columns) != evidence.fake.shape[1] or all(column.kind != "category" for column in columns):
        return evidence
    codes = {i: len(column.levels) for i, column in enumerate(columns) if column.kind == "category"}

    def expanded(raw: Array, rows: Array) -> Array:
        parts = [
            (np.rint(raw[:, [i]]) == np.arange(codes[i])) * math.sqrt(0.5) if i in codes else rows[:, [i]]
            for i in range(len(columns))
        ]
        return np.concatenate(parts, axis=1)

    test, fake = (np.asarray(rows, float) for rows in (evidence.test_raw, evidence.fake_raw))
    names = [[f"{c.name}={level}" for level in c.levels] or [c.name] for c in columns]
    real = evidence.real.once("with levels", lambda: RealSide(expanded(test, evidence.real.rows)))
    return replace(evidence, real=real, fake=expanded(fake, evidence.fake), columns=tuple(itertools.chain(*names)))


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
    """Return the mean absolute difference of Spearman's rank correlations, over pairs of columns; lower is better.

    It is between 0 and 2, without a unit; ties are given their mean rank. Pairs of columns that are several features,
    as the levels of a category or the sine and cosine of an angle, count once, by the mean over pairs of features, and
    those within one column not at all. It needs two columns that vary on the real side; a feature that is constant
    among the samples counts as uncorrelated. ``detail`` names the worst pair. There is no interval where n <= d.
    Spearman 1904, doi:10.2307/1412159.
    """
    real, fake = evidence.real, evidence.fake
    n, m, d = len(real.rows), len(fake), fake.shape[1]
    varies = np.ptp(real.rows / 2, axis=0) > 0  # halves, since a range may overflow
    column_of = np.array(evidence.column_of)[varies]
    if len(set(column_of.tolist())) < 2 or min(n, m) < 2:
        return Score(None, n_real=n, n_fake=m, warnings=("needs two features that vary, and two rows of either side",))
    first, second = np.triu_indices(len(column_of), 1)
    apart = column_of[first] != column_of[second]
    pairs = first[apart], second[apart]
    size = np.bincount(column_of)[column_of]
    weights = 1.0 / (size[pairs[0]] * size[pairs[1]])
    left = real.once("spearman", lambda: _spearman(real.rows[:, varies]))
    gaps = np.abs(_spearman(fake[:, varies]) - left)[pairs]
    worst = int(gaps.argmax())
    features = np.flatnonzero(varies)
    names = _feature_names(evidence)
    detail = {"worst": [names[features[side[worst]]] for side in pairs], "worst_difference": float(gaps[worst])}
    warnings = () if varies.all() else (f"{d - varies.sum()} constant features left out",)

    value, interval, missing = float(np.average(gaps, weights=weights)), None, TOO_FEW_ROWS
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
        bias = np.average(noise * np.minimum(1.0, (2 * noise / np.where(gaps > 0, gaps, 1.0)) ** 2), weights=weights)
        mean_without, mean_alone = (np.average(np.abs(each), axis=1, weights=weights) for each in (without, alone))
        interval = jackknife_absolute(value, mean_without, mean_alone, float(bias))
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

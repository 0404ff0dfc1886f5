"""Score samples by the rules that every training row keeps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Column, Evidence, Score, jackknife_groups
from genbench_constraints.rules import MIN_ROWS, Rule, Table, rules_of

__all__ = ["constraints"]

Array = npt.NDArray[Any]
LEVEL, ALPHA = 0.95, 0.05
QUANTILE, ONE_SIDED_QUANTILE = 1.959964, 1.644854  # of the normal distribution, at 97.5 and 95 %
GROUPS, MIN_GROUPS = 20, 5  # of the jackknife
MAX_BLOCK_NUMBERS = 4_000_000  # of samples that are looked at together
MAX_LISTED_RULES = 200


def constraints(evidence: Evidence) -> Score:
    """Return the share of samples that break at least one rule which every training row keeps; lower is better.

    Rules are read off the training rows, in the data's own units: a column is constant, an integer, one of few values,
    positive (declared as a logarithm) or within one period (declared); it has a limit, where the rows pile up at it;
    two columns are equal, or one the sum of two others; a <= b, where the difference piles up at 0. The end of an
    ordinary tail is no limit, as fresh real rows lie beyond it. Samples are given the resolution of single precision,
    in which models work: an integer that went through standardising and back keeps its rule, 2.7 does not. A sample
    that is not finite keeps no rule.

    Between 0 and 1; fresh real rows have about 0. ``detail["rules"]`` has each rule in words with the share of samples
    that break it, the worst first, and ``detail["worst"]`` the first in words. There is no value where no rule was
    found, or with fewer than 50 training rows. The interval is Wilson's (1927, doi:10.2307/2276774), of the share at
    any number of samples; where no sample or every one breaks a rule, it is the exact one-sided interval.
    """
    train, fake = evidence.train_raw, evidence.fake_raw
    if train is None or fake is None:
        return Score(None, n_fake=len(evidence.fake), warnings=("needs the training rows in the data's own units",))
    fields: dict[str, Any] = {"n_real": len(train), "n_fake": len(fake)}
    if len(train) < MIN_ROWS or not len(fake):
        return Score(None, warnings=(f"needs at least {MIN_ROWS} training rows, and a sample",), **fields)
    table, rules = evidence.real.once("constraints", lambda: _inferred(train, evidence.raw_columns))
    if not rules:
        return Score(None, warnings=("no rule was found that all training rows keep",), **fields)
    broken, each = _broken(np.asarray(fake), table, rules)
    m, value = len(broken), float(broken.mean())
    shares = sorted(zip((rule.text for rule in rules), each.tolist(), strict=True), key=lambda pair: -pair[1])
    low, high, error = _interval(value, m)
    detail = {
        "rules": dict(shares[:MAX_LISTED_RULES]),
        "worst": f"{shares[0][0]}: {shares[0][1]:.3g}",
        "number_of_rules": len(rules),
        "interval": "Wilson" if 0 < value < 1 else "exact binomial, one-sided",
        "interval_of": "population",
        "standard_error": error,
    }
    return Score(
        value, low=low, high=high, level=LEVEL, detail=detail, replicates=_replicates(broken), params={}, **fields
    )


def _inferred(train: Array, columns: tuple[Column, ...]) -> tuple[Table, list[Rule]]:
    rows = np.asarray(train, dtype=np.float64)
    d = rows.shape[1]
    table = Table.of(rows, columns if len(columns) == d else tuple(Column(f"x{j}") for j in range(d)))
    return table, rules_of(table)


def _broken(fake: Array, table: Table, rules: list[Rule]) -> tuple[Array, Array]:
    """Return which samples (m,) break a rule, and the share of samples that breaks each rule (rules,)."""
    m, counts = len(fake), np.zeros(len(rules))
    broken, step = np.zeros(m, bool), max(1, MAX_BLOCK_NUMBERS // fake.shape[1])
    for start in range(0, m, step):
        samples = np.asarray(fake[start : start + step], dtype=np.float64)
        tolerance, finite = table.tolerance(samples), np.isfinite(samples).all(1)
        for k, rule in enumerate(rules):
            with np.errstate(all="ignore"):
                breaks = ~(rule.kept(samples, tolerance) & finite)
            counts[k] += np.count_nonzero(breaks)
            broken[start : start + step] |= breaks
    return broken, counts / m


def _interval(share: float, m: int) -> tuple[float, float, float]:
    """Return the 95 % interval of a share of m samples, and its standard error."""
    if 0 < share < 1:
        shrink = 1 + QUANTILE**2 / m
        centre = (share + QUANTILE**2 / (2 * m)) / shrink
        half = QUANTILE / shrink * math.sqrt(share * (1 - share) / m + QUANTILE**2 / (4 * m * m))
        return centre - half, centre + half, math.sqrt(share * (1 - share) / m)
    bound = 1 - ALPHA ** (1 / m)
    return max(share - bound, 0.0), min(share + bound, 1.0), bound / ONE_SIDED_QUANTILE


def _replicates(broken: Array) -> tuple[float, ...]:
    """Return the share without each group of samples; () of fewer than 10 samples."""
    groups = min(GROUPS, len(broken) // 2)
    if groups < MIN_GROUPS:
        return ()
    group = jackknife_groups(len(broken), groups)
    hits, sizes = np.bincount(group, broken, groups), np.bincount(group, minlength=groups)
    return tuple(((hits.sum() - hits) / (len(broken) - sizes)).tolist())

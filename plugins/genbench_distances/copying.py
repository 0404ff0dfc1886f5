"""Signs of copying: samples that repeat training rows, or lie nearer to them than fresh real rows do."""

from __future__ import annotations

import math
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from genbench.protocol import Evidence, Score
from genbench_distances.jackknife import SIZES, Fields, Interval, bounded
from genbench_distances.nearest import nearest_other, nearest_to
from genbench_distances.ranks import EDGE, area, unseen, width, wilson
from genbench_distances.scale import any_scale
from genbench_distances.shared import of_samples

__all__ = ["authenticity", "ct", "duplicates"]

Array = npt.NDArray[Any]
SAME = 1e-6  # root mean square of the standardised difference: single precision has been there and back
WORST = 10  # offenders that are listed
NO_TRAIN = "needs the training rows"


@any_scale(0)
def duplicates(evidence: Evidence) -> Score:
    """Return the share of samples that repeat a training row, to single precision; lower is better.

    ``detail`` has the share among held-out rows, which is what real data give, the share of samples that repeat another
    sample, and the first offenders as (sample, training row). Where that of the samples is surely above that of
    held-out rows, which as a rule is 0, a warning says so. Where held-out rows repeat training rows too, as rows of a
    few integers do, fewer is no better: the value is not ranked. The interval is Wilson's, for as many samples as are
    nearest to rows of their own; of no copies, and of nothing else, it is the exact one-sided one: about 3/m for m
    samples (Hanley & Lippman-Hand 1983, doi:10.1001/jama.1983.03330370053031).
    """
    train, fake = evidence.train, evidence.fake
    if train is None:
        return Score(None, n_fake=len(fake), warnings=(NO_TRAIN,))
    same = _same(train)
    distance, index = _fake_to_train(evidence, train)
    copies = np.flatnonzero(distance <= same)
    real_distance, _ = _real_to_train(evidence, train)
    repeated = nearest_other(fake, 1)[0][:, 0] <= same if len(fake) > 1 else np.zeros(1, bool)
    detail = {
        "held_out": float(np.mean(real_distance <= same)),
        "repeated_samples": float(repeated.mean()),
        "offenders": [[int(i), int(index[i])] for i in copies[:WORST]],
    }
    told = _copied(len(copies), len(fake), int(np.count_nonzero(real_distance <= same)), len(real_distance))
    if detail["held_out"]:
        told = (*told, _common(real_distance, same))
    return _share(
        distance <= same, index, n_real=len(train), n_fake=len(fake), params={"tolerance": same},
        detail=detail, warnings=told, ranked=not detail["held_out"],
    )  # fmt: skip


@any_scale(0)
def ct(evidence: Evidence) -> Score:
    """Return C_T of one cell: are samples nearer to training rows than held-out rows? Up to 0, higher is better.

    The Mann-Whitney statistic of nearest-train distances, samples against held-out rows, in standard deviations of the
    null, with continuity correction: far below 0 is copying, far above 0 is missing the data. The interval is DeLong's,
    of the mean at these sizes; where all rows are in one order, what so many pairs of rows can say.
    ``detail`` has the share of samples nearer to a training than to a held-out row, that is about
    n_train/(n_train + n_test) without copying, and the samples most suspicious. Meehan et al. 2020, arXiv:2004.05675.
    """
    train, fake, real = evidence.train, evidence.fake, evidence.real.rows
    n, m = len(real), len(fake)
    if train is None:
        return Score(None, n_real=n, n_fake=m, warnings=(NO_TRAIN,))
    distance, index = _fake_to_train(evidence, train)
    real_distance, _ = _real_to_train(evidence, train)
    found = area(real_distance, distance)
    unit = float(np.sqrt((n + m + 1) / (12.0 * n * m)))
    value = (found.value - 0.5) / unit + 0.5 / (n * m * unit)
    to_test, _ = nearest_to(real, fake)
    nearer = int(np.count_nonzero(distance < to_test))
    low, high = wilson(nearer / m, m)
    worst = np.argsort(distance / np.where(to_test > 0, to_test, 1.0), kind="stable")[:WORST]
    detail: dict[str, Any] = {
        "nearer_to_train": nearer / m,
        "nearer_to_train_interval": [low, high],
        "nearer_to_train_expected": len(train) / (len(train) + n),
        "offenders": [[int(i), int(index[i])] for i in worst],
    }
    interval: Interval | None = None
    warnings: tuple[str, ...] = ()
    if np.isfinite(found.error):
        half, error = (number / unit for number in width(found.value, found.error, min(n, m)))
        interval = Interval(value - half, value + half, value, error)
    why = "no interval: 2 rows are needed"
    if np.any(real_distance <= (same := _same(train))):
        warnings = (_common(real_distance, same),)
    return bounded(
        value, interval, least=value - found.value / unit, most=value + (1 - found.value) / unit,
        of=SIZES, method="DeLong", missing=why, detail=detail, warnings=warnings,
        n_real=n, n_fake=m, params={"n_train": len(train), "cells": 1},
    )  # fmt: skip


@any_scale(0)
def authenticity(evidence: Evidence) -> Score:
    """Return the share of samples farther from their nearest training row than its neighbour is; higher is better.

    0 for copies, for fresh real rows about a third in one dimension and a half in many; high for samples far from all
    data too. The interval is Wilson's, for as many samples as are nearest to rows of their own. Alaa et al. 2022,
    arXiv:2102.08921.
    """
    train, fake = evidence.train, evidence.fake
    if train is None or len(train) < 2:
        return Score(None, n_fake=len(fake), warnings=(NO_TRAIN,))
    own = evidence.real.once("train to train", lambda: nearest_other(train, 1)[0][:, 0])
    distance, index = _fake_to_train(evidence, train)
    return _share(distance > own[index], index, n_real=len(train), n_fake=len(fake))


def _same(train: Array) -> float:
    """Return the distance up to which a row repeats a training row."""
    return SAME * float(np.sqrt((train.std(0) ** 2).sum()))


def _common(distance: Array, same: float) -> str:
    """Return what to say where held-out rows repeat training rows."""
    common = int(np.count_nonzero(distance <= same))
    return f"{common} of {len(distance)} held-out rows repeat training rows: by chance, or are these the same rows?"


def _copied(copies: int, m: int, real_copies: int, n: int) -> tuple[str, ...]:
    """Return a warning where the exact interval of the samples' share lies above that of the held-out rows'."""
    least = betaincinv(copies, m - copies + 1, EDGE / 2) if copies else 0.0
    most = betaincinv(real_copies + 1, n - real_copies, 1 - EDGE / 2) if real_copies < n else 1.0
    if least <= most:
        return ()
    return (f"suspect copies: {copies} of {m} samples repeat a training row, of {n} held-out rows {real_copies}",)


def _share(
    hits: Array,
    index: Array,
    *,
    detail: dict[str, Any] | None = None,
    warnings: tuple[str, ...] = (),
    **fields: Unpack[Fields],
) -> Score:
    """Return the share of samples that are hits, with Wilson's interval.

    Samples near the same training row hang together: the interval is that of as many as there are independent ones.
    Where none or all are hits it is the exact one-sided one, and the standard error what its width implies: not 0.
    """
    share, m = float(hits.mean()), len(hits)
    clusters = np.bincount(index, hits - share)
    spread = max(float(clusters @ clusters) / m**2, share * (1 - share) / m)
    method = "Wilson, by nearest training row"
    if spread:
        low, high = wilson(share, share * (1 - share) / spread)
        interval = Interval(low, high, share, math.sqrt(spread))
    else:
        (most, error), method = unseen(m), "exact binomial, one-sided"
        interval = Interval(max(share - most, 0.0), min(share + most, 1.0), share, error)
    return bounded(share, interval, least=0.0, of=SIZES, method=method, detail=detail, warnings=warnings, **fields)


def _real_to_train(evidence: Evidence, train: Array) -> tuple[Array, Array]:
    return evidence.real.once("real to train", lambda: nearest_to(train, evidence.real.rows))


def _fake_to_train(evidence: Evidence, train: Array) -> tuple[Array, Array]:
    """Return each sample's nearest training row: three metrics ask for it."""
    return of_samples(evidence, "fake to train", lambda: nearest_to(train, evidence.fake))

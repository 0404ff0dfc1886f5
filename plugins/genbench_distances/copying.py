"""Distances of samples to training rows: samples that repeat one, and samples closer to one than real rows are."""

from __future__ import annotations

import math
from typing import Any, Unpack

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from genbench.protocol import Evidence, Score, jackknife_groups
from genbench_distances.jackknife import MIN_GROUPS, SIZES, Fields, Interval, bounded, count
from genbench_distances.nearest import nearest_other, nearest_to
from genbench_distances.ranks import ALPHA, area, areas_without, bound_for_none, width, wilson
from genbench_distances.scale import any_scale
from genbench_distances.shared import of_samples

__all__ = ["NO_TRAIN", "authenticity", "ct", "duplicates", "fake_to_real", "fake_to_train"]

Array = npt.NDArray[Any]
COPY_TOLERANCE = 1e-6  # root mean square of the standardised difference: samples may have been in single precision
MAX_OFFENDERS = 10  # that are listed
NO_TRAIN = "needs the training rows"


@any_scale(0)
def duplicates(evidence: Evidence) -> Score:
    """Return the share of samples that repeat a training row, to single precision; lower is better.

    It is 0 for continuous data. Rows of a few integers or categories repeat each other without any copying: then the
    value is judged against the share of fresh real rows that repeat a training row, which is the floor and, of held-out
    rows, in ``detail``; fewer repeats are not better there, and the value is not ranked. A warning says where the share
    of samples is significantly above that of held-out rows. ``detail`` also has the share of samples that repeat
    another sample, and the first offenders as (sample, training row). The interval is Wilson's, with samples near the
    same training row counted as dependent; if there are only copies or none, it is the exact one-sided interval, about
    3/m for m samples (Hanley & Lippman-Hand 1983, doi:10.1001/jama.1983.03330370053031).
    """
    train, fake = evidence.train, evidence.fake
    if train is None:
        return Score(None, n_fake=len(fake), warnings=(NO_TRAIN,))
    tolerance = _tolerance(train)
    distance, index = fake_to_train(evidence, train)
    copies = np.flatnonzero(distance <= tolerance)
    real_distance, _ = _real_to_train(evidence, train)
    real_copies = int(np.count_nonzero(real_distance <= tolerance))
    repeated = nearest_other(fake, 1)[0][:, 0] <= tolerance if len(fake) > 1 else np.zeros(1, bool)
    detail = {
        "held_out": float(np.mean(real_distance <= tolerance)),
        "repeated_samples": float(repeated.mean()),
        "offenders": [[int(i), int(index[i])] for i in copies[:MAX_OFFENDERS]],
    }
    warnings = _suspicion(len(copies), len(fake), real_copies, len(real_distance))
    if real_copies:
        warnings = (*warnings, _repeated_rows(real_copies, len(real_distance)))
    return _share(
        distance <= tolerance, index, n_real=len(train), n_fake=len(fake), params={"tolerance": tolerance},
        detail=detail, warnings=warnings, ranked=not real_copies,
    )  # fmt: skip


@any_scale(0)
def ct(evidence: Evidence) -> Score:
    """Return C_T with one cell: are samples closer to training rows than held-out rows are? 0 is best, not higher.

    It is the Mann-Whitney statistic of the distances to the nearest training row, samples against held-out rows, in
    standard deviations under the null hypothesis, with continuity correction. Below 0 samples are closer: they copy
    training rows, or are narrower than the data, which ``membership`` tells apart. Above 0 they are farther: they miss
    the data, or are wider. Neither direction is better, so the value is not ranked. The interval is DeLong's, of the
    mean at these sizes; where all samples are closer than all held-out rows, or farther, it is the bound that this
    number of pairs allows. ``detail`` has the share of samples that are closer to a training row than to a held-out
    row, about n_train/(n_train + n_test) without copying, and the most suspicious samples. Meehan et al. 2020,
    arXiv:2004.05675.
    """
    train, fake, real = evidence.train, evidence.fake, evidence.real.rows
    n, m = len(real), len(fake)
    if train is None:
        return Score(None, n_real=n, n_fake=m, warnings=(NO_TRAIN,))
    distance, index = fake_to_train(evidence, train)
    real_distance, _ = _real_to_train(evidence, train)
    found = area(real_distance, distance)
    unit = float(np.sqrt((n + m + 1) / (12.0 * n * m)))
    correction = 0.5 / (n * m * unit)
    value = (found.value - 0.5) / unit + correction
    to_test, _ = fake_to_real(evidence)
    nearer = int(np.count_nonzero(distance < to_test))
    low, high = wilson(nearer / m, m)
    worst = np.argsort(distance / np.where(to_test > 0, to_test, 1.0), kind="stable")[:MAX_OFFENDERS]
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
        without = (areas_without(real_distance, distance, count(n, m)) - 0.5) / unit + correction
        interval = Interval(value - half, value + half, value, error, tuple(without.tolist()))
    if real_copies := int(np.count_nonzero(real_distance <= _tolerance(train))):
        warnings = (_repeated_rows(real_copies, n),)
    return bounded(
        value, interval, least=value - found.value / unit, most=value + (1 - found.value) / unit,
        of=SIZES, method="DeLong", missing="no interval: 2 rows are needed", detail=detail, warnings=warnings,
        n_real=n, n_fake=m, params={"n_train": len(train), "cells": 1},
    )  # fmt: skip


@any_scale(0)
def authenticity(evidence: Evidence) -> Score:
    """Return the share of samples farther from their nearest training row than its own neighbour; higher is farther.

    It is 0 for copies, and low for samples narrower than the data; high for samples that are far from all data; about a
    third for fresh real rows in one dimension, a half in many, and less where real rows repeat each other, as rows of
    integers do. So neither direction is better, and only the distance from the floor means something. The interval is
    Wilson's, with samples near the same training row counted as dependent. Alaa et al. 2022, arXiv:2102.08921.
    """
    train, fake = evidence.train, evidence.fake
    if train is None or len(train) < 2:
        return Score(None, n_fake=len(fake), warnings=(NO_TRAIN,))
    within_train = evidence.real.once("train to train", lambda: nearest_other(train, 1)[0][:, 0])
    distance, index = fake_to_train(evidence, train)
    return _share(distance > within_train[index], index, n_real=len(train), n_fake=len(fake))


def _tolerance(train: Array) -> float:
    """Return the distance up to which a row counts as a copy of a training row."""
    return COPY_TOLERANCE * float(np.sqrt((train.std(0) ** 2).sum()))


def _repeated_rows(copies: int, n: int) -> str:
    """Return a warning that held-out rows repeat training rows."""
    return f"{copies} of {n} held-out rows repeat training rows: by chance, or are these the same rows?"


def _suspicion(copies: int, m: int, real_copies: int, n: int) -> tuple[str, ...]:
    """Return a warning where the exact interval of the samples' share is above that of the held-out rows."""
    low = betaincinv(copies, m - copies + 1, ALPHA / 2) if copies else 0.0
    high = betaincinv(real_copies + 1, n - real_copies, 1 - ALPHA / 2) if real_copies < n else 1.0
    if low <= high:
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

    Samples with the same nearest training row (``index``) depend on each other: the interval is that of the smaller
    number of independent samples that has the same variance. Where none or all are hits, it is the exact one-sided
    interval, and the standard error is the one that its width implies, not 0. The groups of its jackknife are of
    training rows, each with the samples that are nearest to them.
    """
    share, m = float(hits.mean()), len(hits)
    without = _without_rows(hits, index, fields["n_real"])
    clusters = np.bincount(index, hits - share)
    spread = max(float(clusters @ clusters) / m**2, share * (1 - share) / m)
    method = "Wilson, by nearest training row"
    if spread:
        low, high = wilson(share, share * (1 - share) / spread)
        interval = Interval(low, high, share, math.sqrt(spread), without)
    else:
        (bound, error), method = bound_for_none(m), "exact binomial, one-sided"
        interval = Interval(max(share - bound, 0.0), min(share + bound, 1.0), share, error, without)
    return bounded(share, interval, least=0.0, of=SIZES, method=method, detail=detail, warnings=warnings, **fields)


def _without_rows(hits: Array, index: Array, n: int) -> tuple[float, ...]:
    """Return the share of hits without each group of n training rows; () if a group has all samples."""
    groups = count(n, n)
    group = jackknife_groups(n, groups)[index]
    numbers, hit = np.bincount(group, minlength=groups), np.bincount(group, hits, groups)
    left = len(hits) - numbers
    if groups < MIN_GROUPS or not left.all():
        return ()
    return tuple(((hits.sum() - hit) / left).tolist())


def _real_to_train(evidence: Evidence, train: Array) -> tuple[Array, Array]:
    return evidence.real.once("real to train", lambda: nearest_to(train, evidence.real.rows))


def fake_to_train(evidence: Evidence, train: Array) -> tuple[Array, Array]:
    """Return the distance and index of each sample's nearest training row, once for the four metrics that need it."""
    return of_samples(evidence, "fake to train", lambda: nearest_to(train, evidence.fake))


def fake_to_real(evidence: Evidence) -> tuple[Array, Array]:
    """Return the distance and index of each sample's nearest held-out row, once for the two metrics that need it."""
    return of_samples(evidence, "fake to real", lambda: nearest_to(evidence.real.rows, evidence.fake))

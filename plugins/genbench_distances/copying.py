"""Signs of copying: samples that repeat training rows, or lie nearer to them than fresh real rows do."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score
from genbench_distances.nearest import nearest_other, nearest_to
from genbench_distances.ranks import QUANTILE, area, wilson
from genbench_distances.shared import of_samples

__all__ = ["authenticity", "ct", "duplicates"]

Array = npt.NDArray[Any]
SAME = 1e-6  # root mean square of the standardised difference: single precision has been there and back
WORST = 10  # offenders that are listed
NO_TRAIN = "needs the training rows"


def duplicates(evidence: Evidence) -> Score:
    """Return the share of samples that repeat a training row, to single precision; lower is better.

    ``detail`` has the share among held-out rows, which is what real data give, the share of samples that repeat another
    sample, and the first offenders as (sample, training row). The interval is Wilson's.
    """
    train, fake = evidence.train, evidence.fake
    if train is None:
        return Score(None, n_fake=len(fake), warnings=(NO_TRAIN,))
    same = SAME * float(np.sqrt((train.std(0) ** 2).sum()))
    distance, index = _fake_to_train(evidence, train)
    copies = np.flatnonzero(distance <= same)
    real_distance, _ = _real_to_train(evidence, train)
    repeated = nearest_other(fake, 1)[0][:, 0] <= same if len(fake) > 1 else np.zeros(1, bool)
    detail = {
        "held_out": float(np.mean(real_distance <= same)),
        "repeated_samples": float(repeated.mean()),
        "offenders": [[int(i), int(index[i])] for i in copies[:WORST]],
        "interval": "Wilson",
    }
    low, high = wilson(len(copies) / len(fake), len(fake))
    return Score(
        len(copies) / len(fake), low=low, high=high, level=0.95, n_real=len(train), n_fake=len(fake),
        params={"tolerance": same}, detail=detail,
    )  # fmt: skip


def ct(evidence: Evidence) -> Score:
    """Return C_T of one cell: are samples nearer to training rows than held-out rows? Up to 0, higher is better.

    The Mann-Whitney statistic of nearest-train distances, samples against held-out rows, in standard deviations of the
    null, with continuity correction: far below 0 is copying, far above 0 is missing the data. The interval is DeLong's.
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
        "interval": "DeLong",
    }
    sizes, params = {"n_real": n, "n_fake": m}, {"n_train": len(train), "cells": 1}
    if not np.isfinite(found.error):
        return Score(value, params=params, detail=detail, warnings=("no interval: 2 rows are needed",), **sizes)
    half = QUANTILE * found.error / unit
    return Score(value, low=value - half, high=value + half, level=0.95, params=params, detail=detail, **sizes)


def authenticity(evidence: Evidence) -> Score:
    """Return the share of samples farther from their nearest training row than its neighbour is; higher is better.

    0 for copies, for fresh real rows about a third in one dimension and a half in many; high for samples far from all
    data too. The interval is Wilson's. Alaa et al. 2022, arXiv:2102.08921.
    """
    train, fake = evidence.train, evidence.fake
    if train is None or len(train) < 2:
        return Score(None, n_fake=len(fake), warnings=(NO_TRAIN,))
    own = evidence.real.once("train to train", lambda: nearest_other(train, 1)[0][:, 0])
    distance, index = _fake_to_train(evidence, train)
    authentic = int(np.count_nonzero(distance > own[index]))
    low, high = wilson(authentic / len(fake), len(fake))
    return Score(
        authentic / len(fake),
        low=low,
        high=high,
        level=0.95,
        n_real=len(train),
        n_fake=len(fake),
        detail={"interval": "Wilson"},
    )


def _real_to_train(evidence: Evidence, train: Array) -> tuple[Array, Array]:
    return evidence.real.once("real to train", lambda: nearest_to(train, evidence.real.rows))


def _fake_to_train(evidence: Evidence, train: Array) -> tuple[Array, Array]:
    """Return each sample's nearest training row: three metrics ask for it."""
    return of_samples(evidence, "fake to train", lambda: nearest_to(train, evidence.fake))

"""Membership inference: whether samples near a row give away that the model was trained on it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score
from genbench_distances.copying import NO_TRAIN, fake_to_real, fake_to_train
from genbench_distances.jackknife import SIZES, Interval, bounded, count
from genbench_distances.nearest import nearest_to
from genbench_distances.ranks import area, areas_without, width
from genbench_distances.scale import any_scale

__all__ = ["membership"]

Array = npt.NDArray[Any]
QUANTILE = 1.959964  # of the normal distribution, at 97.5 %
MAX_ROWS = 10_000  # of training and of held-out rows that are attacked: an error of 0.004


@any_scale(0)
def membership(evidence: Evidence) -> Score:
    """Return the area under the ROC curve of an attack that calls rows near a sample training rows; lower is better.

    Each training row and each held-out row is scored by its distance to the nearest sample: the value is
    P(d_train < d_test) + P(d_train = d_test)/2, without a unit. It is 0.5 where training rows are no nearer to the
    samples than held-out rows are, as for fresh real rows and also for samples that are too narrow, too wide or far
    away; near 1 where the samples repeat the training rows. Below 0.5 is not better, but chance. The interval is
    DeLong's (1988), of the mean at these sizes; at an area of 1 it is the bound that this number of pairs allows. At
    most 10,000 rows of either side are attacked, drawn at random.

    ``detail["nearer_to_train"]`` is the share of samples nearer to a training row than to a held-out row, of equal
    numbers of both drawn at random, with ties counted half: 0.5 is expected without copying. Its interval takes samples
    with the same nearest row as dependent, and ``nearer_to_train_z`` is its distance from 0.5 in standard deviations
    over exchanges of training and held-out rows; it sees copies among few samples where the area does not.
    Hilprecht et al. 2019, doi:10.2478/popets-2019-0067; Chen et al. 2020, arXiv:1909.03935.
    """
    train, fake, real = evidence.train, evidence.fake, evidence.real.rows
    n, m = len(real), len(fake)
    if train is None:
        return Score(None, n_real=n, n_fake=m, warnings=(NO_TRAIN,))
    test_distance, train_distance = (nearest_to(fake, _some(rows, MAX_ROWS))[0] for rows in (real, train))
    found = area(train_distance, test_distance)
    detail = _nearer(evidence, train)
    interval: Interval | None = None
    sizes = len(train_distance), len(test_distance)
    if np.isfinite(found.error):
        half, error = width(found.value, found.error, min(sizes))
        without = areas_without(train_distance, test_distance, count(*sizes))
        interval = Interval(found.value - half, found.value + half, found.value, error, tuple(without.tolist()))
    return bounded(
        found.value, interval, least=0.0, most=1.0, of=SIZES, method="DeLong", missing="no interval: 2 rows are needed",
        detail=detail, n_real=n, n_fake=m, params={"n_train": len(train), "attack": "distance to the nearest sample"},
        warnings=(f"of {MAX_ROWS} rows of a side at most",) if max(n, len(train)) > MAX_ROWS else (),
    )  # fmt: skip


def _nearer(evidence: Evidence, train: Array) -> dict[str, Any]:
    """Return the share of samples that are nearer to training rows than to as many held-out rows, and its errors."""
    real, fake = evidence.real.rows, evidence.fake
    size, m = min(len(train), len(real)), len(fake)
    to_train, of_train = fake_to_train(evidence, train) if size == len(train) else nearest_to(_some(train, size), fake)
    to_real, of_real = fake_to_real(evidence) if size == len(real) else nearest_to(_some(real, size), fake)
    nearer = (to_train < to_real) + 0.5 * (to_train == to_real)
    share = float(nearer.mean())
    # a sample is in the cluster of its nearest row: training rows first, then held-out rows
    cluster = np.where(to_train <= to_real, of_train, size + of_real)
    sizes = np.bincount(cluster, to_train != to_real, 2 * size)
    # exchanging the labels of rows changes the share as a draw of half of the clusters does
    null = math.sqrt(float(((sizes - sizes.mean()) ** 2).sum()) / (4 * m * m) * 2 * size / max(2 * size - 1, 1))
    excess = np.bincount(cluster, nearer - share, 2 * size)
    half = QUANTILE * math.sqrt(float(excess @ excess)) / m
    return {
        "nearer_to_train": share,
        "nearer_to_train_interval": [max(share - half, 0.0), min(share + half, 1.0)],
        "nearer_to_train_expected": 0.5,
        "nearer_to_train_z": (share - 0.5) / null if null else None,
        "rows_of_either": size,
    }


def _some(rows: Array, size: int) -> Array:
    """Return at most this many of the rows, drawn at random, the same for all models so that they can be paired."""
    if len(rows) <= size:
        return rows
    drawn: Array = rows[np.random.Generator(np.random.PCG64(len(rows))).choice(len(rows), size, replace=False)]
    return drawn

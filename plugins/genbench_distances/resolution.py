"""Rows of both sides at the resolution that samples have: equal values stay equal on the way through a model.

Samples are written in single precision, standardised, and mapped back; real rows are not. So a sample's 3 may be
2.9999998, which a classifier tells from 3 at once, though nothing is wrong with the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence

__all__ = ["Comparable", "comparable"]

Array = npt.NDArray[Any]
BLOCK_VALUES = 2_000_000  # that are sorted at once
SCALE_RESOLUTION = 2.0**-20  # of the middle half's width: several roundings of single precision within the column
CENTRE_RESOLUTION = 2.0**-21  # of the distance from the mean, which is what the standardised number is rounded to
DOUBLE_RESOLUTION = 2.0**-44  # of the largest number: subtracting the mean and adding it again in double precision
SINGLE_RESOLUTION = 2.0**-22  # of the largest number in single precision
MAX_FILE_RESOLUTION = 2.0**-10  # of the width of a column: samples that single precision makes coarser than this differ


@dataclass(frozen=True)
class Comparable:
    """Rows of both sides whose columns vary among the real rows, equal numbers in both wherever precision hides more.

    ``constant`` are the columns that were left out, ``deviating`` the number of samples that differ from the real rows
    in one of them.
    """

    real: Array  # (n, c)
    fake: Array  # (m, c)
    constant: tuple[int, ...]
    deviating: int


def comparable(evidence: Evidence, real: Array, fake: Array) -> Comparable:
    """Return some real rows (n, d) and samples (m, d) of the evidence, without their differences in precision.

    Values of a column, of both sides together, that follow each other at less than the resolution of the path are set
    to the least of them. Columns that are constant among the real rows, and among the training rows where those are
    known, are left out; but all are kept where that would leave none.
    """
    d = real.shape[1]
    extra, constant = _file_resolution(evidence, d), _constant_training_columns(evidence, d)
    real, fake = real.copy(), fake.copy()
    block = max(1, BLOCK_VALUES // (len(real) + len(fake)))
    for start in range(0, d, block):
        some = slice(start, start + block)
        both = _merged(real[:, some], fake[:, some], evidence, extra[some])
        real[:, some], fake[:, some] = both[: len(real)], both[len(real) :]
    constant &= (real == real[0]).all(0)
    if constant.all():
        constant = (fake == real[0]).all(0)
        constant[0] &= not constant.all()  # one is kept where all rows of both sides are equal
        return Comparable(real[:, ~constant], fake[:, ~constant], tuple(np.flatnonzero(constant).tolist()), 0)
    deviating = int((fake[:, constant] != real[0, constant]).any(1).sum())
    left_out = tuple(np.flatnonzero(constant).tolist())
    return Comparable(real[:, ~constant], fake[:, ~constant], left_out, deviating)


def _merged(real: Array, fake: Array, evidence: Evidence, extra: Array) -> Array:
    """Return the values of both sides (n + m, c), with those of a chain of neighbours set to the least of the chain."""
    low, high = np.quantile(real, [0.25, 0.75], axis=0)
    spread = real.std(0)
    scale = np.where(high > low, high - low, spread)
    largest = np.abs(real).max(0)
    # pixels are rounded at the scale of the whole image
    unit = SINGLE_RESOLUTION * largest.max() if evidence.kind == "image" and evidence.space == "pixels" else 0.0
    least = SCALE_RESOLUTION * scale + DOUBLE_RESOLUTION * largest + unit
    least += np.minimum(extra, np.where(spread > 0, MAX_FILE_RESOLUTION * spread, np.inf))

    centre = real.mean(0)
    both = np.concatenate([real, fake])
    order = np.argsort(both, axis=0)
    rising = np.take_along_axis(both, order, 0)
    far = np.abs(rising[1:] - centre)
    new = np.ones(rising.shape, bool)
    new[1:] = np.diff(rising, axis=0) > least + CENTRE_RESOLUTION * far
    first = np.maximum.accumulate(np.where(new, np.arange(len(both))[:, None], 0), axis=0)
    merged = np.empty_like(both)
    np.put_along_axis(merged, order, np.take_along_axis(rising, first, 0), 0)
    return merged


def _file_resolution(evidence: Evidence, d: int) -> Array:
    """Return the precision (d,) of numbers in the data's own units, as differences in the scoring space.

    It is that of double precision, which the mean is added in; or of single precision, where samples came as such.
    """
    raw, samples = evidence.test_raw, evidence.fake_raw
    if raw is None or samples is None or raw.ndim != 2 or raw.shape[1] != d:
        return np.zeros(d)
    raw, rows = raw.astype(np.float64), evidence.real.rows
    widths = raw.std(0), rows.std(0)
    ratio = np.where((widths[0] > 0) & (widths[1] > 0), widths[1] / np.where(widths[0] > 0, widths[0], 1.0), 1.0)
    single = _is_single(samples) and not _is_single(raw)
    resolution: Array = (SINGLE_RESOLUTION if single else DOUBLE_RESOLUTION) * np.abs(raw).max(0) * ratio
    return resolution


def _is_single(rows: Array) -> bool:
    with np.errstate(over="ignore"):
        return bool((rows.astype(np.float32) == rows).all())


def _constant_training_columns(evidence: Evidence, d: int) -> Array:
    train = evidence.train
    if train is None or not len(train) or train.shape[1] != d:
        return np.ones(d, bool)
    constant: Array = np.ptp(train, axis=0) <= DOUBLE_RESOLUTION * np.abs(train).max(0)
    return constant

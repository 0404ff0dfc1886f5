"""Energy distance, as a U-statistic (unbiased) and as a V-statistic (of the empirical laws)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score
from genbench_distances.jackknife import bounded, count, jackknife, leave_out
from genbench_distances.pairs import pair_sums, real_side, side

__all__ = ["energy", "energy_v"]

Array = npt.NDArray[Any]


def energy(evidence: Evidence) -> Score:
    """Return the unbiased energy distance 2E|X-Y| - E|X-X'| - E|Y-Y'|, in units of the space; lower is better.

    Euclidean, no half and no root; equal laws give 0 on average, so that a value may be negative. Rows are X (n, d) and
    Y (m, d), any sizes from 2. Székely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018.
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    if min(n, m) < 2:
        return Score(None, n_real=n, n_fake=m, warnings=("needs at least 2 rows of either side",))
    return _score(evidence, unbiased=True)


def energy_v(evidence: Evidence) -> Score:
    """Return the energy distance of the empirical laws, in units of the space; lower is better, never negative.

    As `energy`, with each row's zero distance to itself counted: biased upwards by about E|X-X'|(1/n + 1/m).
    """
    return _score(evidence, unbiased=False)


def _score(evidence: Evidence, *, unbiased: bool) -> Score:
    n, m = len(evidence.real.rows), len(evidence.fake)
    groups = count(n, m)
    real, centre = real_side(evidence.real, groups)
    fake = side(evidence.fake, centre, groups)
    within_real = evidence.real.once(("energy", groups), lambda: pair_sums(real, None, _distances)[0])
    between, within_fake = evidence.real.once(  # small, and the U- and the V-statistic both ask
        ("energy", hash(evidence.fake.tobytes())),
        lambda: (pair_sums(real, fake, _distances)[0], pair_sums(fake, None, _distances)[0]),
    )

    less = 1 if unbiased else 0
    value = _combine(between.sum(), within_real.sum(), within_fake.sum(), n, m, less)
    replicates = _combine(
        leave_out(between), leave_out(within_real), leave_out(within_fake), real.others, fake.others, less
    )
    interval = jackknife(float(value), replicates, bias=0.0 if unbiased else 1.0)
    params = {"estimator": "U" if unbiased else "V"}
    detail = {"between": between.sum() / (n * m), "within_real": within_real.sum() / (n * max(n - less, 1))}
    return bounded(float(value), interval, debiased=not unbiased, n_real=n, n_fake=m, params=params, detail=detail)


def _distances(squares: Array) -> Sequence[float]:
    return (np.sqrt(squares, out=squares).sum(),)


def _combine(between: Any, real: Any, fake: Any, n: Any, m: Any, less: int) -> Any:
    return 2 * between / (n * m) - real / (n * (n - less)) - fake / (m * (m - less))

"""Energy distance, as a U-statistic (unbiased) and as a V-statistic (of the empirical distributions)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, Score
from genbench_distances.contrast import PERMUTATIONS, Contrast
from genbench_distances.jackknife import bounded, count
from genbench_distances.pairs import pair_sums, real_side, side
from genbench_distances.scale import any_scale
from genbench_distances.shared import of_samples

__all__ = ["energy", "energy_v"]

Array = npt.NDArray[Any]
SINGLE_ROWS = 20_000  # of a side: of more, or a part of them, sampling errors are far above those of single precision


@any_scale(1, "between", "within_real")
def energy(evidence: Evidence) -> Score:
    """Return the unbiased energy distance 2E|X-Y| - E|X-X'| - E|Y-Y'|, in units of the space; lower is better.

    Distances are Euclidean; there is no factor 1/2 and no root. Equal distributions give 0 on average, so a value may
    be negative. Rows are X (n, d) and Y (m, d), at least 2 of each. The interval is of the population value.
    ``detail["p_value"]`` is that of equal distributions, from 999 exchanges of whole groups of rows between the sides,
    large values being evidence against them. Székely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018.
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    if min(n, m) < 2:
        return Score(None, n_real=n, n_fake=m, warnings=("needs at least 2 rows of either side",))
    sums = _sums(evidence)
    detail: dict[str, Any] = {
        "between": sums.between.sum() / (-n * m), "within_real": sums.real.sum() / (-n * (n - 1)),
    }  # fmt: skip
    if (p_value := sums.p_value(evidence.rng("energy"))) is not None:
        detail |= {"p_value": p_value, "p_value_from": f"{PERMUTATIONS} permutations of groups"}
    return bounded(sums.value(), sums.interval(), n_real=n, n_fake=m, params={"estimator": "U"}, detail=detail)


@any_scale(1, "between", "within_real")
def energy_v(evidence: Evidence) -> Score:
    """Return the energy distance of the empirical distributions, in units of the space; lower is better.

    It is never negative: it is `energy` with the zero distance of each row to itself included, which biases it upwards
    by E|X-X'|/n + E|Y-Y'|/m. The interval is that of `energy`, cut off at 0. Székely & Rizzo 2013,
    doi:10.1016/j.jspi.2013.03.018.
    """
    n, m = len(evidence.real.rows), len(evidence.fake)
    sums = _sums(evidence)
    between, real, fake = sums.between.sum() / (n * m), sums.real.sum() / (n * n), sums.fake.sum() / (m * m)
    value, detail = real + fake - 2 * between, {"between": -between, "within_real": -real}
    interval = sums.interval() if min(n, m) > 1 else None
    return bounded(
        value, interval, least=0.0, debiased=True, n_real=n, n_fake=m, params={"estimator": "V"}, detail=detail
    )


def _sums(evidence: Evidence) -> Contrast:
    groups = count(len(evidence.real.rows), len(evidence.fake))
    real, centre = real_side(evidence.real, groups)
    fake = side(evidence.fake, centre, groups)
    single = max(evidence.real.total, len(fake.rows)) > SINGLE_ROWS
    within_real = evidence.real.once(
        ("energy", groups, single), lambda: -pair_sums(real, None, _distances, single=single)[0]
    )
    between, within_fake = of_samples(  # for the U- and the V-statistic
        evidence,
        "energy",
        lambda: (
            -pair_sums(real, fake, _distances, single=single)[0],
            -pair_sums(fake, None, _distances, single=single)[0],
        ),
    )
    selves = np.zeros(groups)  # the distance of a row to itself
    return Contrast(between, within_real, within_fake, selves, selves, real.sizes, fake.sizes)


def _distances(squares: Array) -> Sequence[float]:
    return (np.sqrt(squares, out=squares).sum(),)

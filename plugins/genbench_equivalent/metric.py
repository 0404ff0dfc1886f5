"""The number of real events that samples are worth, and the amplification of the training events."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genbench.protocol import Evidence, RealSide, Score
from genbench_equivalent.kernels import FACTORS, Grouped, Scale, grouped, kernel_sums, scale_of, spread
from genbench_equivalent.worth import LEVEL, Worth, smallest, worth

__all__ = ["amplification", "equivalent"]

Array = npt.NDArray[Any]
GROUPS = 20
MIN_ROWS = 10  # of either side
TOO_FEW_ROWS = f"needs at least {MIN_ROWS} rows of either side"
EQUAL_ROWS = "the real rows are all equal: no bandwidth"
LOWER_BOUND = (
    "at least: the samples are not distinguished from fresh real rows, as far as {} held-out rows can tell at these "
    "kernel scales"
)
NO_UPPER_BOUND = "no upper bound: the samples differ from fresh real rows, but by a distance too uncertain to set one"
TOO_CLOSE = "closer to the held-out rows than fresh real rows would be, at the scale of at least one kernel"


def equivalent(evidence: Evidence) -> Score:
    """Return how many real events the samples are worth: n = c / D, c = k(0) - E k(X,X'); higher is better.

    D is the unbiased squared MMD to the held-out rows with the kernel k = exp(-|x-y|²/2h²); n real events have the
    expected distance c/n to the truth. The bandwidth h runs from 1/64 to twice the median distance of real rows, in
    powers of two. The value is the smallest worth over those bandwidths that distinguish the samples from fresh real
    rows, in a test of all bandwidths together: the worth at the one with the largest distance minus 1.5 standard
    errors, since a plain minimum would be that of the noisiest. The 95 % interval runs from the smallest lower end to
    the smallest upper end over bandwidths, which hold together; at the bandwidth of the value it contains every n for
    which n fresh real events could be at this distance, so that it covers the variation of real samples too. It has no
    upper end, ``high`` None, where a jackknife of the distance sets none. ``replicates`` are the worth at the same
    bandwidth, without each group; there are none where one of them would be infinite. Where no bandwidth
    distinguishes the samples from fresh real rows, the value is the number of events that they are worth at least
    (95 %, one-sided) at every bandwidth, at most the number of held-out rows, and ``detail["at_least"]`` is True.

    ``detail`` has lists over bandwidths, widest first: ``bandwidths`` (units of the space), ``values`` (None where this
    bandwidth alone does not distinguish the samples from fresh real rows), ``low``, ``high`` (None where unbounded),
    ``degrees`` (of freedom of the distance); and ``energy``, the same for the energy distance (c = E|X-X'|). Rows are
    (n, d) and (m, d), at least 10 of each.

    Székely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018; Gretton et al. 2012, JMLR 13; Butter et al. 2020,
    arXiv:2008.06545.
    """
    return evidence.real.once(("equivalent", hash(evidence.fake.tobytes())), lambda: _equivalent(evidence))


def amplification(evidence: Evidence) -> Score:
    """Return `equivalent` divided by the number of training events, without unit; higher is better, above 1 a gain.

    Interval and ``detail["at_least"]`` are those of `equivalent`. Butter et al. 2020, arXiv:2008.06545.
    """
    assert evidence.train is not None
    score, n = equivalent(evidence), len(evidence.train)
    if score.value is None:
        return score
    numbers: dict[str, Any] = {
        name: None if (x := getattr(score, name)) is None else x / n for name in ("value", "low", "high")
    }
    numbers["replicates"] = tuple(x / n for x in score.replicates)
    detail = {"at_least": score.detail["at_least"], "bandwidth": score.detail["bandwidth"], "n_train": n}
    if not detail["at_least"]:
        detail["standard_error"] = score.detail["standard_error"] / n
    return replace(score, **numbers, detail=detail)


def _equivalent(evidence: Evidence) -> Score:
    n, m = len(evidence.real.rows), len(evidence.fake)
    sizes: dict[str, Any] = {"n_real": n, "n_fake": m}
    if min(n, m) < MIN_ROWS:
        return Score(None, warnings=(TOO_FEW_ROWS,), **sizes)
    scale = evidence.real.once("equivalent scale", lambda: scale_of(evidence.real.rows))
    if not scale.median:
        return Score(None, warnings=(EQUAL_ROWS,), **sizes)
    distance, replicates, degrees = _distances(evidence.real, evidence.fake, scale)
    groups = _groups(n, m)
    error = np.sqrt((groups - 1) / groups * ((replicates - replicates.mean(1, keepdims=True)) ** 2).sum(1))
    energy = worth(distance[:1], error[:1], degrees[:1], n, m, groups=groups)
    found = worth(distance[1:], error[1:], degrees[1:], n, m, groups=groups, together=len(FACTORS))
    return _score(found, energy, scale, replicates[1:], sizes)


def _distances(real: RealSide, fake: Array, scale: Scale) -> tuple[Array, Array, Array]:
    """Return distances in units of c (1 + K,), the same without each group (1 + K, G), and ν of real data (1 + K,)."""
    groups = _groups(len(real.rows), len(fake))
    x = real.once(("equivalent rows", groups), lambda: grouped(real.rows, scale, groups))
    y = grouped(fake, scale, groups)
    within = real.once(("equivalent sums", groups), lambda: kernel_sums(x))
    c, variance = real.once("equivalent spread", lambda: spread(x))
    between, inside = kernel_sums(x, y), kernel_sums(y)
    sums = within.sum((1, 2)), inside.sum((1, 2)), between.sum((1, 2))
    value = _unbiased(*sums, len(x.rows), len(y.rows))
    replicates = _unbiased(*map(_leave_out, (within, inside, between)), *map(_others, (x, y)))  # (1 + K, G)
    with np.errstate(over="ignore"):  # where all rows are far from each other
        degrees = np.where(variance > 0, c**2 / np.where(variance > 0, variance, 1.0), np.inf)
    return value / c, replicates / c[:, None], degrees


def _groups(n: int, m: int) -> int:
    return min(GROUPS, n // 2, m // 2)


def _unbiased(real: Array, fake: Array, between: Array, n: Any, m: Any) -> Array:
    """Return energy distance and MMD² (1 + K, ...) from sums over ordered pairs that include each row with itself."""
    itself = np.ones((len(real), *(1,) * (real.ndim - 1)))  # the kernel, or the distance, of a row to itself
    itself[0] = 0.0
    distance: Array = (real - n * itself) / (n * (n - 1)) + (fake - m * itself) / (m * (m - 1)) - 2 * between / (n * m)
    distance[0] *= -1
    return distance


def _leave_out(sums: Array) -> Array:
    """Return totals without each group (1 + K, G)."""
    without: Array = sums.sum((1, 2))[:, None] - sums.sum(2) - sums.sum(1) + np.diagonal(sums, axis1=1, axis2=2)
    return without


def _others(side: Grouped) -> Array:
    """Return the number of rows without each group (G,)."""
    return len(side.rows) - side.sizes


def _score(found: Worth, energy: Worth, scale: Scale, replicates: Array, sizes: dict[str, Any]) -> Score:
    n_real = sizes["n_real"]
    least = smallest(found, n_real)
    detail = {
        "at_least": least.is_limit,
        "bandwidth": scale.median * FACTORS[least.at],
        "bandwidths": [scale.median * factor for factor in FACTORS],
        "values": _listed(found.value),
        "low": _listed(found.low),
        "high": _listed(found.high),
        "degrees": _listed(found.degrees),
        "energy": {name: _listed(getattr(energy, name))[0] for name in ("value", "low", "high")},
        "interval": "chi-square and delete-a-group jackknife, for all bandwidths together",
    }
    warnings = (TOO_CLOSE,) if found.closer.any() else ()
    high = _finite(least.high)
    without = replicates[least.at]
    if least.is_limit:
        warnings = (LOWER_BOUND.format(n_real), *warnings)
    else:
        detail["standard_error"] = float(found.error[least.at])
        warnings = warnings if high is not None else (NO_UPPER_BOUND, *warnings)
    return Score(
        least.value,
        low=least.low,
        high=high,
        level=LEVEL,
        params={"estimator": "U", "median": scale.median},
        detail=detail,
        warnings=warnings,
        replicates=() if least.is_limit or without.min() <= 0 else tuple((1 / without).tolist()),
        **sizes,
    )


def _finite(x: Any) -> float | None:
    return float(x) if math.isfinite(x) else None


def _listed(values: Array) -> list[float | None]:
    return [_finite(value) for value in values]

"""Verdicts on speed, from the times of processes on one machine in one session."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from genbench.comparing.power import ALPHA, MAX_RUNS, runs_to_exclude, smallest_shift
from genbench.comparing.shift import one_sided_p_values, paired_shift, welch_shift
from genbench.comparing.verdict import Verdict
from genbench.protocol import Array

MIN_SLOWDOWN_RATIO = 1.10  # of the fastest times; a smaller slowdown does not count
MIN_RUNS = 5  # processes a side


def decide_speed(
    base: Sequence[float | None],
    head: Sequence[float | None],
    *,
    paired: bool = False,
    subject: str = "",
    metric: str = "cpu_s",
    limit: float = MIN_SLOWDOWN_RATIO,
    alpha: float = ALPHA,
) -> Verdict:
    """Decide whether head is slower than base, from one time per process, both on one machine in one session.

    Head regressed where the ratio of the fastest times is above ``limit`` and head is slower with one-sided
    p < ``alpha``. The test is Mann-Whitney's (1947), or Welch's t on logarithms where ranks of so few runs cannot reach
    ``alpha``. With ``paired`` it is the t-test on the log-ratios of times taken one after the other, in which a drift
    of the machine cancels. To decide many times at once, divide ``alpha`` by their number. Head improved in the
    opposite case, and is unchanged where the interval (one-sided 1 - ``alpha``) excludes a slowdown by ``limit``. A
    process that failed (None) counts as the slowest. Raises ValueError for times that are not positive, and with
    ``paired`` for different numbers of times.
    """
    if paired and len(base) != len(head):
        raise ValueError(f"{len(base)} and {len(head)} times cannot be paired")
    a, b = _times(base), _times(head)
    known = Verdict(
        subject, metric, "inconclusive", kind="speed", unit="s", base=_fastest(a), head=_fastest(b),
        base_runs=_runs(a), head_runs=_runs(b),
    )  # fmt: skip
    failed_a, failed_b = int(np.isinf(a).sum()), int(np.isinf(b).sum())
    if failed_b > failed_a:
        reason = f"{failed_b} of {len(b)} processes failed in head, {failed_a} of {len(a)} in base"
        return replace(known, verdict="regressed", reason=reason)
    if failed_a:
        return replace(known, reason=f"{failed_a} of {len(a)} processes failed in base", differs=True)
    return _decide_by_test(known, a, b, paired, limit, alpha)


def _decide_by_test(known: Verdict, a: Array, b: Array, paired: bool, limit: float, alpha: float) -> Verdict:
    runs = min(len(a), len(b))
    if runs < MIN_RUNS:
        change = float(b.min() / a.min() - 1.0) if runs else None
        reason = f"{runs} processes a side; {MIN_RUNS} are needed"
        differs = change is not None and not 1.0 / limit <= 1.0 + change <= limit
        return replace(known, change=change, reason=reason, more_runs=MIN_RUNS - runs, differs=differs)
    ratio = float(b.min() / a.min())
    x, y = np.log(a), np.log(b)
    shift = paired_shift(y - x) if paired else welch_shift(x, y)
    sd = shift.error / math.sqrt(1.0 / len(a) + 1.0 / len(b))  # of the logarithm of one run
    low, high = shift.mean - shift.half_width(alpha), shift.mean + shift.half_width(alpha)
    if not paired and 1.0 / math.comb(len(a) + len(b), len(a)) < alpha:
        slower, faster = one_sided_p_values(stats.mannwhitneyu, b, a)
    else:
        slower, faster = shift.p_values()
    mean_ratio = math.exp(shift.mean) if paired else ratio
    effect = max(math.expm1(smallest_shift(sd, runs, alpha)), limit - 1.0)
    known = replace(known, change=ratio - 1.0, low=math.expm1(low), high=math.expm1(high), smallest=effect)
    if min(ratio, mean_ratio) > limit and slower < alpha:
        return replace(known, verdict="regressed", p=slower, reason=f"{ratio:.2f} times as slow")
    if max(ratio, mean_ratio) < 1.0 / limit and faster < alpha:
        return replace(known, verdict="improved", p=faster, reason=f"{1.0 / ratio:.2f} times as fast")
    if high <= math.log(limit):
        return replace(known, verdict="unchanged", p=slower, reason=f"slower by less than {limit - 1:.0%}")
    needed = runs_to_exclude(abs(math.log(limit) - shift.mean), sd, alpha)
    more = None if needed is None else max(needed - runs, 1)
    reason = f"a slowdown of {limit - 1:.0%} cannot be excluded" + ("" if more else f", nor with {MAX_RUNS} runs")
    differs = not 1.0 / limit <= ratio <= limit
    return replace(known, p=slower, more_runs=more, reason=reason, differs=differs)


def _times(times: Sequence[float | None]) -> Array:
    """Return times as numbers, infinite for a process that failed."""
    found = np.array([math.inf if time is None or math.isnan(time) else time for time in times], dtype=np.float64)
    if (found <= 0.0).any():
        raise ValueError(f"times must be positive, got {found.min():g}")
    return found


def _fastest(times: Array) -> float | None:
    """Return the shortest time, None where all processes failed."""
    return float(times.min()) if len(times) and np.isfinite(times.min()) else None


def _runs(times: Array) -> tuple[float | None, ...]:
    return tuple(float(time) if math.isfinite(time) else None for time in times)

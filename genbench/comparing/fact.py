"""Verdicts on deterministic facts (counts, sizes, hashes), compared exactly, and on how cells ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scipy import stats

from genbench.comparing.power import ALPHA, MAX_RUNS
from genbench.comparing.shift import one_sided_p_values
from genbench.comparing.verdict import Value, Verdict
from genbench.record.status import Status

MAX_FACT_LENGTH = 16  # characters of a fact that are shown in full


def decide_fact(base: Value, head: Value, *, subject: str = "", metric: str = "", better: str | None = None) -> Verdict:
    """Decide whether a deterministic fact changed: a count, a size, a hash.

    With ``better`` ("lower" or "higher") a number regressed or improved; without it, it is ``changed``.
    """
    change = None
    if isinstance(base, (int, float)) and isinstance(head, (int, float)) and base:
        change = head / base - 1.0
    verdict, reason = "unchanged", "same value"
    if base != head:
        verdict, reason = "changed", f"{_short(base)} to {_short(head)}"
        if better and isinstance(base, (int, float)) and isinstance(head, (int, float)):
            verdict = "regressed" if (head > base) == (better == "lower") else "improved"
    return Verdict(subject, metric, verdict, reason, "fact", better, base=base, head=head, change=change)


def decide_status(
    base: Sequence[str], head: Sequence[str], *, subject: str = "", reason: str = "", alpha: float = ALPHA
) -> Verdict:
    """Decide whether cells that succeeded now fail, from one status per seed; ``reason`` is that of head's failure.

    Any failure where base had none is a regression. Where both sides fail, the shares are compared by Fisher's exact
    test (1922). Cells that were interrupted, lost or skipped are ignored: their statuses do not depend on the code.
    """
    a, b = ([status for status in side if Status(status).says_something_of_the_code] for side in (base, head))
    failed_a, failed_b = (sum(status != "ok" for status in side) for side in (a, b))
    known = Verdict(
        subject, "status", "unchanged", "same statuses", "status", None, base=_count_text(base), head=_count_text(head)
    )
    if not a or not b:
        which = " and ".join(name for name, side in (("base", a), ("head", b)) if not side)
        return replace(known, verdict="not comparable", reason=f"no seed of {which} finished")
    table = [[failed_b, len(b) - failed_b], [failed_a, len(a) - failed_a]]
    worse, better = one_sided_p_values(stats.fisher_exact, table)
    if failed_b and (not failed_a or worse < alpha):
        why = f"{failed_b} of {len(b)} seeds {_failures(b)}{f': {reason}' if reason else ''}"
        return replace(known, verdict="regressed", reason=why)
    if failed_a and (not failed_b or better < alpha):
        return replace(known, verdict="improved", reason=f"{failed_a} of {len(a)} seeds failed in base")
    if failed_a / len(a) != failed_b / len(b):
        why = f"{failed_a} of {len(a)} seeds failed in base, {failed_b} of {len(b)} in head"
        return replace(known, verdict="inconclusive", reason=why, more_runs=_more_runs(table, alpha), differs=True)
    return known


def _more_runs(table: Sequence[Sequence[int]], alpha: float) -> int | None:
    """Return how many more runs a side distinguish two shares that stay as they are; None for more than MAX_RUNS."""
    runs = max(map(sum, table))
    for times in range(2, MAX_RUNS // runs + 1):
        larger = [[times * count for count in row] for row in table]
        if min(one_sided_p_values(stats.fisher_exact, larger)) < alpha:
            return (times - 1) * runs
    return None


def _failures(statuses: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(status for status in statuses if status != "ok"))


def _count_text(statuses: Sequence[str]) -> str:
    return ", ".join(f"{statuses.count(each)} {each}" for each in dict.fromkeys(statuses)) or "none"


def _short(value: Value) -> str:
    text = str(value)
    return text if len(text) <= MAX_FACT_LENGTH else text[: MAX_FACT_LENGTH - 4] + ".."

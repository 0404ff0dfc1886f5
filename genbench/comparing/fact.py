"""What is the same on every run of the same code, compared exactly; and how cells ended."""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats

from genbench.comparing.power import ALPHA, MOST_RUNS
from genbench.comparing.verdict import Value, Verdict
from genbench.record.status import Status

__all__ = ["decide_fact", "decide_status"]


def decide_fact(
    base: Value, head: Value, *, subject: str = "", metric: str = "", unit: str = "", better: str | None = None
) -> Verdict:
    """Return whether a deterministic fact changed: a count, a size, a hash.

    With ``better`` ("lower" or "higher") a number that went the wrong way regressed, else it is ``changed``.
    """
    change = None
    if isinstance(base, (int, float)) and isinstance(head, (int, float)) and base:
        change = head / base - 1.0
    verdict, reason = "unchanged", "the same fact"
    if base != head:
        verdict, reason = "changed", f"{_short(base)} to {_short(head)}"
        if better and isinstance(base, (int, float)) and isinstance(head, (int, float)):
            verdict = "regressed" if (head > base) == (better == "lower") else "improved"
    return Verdict(subject, metric, verdict, reason, "fact", better, unit, base, head, change=change)


def decide_status(
    base: Sequence[str], head: Sequence[str], *, subject: str = "", reason: str = "", alpha: float = ALPHA
) -> Verdict:
    """Return whether cells that ended well no longer do, from one status a seed; ``reason`` is that of head's failure.

    Any failure where base had none is a regression. Where both fail, the shares are compared by Fisher's exact test
    (1922). Cells that were interrupted, lost or skipped tell nothing of the code.
    """
    a, b = ([status for status in side if Status(status).says_something_of_the_code] for side in (base, head))
    bad_a, bad_b = (sum(status != "ok" for status in side) for side in (a, b))
    told = {"base": _counted(base), "head": _counted(head)}
    known = {"subject": subject, "metric": "status", "kind": "status", "better": None}
    if not a or not b:
        which = " and ".join(name for name, side in (("base", a), ("head", b)) if not side)
        return Verdict(**known, **told, verdict="not comparable", reason=f"{which} did not come to an end")  # type: ignore[arg-type]
    rest_a, rest_b = len(a) - bad_a, len(b) - bad_b
    worse, fewer = _fisher([[bad_b, rest_b], [bad_a, rest_a]])
    verdict, why, more = "unchanged", "ended alike", None
    if bad_b and (not bad_a or worse < alpha):
        verdict, why = "regressed", f"{bad_b} of {len(b)} seeds {_word(b)}{f': {reason}' if reason else ''}"
    elif bad_a and (not bad_b or fewer < alpha):
        verdict, why = "improved", f"{bad_a} of {len(a)} seeds had ended badly"
    elif bad_a / len(a) != bad_b / len(b):
        verdict, why = "inconclusive", f"{bad_a} of {len(a)} and {bad_b} of {len(b)} seeds end badly"
        more = _more([[bad_b, rest_b], [bad_a, rest_a]], alpha)
    return Verdict(**known, **told, verdict=verdict, reason=why, more_runs=more)  # type: ignore[arg-type]


def _fisher(table: Sequence[Sequence[int]]) -> tuple[float, float]:
    """Return the one-sided p-values of a larger and of a smaller share in the first row."""
    larger, smaller = (float(stats.fisher_exact(table, alternative=side).pvalue) for side in ("greater", "less"))
    return larger, smaller


def _more(table: Sequence[Sequence[int]], alpha: float) -> int | None:
    """Return how many more runs a side tell two shares apart, if they stay as they are; None where 1000 are too few."""
    runs = max(map(sum, table))
    for times in range(2, MOST_RUNS // runs + 1):
        if min(_fisher([[times * count for count in row] for row in table])) < alpha:
            return (times - 1) * runs
    return None


def _word(statuses: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(status for status in statuses if status != "ok"))


def _counted(statuses: Sequence[str]) -> str:
    return ", ".join(f"{statuses.count(each)} {each}" for each in dict.fromkeys(statuses)) or "none"


def _short(value: Value) -> str:
    text = str(value)
    return text if len(text) <= 16 else text[:12] + ".."

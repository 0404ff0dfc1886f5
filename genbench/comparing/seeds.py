"""Verdicts on seeds of a cell: missing in head, newly failed, or lost with the machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from genbench.comparing.verdict import Verdict
from genbench.record.status import Status

MAX_REASON_LENGTH = 120  # characters of a failure's reason
NOT_RUN = (Status.INTERRUPTED, Status.SKIPPED)

Seeds = Mapping[int, Mapping[str, Any]]  # the records of one cell by seed


def decide_seeds(subject: str, base: Seeds, head: Seeds, decided: Verdict) -> list[Verdict]:
    """Return what the shares of failed seeds, which ``decided`` is about, do not say of single seeds.

    ``missing`` where fewer seeds of head than of base came to an end, unless they were lost: seeds that base finished
    and head does not have, or that were interrupted. ``not comparable`` where seeds of head were lost, which is the
    machine's fault. ``inconclusive`` where a seed that succeeded in base failed in head, though no more seeds failed.
    """
    finished = {seed for seed, record in base.items() if Status(record["status"]).says_something_of_the_code}
    lost = {seed for seed, record in head.items() if record["status"] == Status.LOST}
    not_run = {seed for seed, record in head.items() if record["status"] in NOT_RUN}
    ended = head.keys() - lost - not_run
    absent = finished - ended - lost
    verdicts = []
    if absent and len(ended) + len(lost) < len(finished):
        why = f"{_seeds(absent)} of {len(finished)}" + (": interrupted" if absent <= not_run else "")
        verdicts.append(Verdict(subject, "seeds", "missing", why, "status", None))
    if lost:
        why = f"{_seeds(lost)} of head lost with the machine: run again to compare"
        verdicts.append(Verdict(subject, "seeds", "not comparable", why, "status", None))
    failed = {seed for seed in ended & finished if base[seed]["status"] == "ok" != head[seed]["status"]}
    if failed and decided.verdict in ("unchanged", "improved"):
        why = f"{_seeds(failed)} failed in head and not in base{_reason(head, failed)}"
        verdicts.append(Verdict(subject, "seeds", "inconclusive", why, "status", None, differs=True))
    return verdicts


def decide_new_seeds(subject: str, head: Seeds) -> list[Verdict]:
    """Return ``inconclusive`` where seeds of a cell failed that base does not have."""
    ended = {seed for seed, record in head.items() if Status(record["status"]).says_something_of_the_code}
    failed = {seed for seed in ended if head[seed]["status"] != "ok"}
    if not failed:
        return []
    why = f"{len(failed)} of {len(ended)} seeds failed in head, which base does not have{_reason(head, failed)}"
    return [Verdict(subject, "status", "inconclusive", why, "status", None, differs=True)]


def _seeds(seeds: Iterable[int]) -> str:
    found = sorted(seeds)
    return f"seed{'s' if len(found) > 1 else ''} {', '.join(map(str, found))}"


def _reason(head: Seeds, seeds: Iterable[int]) -> str:
    reason = str(head[min(seeds)].get("reason") or "")[:MAX_REASON_LENGTH]
    return f": {reason}" if reason else ""

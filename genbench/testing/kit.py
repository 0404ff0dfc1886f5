"""What a check is, which checks a plugin's declaration calls for, and what became of each."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from genbench.errors import describe
from genbench.testing.check import Check, Failed, Skipped, Subject, checks_for
from genbench.testing.surroundings import quiet

__all__ = ["Outcome", "Report", "expected_of", "verify"]

Verdict = Literal["passed", "failed", "skipped", "expected failure", "unexpected pass"]


@dataclass(frozen=True)
class Outcome:
    """What became of one check; ``reason`` is empty where it passed."""

    check: Check
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    traceback: str = field(default="", repr=False)

    @property
    def bad(self) -> bool:
        """Whether the plugin must not be published so."""
        return self.verdict in ("failed", "unexpected pass")

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold of it."""
        remedy = self.check.remedy if self.verdict == "failed" else ""
        return {
            "check": self.check.name,
            "asks": self.check.summary,
            "verdict": self.verdict,
            "reason": self.reason,
            "remedy": remedy,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Report:
    """What became of all checks of one plugin's spec."""

    subject: Subject
    outcomes: tuple[Outcome, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many checks ended in each verdict."""
        verdicts = ("passed", "failed", "skipped", "expected failure", "unexpected pass")
        return {v: sum(o.verdict == v for o in self.outcomes) for v in verdicts}

    @property
    def ok(self) -> bool:
        """Whether nothing failed, and something was really checked: all skipped is a failure."""
        return not any(outcome.bad for outcome in self.outcomes) and self.counts["passed"] > 0


def verify(subject: Subject, expected: Mapping[str, str] | None = None) -> Iterator[Outcome]:
    """Run all checks of a subject and yield what became of each.

    ``expected`` maps a check that is known to fail to the reason; raises ValueError where there is no such check or no
    reason.
    """
    reasons = expected_of([subject], expected or {})[subject.spec.kind]
    told_already: set[str] = set()
    for each in checks_for(subject.spec.kind):
        outcome = outcome_of(each, subject, reasons.get(each.name))
        yield replace(outcome, traceback="") if outcome.reason in told_already else outcome
        told_already.add(outcome.reason)


def expected_of(found: Iterable[Subject], expected: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return for each kind of the subjects which of its checks are expected to fail, and why.

    Raises ValueError for a check that none of the kinds has, and where there is no reason.
    """
    names = {subject.spec.kind: [one.name for one in checks_for(subject.spec.kind)] for subject in found}
    every = dict.fromkeys(name for each in names.values() for name in each)
    for name, reason in expected.items():
        if name not in every:
            raise ValueError(f"no check named {name!r} for a {' or '.join(names)}; there are: {', '.join(every)}")
        if not reason.strip():
            raise ValueError(f"the expected failure of {name!r} needs a reason")
    return {kind: {name: expected[name] for name in each if name in expected} for kind, each in names.items()}


def outcome_of(one: Check, subject: Subject, expected: str | None = None) -> Outcome:
    """Run one check; whatever the plugin raises is a failure of this check."""
    start = time.perf_counter()
    verdict: Verdict = "passed"
    reason = trace = ""
    try:
        with quiet():
            one(subject)
    except Skipped as skipped:
        return Outcome(one, "skipped", str(skipped), time.perf_counter() - start)
    except Failed as failed:
        verdict, reason = "failed", str(failed)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too
        verdict, reason, trace = "failed", f"raised {describe(error)}", _theirs(error)
    if expected is not None and verdict == "failed":
        verdict, reason = "expected failure", f"{expected} ({reason})"
    elif expected is not None:
        verdict, reason = "unexpected pass", f"expected to fail: {expected}; take it out of the expected failures"
    return Outcome(one, verdict, reason, time.perf_counter() - start, trace)


def _theirs(error: BaseException) -> str:
    """Return the traceback without the frames of the kit itself."""
    here = str(Path(__file__).parent)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(here)]
    return "".join(traceback.format_list(frames)).rstrip()

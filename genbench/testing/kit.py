"""Run the checks of a plugin, and report their outcomes."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from genbench.errors import describe
from genbench.testing.check import Check, Failed, Skipped, Subject, checks_for
from genbench.testing.process_state import protect_process

Verdict = Literal["passed", "failed", "skipped", "expected failure", "unexpected pass"]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check; ``reason`` is empty where it passed."""

    check: Check
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    traceback: str = field(default="", repr=False)

    @property
    def bad(self) -> bool:
        """Whether the plugin breaks its contract, or an expected failure is out of date."""
        return self.verdict in ("failed", "unexpected pass")

    def as_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON values."""
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
    """The outcomes of all checks of one spec."""

    subject: Subject
    outcomes: tuple[Outcome, ...]

    @property
    def counts(self) -> dict[str, int]:
        """The number of checks by verdict."""
        return {v: sum(o.verdict == v for o in self.outcomes) for v in get_args(Verdict)}

    @property
    def ok(self) -> bool:
        """Whether no check failed and at least one passed; all skipped is a failure."""
        return not any(outcome.bad for outcome in self.outcomes) and self.counts["passed"] > 0


def verify(subject: Subject, expected: Mapping[str, str] | None = None) -> Iterator[Outcome]:
    """Run all checks of a subject and yield their outcomes.

    ``expected`` maps the names of checks that are known to fail to the reasons. Raises ValueError for an unknown check
    or an empty reason.
    """
    expected_reasons = expected_by_kind([subject], expected or {})[subject.spec.kind]
    reasons: set[str] = set()
    for each in checks_for(subject.spec.kind):
        outcome = run_check(each, subject, expected_reasons.get(each.name))
        yield replace(outcome, traceback="") if outcome.reason in reasons else outcome  # one traceback per cause
        reasons.add(outcome.reason)


def expected_by_kind(found: Iterable[Subject], expected: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return for each kind of the subjects its checks that are expected to fail, with the reasons.

    Raises ValueError for a check that none of the kinds has, and for an empty reason.
    """
    names = {subject.spec.kind: [one.name for one in checks_for(subject.spec.kind)] for subject in found}
    known = dict.fromkeys(name for each in names.values() for name in each)
    for name, reason in expected.items():
        if name not in known:
            raise ValueError(f"no check named {name!r} for a {' or '.join(names)}; there are: {', '.join(known)}")
        if not reason.strip():
            raise ValueError(f"the expected failure of {name!r} needs a reason")
    return {kind: {name: expected[name] for name in each if name in expected} for kind, each in names.items()}


def run_check(one: Check, subject: Subject, expected: str | None = None) -> Outcome:
    """Run one check and return its outcome; whatever the plugin raises is a failure of this check."""
    start = time.perf_counter()
    verdict: Verdict = "passed"
    reason = trace = ""
    try:
        with protect_process():
            one(subject)
    except Skipped as skipped:
        return Outcome(one, "skipped", str(skipped), time.perf_counter() - start)
    except Failed as failed:
        verdict, reason = "failed", str(failed)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too
        verdict, reason, trace = "failed", f"raised {describe(error)}", _plugin_traceback(error)
    if expected is not None and verdict == "failed":
        verdict, reason = "expected failure", f"{expected} ({reason})"
    elif expected is not None:
        verdict, reason = "unexpected pass", f"expected to fail: {expected}; take it out of the expected failures"
    return Outcome(one, verdict, reason, time.perf_counter() - start, trace)


def _plugin_traceback(error: BaseException) -> str:
    """Return the traceback without the frames of the kit itself."""
    kit = str(Path(__file__).parent)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(kit)]
    return "".join(traceback.format_list(frames)).rstrip()

"""Run the checks of a plugin, and report their outcomes."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from genbench.errors import describe, suggestion
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
    same_as: str = ""  # the first check that failed for the same cause

    @property
    def cause(self) -> str:
        """What two failures have in common that have one cause: the line that raised, or else the reason."""
        frames = [line.strip() for line in self.traceback.splitlines() if line.lstrip().startswith("File ")]
        kind = self.reason.partition(":")[0]
        return f"{kind} {frames[-1]}" if frames else self.reason

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
            "same_as": self.same_as,
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


def verify(
    subject: Subject, expected: Mapping[str, str] | None = None, checks: Iterable[Check] | None = None
) -> Iterator[Outcome]:
    """Run checks of a subject, by default all, and yield their outcomes.

    ``expected`` maps the names of checks that are known to fail to the reasons. A failure whose cause an earlier check
    has met names that check, and has no traceback. Raises ValueError for an unknown check or an empty reason.
    """
    checks = checks_for(subject.spec.kind) if checks is None else tuple(checks)
    expected_reasons = expected_by_kind([subject], expected or {})[subject.spec.kind]
    causes: dict[str, str] = {}
    for each in checks:
        outcome = run_check(each, subject, expected_reasons.get(each.name))
        if outcome.verdict == "failed":
            first = causes.setdefault(outcome.cause, each.name)
            if first != each.name:
                outcome = replace(outcome, traceback="", same_as=first)
        yield outcome


def expected_by_kind(found: Iterable[Subject], expected: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return by kind the checks that are expected to fail, with the reasons.

    Raises ValueError for a check that none of the kinds has, and for an empty reason.
    """
    chosen = checks_by_kind(found, expected)
    for name, reason in expected.items():
        if not reason.strip():
            raise ValueError(f"the expected failure of {name!r} needs a reason")
    return {kind: {each.name: expected[each.name] for each in checks if each.name in expected}
            for kind, checks in chosen.items()}  # fmt: skip


def checks_by_kind(found: Iterable[Subject], names: Iterable[str]) -> dict[str, list[Check]]:
    """Return by kind the checks of these names, or all checks if there are no names.

    Raises ValueError for a check that none of the kinds has.
    """
    checks = {subject.spec.kind: checks_for(subject.spec.kind) for subject in found}
    known = dict.fromkeys(one.name for each in checks.values() for one in each)
    wanted = tuple(names)
    for name in wanted:
        if name not in known:
            hint = suggestion(name, known) or f"; there are: {', '.join(known)}"
            raise ValueError(f"no check named {name!r} for a {' or '.join(checks)}{hint}")
    return {kind: [one for one in each if not wanted or one.name in wanted] for kind, each in checks.items()}


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

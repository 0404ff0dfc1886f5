"""``genbench check``: checks that a plugin keeps the contract, and gives a remedy for each failed check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from genbench.cli.options import complete, json_option, plugin_option
from genbench.spec import PLUGIN_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genbench.testing import Outcome

VERDICT_MARKS = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("-", None),
    "expected failure": ("x", "yellow"),
    "unexpected pass": ("!", "red"),
}


@click.command("check")
@click.argument("name", shell_complete=complete(*PLUGIN_KINDS))
@click.option("--kind", type=click.Choice(PLUGIN_KINDS), help="Check only plugins of this kind.")
@click.option(
    "--expect",
    "expected",
    multiple=True,
    metavar="CHECK=REASON",
    help="A check that is known to fail, and the reason; may be repeated.",
)
@click.option("--only", multiple=True, metavar="CHECK", help="Run only this check; may be repeated.")
@click.option("--fast", is_flag=True, help="Shorter trainings and fewer kinds of data: seconds for a small model.")
@json_option
@plugin_option
def check(
    name: str,
    kind: str | None,
    expected: tuple[str, ...],
    only: tuple[str, ...],
    fast: bool,
    as_json: bool,
    plugins: tuple[str, ...],
) -> int:
    """Check that NAME keeps the contract: a model, dataset, metric, space or suite, or all those of a distribution.

    The exit code is 3 if a check fails, or if none applies.
    """
    from genbench.cli.output import print_json
    from genbench.errors import UserError
    from genbench.testing import Report, subjects, verify
    from genbench.testing.kit import checks_by_kind, expected_by_kind
    from genbench.text import plain

    reasons = {}
    for text in expected:
        check_name, equals, reason = text.partition("=")
        if not equals or not reason.strip():
            raise UserError(f"--expect {text}: expected CHECK=REASON; the reason is required")
        reasons[check_name.strip()] = reason.strip()
    reports, found = [], subjects(name, plugins, kind, fast=fast)
    try:
        expected_failures = expected_by_kind(found, reasons)
    except ValueError as error:
        raise UserError(f"--expect: {error}") from None
    try:
        checks = checks_by_kind(found, only)
    except ValueError as error:
        raise UserError(f"--only: {error}") from None
    for subject in found:
        entry, outcomes = subject.entry, []
        if not as_json:
            click.echo(plain(f"{subject.spec.kind} {entry.key} ({entry.provenance})"))
        kind_of_subject = subject.spec.kind
        for outcome in _with_output_to_stderr(
            verify(subject, expected_failures[kind_of_subject], checks[kind_of_subject])
        ):
            outcomes.append(outcome)
            if not as_json and not outcome.same_as:
                _print_outcome(outcome)
        if not as_json:
            _print_shared_causes(outcomes)
        report = Report(subject, tuple(outcomes))
        reports.append(report)
        if not as_json:
            click.echo(
                f"{', '.join(f'{n} {verdict}' for verdict, n in report.counts.items() if n or verdict == 'failed')}\n"
            )
    if as_json:
        facts = [
            {
                "kind": report.subject.spec.kind,
                "name": report.subject.entry.key,
                "distribution": report.subject.entry.provenance.distribution,
                "ok": report.ok,
                "counts": report.counts,
                "checks": [outcome.as_dict() for outcome in report.outcomes],
            }
            for report in reports
        ]
        print_json(facts)
    failed = [report.subject.entry.key for report in reports if not report.ok]
    if failed and not as_json:
        click.echo(plain(f"contract not kept by: {', '.join(failed)}"))
    return 3 if failed else 0


def _with_output_to_stderr(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Yield the outcomes; output of a plugin, or of a program that it starts, is sent to stderr meanwhile."""
    import contextlib
    import os
    import sys

    def next_outcome() -> Outcome | None:
        sys.stdout.flush()
        stdout = os.dup(1)
        os.dup2(2, 1)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                return next(outcomes, None)
        finally:
            os.dup2(stdout, 1)
            os.close(stdout)

    while (outcome := next_outcome()) is not None:
        yield outcome


def _print_shared_causes(outcomes: list[Outcome]) -> None:
    """Print a line for each cause that several checks failed for: it was printed with the first of them."""
    shared: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.same_as:
            shared.setdefault(outcome.same_as, []).append(outcome.check.name)
    mark, colour = VERDICT_MARKS["failed"]
    for first, names in shared.items():
        click.secho(f"  {mark} for the same cause as {first}: {', '.join(names)}", fg=colour)


def _print_outcome(outcome: Outcome) -> None:
    from genbench.text import plain

    mark, colour = VERDICT_MARKS[outcome.verdict]
    click.secho(f"  {mark} {outcome.check.name}", fg=colour, nl=not outcome.reason)
    if outcome.reason:
        click.echo(plain(f": {outcome.verdict}: {outcome.reason}"))
    if outcome.verdict == "failed":
        click.echo(f"      requirement: {outcome.check.summary}")
        click.echo(f"      remedy: {outcome.check.remedy}")
        for line in outcome.traceback.splitlines():
            click.echo(f"      {' ' * (len(line) - len(line.lstrip()))}{plain(line)}")

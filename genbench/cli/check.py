"""``genbench check``: whether a plugin keeps the contract, check by check, with the remedy where it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from genbench.cli.options import complete, json_option, plugin_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genbench.testing import Outcome

__all__ = ["check"]

MARKS = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("-", None),
    "expected failure": ("x", "yellow"),
    "unexpected pass": ("!", "red"),
}


@click.command("check")
@click.argument("name", shell_complete=complete("model", "dataset", "metric", "space"))
@click.option(
    "--kind", type=click.Choice(("model", "dataset", "metric", "space")), help="Check only what is of this kind."
)
@click.option(
    "--expect",
    "expected",
    multiple=True,
    metavar="CHECK=REASON",
    help="A check that is known to fail, and why; may be repeated.",
)
@json_option
@plugin_option
def check(name: str, kind: str | None, expected: tuple[str, ...], as_json: bool, plugins: tuple[str, ...]) -> int:
    """Hold the plugin NAME to the contract: a model, dataset, metric or space, or all of a distribution.

    The exit code is 3 where a check fails, or where none applies.
    """
    from genbench.cli.output import print_json
    from genbench.errors import UserError
    from genbench.testing import Report, subjects, verify
    from genbench.testing.kit import expected_by_kind
    from genbench.text import plain

    known = {}
    for text in expected:
        one, equals, reason = text.partition("=")
        if not equals or not reason.strip():
            raise UserError(f"--expect {text}: expected CHECK=REASON: a failure is expected for a reason")
        known[one.strip()] = reason.strip()
    reports, found = [], subjects(name, plugins, kind)
    try:
        excused = expected_by_kind(found, known)
    except ValueError as error:
        raise UserError(f"--expect: {error}") from None
    for subject in found:
        entry, outcomes = subject.entry, []
        if not as_json:
            click.echo(plain(f"{subject.spec.kind} {entry.key} ({entry.provenance})"))
        for outcome in _aside(verify(subject, excused[subject.spec.kind])):
            outcomes.append(outcome)
            if not as_json:
                _tell(outcome)
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
    wrong = [report.subject.entry.key for report in reports if not report.ok]
    if wrong and not as_json:
        click.echo(plain(f"not kept by: {', '.join(wrong)}"))
    return 3 if wrong else 0


def _aside(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Yield what became of each check; what a plugin, or a program that it starts, prints meanwhile goes to stderr."""
    import contextlib
    import os
    import sys

    def following() -> Outcome | None:
        sys.stdout.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                return next(outcomes, None)
        finally:
            os.dup2(kept, 1)
            os.close(kept)

    while (outcome := following()) is not None:
        yield outcome


def _tell(outcome: Outcome) -> None:
    from genbench.text import plain

    mark, colour = MARKS[outcome.verdict]
    click.secho(f"  {mark} {outcome.check.name}", fg=colour, nl=not outcome.reason)
    if outcome.reason:
        click.echo(plain(f": {outcome.verdict}: {outcome.reason}"))
    if outcome.verdict == "failed":
        click.echo(f"      asks: {outcome.check.summary}")
        click.echo(f"      remedy: {outcome.check.remedy}")
        for line in outcome.traceback.splitlines():
            click.echo(f"      {' ' * (len(line) - len(line.lstrip()))}{plain(line)}")

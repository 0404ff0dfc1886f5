"""``genbench compare``: did speed or quality get significantly worse? Imports what it needs when run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genbench.cli.options import choose_format, output_options
from genbench.cli.output import write_output
from genbench.errors import Inconclusive, Regression, UserError

if TYPE_CHECKING:
    from genbench.comparing import Comparison

FAILURES = {"Regression": Regression, "Inconclusive": Inconclusive}
FORMATS = ("rich", "markdown", "json", "github-action-benchmark", "bmf", "asv")


@click.command(short_help="check whether a run is worse than another")
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("head", type=click.Path(path_type=Path))
@output_options(FORMATS)
@click.option("--metrics", metavar="A,B", default="", help="Scores to compare.  [default: all]")
@click.option("--all", "full", is_flag=True, help="Also list verdicts that are otherwise only counted.")
@click.option("--strict", is_flag=True, help="Exit with 5 if something is inconclusive, or missing in HEAD.")
@click.option("--same-session", is_flag=True, help="Compare times, too: both sides were timed in turn, in one job.")
@click.option("--alpha", type=click.FloatRange(0.0, 0.5, min_open=True), default=0.01, show_default=True,
              help="One-sided false-alarm rate over all scores.")  # fmt: skip
@click.option("--floors", type=click.FloatRange(0.0), default=3.0, show_default=True,
              help="Smallest change that counts, in standard deviations of the floor.")  # fmt: skip
@click.option("--share", type=click.FloatRange(0.0), default=0.05, show_default=True,
              help="Smallest change that counts, as a share of the distance from the floor.")  # fmt: skip
def compare(base: Path, head: Path, form: str | None, output: Path | None, **options: Any) -> None:
    """Compare HEAD with BASE: run directories, or JSON of pytest-benchmark (a file, or a folder with one per process).

    Every cell and metric gets a verdict: regressed, improved, unchanged, inconclusive (and how many more runs would
    decide it), changed (a fact without a better direction), not comparable, new or missing. The exit code is 4 if
    something regressed; a seed that failed in HEAD though no more seeds failed than in BASE is inconclusive, one that
    was lost with its machine is shown and is no finding.
    """
    form = choose_format(form, output, FORMATS)
    for path in (base, head):
        if not path.exists():
            raise UserError(f"{path}: there is nothing here; expected a run directory or JSON of pytest-benchmark")

    from genbench.record.index import digest_of_runs, keep, recall
    from genbench.registry.selection import split

    terminal = form == "rich" and output is None and sys.stdout.isatty()
    derived = "" if terminal else digest_of_runs([base, head])
    key = [derived, str(base), str(head), form, sorted(options.items())]
    kept = recall("comparison", key) if derived else None
    if isinstance(kept, dict):  # of large runs whose records are the same as before
        _write(kept, output)
        return

    from genbench import comparing

    found = comparing.compare(
        base, head, metrics=tuple(split(options["metrics"])),
        **{name: options[name] for name in ("same_session", "alpha", "floors", "share")},
    )  # fmt: skip
    shown = {"full": options["full"], "strict": options["strict"]}
    if not derived:
        write_comparison(found, form, output, **shown)
        found.check(strict=options["strict"])
        return
    kept = {"text": comparing.render(found, form, **shown), "summary": found.summary, "failure": None}
    try:
        found.check(strict=options["strict"])
    except (Regression, Inconclusive) as error:
        kept["failure"] = type(error).__name__, str(error)
    keep("comparison", key, kept)
    _write(kept, output)


def _write(kept: dict[str, Any], output: Path | None) -> None:
    """Print a comparison, or write it to a file and print its summary; raise what it ended with."""
    if output is not None:
        output.write_text(kept["text"], encoding="utf-8")
    click.echo(kept["text"] if output is None else f"{kept['summary']}\n", nl=False)
    if kept["failure"]:
        name, reason = kept["failure"]
        raise FAILURES[name](reason)


def write_comparison(
    comparison: Comparison, form: str, output: Path | None, *, full: bool = False, strict: bool = False
) -> None:
    """Print a comparison, or write it to a file and print its summary."""
    from genbench.comparing import render

    if output is not None:
        write_output(output, render(comparison, form, full=full, strict=strict))
        click.echo(comparison.summary)
    elif form == "rich" and sys.stdout.isatty():
        from rich.console import Console

        Console().print(comparison.to_rich(full=full))
    else:
        click.echo(render(comparison, form, full=full, strict=strict), nl=False)

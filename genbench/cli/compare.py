"""``genbench compare``: did speed or quality get significantly worse? Imports what it needs when run."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genbench.cli.options import choose_format, output_options
from genbench.errors import UserError

if TYPE_CHECKING:
    from genbench.comparing import Comparison

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

    from genbench.registry.selection import split

    found = _comparison(base, head, tuple(split(options["metrics"])), options)
    write_comparison(found, form, output, full=options["full"], strict=options["strict"])
    found.check(strict=options["strict"])


def _comparison(base: Path, head: Path, metrics: tuple[str, ...], options: dict[str, Any]) -> Comparison:
    """Return the comparison of two paths, of large runs the one that was kept, if all records are the same."""
    from genbench.record.index import digest_of_runs, keep, recall

    chosen = {name: options[name] for name in ("same_session", "alpha", "floors", "share")}
    derived = digest_of_runs([base, head])
    key = [derived, str(base), str(head), metrics, chosen]
    kept = recall("comparison", key) if derived else None

    from genbench.comparing.comparison import Comparison

    if isinstance(kept, dict):
        return Comparison.from_dict(kept)

    from genbench import comparing

    found = comparing.compare(base, head, metrics=metrics, **chosen)
    if derived:
        keep("comparison", key, asdict(found))
    return found


def write_comparison(
    comparison: Comparison, form: str, output: Path | None, *, full: bool = False, strict: bool = False
) -> None:
    """Print a comparison, or write it to a file and print its summary."""
    from genbench.comparing import render

    if output is not None:
        output.write_text(render(comparison, form, full=full, strict=strict), encoding="utf-8")
        click.echo(comparison.summary)
    elif form == "rich" and sys.stdout.isatty():
        from rich.console import Console

        Console().print(comparison.to_rich(full=full))
    else:
        click.echo(render(comparison, form, full=full, strict=strict), nl=False)

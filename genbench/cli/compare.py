"""``genbench compare``: did speed or quality get worse, beyond noise? Imports what it needs when it runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genbench.errors import UserError

if TYPE_CHECKING:
    from genbench.comparing import Comparison

__all__ = ["FORMATS", "checked_form", "compare", "put"]

FORMATS = ("rich", "markdown", "json", "github-action-benchmark", "bmf", "asv")
SUFFIXES = {".md": "markdown", ".json": "json"}


@click.command(short_help="tell whether a run is worse than another")
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("head", type=click.Path(path_type=Path))
@click.option("-f", "--format", "form", type=click.Choice(FORMATS), help="Default: by FILE's suffix, else rich.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write to FILE.")
@click.option("--metrics", metavar="A,B", default="", help="Scores to compare.  [default: all]")
@click.option("--all", "full", is_flag=True, help="List what is otherwise only counted, too.")
@click.option("--strict", is_flag=True, help="Exit with 5 where something is inconclusive or missing.")
@click.option("--same-session", is_flag=True, help="Both sides were timed in one job, in turn: compare times, too.")
@click.option("--alpha", type=click.FloatRange(0.0, 0.5, min_open=True), default=0.01, show_default=True,
              help="One-sided false-alarm rate of all scores at once.")  # fmt: skip
@click.option("--floors", type=click.FloatRange(0.0), default=3.0, show_default=True,
              help="Standard deviations of the floor from which a change counts.")  # fmt: skip
@click.option("--share", type=click.FloatRange(0.0), default=0.05, show_default=True,
              help="Share of the distance from the floor from which a change counts.")  # fmt: skip
def compare(
    base: Path, head: Path, form: str | None, output: Path | None, metrics: str, full: bool, strict: bool,
    same_session: bool, alpha: float, floors: float, share: float,
) -> None:  # fmt: skip
    """Compare HEAD with BASE: run directories, or JSON of pytest-benchmark (a file, or a folder of one a process).

    Every cell and metric gets a verdict: regressed, improved, unchanged, inconclusive (and how many more runs would
    settle it), changed (a fact that has no better), not comparable, new or missing. Exits with 4 where something
    regressed.
    """
    form = checked_form(form, output)
    for path in (base, head):
        if not path.exists():
            raise UserError(f"{path}: there is nothing here; expected a run directory or JSON of pytest-benchmark")

    from genbench import comparing
    from genbench.registry.selection import split

    found = comparing.compare(
        base, head, metrics=tuple(split(metrics)), same_session=same_session, alpha=alpha, floors=floors, share=share
    )
    put(found, form, output, full=full, strict=strict)
    found.check(strict=strict)


def checked_form(form: str | None, output: Path | None) -> str:
    """Return the format to write, by default that of the file's suffix; raises UserError where there is no folder."""
    if output is not None and not output.parent.is_dir():
        raise UserError(f"{output}: no folder {output.parent}")
    return form or (SUFFIXES.get(output.suffix, "rich") if output else "rich")


def put(comparison: Comparison, form: str, output: Path | None, *, full: bool = False, strict: bool = False) -> None:
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

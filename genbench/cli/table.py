"""``genbench table``: the tables of finished or unfinished runs, in any format. Imports what it needs when it runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from genbench.errors import UserError

__all__ = ["show", "table"]

FORMATS = ("rich", "markdown", "csv", "latex", "json", "parquet")
NAME = r"(?:\[[^\[\]]*\]|[^,])+"  # up to a comma outside of brackets; a glob may leave them open: w1[*
DAMAGED = 5  # how many damaged files are named
SUFFIXES = {".md": "markdown", ".csv": "csv", ".tex": "latex", ".json": "json", ".parquet": "parquet"}


@click.command(short_help="print the tables of runs")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-f", "--format", "form", type=click.Choice(FORMATS), help="Default: by FILE's suffix, else rich.")
@click.option("--per", type=click.Choice(("model", "seed")), default="model", help="One row a model, or one a seed.")
@click.option(
    "--metrics", metavar="A,B", default="", help="Columns to show: names, globs, all. Default: the most telling."
)
@click.option("--sort", metavar="METRIC", help="Column whose best comes first.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write to FILE.")
def table(
    runs: tuple[Path, ...], form: str | None, per: str, metrics: str, sort: str | None, output: Path | None
) -> None:
    """Print one table a dataset from the records of RUN..., run directories of 'genbench run'.

    A cell of the table is the mean over seeds and its standard error; what nothing beats beyond chance is marked. csv,
    json and parquet hold every score, with its interval, floor and z, and every timing: one row a model or, with --per
    seed, one a cell. Warnings, details and the curves of snapshots are in the records alone.
    """
    form = form or (SUFFIXES.get(output.suffix, "rich") if output else "rich")
    if form == "parquet" and output is None:
        raise UserError("parquet is no text: name the file to write, -o FILE")
    if output is not None and not output.parent.is_dir():
        raise UserError(f"{output}: no folder {output.parent}")

    from genbench.cli.output import warn
    from genbench.record.store import read_run

    for run in runs:
        read_run(run, [])  # a wrong name is told before pandas is imported

    from genbench.report import render
    from genbench.table.results import load

    results = load(*runs)
    warn(_damage(results.damaged))
    if not results.records:
        raise UserError(f"{', '.join(map(str, runs))}: no cell has finished yet, so there is nothing to show")
    names = tuple(name.strip() for name in re.findall(NAME, metrics) if name.strip())
    if form == "rich" and output is None:
        show(results.records, per, names, sort)
        return
    content = render(results.records, form, per=per, metrics=names, sort=sort)
    if output is None:
        click.echo(content, nl=False)
    elif isinstance(content, bytes):
        output.write_bytes(content)
    else:
        output.write_text(content, encoding="utf-8")


def _damage(damaged: Sequence[Any]) -> list[str]:
    """Return a line for each of the first files that hold no whole record."""
    lines = [f"left out, damaged: {each}" for each in damaged[:DAMAGED]]
    return lines + ([f"left out: {len(damaged) - DAMAGED} more damaged files"] if len(damaged) > DAMAGED else [])


def show(records: Sequence[Any], per: str = "model", metrics: tuple[str, ...] = (), sort: str | None = None) -> None:
    """Print to the terminal, in colour and at its width; 100 columns where there is none."""
    from rich.console import Console

    from genbench.report import render_terminal, views_of

    console = Console() if sys.stdout.isatty() else Console(width=100)
    for view in views_of(records, per=per, metrics=metrics, sort=sort):
        console.print(render_terminal(view, console.width))

"""``genbench table``: the tables of finished or unfinished runs, in any format. Imports what it needs when run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genbench.cli.options import choose_format, column_names, output_options, require_option
from genbench.cli.output import warn, write_output
from genbench.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from genbench.table.requirements import Requirement
    from genbench.table.results import Results

FORMATS = ("rich", "markdown", "csv", "latex", "json", "parquet")
EXIT_UNMET = 4  # no model is good enough
MAX_DAMAGED_FILES = 5  # damaged files that are named


@click.command(short_help="print the tables of runs")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--per",
    type=click.Choice(("model", "seed", "option")),
    default="model",
    help="One row per model, one per seed, or one per value of a swept option: 'gaussian[dim=2|8|32]'.",
)
@click.option("--option", metavar="NAME", default="", help="With --per option: which one.  [default: the first]")
@click.option(
    "--metrics", metavar="A,B", default="", help="Columns to show: names, globs, all.  [default: the most important]"
)
@click.option(
    "-m",
    "--models",
    metavar="NAMES",
    default="",
    help="Models to show: names, labels, globs, exclusions.  [default: all]",
)
@click.option("-d", "--datasets", metavar="NAMES", default="", help="The same for datasets.  [default: all]")
@require_option
@click.option("--sort", metavar="METRIC", help="Column to sort by, best first.")
@output_options(FORMATS)
def table(
    runs: tuple[Path, ...],
    form: str | None,
    output: Path | None,
    **options: Any,
) -> int:
    """Print one table per dataset from the records of RUN..., run directories of 'genbench run'.

    Above each table stands which model to take, and why. Each number is the mean over seeds with its 95 % interval.
    Models are ranked by the core metrics together; the best of each column is marked, with those that no test tells
    from it. csv, json and parquet hold every score, with its interval, floor and z, and every timing: one row per model
    or, with --per seed, per cell. Warnings, details and the curves of snapshots are only in the records.
    """
    form = choose_format(form, output, FORMATS)
    if form == "parquet" and output is None:
        raise UserError("parquet is not text: name the file to write, -o FILE")

    from genbench.record.store import read_run

    for run in runs:
        read_run(run, [])  # a wrong name is reported before pandas is imported

    from genbench.record.index import digest_of_runs, keep, recall

    derived = "" if form == "parquet" or options["require"] else digest_of_runs(runs)
    key = [derived, form, *_options_of_output(form, output), *options.values()]
    if derived and isinstance(kept := recall("table", key), str):
        _write(kept, output)
        return 0

    from genbench.report import render
    from genbench.table.requirements import parse_requirements
    from genbench.table.results import load

    requirements = parse_requirements(options["require"]) if options["require"] else []
    results = load(*runs)
    warn(_damage_lines(results.damaged))
    if not results.records:
        raise UserError(f"{', '.join(map(str, runs))}: no cell has finished yet, so there is nothing to show")
    results = results.select(options["models"], options["datasets"])
    names = tuple(column_names(options["metrics"]))
    per, option, sort = options["per"], options["option"], options["sort"]
    code = check_requirements(results, requirements) if requirements else 0
    content: str | bytes
    if form == "rich" and output is None:
        content = _shown(results, per, names, sort, option)
    else:
        content = render(results.records, form, per=per, option=option, metrics=names, sort=sort, suites=results.suites)
    if derived and not results.damaged:
        keep("table", key, content)
    _write(content, output)
    return code


def _options_of_output(form: str, output: Path | None) -> tuple[Any, ...]:
    """Return what a table depends on beside the records: the terminal, if it is printed for people."""
    if form != "rich" or output is not None:
        return ()
    console = _console()
    return console.width, console.color_system, console.no_color, console.encoding, console.legacy_windows


def _write(content: str | bytes, output: Path | None) -> None:
    if output is not None:
        write_output(output, content)
    else:
        assert isinstance(content, str)  # parquet names its file
        _print(content)


def _print(text: str) -> None:
    """Write text to stdout in its encoding; click would write UTF-8 where that is ASCII."""
    sys.stdout.write(text)
    sys.stdout.flush()


def check_requirements(results: Results, requirements: Sequence[Requirement]) -> int:
    """Print which models of each dataset meet the requirements; return 4 if on one of them none does, else 0."""
    from genbench.table.requirements import judge, sentence
    from genbench.table.summary import summarise
    from genbench.text import plain

    code = 0
    for summary in summarise(results.records):
        judgements = judge(summary, requirements)
        click.echo(plain(f"{summary.dataset}: {sentence(judgements, requirements)}"), err=True)
        if not any(judgement.met for judgement in judgements):
            code = EXIT_UNMET
    return code


def _damage_lines(damaged: Sequence[Any]) -> list[str]:
    """Return a line for each of the first damaged files, and one with the number of the others."""
    lines = [f"left out, damaged: {each}" for each in damaged[:MAX_DAMAGED_FILES]]
    more = len(damaged) - MAX_DAMAGED_FILES
    return lines + ([f"left out: {more} more damaged files"] if more > 0 else [])


def show(
    results: Results, per: str = "model", metrics: tuple[str, ...] = (), sort: str | None = None, option: str = ""
) -> None:
    """Print the tables to the terminal, in colour and at its width, or 100 columns wide if there is no terminal."""
    _print(_shown(results, per, metrics, sort, option))


def _console() -> Console:
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=100)


def _shown(results: Results, per: str, metrics: tuple[str, ...], sort: str | None, option: str) -> str:
    from genbench.report import render_terminal, views_of

    console = _console()
    with console.capture() as captured:
        for view in views_of(
            results.records, per=per, option=option, metrics=metrics, sort=sort, suites=results.suites
        ):
            console.print(render_terminal(view, console.width))
    return captured.get()

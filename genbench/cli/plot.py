"""``genbench plot``: figures of finished or unfinished runs, for papers. Imports what it needs when run."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from genbench.cli.options import column_names, out_option, plugin_option, run_names
from genbench.cli.renamed import RenamedOption
from genbench.errors import DataError, UnknownName, UserError

SUFFIXES = (".png", ".pdf", ".svg")


def complete_figures(_: click.Context, __: click.Parameter, incomplete: str) -> list[Any]:
    """Return the names of figures that begin with a text."""
    from click.shell_completion import CompletionItem

    from genbench.report.figures.kinds import FIGURES

    return [CompletionItem(n, help=kind.title) for n, kind in FIGURES.items() if n.startswith(incomplete)]


@click.command(short_help="draw figures of runs")
@click.argument("runs", metavar="RUN...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--figure", "name", metavar="NAME", default="equivalent", show_default=True, shell_complete=complete_figures,
    help="What to draw; see --list.",
)  # fmt: skip
@click.option("--list", "listing", is_flag=True, help="Print the names of the figures and what they show.")
@click.option(
    "-d",
    "--datasets",
    metavar="NAMES",
    default="",
    cls=RenamedOption,
    old="--dataset",
    key="plot --dataset",
    help="Draw only these datasets, a file for each: names and globs.  [default: all]",
)
@click.option(
    "-m",
    "--models",
    metavar="NAMES",
    default="",
    help="Draw only these models: names and globs.  [default: all]",
)
@click.option("--option", metavar="NAME", default="", help="Of the figure sweep: the option to draw against, as dim.")
@click.option(
    "--metrics", metavar="A,B", default="", help="Of the figure sweep: the metrics.  [default: the core ones]"
)
@plugin_option
@click.option("--dpi", type=click.IntRange(30, 1200), default=200, show_default=True, help="Resolution of PNG.")
@out_option(
    "File to write: .png, .pdf or .svg. If there are several datasets, their names are added to the file names."
)
def plot(
    runs: tuple[Path, ...],
    name: str,
    listing: bool,
    datasets: str,
    models: str,
    plugins: tuple[str, ...],
    dpi: int,
    output: Path | None,
    **swept: str,
) -> None:
    """Draw a figure from the records of RUN..., run directories of 'genbench run'.

    'equivalent' shows how many real events the samples of each model are worth, against the scale at which they are
    compared: a model fails where its curve dips. 'genbench plot --list' lists all figures.
    """
    if listing:
        return _print_list()
    output = _check_arguments(runs, output, name)

    from genbench.cli.output import warn
    from genbench.report.figures.draw import results_by_dataset, save
    from genbench.report.figures.kinds import FIGURES
    from genbench.report.text import file_name
    from genbench.table.results import load

    folders = dict(zip(run_names(runs), runs, strict=True))
    together = FIGURES[name].all_options
    if not together and (unused := next((each for each, value in swept.items() if value), None)):
        raise UserError(f"--{unused} applies to the figure sweep, not to {name}")
    all_results = results_by_dataset(load(*runs).records, folders, [Path(p) for p in plugins], all_options=together)
    metrics = tuple(column_names(swept["metrics"]))
    all_results = [replace(results, option=swept["option"], metrics=metrics) for results in all_results]
    if not all_results:
        raise UserError(f"{', '.join(map(str, runs))}: no cell has finished yet, so there is nothing to draw")
    figures, problems = _draw_all(name, _select(all_results, datasets, models))
    warn(problems)
    for results, figure in figures:
        path = output if len(figures) == 1 else output.with_stem(f"{output.stem}-{file_name(results.dataset)}")
        save(figure, path, dpi)
        click.echo(path)
    return None


def _print_list() -> None:
    from genbench.cli.output import print_table
    from genbench.report.figures.kinds import FIGURES

    print_table(("figure", "shows"), [(name, kind.description) for name, kind in FIGURES.items()])


def _check_arguments(runs: tuple[Path, ...], output: Path | None, name: str) -> Path:
    if not runs:
        raise UserError("name the runs to draw: the directories that 'genbench run' printed last; or try --list")
    if output is None:
        raise UserError("name the file to write: -o FILE.png, .pdf or .svg")
    if output.suffix.lower() not in SUFFIXES:
        raise UserError(f"-o {output}: expected a file that ends with {', '.join(SUFFIXES)}")
    if not output.parent.is_dir():
        raise UserError(f"-o {output}: there is no folder {output.parent}")
    for run in runs:
        if not (run / "run.json").is_file():
            raise UserError(f"{run}: no run here (no run.json); give the directory that 'genbench run' printed last")
    from genbench.report.figures.kinds import FIGURES

    if name not in FIGURES:
        raise UnknownName("figure", name, FIGURES)
    return output


def _select(results_list: list[Any], datasets: str, models: str) -> list[Any]:
    """Return the results on the requested datasets, or on all, with the requested models; raises UserError if none."""
    from genbench.registry.selection import split

    if datasets:
        known = [results.dataset for results in results_list]
        results_list = [each for each in results_list if any(_matches(each, term) for term in split(datasets))]
        if not results_list:
            raise UserError(f"--datasets {datasets}: not in these runs; there are: {', '.join(known)}")
    if not models:
        return results_list
    wanted, found = split(models), []
    for results in results_list:
        only = tuple(row.label for row in results.every_row
                     if any(fnmatchcase(text, term) for term in wanted
                            for text in (row.label, str(row.records[0]["model"]))))  # fmt: skip
        found += [replace(results, only=only)] if only else []
    if not found:
        known = list(dict.fromkeys(row.label for results in results_list for row in results.every_row))
        raise UserError(f"--models {models}: not in these runs; there are: {', '.join(known)}")
    return found


def _matches(results: Any, term: str) -> bool:
    names = (str(results.dataset), str(results.records[0]["dataset"]))
    return any(name == term or fnmatchcase(name, term) for name in names)


def _draw_all(name: str, results_list: list[Any]) -> tuple[list[tuple[Any, Any]], list[str]]:
    """Return the figures, and why some datasets have none; raises DataError if no dataset has one."""
    from genbench.report.figures.draw import draw

    figures, problems = [], []
    for results in results_list:
        try:
            figures.append((results, draw(name, results)))
        except DataError as error:
            problems.append(str(error))
        problems += results.damaged
    if not figures:
        raise DataError("; ".join(problems))
    return figures, problems

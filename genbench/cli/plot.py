"""``genbench plot``: figures of finished or unfinished runs, for papers. Imports what it needs when it runs."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from genbench.cli.options import names_of, plugin_option
from genbench.errors import DataError, UserError

__all__ = ["plot"]

SUFFIXES = (".png", ".pdf", ".svg")


@click.command(short_help="draw figures of runs")
@click.argument("runs", metavar="RUN...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--figure", "name", metavar="NAME", default="equivalent", show_default=True, help="What to draw.")
@click.option("--list", "listing", is_flag=True, help="Print the names of the figures and what they show.")
@click.option("-d", "--dataset", metavar="NAME", help="Draw this dataset only. Default: a file for each.")
@click.option(
    "-m", "--models", metavar="NAMES", default="", help="Draw these models only: names and globs as vae,gan*."
)
@plugin_option
@click.option("--dpi", type=click.IntRange(30, 1200), default=200, show_default=True, help="Pixels an inch, of PNG.")
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: .png, .pdf or .svg. With several datasets, each has its name before the suffix.",
)  # fmt: skip
def plot(
    runs: tuple[Path, ...],
    name: str,
    listing: bool,
    dataset: str | None,
    models: str,
    plugins: tuple[str, ...],
    dpi: int,
    output: Path | None,
) -> None:
    """Draw a figure from the records of RUN..., run directories of 'genbench run'.

    'equivalent' shows how many real events the samples of each model are worth, against the scale at which they are
    looked at: where a curve dips, the model fails. 'genbench plot --list' names all others.
    """
    if listing:
        return _print_list()
    output = _checked(runs, output)

    from genbench.cli.output import warn
    from genbench.report.figures.draw import results_by_dataset, save
    from genbench.table.results import load

    results = load(*runs)
    folders = dict(zip(names_of(runs), runs, strict=True))
    subjects = results_by_dataset(results.records, folders, [Path(p) for p in plugins])
    if not subjects:
        raise UserError(f"{', '.join(map(str, runs))}: no cell has finished yet, so there is nothing to draw")
    figures, problems = _drawn(name, _narrowed(subjects, dataset, models))
    warn(problems)
    for subject, figure in figures:
        path = output if len(figures) == 1 else output.with_stem(f"{output.stem}-{_file_name(subject.dataset)}")
        save(figure, path, dpi)
        click.echo(path)
    return None


def _print_list() -> None:
    from genbench.cli.output import print_table
    from genbench.report.figures.draw import FIGURES

    print_table(("figure", "shows"), [(name, kind.description) for name, kind in FIGURES.items()])


def _checked(runs: tuple[Path, ...], output: Path | None) -> Path:
    if not runs:
        raise UserError("name the runs to draw: the directories that 'genbench run' printed last; or try --list")
    if output is None:
        raise UserError("name the file to write: -o FILE.png, .pdf or .svg")
    if output.suffix.lower() not in SUFFIXES:
        raise UserError(f"-o {output}: expected a file that ends with {', '.join(SUFFIXES)}")
    if not output.parent.is_dir():
        raise UserError(f"-o {output}: no folder {output.parent}")
    for run in runs:
        if not (run / "run.json").is_file():
            raise UserError(f"{run}: no run here (no run.json); give the directory that 'genbench run' printed last")
    return output


def _narrowed(subjects: list[Any], dataset: str | None, models: str) -> list[Any]:
    """Return the datasets and in each the models that were asked for; raises UserError where there are none."""
    if dataset is not None:
        known = [subject.dataset for subject in subjects]
        subjects = [s for s in subjects if dataset in (s.dataset, s.records[0]["dataset"])]
        if not subjects:
            raise UserError(f"--dataset {dataset}: not in these runs; there are: {', '.join(known)}")
    if not models:
        return subjects
    from genbench.registry.selection import split

    wanted, found = split(models), []
    for subject in subjects:
        only = tuple(row.label for row in subject.every_row
                     if any(fnmatchcase(text, term) for term in wanted
                            for text in (row.label, str(row.records[0]["model"]))))  # fmt: skip
        found += [replace(subject, only=only)] if only else []
    if not found:
        known = list(dict.fromkeys(row.label for subject in subjects for row in subject.every_row))
        raise UserError(f"--models {models}: not in these runs; there are: {', '.join(known)}")
    return found


def _drawn(name: str, subjects: list[Any]) -> tuple[list[tuple[Any, Any]], list[str]]:
    """Return the figures, all before any file is written, and why some datasets have none; one must have."""
    from genbench.report.figures.draw import draw

    figures, problems = [], []
    for subject in subjects:
        try:
            figures.append((subject, draw(name, subject)))
        except DataError as error:
            problems.append(str(error))
    if not figures:
        raise DataError("; ".join(problems))
    return figures, problems


def _file_name(label: str) -> str:
    """Return a label as part of a file's name."""
    return "".join(c if c.isalnum() or c in "=._-" else "_" for c in label).strip("._") or "dataset"

"""``genbench plot``: figures of finished or unfinished runs, for papers. Imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path

import click

from genbench.errors import UserError

__all__ = ["plot"]

SUFFIXES = (".png", ".pdf", ".svg")


@click.command(short_help="draw figures of runs")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--figure", "name", metavar="NAME", default="equivalent", show_default=True, help="What to draw.")
@click.option("-d", "--dataset", metavar="NAME", help="Draw this dataset only. Default: a file for each.")
@click.option("--dpi", type=click.IntRange(30, 1200), default=200, show_default=True, help="Pixels an inch, of PNG.")
@click.option(
    "-o", "--output", metavar="FILE", required=True, type=click.Path(path_type=Path, dir_okay=False),
    help="File to write: .png, .pdf or .svg. With several datasets, each has its name before the suffix.",
)  # fmt: skip
def plot(runs: tuple[Path, ...], name: str, dataset: str | None, dpi: int, output: Path) -> None:
    """Draw a figure from the records of RUN..., run directories of 'genbench run'.

    'equivalent' shows how many real events the samples of each model are worth, against the scale at which they are
    looked at: where a curve dips, the model fails.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise UserError(f"-o {output}: expected a file that ends with {', '.join(SUFFIXES)}")
    if not output.parent.is_dir():
        raise UserError(f"-o {output}: no folder {output.parent}")
    for run in runs:
        if not (run / "run.json").is_file():
            raise UserError(f"{run}: no run here (no run.json); give the directory that 'genbench run' printed last")

    from genbench.report.figures import draw, save, subjects_of
    from genbench.table import load

    results = load(*runs)
    subjects = subjects_of(results.records, {run.resolve().name: run for run in runs})
    if not subjects:
        raise UserError(f"{', '.join(map(str, runs))}: no cell has finished yet, so there is nothing to draw")
    if dataset is not None:
        known = [subject.dataset for subject in subjects]
        subjects = [s for s in subjects if dataset in (s.dataset, s.records[0]["dataset"])]
        if not subjects:
            raise UserError(f"--dataset {dataset}: not in these runs; there are: {', '.join(known)}")
    figures = [(subject, draw(name, subject)) for subject in subjects]  # all, before any file is written
    for subject, figure in figures:
        path = output if len(figures) == 1 else output.with_stem(f"{output.stem}-{_file_name(subject.dataset)}")
        save(figure, path, dpi)
        click.echo(path)


def _file_name(label: str) -> str:
    """Return a label as part of a file's name."""
    return "".join(c if c.isalnum() or c in "=._-" else "_" for c in label).strip("._") or "dataset"

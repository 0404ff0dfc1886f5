"""``genbench report``: runs as one HTML file. Imports what it needs when run."""

from __future__ import annotations

from pathlib import Path

import click

from genbench.cli.options import out_option, plugin_option, run_names
from genbench.cli.output import write_output
from genbench.errors import UserError

SUFFIXES = (".html", ".htm")


@click.command(short_help="write runs as one HTML file")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@out_option("File to write.", default="report.html", show_default=True)
@click.option(
    "-m",
    "--models",
    metavar="NAMES",
    default="",
    help="Models to show: names, labels, globs, exclusions.  [default: all]",
)
@click.option("-d", "--datasets", metavar="NAMES", default="", help="The same for datasets.  [default: all]")
@click.option("--title", metavar="TEXT", help="Title of the page.  [default: the names of the runs]")
@click.option("--no-pictures", is_flag=True, help="Write only tables and cells; no dataset is loaded.")
@plugin_option
def report(
    runs: tuple[Path, ...], output: Path, title: str | None, no_pictures: bool, plugins: tuple[str, ...], **chosen: str
) -> None:
    """Write RUN..., run directories of 'genbench run', as one self-contained HTML file.

    Where it would pass 10 MB, FILE is a front page, which links to one file of each dataset beside it. It holds the
    leaderboards, pictures of samples next to real data, quality against cost, and every cell with its
    scores, its log and the command that reproduces it. It opens in any browser, without a network.
    """
    if output.suffix.lower() not in SUFFIXES:
        raise UserError(f"-o {output}: expected a file that ends with .html")
    if not output.parent.is_dir():
        raise UserError(f"-o {output}: there is no folder {output.parent}")

    from genbench.record.store import read_run

    for run in runs:
        read_run(run, [])  # a wrong name is reported before anything heavy is imported

    names = run_names(runs)

    from genbench.report.html import render_pages
    from genbench.table.results import load
    from genbench.text import plain

    title = title or f"genbench: {', '.join(map(plain, names))}"
    files = [Path(path) for path in plugins]
    results = load(*runs).select(chosen["models"], chosen["datasets"])
    pages = render_pages(results, runs, title, files, pictures=not no_pictures, stem=output.stem)
    for stem, page in pages.items():
        file = output.with_name(f"{stem}.html") if stem != output.stem else output
        write_output(file, page)
        click.echo(f"{file}  {len(page.encode()) / 1e6:.1f} MB")

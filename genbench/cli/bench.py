"""``genbench bench``: is one version slower than another? Imports what it needs when run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from genbench.cli.compare import FORMATS, write_comparison
from genbench.cli.options import check_folder, choose_format, output_options


@click.command(short_help="measure a version in turn with another")
@click.option(
    "--against",
    metavar="BASE",
    help="Version to compare with: a git ref, a wheel, the directory of a run (its commit), or a file of --save.",
)
@click.option(
    "--head", metavar="HEAD", default=".", show_default=True, help="Version to measure: a git ref, a wheel or a folder."
)
@click.option(
    "--project",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="Folder with the pyproject.toml of genbench or of a plugin.  [default: the current one]",
)
@click.option(
    "--select", metavar="NAMES", default="", help="Quantities to measure: names, globs, exclusions, as 'model/*'."
)
@click.option("--quick", is_flag=True, help="Measure fewer quantities, fewer times: a minute of CPU time.")
@click.option(
    "--pairs", type=click.IntRange(min=5), default=5, show_default=True, help="Initial number of values per version."
)
@click.option("--strict", is_flag=True, help="Exit with 5 if something is inconclusive.")
@click.option("--all", "full", is_flag=True, help="Also list verdicts that are otherwise only counted.")
@click.option(
    "--save", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Save the times of HEAD in FILE."
)
@output_options(FORMATS)
def bench(form: str | None, output: Path | None, save: Path | None, **options: Any) -> None:
    """Measure the frequent operations of genbench, or of the plugin in this folder, and compare them with BASE.

    Both versions are installed into their own environments and measured in turn on this machine, in CPU seconds on one
    thread: start-up, registry, plan, records, tables, each metric on fixed arrays, a training step and a draw of each
    model. A version counts as slower if it takes over 10 % longer, significantly and repeatedly; then the exit code
    is 4. Counts, bytes, values and hashes are compared exactly. Measuring all of genbench takes about twelve minutes of
    CPU time.
    """
    form = choose_format(form, output, FORMATS)
    check_folder(save)

    from genbench.benching.request import BenchRequest

    names = ("against", "head", "project", "select", "quick", "pairs")
    request = BenchRequest(**{name: options[name] for name in names})
    sides = request.base(), request.head_source()  # mistakes are reported before anything heavy is imported

    from genbench.benching.run import bench as measure

    comparison = measure(request, *sides, save, _progress())
    strict = options["strict"] and request.against is not None
    write_comparison(comparison, form, output, full=options["full"], strict=strict)
    if request.against is not None:
        comparison.check(strict=strict)


def _progress() -> Callable[[str], None]:
    """Return a function that reports progress: a changing line in a terminal, else a line for each stage."""
    if sys.stderr.isatty():
        return lambda line: click.echo(f"\r\x1b[K{line[:78]}", nl=False, err=True)
    seen: set[str] = set()

    def print_stage(line: str) -> None:
        stage = line.split(":")[0].split("/")[0].rstrip("0123456789 ")
        if stage and stage not in seen:
            seen.add(stage)
            click.echo(f"genbench: {stage if stage != line else line}", err=True)

    return print_stage

"""``genbench bench``: did this version get slower than that one? Imports what it needs when it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from genbench.cli.compare import FORMATS, checked_form, put

__all__ = ["bench"]


@click.command(short_help="measure a version in turn with another")
@click.option(
    "--against",
    metavar="BASE",
    help="What to compare with: a git ref, a wheel, a run's directory (the commit that made it), or a file of --save.",
)
@click.option(
    "--head", metavar="HEAD", default=".", show_default=True, help="What is measured: a git ref, a wheel, or the files."
)
@click.option(
    "--project",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="The folder with the pyproject.toml of genbench or of a plugin.  [default: this one]",
)
@click.option(
    "--select", metavar="NAMES", default="", help="Tracked quantities: names, globs, exclusions, as 'model/*'."
)
@click.option("--quick", is_flag=True, help="Measure less, and less often: about a minute of CPU time.")
@click.option("--pairs", type=click.IntRange(min=5), default=5, show_default=True, help="Values a side at first.")
@click.option("--strict", is_flag=True, help="Exit with code 5 where something is inconclusive.")
@click.option("--all", "full", is_flag=True, help="List what is otherwise only counted, too.")
@click.option("--save", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Keep head's times.")
@click.option("-f", "--format", "form", type=click.Choice(FORMATS), help="Default: by FILE's suffix, else rich.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write to FILE.")
def bench(
    against: str | None,
    head: str,
    project: Path,
    select: str,
    quick: bool,
    pairs: int,
    strict: bool,
    full: bool,
    save: Path | None,
    form: str | None,
    output: Path | None,
) -> None:
    """Measure what genbench, or the plugin in this folder, does often, and compare it with BASE.

    Both are installed into environments of their own and measured in turn on this machine: start-up, registry, plan,
    records, tables, each metric on fixed arrays, a training step and a draw of each model, CPU seconds on one thread.
    Slower counts beyond 10 % and beyond chance, and only if it repeats; then the exit code is 4. Counts, bytes, values
    and hashes are compared exactly. All that genbench itself provides takes about twelve minutes of CPU time.
    """
    form = checked_form(form, output)
    checked_form(None, save)

    from genbench.benching.request import BenchRequest

    request = BenchRequest(against, head, project, select, quick, pairs)
    sides = request.base(), request.head_source()  # a mistake is told before anything heavy is imported

    from genbench.benching.run import bench as measure

    comparison = measure(request, *sides, save, _progress())
    put(comparison, form, output, full=full, strict=strict and against is not None)
    if against is not None:
        comparison.check(strict=strict)


def _progress() -> Callable[[str], None]:
    """Return what tells of the progress: one line that changes in a terminal, else only what takes long."""
    if sys.stderr.isatty():
        return lambda line: click.echo(f"\r\x1b[K{line[:78]}", nl=False, err=True)
    seen: set[str] = set()

    def tell(line: str) -> None:
        stage = line.split(":")[0].split("/")[0].rstrip("0123456789 ")
        if stage and stage not in seen:
            seen.add(stage)
            click.echo(f"genbench: {stage if stage != line else line}", err=True)

    return tell

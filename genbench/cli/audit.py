"""``genbench audit``: which metric sees which fault in your data. Imports what it needs when it runs, never torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from genbench.cli.options import complete, data_options, plugin_option
from genbench.errors import UserError

__all__ = ["audit"]

FORMATS = ("rich", "markdown", "json", "csv")
SUFFIXES = {".md": "markdown", ".csv": "csv", ".json": "json"}
PLUGIN_FAILED = 3
DATA = ("columns", "labels", "log", "periodic", "na", "encoding", "max_bytes")


@click.command(short_help="see which metric sees which fault")
@click.option(
    "-d", "--dataset", metavar="NAME", shell_complete=complete("dataset"), help="A dataset, as ring[modes=12]."
)
@click.option("--data", "--real", "real", metavar="FILE", help="Or a file of yours: csv, parquet, npy, npz, hdf5, ...")
@click.option(
    "--metrics",
    metavar="NAMES",
    shell_complete=complete("metric"),
    help="Names, globs, exclusions, options.  [default: those that declare what they detect]",
)
@click.option("--faults", metavar="NAMES", default="all", show_default=True, help="Names, globs, exclusions.")
@click.option(
    "-n", "--rows", type=int, metavar="N", help="How many samples are scored.  [default: 800, or a quarter of the data]"
)
@click.option("--modes", type=int, metavar="K", help="Clusters taken for modes.  [default: as declared, else 8]")
@click.option("--set", "settings", metavar="NAME.OPTION=VALUE", multiple=True, help="Set an option of a metric.")
@data_options
@plugin_option
@click.option("--seed", type=int, default=0, help="Of all that is drawn.  [default: 0]")
@click.option("-f", "--format", "form", type=click.Choice(FORMATS), help="Default: by FILE's suffix, else rich.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write to FILE.")
def audit(**said: Any) -> int:
    """Inject faults of known size into real data, and print what each metric sees of each.

    Fourteen faults, from dropped modes to copied training rows, each at one size (z against what fresh real data score)
    and at the smallest size that the metric still sees with so many samples. The last lines name a smallest set of
    metrics that sees everything. A metric that misses a fault it advertises is told, and the exit code is 3;
    of fewer than 400 samples no more is asked than what 400 would show.
    """
    output: Path | None = said["output"]
    form = said["form"] or (SUFFIXES.get(output.suffix, "rich") if output else "rich")
    if output is not None and not output.parent.is_dir():
        raise UserError(f"{output}: no folder {output.parent}")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # before numpy: threads that wait for each other cost more than they give
    os.environ.setdefault("POT_BACKEND_DISABLE_PYTORCH", "1")  # nothing here needs torch, and POT would import it

    from genbench.auditing import run
    from genbench.auditing.request import AuditRequest
    from genbench.registry.options import parse_set

    request = AuditRequest(
        real=said["real"], dataset=said["dataset"], metrics=said["metrics"], faults=said["faults"], rows=said["rows"],
        modes=said["modes"], seed=said["seed"], settings=tuple(parse_set(text) for text in said["settings"]),
        data_options={name: said[name] for name in DATA if said[name] is not None}, plugins=said["plugins"],
    )  # fmt: skip
    with _progress() as listener:
        found = run(request, listener)
    _tell(found, form, output)
    if not found.missed:
        return 0
    from genbench.auditing.findings import complaint
    from genbench.cli.output import warn

    warn([complaint(finding, found.n) for finding in found.missed])
    return PLUGIN_FAILED


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Say on a terminal what is being measured."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status("auditing") as status:
        yield lambda what: status.update(f"auditing: {what}")


def _tell(found: Any, form: str, output: Path | None) -> None:
    from genbench.auditing.tables import render_terminal

    if output is not None:
        output.write_text(found.render(form), encoding="utf-8")
    elif form == "rich" and sys.stdout.isatty():
        from rich.console import Console

        console = Console()
        console.print(render_terminal(found.tables(), console.width))
    else:
        click.echo(found.render(form), nl=False)

"""``genbench audit``: which metrics detect which faults in your data. Imports what it needs when run, never torch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from genbench.cli.options import (
    choose_format,
    complete,
    data_options,
    given_data_options,
    output_options,
    plugin_option,
    use_one_thread,
)
from genbench.cli.output import spinner, warn, write_output

FORMATS = ("rich", "markdown", "json", "csv")
EXIT_PLUGIN_FAILED = 3


@click.command(short_help="show which metrics detect which faults")
@click.option(
    "-d", "--dataset", metavar="NAME", shell_complete=complete("dataset"), help="A dataset, as ring[modes=12]."
)
@click.option("--data", "--real", "real", metavar="FILE", help="Or your own file: csv, parquet, npy, hdf5, root, ...")
@click.option(
    "--metrics",
    metavar="NAMES",
    shell_complete=complete("metric"),
    help="Names, globs, exclusions, options.  [default: those that declare what they detect]",
)
@click.option("--faults", metavar="NAMES", default="all", show_default=True, help="Names, globs, exclusions.")
@click.option(
    "-n", "--rows", type=int, metavar="N", help="Number of samples to score.  [default: 800, or a quarter of the data]"
)
@click.option(
    "--modes", type=int, metavar="K", help="Number of clusters taken as modes.  [default: as declared, else 8]"
)
@click.option("--set", "settings", metavar="NAME.OPTION=VALUE", multiple=True, help="Set an option of a metric.")
@data_options()
@plugin_option
@click.option("--seed", type=int, default=0, help="Random seed.  [default: 0]")
@output_options(FORMATS)
def audit(**options: Any) -> int:
    """Inject faults of known size into real data, and print how well each metric detects each fault.

    There are 31 faults, from dropped modes to copied training rows, some for tables or images only; those that these
    data cannot have are left out, with the reason. For each, one table has the z of a fault of fixed size, relative to
    the score of fresh real data, another the smallest size that the metric detects with this number of samples. The
    last lines name a smallest set of metrics that detects everything, and which faults the core metrics detect, those
    that every table shows. A metric that misses a fault it declares is reported, and the exit code is 3; below 400
    samples, only what it would detect with 400 counts.
    """
    output: Path | None = options["output"]
    form = choose_format(options["form"], output, FORMATS)
    use_one_thread()

    from genbench.auditing import run
    from genbench.auditing.request import AuditRequest
    from genbench.registry.options import parse_set

    request = AuditRequest(
        real=options["real"], dataset=options["dataset"], metrics=options["metrics"], faults=options["faults"],
        rows=options["rows"], modes=options["modes"], seed=options["seed"],
        settings=tuple(parse_set(text) for text in options["settings"]),
        data_options=given_data_options(options), plugins=options["plugins"],
    )  # fmt: skip
    with spinner("auditing") as listener:
        result = run(request, listener)
    _print_result(result, form, output)
    if not result.missed:
        return 0
    from genbench.auditing.findings import complaint

    warn([complaint(finding, result.n) for finding in result.missed])
    return EXIT_PLUGIN_FAILED


def _print_result(result: Any, form: str, output: Path | None) -> None:
    from genbench.auditing.tables import render_terminal

    if output is not None:
        write_output(output, result.render(form))
    elif form == "rich" and sys.stdout.isatty():
        from rich.console import Console

        console = Console()
        console.print(render_terminal(result.tables(), console.width))
    else:
        click.echo(result.render(form), nl=False)

"""``genbench merge``: joins several runs into one. Imports what it needs when run."""

from __future__ import annotations

from pathlib import Path

import click

from genbench.cli.options import json_option


@click.command(short_help="join runs")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help="The new run.")
@click.option(
    "--samples",
    type=click.Choice(("copy", "link", "none")),
    default="copy",
    show_default=True,
    help="link: share the files with RUN...; none: new metrics cannot be scored.",
)
@click.option("--compress", is_flag=True, help="Write the records by gzip, a third as large or less.")
@json_option
def merge(runs: tuple[Path, ...], out: Path, samples: str, compress: bool, as_json: bool) -> int:
    """Join RUN... into the new run DIR, without changing them.

    All attempts are kept, identical ones once, with the name of the run that they come from. Tables show the attempt at
    a cell that ended last.
    """
    from genbench.cli.output import print_json, warn
    from genbench.record import merge

    merged = merge.merge(runs, out, samples, compress=compress)
    warn([f"left out {damage}" for damage in merged.damaged])
    if as_json:
        facts = {"out": str(out), "cells": merged.cells, "attempts": merged.attempts, "identical": merged.identical}
        facts |= {"renumbered": merged.renumbered, "samples": merged.samples, "damaged": len(merged.damaged)}
        print_json(facts)
        return 0
    click.echo(
        f"{out}: {merged.cells} cells, {merged.attempts} attempts ({merged.identical} identical, "
        f"{merged.renumbered} renumbered), samples of {merged.samples}"
    )
    return 0

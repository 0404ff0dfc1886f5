"""``genbench merge``: one run out of several. Imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path

import click

from genbench.cli.options import json_option

__all__ = ["merge"]


@click.command(short_help="join runs")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help="The new run.")
@click.option(
    "--samples",
    type=click.Choice(("copy", "link", "none")),
    default="copy",
    show_default=True,
    help="link shares the files with the sources; without samples no new metric can be scored.",
)
@json_option
def merge(runs: tuple[Path, ...], out: Path, samples: str, as_json: bool) -> int:
    """Join RUN... into the new run DIR; the sources are only read.

    All attempts are kept, identical ones once, and say which run they come from. What counts in a table is the attempt
    at a cell that ended last.
    """
    from genbench.cli.output import print_json, warn
    from genbench.record import merge

    merged = merge.merge(runs, out, samples)
    warn([f"left out {damage}" for damage in merged.damaged])
    if as_json:
        told = {"out": str(out), "cells": merged.cells, "attempts": merged.attempts, "identical": merged.identical}
        told |= {"renumbered": merged.renumbered, "samples": merged.samples, "damaged": len(merged.damaged)}
        print_json(told)
        return 0
    click.echo(
        f"{out}: {merged.cells} cells, {merged.attempts} attempts ({merged.identical} identical, "
        f"{merged.renumbered} renumbered), samples of {merged.samples}"
    )
    return 0

"""``genbench list``: what is installed, one line each, from the declarations of plugins; imports no implementation."""

from __future__ import annotations

import shutil
import sys
from typing import Any

import click

from genbench.cli.options import json_option, plugin_option

COLUMNS = {  # the columns for each kind
    "model": ("name", "density", "data", "summary", "provided by"),
    "dataset": ("name", "data", "rows", "knows", "summary", "provided by"),
    "metric": ("name", "better", "unit", "needs", "summary", "provided by"),
    "space": ("name", "data", "needs", "summary", "provided by"),
    "suite": ("name", "datasets", "seeds", "summary", "provided by"),
}
NARROW_TERMINAL = 110  # characters of a terminal, below which only these columns are shown
NARROW_COLUMNS = {
    "model": ("name", "density", "data", "summary"),
    "dataset": ("name", "data", "rows", "summary"),
    "metric": ("name", "better", "summary"),
    "space": ("name", "data", "summary"),
    "suite": ("name", "seeds", "summary"),
}
KNOWN_FACTS = ("density", "modes", "labels", "observables", "simulator", "outliers")


@click.command("list")
@click.argument("kind", required=False, type=click.Choice(["models", "datasets", "metrics", "spaces", "suites"]))
@json_option
@plugin_option
def list_(kind: str | None, as_json: bool, plugins: tuple[str, ...]) -> None:
    """List the installed models, datasets, metrics, feature spaces and suites."""
    from genbench.cli.output import print_json, print_table, warn
    from genbench.registry.describe import facts
    from genbench.registry.registry import Registry
    from genbench.spec import PLUGIN_KINDS

    registry = Registry.discover(plugins)
    kinds = [kind.removesuffix("s")] if kind else PLUGIN_KINDS
    found = [facts(entry) for each in kinds for entry in registry.entries(each)]
    warn(registry.problems)
    if as_json:
        print_json(found)
        return
    narrow = sys.stdout.isatty() and shutil.get_terminal_size().columns < NARROW_TERMINAL
    for each in kinds:
        rows = [_row(fact) for fact in found if fact["kind"] == each]
        columns = (NARROW_COLUMNS if narrow else COLUMNS)[each]
        print_table(columns, [[row[c] for c in columns] for row in rows], "" if kind else f"{each}s")
    if narrow:
        click.echo("all columns: in a wider terminal, or with --json; all of one: genbench show NAME")


def _row(fact: dict[str, Any]) -> dict[str, Any]:
    row = fact | {name: " ".join(fact[name]) for name in ("data", "needs") if isinstance(fact.get(name), list)}
    if fact["kind"] == "dataset":
        row["rows"] = "any" if fact["rows"] is None else fact["rows"]
        row["knows"] = " ".join(name for name in KNOWN_FACTS if fact.get(name))
    if fact["kind"] == "metric" and not fact["ranked"]:
        row["better"] = "neither"
    return row | {"provided by": fact["provenance"]["distribution"]}

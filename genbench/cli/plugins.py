"""``genbench plugins``: the installed plugins, what each provides and costs at start-up, and what is wrong with it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from genbench.cli.options import json_option, plugin_option
from genbench.spec import PLUGIN_KINDS

if TYPE_CHECKING:
    from genbench.registry.discovery import PluginRow


@click.command("plugins")
@click.argument("name", required=False)
@json_option
@plugin_option
def plugins(name: str | None, as_json: bool, plugins: tuple[str, ...]) -> None:
    """Show the installed plugins and their problems; with NAME, one plugin with its traceback.

    GENBENCH_BLOCK=name,name keeps plugins (or distributions) from being loaded; GENBENCH_TRACE=1 reports on stderr each
    plugin that is loaded and each observer that is called.
    """
    from genbench.cli.output import print_json, print_table
    from genbench.errors import UnknownName
    from genbench.registry.registry import Registry
    from genbench.text import plain

    rows = Registry.discover(plugins).plugins
    if name is not None:
        known = {row.name for row in rows} | {row.distribution for row in rows}
        rows = [row for row in rows if name in (row.name, row.distribution)]
        if not rows:
            raise UnknownName("plugin", name, known)
    if as_json:
        print_json([_facts(row) for row in rows])
        return
    columns = ("plugin", "distribution", "version", "status", "ms", "provides")
    print_table(columns, [(*_names(row), row.status, f"{1000 * row.seconds:.1f}", _provides(row)) for row in rows])
    for row in rows:
        if row.reason:
            click.echo(plain(row.problem or f"plugin {row.name!r} ({row.provenance}) is {row.status} {row.reason}"))
            for line in row.traceback.splitlines() if name is not None else ():
                click.echo(f"  {' ' * (len(line) - len(line.lstrip()))}{plain(line)}")
    if any(row.traceback for row in rows) and name is None:
        click.echo("for a traceback: genbench plugins NAME")


def _names(row: PluginRow) -> tuple[str, str, str]:
    version = f"{row.version} (editable)" if row.provenance.editable else row.version
    return row.name, row.distribution, version


def _provides(row: PluginRow) -> str:
    parts = []
    for kind in PLUGIN_KINDS:
        names = [name for each, _, name in (text.partition(" ") for text in row.provides) if each == kind]
        if names:
            parts.append(f"{kind}{'s' * (len(names) > 1)} {', '.join(names)}")
    return "; ".join(parts)


def _facts(row: PluginRow) -> dict[str, Any]:
    facts = asdict(row)
    return {"name": row.name, **facts.pop("provenance"), **facts}

"""``genbench show NAME``: a plugin of any kind, its options with types and defaults, and its provider."""

from __future__ import annotations

from typing import Any

import click

from genbench.cli.options import complete, json_option, plugin_option
from genbench.spec import PLUGIN_KINDS

PUBLISHED_FIELDS = ("model", "dataset", "metric", "value", "error", "source")


@click.command("show")
@click.argument("name", shell_complete=complete(*PLUGIN_KINDS))
@json_option
@plugin_option
def show(name: str, as_json: bool, plugins: tuple[str, ...]) -> None:
    """Show a model, dataset, metric, space or suite: its options or its published values, and who provides it.

    NAME may be preceded by its kind or its distribution: dataset:gaussian, genbench-hep:dijets.
    """
    from genbench.cli.output import print_json
    from genbench.registry.describe import facts, option_facts
    from genbench.registry.registry import Registry

    entries = Registry.discover(plugins).find_any(name)
    found = [facts(entry) | {"options": option_facts(entry.spec.config)} for entry in entries]
    if as_json:
        print_json(found)
        return
    for fact in found:
        _print(fact)


def _print(fact: dict[str, Any]) -> None:
    from genbench.cli.output import print_table
    from genbench.text import plain

    click.echo(plain(f"{fact['kind']} {fact['name']}: {fact['summary']}"))
    skip = ("kind", "name", "summary", "options", "provenance", "steps", "iterative", "published")
    lines = {name: _text(value) for name, value in fact.items() if name not in skip}
    if fact["kind"] == "model":
        lines["training"] = _training(fact)
    lines["provided by"] = _provider(fact["provenance"])
    for name, text in lines.items():
        if text:
            click.echo(f"  {name:<13} {plain(text)}")
    click.echo()
    if fact["kind"] == "suite":
        if fact["published"]:
            print_table(PUBLISHED_FIELDS, [[_text(v[name]) for name in PUBLISHED_FIELDS] for v in fact["published"]])
        click.echo(f"to run it: genbench run --suite {fact['name']}\n")
        return
    if not fact["options"]:
        click.echo("no options\n")
        return
    rows = [(o["name"], o["type"], _default(o), o["meaning"]) for o in fact["options"]]
    print_table(("option", "type", "default", "meaning"), rows)
    name, option = fact["name"], fact["options"][0]["name"]
    click.echo(
        f"to set an option: --set {name}.{option}=VALUE or '{name}[{option}=VALUE]'; a sweep: '{name}[{option}=A|B]'\n"
    )


def _training(fact: dict[str, Any]) -> str:
    if not fact["iterative"]:
        return "in one pass: no budget applies"
    return ", ".join(f"{number} steps on {kind} data" for kind, number in fact["steps"].items())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{part} {name}" for name, part in value.items())
    return "" if value is None else str(value)


def _default(option: dict[str, Any]) -> str:
    if option["required"]:
        return "(required)"
    value = option["default"]
    if isinstance(value, list):
        return f"({', '.join(map(str, value))})"
    return "none" if value is None else str(value)


def _provider(source: dict[str, Any]) -> str:
    editable = ", editable" if source["editable"] else ""
    return f"{source['distribution']} {source['version']}".strip() + f" (plugin {source['plugin']}{editable})"

"""Options and completions that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["complete", "json_option", "plugin_option"]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
plugin_option = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Load a plugin of one Python file, too; may be repeated.",
)


def complete(*kinds: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return what completes the last of some comma-separated names of models, datasets or metrics."""

    def items(_: click.Context, __: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        from genbench.registry import Registry

        registry = Registry.discover()
        before, comma, start = incomplete.rpartition(",")
        entries = [entry for kind in kinds for entry in registry.entries(kind) if entry.key.startswith(start)]
        return [CompletionItem(before + comma + entry.key, help=entry.spec.summary) for entry in entries]

    return items

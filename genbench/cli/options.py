"""Options and completions that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from genbench.errors import UserError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["Size", "complete", "data_options", "json_option", "names_of", "plugin_option"]

F = TypeVar("F", bound=Callable[..., Any])
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


class Size(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes: 500000, 500MB, 4GiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(|[kmg]i?)b?", str(value).strip().lower())
        if match is None:
            self.fail(f"expected a size, as 500MB or 4GiB, got {value!r}", param, ctx)
        return int(float(match[1]) * UNITS[match[2]])


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
plugin_option = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Load a plugin of one Python file, too; may be repeated.",
)


DATA_OPTIONS = (
    click.option(
        "--columns", metavar="A,B", help="Which columns of the file: names, indices, 0:5, globs, -exclusions."
    ),
    click.option("--labels", metavar="COLUMN", help="A column of the file that labels the rows and is not modelled."),
    click.option("--log", metavar="A,B", help="Columns of the file that are modelled and scored as logarithms."),
    click.option("--periodic", metavar="A,B=360", help="Columns of the file that repeat, by default after 2 pi."),
    click.option(
        "--na",
        type=click.Choice(("refuse", "drop")),
        help="What to do with rows that hold no number.  [default: refuse]",
    ),
    click.option("--encoding", metavar="NAME", help="Encoding of a text file.  [default: UTF-8]"),
    click.option(
        "--max-bytes", metavar="SIZE", type=Size(), help="The largest file that is read, as 4GiB.  [default: 2GiB]"
    ),
)


def data_options(command: F) -> F:
    """Add the options that say how a file of the user's is read."""
    for option in reversed(DATA_OPTIONS):
        command = option(command)
    return command


def complete(*kinds: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return what completes the last of some comma-separated names of models, datasets or metrics."""

    def items(_: click.Context, __: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        from genbench.registry.registry import Registry

        registry = Registry.discover()
        before, comma, start = incomplete.rpartition(",")
        entries = [entry for kind in kinds for entry in registry.entries(kind) if entry.key.startswith(start)]
        return [CompletionItem(before + comma + entry.key, help=entry.spec.summary) for entry in entries]

    return items


def names_of(runs: Sequence[Path]) -> list[str]:
    """Return what runs are called when they are shown together; raises UserError where two have one name."""
    names = [run.resolve().name for run in runs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"two of these runs are called {twice!r}; give one of the folders another name")
    return names

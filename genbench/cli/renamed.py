"""Options of commands that were renamed: the old spelling works, is not in --help, and says what to write instead."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import click

from genbench.deprecated import DEPRECATED, warn


class RenamedOption(click.Option):
    """An option that also takes its ``old`` spelling, as ``--output``; ``key`` is that in ``DEPRECATED``."""

    def __init__(self, *args: Any, old: str, key: str = "", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.old, self.key = old, key or old

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Add the option, and its old spelling under a name of its own."""
        super().add_to_parser(parser, ctx)
        parser.add_option(obj=self, opts=[self.old], dest=self._old_name, action="store", nargs=1)

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Take the value of the old spelling, with a note on stderr; raises UsageError for both spellings."""
        if self._old_name not in opts:
            return super().handle_parse_result(ctx, opts, args)
        if self.name in opts:
            raise click.UsageError(f"{self.old} is the old name of {max(self.opts, key=len)}: give one of them", ctx)
        print_note(self.key)
        return super().handle_parse_result(ctx, {**opts, str(self.name): opts[self._old_name]}, args)

    @property
    def _old_name(self) -> str:
        return f"{self.name} as {self.old}"


def print_note(key: str) -> None:
    """Print on stderr, once a process, what to write instead of a deprecated spelling, a key of ``DEPRECATED``."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn(key, DEPRECATED)
    for each in caught:
        click.echo(f"genbench: {each.message}", err=True)

"""The command ``genbench``: a table of subcommands, each imported when it is called, and what every error looks like.

Nothing but click is imported here: ``genbench --help`` must be instant.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from typing import Any

import click

from genbench.errors import GenbenchError, PluginError, suggestion
from genbench.version import __version__

__all__ = ["COMMANDS", "group", "main"]

COMMANDS = {  # name -> where it is, what it does: --help shows this line and imports no command
    "run": ("genbench.cli.run:run", "Train, sample and score models on datasets, and print the tables."),
    "table": ("genbench.cli.table:table", "Print the tables of finished runs, in any of several formats."),
    "report": ("genbench.cli.report:report", "Write runs as one HTML file: tables, pictures, every cell."),
    "plot": ("genbench.cli.plot:plot", "Draw figures of finished runs, as PNG, PDF or SVG."),
    "score": ("genbench.cli.score:score", "Score a file of samples against a file of real data."),
    "audit": ("genbench.cli.audit:audit", "See which metric sees which fault in your data."),
    "compare": ("genbench.cli.compare:compare", "Tell whether a run is worse than another, beyond noise."),
    "bench": ("genbench.cli.bench:bench", "Measure how fast a version is, in turn with another."),
    "history": ("genbench.cli.history:history", "Show a metric over many runs, and where it changed."),
    "validate": ("genbench.cli.validate:validate", "Check that runs are whole and what they say they are."),
    "merge": ("genbench.cli.merge:merge", "Join runs into a new one."),
    "list": ("genbench.cli.list:list_", "List the models, datasets, metrics and feature spaces that are installed."),
    "show": ("genbench.cli.show:show", "Show what one of them is, its options and who provides it."),
    "plugins": ("genbench.cli.plugins:plugins", "Show the installed plugins, and what is wrong with any."),
    "check": ("genbench.cli.check:check", "Hold a plugin to the contract, check by check."),
    "new": ("genbench.cli.new:new", "Write a plugin package that can be installed, checked and published."),
    "completion": ("genbench.cli.completion:completion", "Print the script that completes commands in a shell."),
}
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)  # what the user's disk may refuse
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class Commands(click.Group):
    """A click group whose subcommands are imported when they are first needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Return all names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        """Import a subcommand."""
        if name not in COMMANDS:
            return None
        import importlib

        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Return the subcommand that was asked for, or say which one may have been meant."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            hint = suggestion(args[0], COMMANDS) or f"; commands: {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table of subcommands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="genbench %(version)s")
@click.pass_context
def group(ctx: click.Context) -> None:
    """Benchmark generative models: which one to use for your data, how good it is, and what it costs.

    Begin with: genbench run --models all
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(args: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: 0, or that of the error, which is told in one line on stderr.

    A subcommand may return its exit code. The traceback is shown of what is a plugin's or genbench's own fault.
    """
    try:
        code = group.main(args=args, prog_name="genbench", standalone_mode=False)
    except click.Abort:
        return _complain("interrupted", INTERRUPTED)
    except click.ClickException as error:
        return _complain(_usage(error), error.exit_code)
    except GenbenchError as error:
        if isinstance(error, PluginError):
            _trace(error)
        return _complain(str(error), error.exit_code)
    except OSError as error:
        if error.errno not in NO_ROOM:
            return _internal(error)
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return _complain(f"{where}{error.strerror}; make room, or name another place", 2)
    except Exception as error:
        return _internal(error)
    return code if isinstance(code, int) else 0


def _internal(error: Exception) -> int:
    import traceback

    traceback.print_exception(error)
    return _complain(f"internal error: {type(error).__name__}: {error}; this is a fault of genbench", 1)


def _usage(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{message[:1].lower()}{message[1:]}; try: {context.command_path if context else 'genbench'} --help"


def _trace(error: PluginError) -> None:
    for note in getattr(error, "__notes__", ()):  # the traceback of an import that was caught
        click.echo(note, err=True)
    if error.__cause__ is not None:
        import traceback

        traceback.print_exception(error.__cause__)


def _complain(message: str, code: int) -> int:
    from genbench.text import plain

    click.echo(f"genbench: {plain(message)}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())

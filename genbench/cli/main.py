"""The command ``genbench``: its table of subcommands, each imported when it is called, and its error messages.

Only click is imported here, so that ``genbench --help`` is fast.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from typing import Any

import click

from genbench.cli.encoding import open_closed, replace_unwritable
from genbench.errors import GenbenchError, PluginError, suggestion
from genbench.version import __version__

COMMANDS = {  # name -> its function, and its line in --help, which imports no command
    "run": ("genbench.cli.run:run", "Train, sample and score models on datasets, and print the tables."),
    "table": ("genbench.cli.table:table", "Print the tables of finished runs, in any of several formats."),
    "report": ("genbench.cli.report:report", "Write runs as one HTML file: tables, pictures, every cell."),
    "plot": ("genbench.cli.plot:plot", "Draw figures of finished runs, as PNG, PDF or SVG."),
    "sample": ("genbench.cli.sample:sample", "Draw more samples of a trained model, into a file like your data."),
    "score": ("genbench.cli.score:score", "Score a file of samples against a file of real data."),
    "audit": ("genbench.cli.audit:audit", "Show which metrics detect which faults in your data."),
    "compare": ("genbench.cli.compare:compare", "Check whether a run is significantly worse than another."),
    "bench": ("genbench.cli.bench:bench", "Measure the speed of a version, in turn with another."),
    "history": ("genbench.cli.history:history", "Show metrics over many runs, and where they changed."),
    "validate": ("genbench.cli.validate:validate", "Check that runs are complete and unaltered."),
    "merge": ("genbench.cli.merge:merge", "Join runs into a new one."),
    "list": ("genbench.cli.list:list_", "List the models, datasets, metrics and feature spaces that are installed."),
    "show": ("genbench.cli.show:show", "Show one of them: its options, and who provides it."),
    "plugins": ("genbench.cli.plugins:plugins", "Show the installed plugins and their problems."),
    "check": ("genbench.cli.check:check", "Check that a plugin keeps the contract."),
    "new": ("genbench.cli.new:new", "Write a plugin package that can be installed, checked and published."),
    "completion": ("genbench.cli.completion:completion", "Print the script for command completion in a shell."),
}
DISK_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)  # errors of the user's disk
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as in shells


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
        """Return the requested subcommand; raises UsageError with a suggestion if there is none of this name."""
        if args[0] not in COMMANDS and not ctx.resilient_parsing:
            hint = suggestion(args[0], COMMANDS) or f"; commands: {', '.join(COMMANDS)}"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
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

    Start with: genbench run --models all
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(args: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code: that of the subcommand, or of an error, reported on stderr.

    An error takes one line; errors in plugins or in genbench itself also show a traceback.
    """
    open_closed()
    replace_unwritable()
    try:
        code = group.main(args=args, prog_name="genbench", standalone_mode=False)
    except click.Abort:
        return _report_error("interrupted", EXIT_INTERRUPTED)
    except click.ClickException as error:
        return _report_error(_usage_message(error), error.exit_code)
    except GenbenchError as error:
        if isinstance(error, PluginError):
            _print_traceback(error)
        return _report_error(str(error), error.exit_code)
    except OSError as error:
        if error.errno not in DISK_ERRNOS:
            return _report_bug(error)
        where = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return _report_error(f"{where}{error.strerror}; free some space, or choose another folder", 2)
    except Exception as error:
        return _report_bug(error)
    return code if isinstance(code, int) else 0


def _report_bug(error: Exception) -> int:
    import traceback

    traceback.print_exception(error)
    return _report_error(f"internal error: {type(error).__name__}: {error}; this is a bug in genbench", 1)


def _usage_message(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{message[:1].lower()}{message[1:]}; try: {context.command_path if context else 'genbench'} --help"


def _print_traceback(error: PluginError) -> None:
    for note in getattr(error, "__notes__", ()):  # the traceback of a failed import
        click.echo(note, err=True)
    if error.__cause__ is not None:
        import traceback

        traceback.print_exception(error.__cause__)


def _report_error(message: str, code: int) -> int:
    from genbench.text import plain

    click.echo(f"genbench: {plain(message)}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())

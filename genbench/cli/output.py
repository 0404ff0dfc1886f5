"""Output of commands: tables in a terminal, plain columns in a pipe, JSON; text from plugins and files is escaped."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from genbench.errors import DataError
from genbench.text import plain


def warn(lines: Sequence[str]) -> None:
    """Print each problem in one line on stderr."""
    for line in lines:
        click.echo(f"genbench: {plain(line)}", err=True)


@contextmanager
def spinner(task: str) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows on stderr, if it is a terminal, which step of a task is in progress."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status(task) as status:
        yield lambda step: status.update(f"{task}: {step}")


def write_output(path: Path, content: str | bytes) -> None:
    """Write a whole file in place of the one that is there, or leave that as it was; raises DataError.

    What is no regular file, such as /dev/stdout, is written into.
    """
    if isinstance(content, str):
        content = content.encode(errors="replace")
    target = path.resolve()  # of a link, what it leads to is replaced
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.exists() and not target.is_file():
            path.write_bytes(content)
            return
        temporary.write_bytes(content)
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except OSError as error:
        raise DataError(f"-o {path}: cannot be written ({error.strerror})") from None
    finally:
        temporary.unlink(missing_ok=True)


def print_json(value: Any) -> None:
    """Print a value as indented JSON, in ASCII and without NaN."""
    import json

    click.echo(json.dumps(value, indent=2, allow_nan=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print rows under named columns: with rich in a terminal, else aligned, one row per line."""
    cells = [[plain("" if cell is None else cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(columns, cells, title)
        return
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    if title:
        click.echo(title)
    for row in [list(columns), *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    click.echo()


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title, "bold") if title else None, title_justify="left", box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        table.add_column(Text(column), overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*map(Text, row))  # Text is never read as markup
    Console().print(table)

"""Options and completions that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from genbench.cli.renamed import RenamedOption
from genbench.errors import UserError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])
SUFFIXES = {".md": "markdown", ".csv": "csv", ".json": "json", ".tex": "latex", ".parquet": "parquet"}
NAME_PATTERN = r"(?:\[[^\[\]]*\]|[^,])+"  # up to a comma outside of brackets, which a glob may leave open: w1[*
BYTES_PER_UNIT = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


class Size(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes: 500000, 500MB, 4GiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(|[kmg]i?)b?", str(value).strip().lower())
        if match is None:
            self.fail(f"expected a size, as 500MB or 4GiB, got {value!r}", param, ctx)
        return int(float(match[1]) * BYTES_PER_UNIT[match[2]])


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
require_option = click.option(
    "--require",
    metavar="A<X,B>Y",
    default="",
    help="What is good enough, 'c2st<.6,coverage>.9': says which models are, and exits with 4 where none is.",
)
plugin_option = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    help="Also load the plugin in this Python file; may be repeated.",
)


DATA_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "columns": click.option(
        "--columns", metavar="A,B", help="Columns of the file to use: names, indices, 0:5, globs, -exclusions."
    ),
    "labels": click.option(
        "--labels", metavar="COLUMN", help="Column of the file that labels the rows, neither modelled nor scored."
    ),
    "weights": click.option(
        "--weights", metavar="COLUMN", help="Column of the file with event weights, also negative ones."
    ),
    "given": click.option(
        "--given", metavar="A,B", help="Columns of the file that are conditions: rows are learned and drawn given them."
    ),
    "log": click.option("--log", metavar="A,B", help="Columns of the file to model and score as logarithms."),
    "periodic": click.option(
        "--periodic", metavar="A,B=360", help="Periodic columns of the file; the default period is 2 pi."
    ),
    "kinds": click.option(
        "--kinds",
        metavar="A=KIND,B=KIND",
        help="Kinds of columns: continuous, integer, category or angle.  [default: as found, see --dry-run]",
    ),
    "units": click.option("--units", metavar="A=GeV", help="Units of columns.  [default: as in the file]"),
    "observables": click.option(
        "--observable",
        "observables",
        metavar="NAME=EXPR",
        multiple=True,
        help="A derived quantity, scored and drawn too: 'm=sqrt(e**2-p**2)', 'x=col(\"pt [GeV]\")/2'; repeatable.",
    ),
    "na": click.option(
        "--na",
        type=click.Choice(("refuse", "drop")),
        help="What to do if rows have missing or infinite values.  [default: refuse]",
    ),
    "encoding": click.option("--encoding", metavar="NAME", help="Encoding of a text file.  [default: UTF-8]"),
    "read_as": click.option(
        "--as",
        "read_as",
        type=click.Choice(("images", "rows")),
        help="What an array of three or four dimensions holds.  [default: images, or asked where it is not clear]",
    ),
    "pixel_range": click.option(
        "--range",
        "pixel_range",
        metavar="LOW,HIGH",
        help="Pixels of black and white, as 0,4095 for 12 bits in 16.  [default: by the file]",
    ),
    "max_bytes": click.option(
        "--max-bytes", metavar="SIZE", type=Size(), help="Largest file to read, as 4GiB.  [default: 2GiB]"
    ),
}


def data_options(*names: str) -> Callable[[F], F]:
    """Return a decorator that adds options that say how a user's file is read: those of these names, or all."""

    def add(command: F) -> F:
        for name in reversed(names or tuple(DATA_OPTIONS)):
            command = DATA_OPTIONS[name](command)
        return command

    return add


def given_data_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those options on how a file is read that the user gave."""
    return {name: options[name] for name in DATA_OPTIONS if options.get(name) not in (None, ())}


def column_names(text: str) -> list[str]:
    """Return the names of columns in the text of ``--metrics``: ``w1[m_jj],energy``."""
    return [name.strip() for name in re.findall(NAME_PATTERN, text) if name.strip()]


def out_option(text: str, **attributes: Any) -> Callable[[F], F]:
    """Return a decorator that adds ``-o FILE``, the file of the output; its old spelling was ``--output``."""
    file = click.Path(path_type=Path, dir_okay=False)
    return click.option(
        "-o", "--out", "output", metavar="FILE", type=file, help=text, cls=RenamedOption, old="--output", **attributes
    )


def output_options(formats: Sequence[str]) -> Callable[[F], F]:
    """Return a decorator that adds the options for the format and the file of the output."""

    def add(command: F) -> F:
        command = out_option("Write to FILE.")(command)
        command = click.option("--json", "form", flag_value="json", help="Print JSON, as --format json does.")(command)
        text = "Output format.  [default: by the suffix of FILE, else rich]"
        return click.option("-f", "--format", "form", type=click.Choice(formats), help=text)(command)

    return add


def choose_format(form: str | None, output: Path | None, formats: Sequence[str]) -> str:
    """Return the output format, by default that of the file's suffix; raises UserError if its folder does not exist."""
    check_folder(output)
    default = SUFFIXES.get(output.suffix, "rich") if output is not None else "rich"
    return form or (default if default in formats else "rich")


def check_folder(file: Path | None) -> None:
    """Raise UserError if the folder of a file to write does not exist."""
    if file is not None and not file.parent.is_dir():
        raise UserError(f"{file}: there is no folder {file.parent}")


def use_one_thread() -> None:
    """Make numerical libraries use one thread, and POT no torch; to be called before numpy is imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # in such short tasks, more threads wait for each other
    os.environ.setdefault("POT_BACKEND_DISABLE_PYTORCH", "1")  # POT would import torch, which is slow and not needed


def complete(*kinds: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Return a function that completes the last of comma-separated names of these kinds of plugin."""

    def items(_: click.Context, __: click.Parameter, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        from genbench.registry.registry import Registry

        registry = Registry.discover()
        before, comma, start = incomplete.rpartition(",")
        entries = [entry for kind in kinds for entry in registry.entries(kind) if entry.key.startswith(start)]
        return [CompletionItem(before + comma + entry.key, help=entry.spec.summary) for entry in entries]

    return items


def complete_presets(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of presets that begin with a text."""
    from genbench.plan.presets import PRESETS

    return [name for name in PRESETS if name.startswith(incomplete)]


def run_names(runs: Sequence[Path]) -> list[str]:
    """Return the names of the runs' folders; raises UserError if two have the same name."""
    names = [run.resolve().name for run in runs]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"two of these runs are called {repeated!r}; rename one of the folders")
    return names

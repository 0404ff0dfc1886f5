"""``genbench history``: a metric over many runs. Imports what it needs when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genbench.errors import UserError

if TYPE_CHECKING:
    from genbench.comparing.history import Series

__all__ = ["history"]

FORMATS = ("rich", "markdown", "json")
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 24  # points of a sparkline
MOST = 30  # series, unless all are asked for
COLUMNS = ("what", "metric", "runs", "first", "last", "over time", "changed")


@click.command(short_help="show a metric over many runs")
@click.argument("runs", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--metrics", metavar="A,B", default="", help="Scores or timings to show.  [default: all scores]")
@click.option("-m", "--models", metavar="A,B", default="", help="Models to show, by their label.  [default: all]")
@click.option("-d", "--datasets", metavar="A,B", default="", help="Datasets to show.  [default: all]")
@click.option("-f", "--format", "form", type=click.Choice(FORMATS), help="Default: by FILE's suffix, else rich.")
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), help="Write to FILE.")
@click.option("--all", "full", is_flag=True, help=f"Show more than {MOST} series.")
def history(
    runs: tuple[Path, ...], metrics: str, models: str, datasets: str, form: str | None, output: Path | None, full: bool
) -> None:
    """Show metrics over the runs in DIR... (run directories, or folders of them), in the order of their time.

    What changed for the worse last comes first, with the run from which on the mean is another. It takes about
    ten runs to tell that, or runs that repeat their values exactly; by chance 1 % of all series change.
    """
    from genbench.cli.compare import checked_form
    from genbench.comparing.history import runs_in
    from genbench.registry.selection import split

    form = checked_form(form, output)
    runs_in(runs)  # a wrong name is told first

    from genbench.comparing.history import history as gather
    from genbench.record.encoding import to_json

    found = gather(*runs, metrics=split(metrics), models=split(models), datasets=split(datasets))
    if not found:
        raise UserError("no run has what --metrics, -m and -d choose")
    shown = found if full or form == "json" else found[:MOST]
    if form == "json":
        text = to_json([each.as_dict() for each in shown], indent=1) + "\n"
    else:
        text = _markdown(shown) if form == "markdown" else _terminal(shown)
        left = len(found) - len(shown)
        text += f"{left} more series: --all, or choose with --metrics, -m and -d\n" if left else ""
        if most := max(each.left_out for each in shown):
            text += f"runs left out of a series, at most: {most} (other seeds, sizes or versions of a metric)\n"
    output.write_text(text, encoding="utf-8") if output else click.echo(text, nl=False)


def _rows(series: Sequence[Series]) -> list[tuple[str, ...]]:
    from genbench.report.numbers import round_number
    from genbench.report.text import clean

    rows = []
    for each in series:
        arrow = {"lower": " ↓", "higher": " ↑"}.get(each.better or "", "")
        values = [point.value for point in each.points]
        changes = [
            f"{'worse' if each.worsened and i == len(each.changes) - 1 else 'changed'} at {change.run}: "
            f"{round_number(change.before)} to {round_number(change.after)}"
            + ("" if change.p is None else f" (p = {change.p:.2g})")
            for i, change in enumerate(each.changes)
        ]
        first, last = str(round_number(values[0])), str(round_number(values[-1]))
        texts = (each.subject, each.metric + arrow, str(len(values)), first, last, _spark(values), "; ".join(changes))
        rows.append(tuple(clean(text) for text in texts))
    return rows


def _spark(values: Sequence[float]) -> str:
    """Return the last values as bars, the lowest and the highest of them at the ends of the scale."""
    shown = values[-WIDTH:]
    low, high = min(shown), max(shown)
    flat = high - low <= 1e-4 * max(abs(low), abs(high))  # equal but for the order of sums
    return "".join(BARS[3 if flat else round((value - low) / (high - low) * 7)] for value in shown)


def _markdown(series: Sequence[Series]) -> str:
    from genbench.report.text import markdown_text

    rows = [COLUMNS, (":--", ":--", "--:", "--:", "--:", ":--", ":--")]
    rows += [tuple(markdown_text(text) for text in row) for row in _rows(series)]  # type: ignore[misc]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _terminal(series: Sequence[Series]) -> str:
    from io import StringIO
    from shutil import get_terminal_size

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(COLUMNS):
        table.add_column(name, justify="right" if i in (2, 3, 4) else "left", overflow="fold")
    for row in _rows(series):
        table.add_row(*map(Text, row))
    console = Console(file=StringIO(), width=max(get_terminal_size((100, 24)).columns, 80))
    console.print(table)
    written: StringIO = console.file  # type: ignore[assignment]
    return written.getvalue()

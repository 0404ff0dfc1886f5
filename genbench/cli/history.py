"""``genbench history``: a metric over many runs. Imports what it needs when run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from genbench.cli.options import choose_format, output_options
from genbench.cli.output import write_output
from genbench.errors import UserError

if TYPE_CHECKING:
    from genbench.comparing.history import Series

FORMATS = ("rich", "markdown", "json")
BARS = "▁▂▃▄▅▆▇█"
MAX_SPARKLINE_POINTS = 24  # points of a sparkline
MAX_SERIES = 30  # without --all
COLUMNS = ("what", "metric", "runs", "first", "last", "over time", "changed")


@click.command(short_help="show a metric over many runs")
@click.argument("runs", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--metrics", metavar="A,B", default="", help="Scores or timings to show.  [default: all scores]")
@click.option("-m", "--models", metavar="A,B", default="", help="Models to show, by their label.  [default: all]")
@click.option("-d", "--datasets", metavar="A,B", default="", help="Datasets to show.  [default: all]")
@output_options(FORMATS)
@click.option("--all", "full", is_flag=True, help=f"Show more than {MAX_SERIES} series.")
def history(
    runs: tuple[Path, ...], metrics: str, models: str, datasets: str, form: str | None, output: Path | None, full: bool
) -> None:
    """Show metrics over the runs in DIR... (run directories, or folders of them), in order of time.

    Series that got worse most recently come first, with the run at which the mean changed. Detecting a change takes
    about ten runs, or runs that repeat their values exactly; 1 % of all series show a change by chance.
    """
    from genbench.comparing.history import runs_in
    from genbench.registry.selection import split

    form = choose_format(form, output, FORMATS)
    runs_in(runs)  # a wrong name is reported first

    from genbench.comparing.history import history as gather
    from genbench.record.encoding import to_json

    found = gather(*runs, metrics=split(metrics), models=split(models), datasets=split(datasets))
    if not found:
        raise UserError("no run has the metrics, models and datasets that --metrics, -m and -d select")
    shown = found if full or form == "json" else found[:MAX_SERIES]
    if form == "json":
        text = to_json([each.as_dict() for each in shown], indent=1) + "\n"
    else:
        text = _markdown(shown) if form == "markdown" else _terminal(shown)
        n_hidden = len(found) - len(shown)
        text += f"{n_hidden} more series: use --all, or select with --metrics, -m and -d\n" if n_hidden else ""
        if left_out := max(each.left_out for each in shown):
            text += f"up to {left_out} runs are left out of a series (other seeds, sizes or versions of a metric)\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        write_output(output, text)


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
    """Return the last values as bars, scaled from the lowest to the highest of them."""
    shown = values[-MAX_SPARKLINE_POINTS:]
    low, high = min(shown), max(shown)
    flat = high - low <= 1e-4 * max(abs(low), abs(high))  # equal up to rounding
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
    out = StringIO()
    Console(file=out, width=max(get_terminal_size((100, 24)).columns, 80)).print(table)
    return out.getvalue()

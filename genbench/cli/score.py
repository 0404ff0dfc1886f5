"""``genbench score``: scores of any files of samples. Imports what it needs when run, and never torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genbench.cli.options import (
    Size,
    complete,
    data_options,
    given_data_options,
    json_option,
    plugin_option,
    use_one_thread,
)
from genbench.cli.rescore import check_arguments, score_runs
from genbench.cli.run import EXIT_FAILED
from genbench.errors import UserError

MIN_EXPONENT_VALUE = 1e9  # from here on, a power of ten is easier to read
HIDDEN_WARNINGS = ("no best value", "no floor", "no z", "no n_")  # an empty cell of the table says the same


@click.command(short_help="score a file of samples, or the samples of runs")
@click.argument("runs", metavar="[RUN]...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--real", metavar="FILE", type=click.Path(), help="Held-out real data: csv, parquet, npy, hdf5, root, ..."
)
@click.option("--fake", metavar="FILE", type=click.Path(), help="Generated samples, with the same columns.")
@click.option(
    "--train",
    metavar="FILE",
    type=click.Path(),
    help="Training data of the model, by which columns are standardised and copies are found.",
)
@click.option(
    "--reference",
    metavar="FILE",
    type=click.Path(),
    help="More real data, which give each score its floor.  [default: random halves of --real]",
)
@click.option(
    "--metrics",
    metavar="NAMES",
    default="all",
    show_default=True,
    shell_complete=complete("metric"),
    help="Names, globs, exclusions, options: energy,sliced_*,mmd[bandwidth=1],frechet@pca.",
)
@click.option(
    "--space",
    metavar="SPACE",
    default="standardised",
    show_default=True,
    shell_complete=complete("space"),
    help="Feature space of metrics that name none: standardised, raw (the numbers as they are), pca, ...; see genbench "
    "list spaces.",
)
@click.option("--set", "settings", metavar="NAME.OPTION=VALUE", multiple=True, help="Set an option of a metric.")
@data_options()
@click.option("--seed", type=click.IntRange(0), default=0, help="Random seed of the metrics.  [default: 0]")
@click.option(
    "--max-rows", metavar="N|all", default="20000", show_default=True,
    help="Rows of either side for metrics whose cost grows with pairs of rows, drawn by --seed.",
)  # fmt: skip
@plugin_option
@click.option("--jobs", metavar="N", type=int, help="For RUN: number of cells at a time.  [default: one per core]")
@click.option("--timeout", metavar="TIME", help="For RUN: time limit of a cell: 90s, 10min.")
@click.option("--memory", metavar="SIZE", type=Size(), help="For RUN: memory limit of a cell: 4GB.")
@click.option("-o", "--out", metavar="DIR", type=click.Path(path_type=Path), help="For RUN: a new run for the scores.")
@json_option
@click.pass_context
def score(ctx: click.Context, /, **options: Any) -> int:
    """Score the samples of one file against the real data of another.

    FILE:NAME selects one array of a file with several. Integer images are folders or uint8 arrays.

    With RUN, the directory of a run, its samples are scored by the metrics whose scores are missing or come from
    another version of the metric; nothing is trained.
    """
    check_arguments(ctx, options["runs"])
    use_one_thread()
    if options["runs"]:
        return score_runs(options["runs"], options)

    from genbench.cli.output import print_json, spinner
    from genbench.registry.options import parse_set
    from genbench.scoring.samples import score_samples

    with spinner("scoring") as show:

        def listener(text: str) -> None:
            if text.startswith("expected: "):
                click.echo(text, err=True)
            else:
                show(text)

        scores = score_samples(
            {name: options[name] for name in ("real", "fake", "train", "reference")},
            options["metrics"], options["space"], [parse_set(text) for text in options["settings"]],
            given_data_options(options), options["seed"], listener, options["plugins"],
            _max_rows(options["max_rows"]),
        )  # fmt: skip
    if options["as_json"]:
        print_json(scores)
    else:
        _print(scores)
    return EXIT_FAILED if any(text.startswith("failed: ") for score in scores for text in score["warnings"]) else 0


def _max_rows(text: str) -> int | None:
    if text != "all" and not text.isdecimal():
        raise UserError(f"--max-rows {text}: expected a number of rows, or all")
    return None if text == "all" else int(text)


def _print(scores: list[dict[str, Any]]) -> None:
    from genbench.cli.output import print_table

    rows, common = [], _common_warnings(scores)
    for each in scores:
        has_interval = each["low"] is not None or each["high"] is not None
        interval = f"{_number(each['low'])} .. {_number(each['high'])}" if has_interval else ""
        marks = {"better than real data": each["suspect"], "copies of training rows": each.get("copying")}
        remarks = [text for text, applies in marks.items() if applies]
        remarks += [text for text in each["warnings"] if not text.startswith(HIDDEN_WARNINGS) and text not in common]
        sign = "≥ " if each["detail"].get("at_least") else ""
        better = each["better"] if each["ranked"] else "neither end"
        rows.append((each["label"], sign + _number(each["value"]), interval, _floor(each), _number(each["z"]), better,
                     each["unit"], "; ".join(remarks)))  # fmt: skip
    headings = ("metric", "value", "95 % interval", "floor", "z", "better", "unit", "remarks")
    filled = [i for i in range(len(headings)) if i < 2 or any(row[i] not in ("", "–") for row in rows)]
    first = scores[0] if scores else {}
    known = [(s["n_fake"], s["n_real"]) for s in scores if s["n_fake"] and s["n_real"]]
    sizes = max(known, default=("?", "?"))  # of a part only, some metrics
    title = f"{sizes[0]} samples against {sizes[1]} real rows, space: {first.get('space')}"
    print_table([headings[i] for i in filled], [[row[i] for i in filled] for row in rows], title)
    for line in (*_floor_notes(scores), *(f"note: {text}" for text in common)):
        click.echo(line)


def _common_warnings(scores: list[dict[str, Any]]) -> list[str]:
    """Return what all scores remark, of several: it is on the data, and stands once below the table."""
    if len(scores) < 2:
        return []
    texts = [text for text in scores[0]["warnings"] if not text.startswith(HIDDEN_WARNINGS)]
    return [text for text in texts if all(text in score["warnings"] for score in scores)]


def _floor(score: dict[str, Any]) -> str:
    if any(text.startswith("no z: the ") and "floor" in text and "lower limit" in text for text in score["warnings"]):
        return f"≥ {_number(score['floor'])}"  # the spread of a limit is not its error
    return _number(score["floor"]) + ("" if score["floor_sd"] is None else f" ± {_number(score['floor_sd'], 2)}")


def _floor_notes(scores: list[dict[str, Any]]) -> list[str]:
    sources = {score["floor_from"] for score in scores} - {None}
    if not sources:
        return []
    source = "--reference" if sources == {"reference"} else "random halves of --real, one"
    z = "z: value minus floor in standard errors of the difference"
    lines = [f"floor: the score of {source} in place of the samples; {z}"]
    compared = (score["detail"].get("compared_with_floor", {}) for score in scores)
    if used := next((each for each in compared if each.get("n_real") and each.get("n_fake")), None):
        n_fake, n_real = used["n_fake"], used["n_real"]
        lines.append(f"the floor is the score of {n_fake} against {n_real} rows; for z, as many samples are scored")
    return lines


def _number(value: float | None, digits: int = 4) -> str:
    if value is None:
        return "–"
    if 10**digits <= abs(value) < MIN_EXPONENT_VALUE:  # 12345, not 1.234e+04
        return f"{value:.0f}"
    return f"{value:.{digits}g}"

"""``genbench score``: scores of any files of samples. Imports what it needs when it runs, and never torch."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from genbench.cli.options import Size, complete, json_option
from genbench.cli.rescore import FAILED, check_form, options_of_runs, score_runs

__all__ = ["score"]

FILE = click.Path(path_type=Path)
LARGE = 1e9  # from which a power of ten is easier to read
UNSAID = ("no best value", "no floor", "no z", "no n_")  # what an empty place in the table says


@click.command(short_help="score a file of samples, or the samples of runs")
@click.argument("runs", metavar="[RUN]...", nargs=-1, type=FILE)
@click.option("--real", metavar="FILE", type=FILE, help="Held-out real data: csv, parquet, npy, npz, hdf5, ...")
@click.option("--fake", metavar="FILE", type=FILE, help="Generated samples, alike.")
@click.option(
    "--train", metavar="FILE", type=FILE, help="What the model was trained on: standardises, and shows copies."
)
@click.option(
    "--reference",
    metavar="FILE",
    type=FILE,
    help="More real data: gives each score its floor; without it halves of --real do.",
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
    help="Of metrics that name none: standardised, raw (the numbers as they are), pca, ...; see genbench list spaces.",
)
@click.option("--set", "settings", metavar="NAME.OPTION=VALUE", multiple=True, help="Set an option of a metric.")
@click.option("--columns", metavar="A,B", help="Which columns of the files.")
@click.option("--labels", metavar="COLUMN", help="A column of the files that labels the rows and is not scored.")
@click.option(
    "--na", type=click.Choice(("refuse", "drop")), help="What to do with rows that hold no number.  [default: refuse]"
)
@click.option("--encoding", metavar="NAME", help="Encoding of text files.  [default: UTF-8]")
@click.option(
    "--max-bytes", metavar="SIZE", type=Size(), help="The largest file that is read, as 4GiB.  [default: 2GiB]"
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of what a metric draws.  [default: 0]")
@options_of_runs
@json_option
@click.pass_context
def score(ctx: click.Context, /, **said: Any) -> int:
    """Score the samples of one file against the real data of another, like a row of a table.

    A file of several arrays is narrowed by FILE:NAME. Integer images are folders or uint8 arrays.

    With RUN, the directory of a run, its samples are scored by the metrics whose scores it lacks or has of another
    version; nothing is trained.
    """
    check_form(ctx, said["runs"])
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # before numpy: threads that wait for each other cost more than they give
    os.environ.setdefault("POT_BACKEND_DISABLE_PYTORCH", "1")  # nothing here needs torch, and POT would import it

    if said["runs"]:
        return score_runs(said["runs"], said)

    from genbench.registry.options import parse_set
    from genbench.scoring.samples import score_samples

    options = {
        name: said[name] for name in ("columns", "labels", "na", "encoding", "max_bytes") if said[name] is not None
    }
    with _progress() as listener:
        scores = score_samples(
            str(said["real"]), str(said["fake"]), _text(said["train"]), _text(said["reference"]), said["metrics"],
            said["space"], [parse_set(text) for text in said["settings"]], options, said["seed"], listener,
            said["plugins"],
        )  # fmt: skip
    if said["as_json"]:
        from genbench.cli.output import print_json

        print_json(scores)
    else:
        _print(scores)
    return FAILED if any(text.startswith("failed: ") for score in scores for text in score["warnings"]) else 0


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _progress() -> Any:
    """Say on a terminal which metric is at work."""
    from contextlib import contextmanager

    @contextmanager
    def spinning() -> Any:
        if not sys.stderr.isatty():
            yield lambda _: None
            return
        from rich.console import Console

        with Console(stderr=True).status("scoring") as status:
            yield lambda name: status.update(f"scoring: {name}")

    return spinning()


def _print(scores: list[dict[str, Any]]) -> None:
    from genbench.cli.output import print_table

    rows = []
    for each in scores:
        has_interval = each["low"] is not None or each["high"] is not None
        interval = f"{_number(each['low'])} .. {_number(each['high'])}" if has_interval else ""
        remarks = (["better than real: copying?"] if each["suspect"] else []) + [
            text for text in each["warnings"] if not text.startswith(UNSAID)
        ]
        least = "≥ " if each["detail"].get("at_least") else ""
        rows.append((each["label"], least + _number(each["value"]), interval, _floor(each), _number(each["z"]),
                     _better(each), each["unit"], "; ".join(remarks)))  # fmt: skip
    headings = ("metric", "value", "95 % interval", "floor", "z", "better", "unit", "remarks")
    said = [i for i in range(len(headings)) if i < 2 or any(row[i] not in ("", "–") for row in rows)]
    first = scores[0] if scores else {}
    sizes = next(((s["n_fake"], s["n_real"]) for s in scores if s["n_fake"] and s["n_real"]), ("?", "?"))
    title = f"{sizes[0]} samples against {sizes[1]} real rows, space: {first.get('space')}"
    print_table([headings[i] for i in said], [[row[i] for i in said] for row in rows], title)
    for line in _explained(scores):
        click.echo(line)


def _floor(score: dict[str, Any]) -> str:
    if any(text.startswith("no z: the ") and "floor" in text and "lower limit" in text for text in score["warnings"]):
        return f"≥ {_number(score['floor'])}"  # of which the spread says nothing
    return _number(score["floor"]) + ("" if score["floor_sd"] is None else f" ± {_number(score['floor_sd'], 2)}")


def _better(score: dict[str, Any]) -> str:
    return str(score["better"]) if score["ranked"] else "neither end"


def _explained(scores: list[dict[str, Any]]) -> list[str]:
    sources = {score["floor_from"] for score in scores} - {None}
    if not sources:
        return []
    whose = "--reference" if sources == {"reference"} else "random halves of --real, one"
    z = "z: value minus floor in standard deviations of the floor"
    lines = [f"floor: the score of {whose} in the place of the samples; {z}"]
    compared = (score["detail"].get("compared_with_floor", {}) for score in scores)
    if like := next((each for each in compared if each.get("n_real") and each.get("n_fake")), None):
        lines.append(
            f"the floor is that of {like['n_fake']} against {like['n_real']} rows; z compares as many samples with it"
        )
    return lines


def _number(value: float | None, digits: int = 4) -> str:
    if value is None:
        return "–"
    whole = 10**digits <= abs(value) < LARGE  # written out: 12345, not 1.234e+04
    return f"{value:.0f}" if whole else f"{value:.{digits}g}"

"""Measure how fast genbench is beside the tightest alternatives, and write ``docs/speed.md``.

    python tests/perf/speed.py --out docs/speed.md

It takes about five minutes; with ``--section Metrics`` it measures that section again, and keeps the others.
Alternatives that are not installed are named as such on the page; all of them come with

    pip install -e '.[test,bench]' geomloss zuko torchcfm pythae
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from default_run import shares_of
from metric_pairs import DENSITIES, METRICS, SAMPLERS, comparison_of
from ratios import ROUNDS, Comparison, one_thread, ratio_of
from start import starts
from steps import LOOP, PEERS, STEPS

from genbench.record.store import read_records

ROOT = Path(__file__).parents[2]
START_GOALS = {"help": ("`genbench --help`", 1.25), "list": ("`genbench list`", 2.0)}

INTRODUCTION = """# Speed

How fast genbench is beside the tightest alternative that computes the same thing, and where the time of a run goes.
This page is made by

    python tests/perf/speed.py --out docs/speed.md

Each figure is a ratio within one process: both ways take turns, {rounds} rounds each, and processor seconds of one
thread are compared, since single times scatter by a third on a shared machine. An alternative that takes seconds has
one round. *Times faster* is the time of the alternative over that of genbench, of the least times and of the medians:
2 is twice as fast, 0.95 takes 5 % longer. A goal is *reached* if one of both ratios is. `tests/perf` asserts each of
them with a margin, and `genbench bench` tracks the processor time of a training step of every model, of every metric
and of every dataset between two versions.

Measured on {machine}, Python {python}, torch {torch}. {load:.0f} processes wanted its {cores} cores meanwhile: the
more there are, the less the last digits say."""

LOOP_TEXT = """A model iterates over batches that the core draws, and logs its loss; the loop by hand does not log, and
has no budget other than a number of steps."""

STEPS_TEXT = """A tight loop has the same network, loss, batch, fused Adam and average of weights, and is written for
this one model with the public interface of torch: no module is called, and nothing else is done. Its source is
`tests/perf/steps.py`."""

PEERS_TEXT = """The others take their own optimiser settings, and keep no average of weights."""

METRICS_TEXT = """On the same arrays, with the same values: `tests/perf/test_metrics.py` compares them."""

DENSITIES_TEXT = """Kernel densities leave out what lies below the last digit of double precision, where a tree that is
given a tolerance can be wrong by whole nats in the tails. An uncached loop evaluates the network once for each pixel; a
few of these passes are timed."""

START_TEXT = """Processor time of a command over that of `python -c 'import click'`, which a program with click cannot
go below. `list` imports the declarations of all plugins, and most of its time is Python's, which generates the methods
of the options of each."""

GPU = """Not measured yet. `python tests/perf/gpu.py --device cuda --out FILE` measures in under ten minutes, on the
device and on the CPU, steps and samples a second of every model, pair metrics of 100k x 10 rows, ten seeds beside one,
and a default run. `tests/perf/test_gpu.py` runs it in small on the CPU, and `tests/perf/test_host_copies.py` holds
every model to training steps that copy nothing to the host."""

RECIPES = [[comparison_of(recipe) for recipe in recipes] for recipes in (METRICS, (*DENSITIES, *SAMPLERS))]
SECTIONS: list[tuple[str, str, list[Comparison]]] = [
    ("The training loop", LOOP_TEXT, LOOP),
    ("Training steps beside a tight loop", STEPS_TEXT, STEPS),
    ("Training steps beside other libraries", PEERS_TEXT, PEERS),
    ("Likelihoods and samples", DENSITIES_TEXT, RECIPES[1]),
    ("Metrics", METRICS_TEXT, RECIPES[0]),
]


def table(comparisons: Iterable[Comparison], rounds: int, report: Callable[[str], None]) -> list[str]:
    """Return the lines of a table of comparisons."""
    lines = [
        "| what | beside | times faster: least | median | goal | |",
        "|:--|:--|--:|--:|--:|:--|",
    ]
    for each in comparisons:
        report(f"{each.what}, beside {each.against}")
        try:
            with one_thread(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ratio = ratio_of(each, rounds)
        except ImportError as error:
            lines.append(f"| {each.what} | {each.against} | | | {number(each.goal)} | not measured: {error} |")
            continue
        reached = "reached" if ratio.best >= each.goal else "not reached"
        lines.append(
            f"| {each.what} | {each.against} | {number(ratio.least)} | {number(ratio.median)} | {number(each.goal)} "
            f"| {reached} |"
        )
        report(lines[-1])
    return lines


def number(value: float) -> str:
    """Return a ratio with three significant digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 10 else f"{value:.2f}"


def start_section(rounds: int) -> list[str]:
    """Return the section on start-up."""
    lines = [START_TEXT, ""]
    lines += ["| command | times `import click` | goal: at most | |", "|:--|--:|--:|:--|"]
    for name, start in starts(list(START_GOALS), 2 * rounds).items():
        title, goal = START_GOALS[name]
        reached = "reached" if start.ratio <= goal else "not reached"
        lines.append(f"| {title} | {start.ratio:.2f} | {goal:g} | {reached} |")
    return lines


def run_section(run: Path) -> list[str]:
    """Return the section on where the time of a recorded run went."""
    shares = shares_of(read_records(run))
    if shares is None:
        return []
    about = (
        f"Of the {shares.cells} cells of `{run.name}`, {shares.total_s / 60:.0f} processor minutes in "
        f"{shares.wall_s / 60:.0f} minutes: the cells made {shares.busy:.0%} of what the cores can do. Where other "
        "programs ran on the machine, the rest was theirs."
    )
    lines = [*textwrap.wrap(about, 120), ""]
    lines += ["| stage | share of the processor time |", "|:--|--:|"]
    lines += [f"| {stage} | {seconds / shares.total_s:.1%} |" for stage, seconds in shares.by_stage.items() if seconds]
    lines += ["", "| model | share |", "|:--|--:|"]
    return [*lines, *(f"| {name} | {seconds / shares.total_s:.1%} |" for name, seconds in shares.by_model.items())]


def processor() -> str:
    """Return the name of the processor, as far as the system knows it."""
    try:
        found = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        found = None
    return f"one core of an {found[1]}" if found else platform.machine()


def measures(rounds: int, run: Path, report: Callable[[str], None]) -> dict[str, Callable[[], list[str]]]:
    """Return what measures the lines of each section, by title, in the order of the page."""

    def compared(text: str, comparisons: Iterable[Comparison]) -> Callable[[], list[str]]:
        return lambda: [text, "", *table(comparisons, rounds, report)]

    return {
        "Start": lambda: start_section(rounds),
        **{title: compared(text, comparisons) for title, text, comparisons in SECTIONS},
        "Where the time of a default run goes": lambda: run_section(run),
        "On a GPU": lambda: [GPU],
    }


def sections_of(page: str) -> dict[str, str]:
    """Return the text of each section of a page, by title."""
    found = (part.partition("\n") for part in page.split("\n## ")[1:])
    return {title: text.strip() for title, _, text in found}


def main() -> None:
    """Measure, and write the page after each section, so that what was measured is kept where it is ended early."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "speed.md")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--run", type=Path, default=ROOT / "results" / "reference", help="a run whose usage is shown")
    parser.add_argument(
        "--section", action="append", metavar="TITLE", help="measure this section again, and keep others"
    )
    options = parser.parse_args()
    todo = measures(options.rounds, options.run, lambda line: print(line, flush=True))
    if unknown := set(options.section or ()) - set(todo):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are: {', '.join(todo)}")
    about = {"machine": processor(), "python": platform.python_version(), "torch": torch.__version__}
    load = {"load": os.getloadavg()[2], "cores": os.cpu_count()}
    introduction = INTRODUCTION.format(rounds=options.rounds, **about, **load)
    if not options.section:
        options.out.unlink(missing_ok=True)
    for title in options.section or todo:
        lines = todo[title]()
        before = sections_of(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
        found = {**before, title: "\n".join(lines)}
        texts = [introduction, *(f"## {name}\n\n{found[name]}" for name in todo if found.get(name))]
        options.out.write_text("\n\n".join(texts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

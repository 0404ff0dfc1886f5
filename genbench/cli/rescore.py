"""``genbench score RUN``: new scores of the samples that runs have kept. Imports what it needs when it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any, TypeVar

import click

from genbench.cli.options import Size, plugin_option

__all__ = ["FAILED", "check_form", "options_of_runs", "score_runs"]

F = TypeVar("F", bound=Callable[..., Any])

FAILED, SIGNALLED = 3, 128  # and the number of the signal
OPTIONS = (
    plugin_option,
    click.option("--jobs", metavar="N", type=int, help="Of RUN: cells at a time.  [default: one a core]"),
    click.option("--timeout", metavar="TIME", help="Of RUN: deadline of each cell: 90s, 10min."),
    click.option("--memory", metavar="SIZE", type=Size(), help="Of RUN: most memory of a cell: 4GB."),
    click.option(
        "-o", "--out", metavar="DIR", type=click.Path(path_type=Path), help="Of RUN: a new run for the scores."
    ),
)
FILES_ONLY = ("real", "fake", "train", "reference", "columns", "labels", "na", "encoding", "max_bytes", "seed", "space")
RUNS_ONLY = ("jobs", "timeout", "memory", "out")


def options_of_runs(command: F) -> F:
    """Add the options that say how a run is scored."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def check_form(ctx: click.Context, runs: Sequence[Path]) -> None:
    """Raise UsageError where options of one form are given to the other, or where neither is whole."""
    source = click.core.ParameterSource.COMMANDLINE
    given = [name for name in (FILES_ONLY if runs else RUNS_ONLY) if ctx.get_parameter_source(name) is source]
    if given:
        option = "--" + given[0].replace("_", "-")
        other = "is of files, and a run is scored as it is" if runs else "is of a run; name its directory"
        raise click.UsageError(f"{option} {other}", ctx)
    for name in ("real", "fake"):
        if not runs and ctx.params[name] is None:
            raise click.UsageError(f"Missing option '--{name}', or the directory of a run", ctx)


def score_runs(runs: Sequence[Path], said: Mapping[str, Any]) -> int:
    """Score each run's samples and print its tables; return the exit code."""
    from genbench import api
    from genbench.cli.output import print_json, warn
    from genbench.cli.run import raised, seconds_of
    from genbench.plan.rescore import plan_scores
    from genbench.record.merge import merge
    from genbench.record.score import column_of
    from genbench.registry.options import parse_set
    from genbench.registry.registry import Registry
    from genbench.session.options import RunOptions

    how = RunOptions(jobs=said["jobs"], timeout=seconds_of(said["timeout"]), memory=said["memory"], retry="failed")
    how.check()
    plugins = [Path(path) for path in said["plugins"]]
    registry = Registry.discover(plugins)
    warn(registry.problems)
    settings = [parse_set(text) for text in said["settings"]]
    ready = [plan_scores(run, registry, said["metrics"], settings, plugins) for run in runs]
    if said["out"] is not None:
        merge(runs, said["out"])
        runs = [said["out"]]
        ready = [plan_scores(said["out"], registry, said["metrics"], settings, plugins)]
    code, told = 0, list[Any]()
    for run, scoring in zip(runs, ready, strict=True):
        for why, cells in scoring.lacking.items():
            names = ", ".join(cells[:3]) + ", .." * (len(cells) > 3)
            warn([f"{run}: {len(cells)} cells are not scored: {why} ({names})"])
        results, _, stopped = api.execute(scoring.plan, registry, replace(how, out=run))
        asked = {metric.label for cell in scoring.plan.cells for metric in cell.metrics}
        made = asked & {column_of(s) for record in results.records for s in record["scores"]}
        if said["as_json"]:
            told.append({"directory": str(run), "new": sorted(made), "per_seed": _rows(results)})
        else:
            _print(results, run, sorted(made), named=said["metrics"] != "all")
            for line in raised(results, scoring.plan):
                click.echo(f"failed  {line}", err=True)
        amiss = results.failures or results.lost or scoring.lacking or raised(results, scoring.plan)
        code = code or (SIGNALLED + stopped if stopped else FAILED if amiss else 0)
        if stopped:
            click.echo(f"stopped; the same command goes on; what was scored before is in {run} as it was", err=True)
            break
    if said["as_json"]:
        print_json({"runs": told})
    return code


def _rows(results: Any) -> Any:
    import json

    from genbench.report import render

    return json.loads(render(results.records, "json", per="seed"))


def _print(results: Any, run: Path, made: list[str], *, named: bool) -> None:
    from genbench.cli.table import show
    from genbench.text import plain

    show(results.records, metrics=tuple(made) if named else ())
    for record in [*results.failures, *results.lost]:
        what = f"{record['label']} x {record['dataset_label']} seed {record['seed']}"
        click.echo(f"{record['status']}  {plain(what)}: {plain(record['reason'])}", err=True)
    more = f"genbench table {quote(str(run))} --metrics all"
    click.echo(f"\n{run}: new scores: {', '.join(made) or 'none'}; more of it: {more}")

"""``genbench score RUN``: new scores of the samples that are stored in runs. Imports what it needs when run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any

import click

from genbench.cli.options import DATA_OPTIONS
from genbench.cli.run import EXIT_FAILED, EXIT_SIGNAL, metric_failures, parse_timeout

FILE_OPTIONS = ("real", "fake", "train", "reference", *DATA_OPTIONS, "seed", "space", "max_rows")
RUN_OPTIONS = ("jobs", "timeout", "memory", "out")


def check_arguments(ctx: click.Context, runs: Sequence[Path]) -> None:
    """Raise UsageError if options for files are given with a run or the reverse, or if required ones are missing."""
    source = click.core.ParameterSource.COMMANDLINE
    given = [name for name in (FILE_OPTIONS if runs else RUN_OPTIONS) if ctx.get_parameter_source(name) is source]
    if given:
        option = "--" + given[0].replace("_", "-")
        problem = "applies to files, not to runs" if runs else "applies to runs; give the directory of a run"
        raise click.UsageError(f"{option} {problem}", ctx)
    for name in ("real", "fake"):
        if not runs and ctx.params[name] is None:
            raise click.UsageError(f"Missing option '--{name}', or the directory of a run", ctx)


def score_runs(runs: Sequence[Path], options: Mapping[str, Any]) -> int:
    """Score each run's samples and print its tables; return the exit code."""
    from genbench import api
    from genbench.cli.output import print_json, warn
    from genbench.plan.rescore import plan_scores
    from genbench.record.merge import merge
    from genbench.record.score import column_of
    from genbench.registry.options import parse_set
    from genbench.registry.registry import Registry
    from genbench.session.options import RunOptions

    run_options = RunOptions(
        jobs=options["jobs"],
        progress=True,
        timeout=parse_timeout(options["timeout"]),
        memory=options["memory"],
        retry="failed",
    )
    run_options.check()
    plugins = [Path(path) for path in options["plugins"]]
    registry = Registry.discover(plugins)
    warn(registry.problems)
    settings = [parse_set(text) for text in options["settings"]]
    scorings = [plan_scores(run, registry, options["metrics"], settings, plugins) for run in runs]
    if options["out"] is not None:
        merge(runs, options["out"])
        runs = [options["out"]]
        scorings = [plan_scores(options["out"], registry, options["metrics"], settings, plugins)]
    code, reports = 0, list[Any]()
    for run, scoring in zip(runs, scorings, strict=True):
        for reason, cells in scoring.lacking.items():
            names = ", ".join(cells[:3]) + ", ..." * (len(cells) > 3)
            warn([f"{run}: {len(cells)} cells are not scored: {reason} ({names})"])
        results, _, stopped = api.execute(scoring.plan, registry, replace(run_options, out=run))
        requested = {metric.label for cell in scoring.plan.cells for metric in cell.metrics}
        new_scores = requested & {column_of(s) for record in results.records for s in record["scores"]}
        if options["as_json"]:
            reports.append({"directory": str(run), "new": sorted(new_scores), "per_seed": _rows(results)})
        else:
            _print(results, run, sorted(new_scores), named=options["metrics"] != "all")
            for line in metric_failures(results, scoring.plan):
                click.echo(f"failed  {line}", err=True)
        failed = (
            results.failures
            or results.lost
            or results.damaged
            or scoring.lacking
            or metric_failures(results, scoring.plan)
        )
        code = code or (EXIT_SIGNAL + stopped if stopped else EXIT_FAILED if failed else 0)
        if stopped:
            click.echo(f"stopped; the same command resumes; the earlier scores in {run} are unchanged", err=True)
            break
    if options["as_json"]:
        print_json({"runs": reports})
    return code


def _rows(results: Any) -> Any:
    import json

    from genbench.report import render

    return json.loads(render(results.records, "json", per="seed"))


def _print(results: Any, run: Path, new_scores: list[str], *, named: bool) -> None:
    from genbench.cli.table import show
    from genbench.text import plain

    show(results, metrics=tuple(new_scores) if named else ())
    for record in [*results.failures, *results.lost]:
        cell = f"{record['label']} x {record['dataset_label']} seed {record['seed']}"
        click.echo(f"{record['status']}  {plain(cell)}: {plain(record['reason'])}", err=True)
    command = f"genbench table {quote(str(run))} --metrics all"
    click.echo(f"\n{run}: new scores: {', '.join(new_scores) or 'none'}; for all scores: {command}")

"""``genbench run``: the main job. Imports what it needs when it runs, and torch only in the cells."""

from __future__ import annotations

import atexit
import gc
import signal
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

import click

from genbench.cli.options import Size, complete, data_options, json_option, plugin_option
from genbench.errors import UserError

__all__ = ["raised", "run", "seconds_of"]

FAILED, SIGNALLED = 3, 128  # and the number of the signal, as shells have it


@click.command(short_help="train, sample and score")
@click.option(
    "-m",
    "--models",
    metavar="NAMES",
    default="all",
    show_default=True,
    shell_complete=complete("model"),
    help="Names, globs, exclusions, options and sweeps: vae,gan*,-kde or 'vae[latent=2|8]'.",
)
@click.option(
    "-d",
    "--datasets",
    metavar="NAMES",
    default="",
    shell_complete=complete("dataset"),
    help="Likewise.  [default: the preset's]",
)
@click.option(
    "--metrics", metavar="NAMES", default="all", show_default=True, shell_complete=complete("metric"), help="Likewise."
)
@click.option(
    "--data",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Your own data: csv, tsv, parquet, npy, npz, hdf5 or a folder of images; may be repeated.",
)
@data_options
@click.option("--preset", metavar="NAME", default="default", show_default=True, help="smoke, default or full.")
@click.option("--seeds", metavar="N", type=int, help="How many seeds.  [default: the preset's]")
@click.option("--first-seed", metavar="N", type=int, default=0, help="The first of them.  [default: 0]")
@click.option(
    "--budget", metavar="B", help="One budget for all models: 2000steps, 60s, 20epochs.  [default: each one's recipe]"
)
@click.option(
    "--device", metavar="D", default="auto", show_default=True, help="auto, cpu, cuda, cuda:0, cuda:0,cuda:1 or mps."
)
@click.option(
    "--set", "settings", metavar="NAME.OPTION=VALUE", multiple=True, help="Set an option: vae.beta=4; may be repeated."
)
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="TOML: [run] of these options, [set.NAME] of a plugin's.",
)
@plugin_option
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the run is kept; one that is there is resumed.  [default: results/run-TIME]",
)
@click.option("--jobs", metavar="N", type=int, help="Cells at a time.  [default: one a core, one on a GPU]")
@click.option(
    "--timeout", metavar="TIME", help="Deadline of each cell, training, sampling and scoring together: 90s, 10min."
)
@click.option("--memory", metavar="SIZE", type=Size(), help="Most memory of a cell, all its processes together: 4GB.")
@click.option(
    "--isolation",
    type=click.Choice(("process", "none")),
    default="process",
    show_default=True,
    help="Each cell in a process of its own; none, for debuggers: all in this one.",
)
@click.option(
    "--scheduler",
    metavar="WHERE",
    help="Run the cells on the workers of a Dask scheduler, tcp://127.0.0.1:8786, or on N that are started: local:N, "
    "slurm:N, htcondor:N, pbs:N, sge:N, lsf:N, configured in ~/.config/dask/jobqueue.yaml. All must see --out.",
)
@click.option("--insecure", is_flag=True, help="Let --scheduler be on another machine without TLS.")
@click.option("--force", is_flag=True, help="Run everything again, also what is finished.")
@click.option(
    "--retry", metavar="STATUS", help="Run again what ended so: failed (whatever went wrong), or some as timeout,oom."
)
@click.option("--dry-run", is_flag=True, help="Print the plan and an estimate of its time; run nothing.")
@json_option
@click.pass_context
def run(ctx: click.Context, /, **options: Any) -> int:
    """Train and sample models on datasets under one protocol, score the samples, and print one table a dataset.

    With nothing else said: all models on a toy whose density is known, a real table and real images.
    """
    from genbench.session.interrupts import exit_on_sigterm

    atexit.register(gc.freeze)  # or Python visits all objects of all libraries once more: 0.3 s
    with exit_on_sigterm():
        return _run(_with_config(ctx, options))


def _run(said: Mapping[str, Any]) -> int:
    from genbench import api
    from genbench.cli.output import warn
    from genbench.plan.plan import Request
    from genbench.session.options import RunOptions

    how = RunOptions(
        out=said["out"], jobs=said["jobs"], timeout=seconds_of(said["timeout"]), memory=said["memory"],
        isolation=said["isolation"], force=said["force"], retry=said["retry"], scheduler=said["scheduler"],
        insecure=said["insecure"],
    )  # fmt: skip
    how.check()
    request = Request(
        models=said["models"], datasets=said["datasets"], metrics=said["metrics"], preset=said["preset"],
        seeds=said["seeds"], first_seed=said["first_seed"], budget=said["budget"], device=said["device"],
        settings=tuple(said["settings"]), plugin_files=tuple(Path(p) for p in said["plugins"]),
    )  # fmt: skip
    plan, registry = api.prepare(
        request, said["data"], _of_data(said), resolve_device=not said["dry_run"], remote=how.scheduler is not None
    )
    warn([*registry.problems, *plan.notes])
    if said["dry_run"]:
        return _print_plan(plan, said)
    try:
        results, directory, stopped = api.execute(plan, registry, how)
    except KeyboardInterrupt as stop:  # the second signal, or one before the first cell
        click.echo("genbench: stopped at once; the records written so far are intact", err=True)
        return SIGNALLED + getattr(stop, "number", signal.SIGINT)
    if said["as_json"]:
        _print_json(results, directory)
    else:
        _print_tables(results, directory, plan)
    if stopped:
        click.echo(f"stopped; to go on: genbench run ... --out {quote(str(directory))}", err=True)
        return SIGNALLED + stopped
    return FAILED if results.failures or results.lost or raised(results, plan) else 0


def _with_config(ctx: click.Context, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options, those of the command line before those of --config, and the settings of both."""
    from genbench.registry.options import load_toml, parse_set

    said = dict(options)
    from_file: list[Any] = []
    if options["config"] is not None:
        known = [
            p.name
            for p in ctx.command.params
            if p.name and p.name not in ("config", "settings", "as_json", "dry_run", "force", "insecure")
        ]
        values, from_file = load_toml(options["config"], [*known, "plugin"])
        if code := next((name for name in ("plugin", "plugins") if name in values), None):
            told = "names Python files, and a configuration runs no code; give them on the command line, --plugin FILE"
            raise UserError(f"--config {options['config']}: [run] {code}: {told}")
        for name, value in values.items():
            if ctx.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE:
                said[name] = _typed(ctx, name, value, options["config"])
    said["settings"] = [*from_file, *(parse_set(text) for text in options["settings"])]
    return said


def _typed(ctx: click.Context, name: str, value: Any, path: Path) -> Any:
    """Return a value of --config as the command line would have given it: lists join, or repeat."""
    parameter = next(p for p in ctx.command.params if p.name == name)
    if isinstance(value, bool):
        raise UserError(f"--config {path}: [run] {name} = {str(value).lower()}: expected a value, not true or false")
    if isinstance(value, list) and not parameter.multiple:
        value = ",".join(map(str, value))
    if parameter.multiple and not isinstance(value, list):
        value = [value]
    try:
        return parameter.type_cast_value(ctx, value)
    except click.BadParameter as error:
        raise UserError(f"--config {path}: [run] {name} = {value!r}: {error.message.rstrip('.')}") from None


def _of_data(said: Mapping[str, Any]) -> dict[str, Any]:
    names = ("columns", "labels", "log", "periodic", "na", "encoding", "max_bytes")
    return {name: said[name] for name in names if said[name] is not None}


def seconds_of(text: str | None) -> float | None:
    """Return the seconds of ``--timeout``, as 90s or 10min; raises UserError."""
    if text is None:
        return None
    from genbench.budget import Budget

    try:
        limit = Budget.parse(text)
    except UserError:
        limit = None
    if limit is None or limit.unit != "s":
        raise UserError(f"--timeout {text}: expected a time, as 90s or 10min")
    return limit.amount


def _print_plan(plan: Any, said: Mapping[str, Any]) -> int:
    """Print which cells would run, which combinations not and why, and how long it may take."""
    from genbench.cli.output import print_json, print_table
    from genbench.plan.device_names import DeviceName
    from genbench.session.options import jobs_for
    from genbench.text import duration

    jobs = said["jobs"] or jobs_for(DeviceName.parse(said["device"]))
    if said["as_json"]:
        cells = [{**cell.as_dict(), "metrics": [metric.label for metric in cell.metrics]} for cell in plan.cells]
        skipped = [skip.as_dict() for skip in plan.skips]
        print_json({"cells": cells, "skipped": skipped, "jobs": jobs, "seconds": plan.seconds(jobs)})
        return 0
    rows: dict[tuple[str, ...], list[int]] = {}
    for cell in plan.cells:
        rows.setdefault((cell.dataset.label, cell.model.label, cell.budget, cell.density), []).append(cell.seed)
    print_table(("dataset", "model", "budget", "likelihood", "seeds"),
                [(*row, len(seeds)) for row, seeds in sorted(rows.items(), key=lambda item: item[0][0])])  # fmt: skip
    for skip in plan.skips:
        click.echo(f"skip  {skip}")
    click.echo(
        f"{len(plan.cells)} cells, about {duration(plan.seconds(jobs))} with {jobs} at a time (a rough estimate)"
    )
    return 0


def _print_tables(results: Any, directory: Path, plan: Any) -> None:
    from genbench.cli.table import show
    from genbench.text import plain

    show(results.records)
    for skip in plan.skips:
        click.echo(f"skip  {skip}")
    for record in [*results.failures, *results.lost]:
        what = f"{record['label']} x {record['dataset_label']} seed {record['seed']}"
        click.echo(
            f"{record['status']}  {plain(what)}, while in {record['phase']}: {plain(record['reason'])}", err=True
        )
    for line in raised(results, plan):
        click.echo(f"failed  {line}", err=True)
    click.echo(f"\nThe run is kept in {directory}; more of it: genbench table {quote(str(directory))} --metrics all")


def raised(results: Any, plan: Any) -> list[str]:
    """Return a line for each metric of the plan that raised, with how often and what it said first."""
    from genbench.record.score import column_of, failed
    from genbench.text import plain

    reasons: dict[str, list[str]] = {metric.label: [] for cell in plan.cells for metric in cell.metrics}
    for score in (score for record in results.records for score in record.get("scores") or ()):
        name = column_of(score)
        if name in reasons and failed(score):
            reasons[name].append(score["warnings"][0].removeprefix("failed: "))
    return [
        plain(f"metric {name}, in {len(why)} cell{'s' * (len(why) > 1)}: {why[0]}")
        for name, why in reasons.items() if why
    ]  # fmt: skip


def _print_json(results: Any, directory: Path) -> None:
    import json

    from genbench.cli.output import print_json
    from genbench.report import render

    tables = {f"per_{per}": json.loads(render(results.records, "json", per=per)) for per in ("model", "seed")}
    print_json({"directory": str(directory), **tables})

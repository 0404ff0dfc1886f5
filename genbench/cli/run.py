"""``genbench run``: trains, samples and scores. Imports what it needs when run, and torch only in the cells."""

from __future__ import annotations

import atexit
import gc
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from genbench.cli.options import (
    Size,
    complete,
    complete_presets,
    data_options,
    given_data_options,
    json_option,
    plugin_option,
    require_option,
)
from genbench.errors import UserError

EXIT_FAILED = 3
EXIT_SIGNAL = 128  # plus the number of the signal, as in shells
REQUEST_OPTIONS = (
    "models", "datasets", "metrics", "suite", "train_rows", "preset", "seeds", "first_seed", "budget", "device",
    "precision",
)  # fmt: skip
NOT_IN_CONFIG = ("config", "settings", "as_json", "dry_run", "force", "insecure")


@click.command(short_help="train, sample and score")
@click.option(
    "-m",
    "--models",
    metavar="NAMES",
    default="",
    shell_complete=complete("model"),
    help="Names, globs, exclusions, options and sweeps: vae,gan*,-kde or 'vae[latent=2|8]'.  [default: all]",
)
@click.option(
    "-d",
    "--datasets",
    metavar="NAMES",
    default="",
    shell_complete=complete("dataset"),
    help="The same for datasets.  [default: those of the preset]",
)
@click.option(
    "--metrics",
    metavar="NAMES",
    default="",
    shell_complete=complete("metric"),
    help="The same for metrics.  [default: all]",
)
@click.option(
    "--suite",
    metavar="NAME",
    default="",
    shell_complete=complete("suite"),
    help="Run a suite: its models, datasets, metrics, budget, seeds and sizes, beside its published values. -m and "
    "--metrics add to it, --seeds changes their number, --preset smoke scales it down.",
)
@click.option(
    "--data",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Your own data: csv, json, parquet, npy, npz, hdf5, fits, root, ... or a folder of images; may be repeated.",
)
@data_options()
@click.option(
    "--preset", metavar="NAME", default="default", show_default=True, shell_complete=complete_presets,
    help="smoke, default or full.",
)  # fmt: skip
@click.option("--seeds", metavar="N", type=int, help="Number of seeds.  [default: that of the preset]")
@click.option(
    "--train-rows",
    metavar="N,N",
    default="",
    help="Numbers of training rows, each of which is run: 1000,3000,10000.  [default: that of the preset]",
)
@click.option("--first-seed", metavar="N", type=int, default=0, help="First seed.  [default: 0]")
@click.option(
    "--budget",
    metavar="B",
    help="One budget for all models: 2000steps, 60s, 20epochs.  [default: the recipe of each model]",
)
@click.option(
    "--within",
    metavar="TIME",
    help="Reduce budgets, then seeds, until the run is estimated to take this time on this machine: 10min, 90s.",
)
@click.option(
    "--device", metavar="D", default="auto", show_default=True, help="auto, cpu, cuda, cuda:0, cuda:0,cuda:1 or mps."
)
@click.option(
    "--precision",
    metavar="P",
    default="fp32",
    show_default=True,
    help="Of training: fp32, bf16, or auto: bf16 for images, where the device multiplies in it.",
)
@click.option(
    "--set", "settings", metavar="NAME.OPTION=VALUE", multiple=True, help="Set an option: vae.beta=4; may be repeated."
)
@click.option(
    "--sweep", "sweeps", metavar="NAME.OPTION=A,B", multiple=True,
    help="Run each value of an option: vae.latent=2,8 is 'vae[latent=2|8]' without quotes; may be repeated.",
)  # fmt: skip
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="TOML file: these options under [run], those of a plugin under [set.NAME].",
)
@plugin_option
@click.option(
    "-o",
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of the run; an existing run is resumed.  [default: results/run-TIME]",
)
@click.option("--jobs", metavar="N", type=int, help="Number of cells at a time.  [default: one per core or GPU]")
@click.option(
    "--timeout", metavar="TIME", help="Time limit of a cell, for training, sampling and scoring together: 90s, 10min."
)
@click.option(
    "--memory", metavar="SIZE", type=Size(), help="Memory limit of a cell, for all its processes together: 4GB."
)
@click.option(
    "--isolation",
    type=click.Choice(("process", "none")),
    default="process",
    show_default=True,
    help="process: each cell in its own process; none: all cells in this process, for debuggers.",
)
@click.option(
    "--scheduler",
    metavar="WHERE",
    help="Run the cells on the workers of a Dask scheduler, tls://HOST:8786, or on N new workers: local:N, "
    "slurm:N, htcondor:N, pbs:N, sge:N, lsf:N, configured in ~/.config/dask/jobqueue.yaml. All need access to --out.",
)
@click.option(
    "--insecure", is_flag=True, help="Allow a --scheduler without TLS, through which others can run code as you."
)
@click.option(
    "--keep",
    type=click.Choice(("best", "all", "none")),
    default="best",
    show_default=True,
    help="Trained models to keep, for genbench sample: of the best seed of each model, of all seeds, or none.",
)
@require_option
@click.option("--force", is_flag=True, help="Run all cells again, also finished ones.")
@click.option(
    "--retry", metavar="STATUS", help="Also run again the cells of this status: failed (any failure), or timeout,oom."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the plan, what your data are taken as, and an estimate of the time; run nothing.",
)
@json_option
@click.pass_context
def run(ctx: click.Context, /, **options: Any) -> int:
    """Train and sample models on datasets under one protocol, score the samples, and print one table per dataset.

    By default it runs all models on a toy dataset of known density, a real table and real images.
    """
    from genbench.session.interrupts import exit_on_sigterm

    atexit.register(gc.freeze)  # saves the last garbage collection over all libraries, 0.3 s
    with exit_on_sigterm():
        return _run(ctx, _with_config(ctx, options))


def _run(ctx: click.Context, options: Mapping[str, Any]) -> int:
    from genbench import api
    from genbench.cli.next_steps import resume_command
    from genbench.cli.output import warn
    from genbench.cli.table import check_requirements
    from genbench.plan.plan import Request
    from genbench.plan.precision import recorded_kinds
    from genbench.session.options import RunOptions
    from genbench.session.within import Within, jobs_at_once
    from genbench.table.requirements import parse_requirements

    names = ("out", "jobs", "memory", "isolation", "force", "retry", "scheduler", "insecure", "keep")
    run_options = RunOptions(
        timeout=parse_timeout(options["timeout"]), progress=True, **{name: options[name] for name in names}
    )
    run_options.check()
    requirements = parse_requirements(options["require"]) if options["require"] else []
    plugins = tuple(Path(path) for path in options["plugins"])
    request = Request(
        settings=tuple(options["settings"]), plugin_files=plugins,
        bf16=recorded_kinds(options["precision"], options["out"]), **{name: options[name] for name in REQUEST_OPTIONS},
    )  # fmt: skip
    dry_run, remote = options["dry_run"], options["scheduler"] is not None
    within = None if options["within"] is None else Within(options["within"], run_options, dry_run=dry_run)
    resolve = not dry_run or options["device"] != "auto"  # a device that is named must be there
    plan, registry = api.prepare(
        request, options["data"], given_data_options(options), resolve_device=resolve, remote=remote,
        describe=dry_run, within=within,
    )  # fmt: skip
    warn([*registry.problems, *plan.notes])
    if dry_run:
        from genbench.cli.dry_run import print_plan

        print_plan(plan, jobs_at_once(run_options, options["device"]), as_json=options["as_json"])
        return 0
    run_options = run_options.with_out()
    resume = resume_command(ctx, Path(str(run_options.out)))
    try:
        results, directory, stopped = api.execute(plan, registry, run_options)
    except KeyboardInterrupt as stop:  # a second signal, or one before the first cell
        click.echo(f"genbench: stopped at once; all records written before are intact; to resume: {resume}", err=True)
        return EXIT_SIGNAL + getattr(stop, "number", signal.SIGINT)
    if options["as_json"]:
        _print_json(results, directory)
    else:
        _print_tables(results, directory, plan)
    if stopped:
        click.echo(f"stopped; to resume: {resume}", err=True)
        return EXIT_SIGNAL + stopped
    if results.lost:
        click.echo(f"to run again what was lost: {resume}", err=True)
    unmet = check_requirements(results, requirements) if requirements else 0
    failed = results.failures or results.lost or results.damaged or metric_failures(results, plan)
    return EXIT_FAILED if failed else unmet


def _with_config(ctx: click.Context, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of --config, overridden by those on the command line, and the settings of both."""
    from genbench.registry.options import load_toml, parse_set
    from genbench.registry.selection import parse_sweep

    merged, path = dict(options), options["config"]
    settings: list[Any] = []
    if path is not None:
        known = [p.name for p in ctx.command.params if p.name and p.name not in NOT_IN_CONFIG]
        values, settings = load_toml(path, [*known, "plugin"])
        if plugin := next((name for name in ("plugin", "plugins") if name in values), None):
            remedy = "a configuration cannot load code; give Python files on the command line, with --plugin FILE"
            raise UserError(f"--config {path}: [run] {plugin}: {remedy}")
        for name, value in values.items():
            if ctx.get_parameter_source(name) is not click.core.ParameterSource.COMMANDLINE:
                merged[name] = _parse_config_value(ctx, name, value, path)
    sweeps = [parse_sweep(text) for text in merged["sweeps"]]
    merged["settings"] = [*settings, *(parse_set(text) for text in options["settings"]), *sweeps]
    return merged


def _parse_config_value(ctx: click.Context, name: str, value: Any, path: Path) -> Any:
    """Return a value of --config as from the command line: a list is joined by commas, or repeats the option."""
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


def parse_timeout(text: str | None) -> float | None:
    """Return the seconds in the text of ``--timeout``, as 90s or 10min; raises UserError."""
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


def _print_tables(results: Any, directory: Path, plan: Any) -> None:
    from genbench.cli.next_steps import next_steps
    from genbench.cli.table import show
    from genbench.table.summary import summarise
    from genbench.table.sweep import sweeps_of
    from genbench.text import plain

    show(results)
    if len(results.datasets) > len({record["dataset"] for record in results.records}):  # above it is in parts
        swept = sweeps_of(summarise(results.records))
        if any(sweep.of == "dataset" for sweep in swept):
            show(results, "option")
    for skip in plan.skips:
        click.echo(f"skip  {skip}")
    for record in [*results.failures, *results.lost]:
        cell = f"{record['label']} x {record['dataset_label']} seed {record['seed']}"
        click.echo(f"{record['status']}  {plain(cell)}, during {record['phase']}: {plain(record['reason'])}", err=True)
    for line in metric_failures(results, plan):
        click.echo(f"failed  {line}", err=True)
    click.echo(f"\nThe run is in {directory}. Next:")
    for step in next_steps(results, directory):
        click.echo(f"  {step}")


def metric_failures(results: Any, plan: Any) -> list[str]:
    """Return a line for each metric of the plan that raised an error: in how many cells, and the first message."""
    from genbench.record.score import column_of, metric_failed
    from genbench.text import plain

    messages: dict[str, list[str]] = {metric.label: [] for cell in plan.cells for metric in cell.metrics}
    for score in (score for record in results.records for score in record.get("scores") or ()):
        name = column_of(score)
        if name in messages and metric_failed(score):
            messages[name].append(score["warnings"][0].removeprefix("failed: "))
    return [
        plain(f"metric {name}, in {len(found)} cell{'s' * (len(found) > 1)}: {found[0]}")
        for name, found in messages.items() if found
    ]  # fmt: skip


def _print_json(results: Any, directory: Path) -> None:
    import json

    from genbench.cli.output import print_json
    from genbench.report import render
    from genbench.table.recommendation import recommend
    from genbench.table.summary import summarise

    verdict = [recommend(summary).as_dict() for summary in summarise(results.records, suites=results.suites)]
    tables = {
        f"per_{per}": json.loads(render(results.records, "json", per=per, suites=results.suites))
        for per in ("model", "seed")
    }
    print_json({"directory": str(directory), "verdict": verdict, **tables})

"""genbench from Python: run, load and score, with the same plan, session and scores as on the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.errors import UserError
from genbench.plan.device_names import DeviceName, remote_device
from genbench.registry.options import Setting, SweptValues, option_types
from genbench.session.options import RunOptions

if TYPE_CHECKING:
    from genbench.files import InMemory
    from genbench.plan.costs import Costs
    from genbench.plan.plan import Plan, Request
    from genbench.registry.registry import Registry
    from genbench.report.notebook import NotebookResults
    from genbench.session.within import Within

__all__ = ["execute", "load", "prepare", "run", "score"]

Names = str | Iterable[str]


def run(
    *,
    models: Names = (),
    datasets: Names = (),
    metrics: Names = (),
    suite: str = "",
    preset: str = "default",
    seeds: int | None = None,
    train_rows: int | str | Iterable[int] = "",
    budget: str | None = None,
    within: str | None = None,
    device: str = "auto",
    precision: str = "fp32",
    settings: Mapping[str, Any] | None = None,
    sweeps: Mapping[str, Iterable[Any]] | None = None,
    data: Any = (),
    data_options: Mapping[str, Any] | None = None,
    plugins: Iterable[str | Path] | str | Path = (),
    out: str | Path | None = None,
    jobs: int | None = None,
    timeout: float | None = None,
    memory: int | None = None,
    isolation: str = "process",
    force: bool = False,
    retry: str | None = None,
    scheduler: str | None = None,
    insecure: bool = False,
    progress: bool | None = None,
    keep: str = "best",
) -> NotebookResults:
    """Run models on datasets under the protocol and return the results, which show as tables in a notebook.

    ``models``, ``datasets`` and ``metrics`` take names, globs, exclusions and options as on the command line
    (``"vae[latent=2|8],gan*,-kde"``), by default all models and metrics on the datasets of the preset. ``suite`` is the
    name of a suite, to which ``models`` and ``metrics`` are added. ``train_rows`` are numbers of training rows, each of
    which is run: ``(1000, 3000)``. ``within``, as ``"10min"``, reduces budgets, then seeds, until the run is estimated
    to take that time here. ``precision`` is that of training: ``fp32``, ``bf16`` where the core's loop casts, or
    ``auto``, which is ``bf16`` for images on a device that multiplies in it, as it was when the run began.
    ``settings`` maps ``"vae.beta"`` to a value, ``sweeps`` to several, each of which is run; ``data`` is your own data,
    or a list of several: a file's path, an array or tensor (n, d) or (n, channels, height, width), a data frame of
    pandas or polars, an Arrow table, a structured array, a mapping of column names to arrays (n,), or a
    ``datasets.Dataset``. All are read with ``data_options`` (columns, labels, weights, kinds, units, log, periodic,
    na); what is in memory is stored in the folder ``data`` of the run. The run is stored in ``out``, by default a new
    directory under ``results/``; if ``out`` holds a run, it is resumed: ``retry="failed"`` repeats the cells that
    failed, ``force`` repeats all. ``timeout`` (seconds) is the deadline of a cell for training, sampling and scoring
    together; ``memory`` (bytes) limits the memory of all its processes together. ``isolation="none"`` runs everything
    in this process, for debuggers. ``scheduler`` runs the cells on Dask workers: ``"tls://host:8786"``, ``"local:2"``,
    ``"slurm:20"``; ``insecure`` allows a scheduler without TLS. ``progress=None`` shows progress in a terminal or a
    notebook only, ``True`` elsewhere too, as a line a cell. ``keep`` says which trained models the run stores: that of
    the ``best`` seed of each model on each dataset, ``all``, or ``none``; others are trained again where
    ``Results.model`` is asked for them. Raises UserError for an invalid request, before anything runs.
    """
    options = RunOptions(out, jobs, timeout, memory, isolation, force, retry, scheduler, insecure, progress, keep)
    options.check()
    options = options.with_out()
    from genbench.files import DATA_FOLDER
    from genbench.plan.plan import Request
    from genbench.plan.precision import recorded_kinds
    from genbench.session.within import Within

    request = Request(
        models=_join(models), datasets=_join(datasets), metrics=_join(metrics), suite=suite, preset=preset,
        seeds=seeds, train_rows="|".join(map(str, [train_rows] if isinstance(train_rows, (int, str)) else train_rows)),
        budget=budget, device=device, precision=precision, bf16=recorded_kinds(precision, options.out),
        settings=(
            *(_setting(path, value) for path, value in (settings or {}).items()),
            *(_setting(path, SweptValues(values)) for path, values in (sweeps or {}).items()),
        ),
        plugin_files=tuple(Path(path) for path in _as_list(plugins)),
    )  # fmt: skip
    folder, given = Path(str(options.out)) / DATA_FOLDER, _hold(data)
    limit = None if within is None else Within(within, options)
    plan, registry = prepare(
        request, given, data_options or {}, remote=scheduler is not None, folder=folder, within=limit
    )
    for each in given:
        if not isinstance(each, (str, Path)):
            each.save(folder)
    results, _, _ = execute(plan, registry, options)
    return results


def _join(names: Names) -> str:
    return names if isinstance(names, str) else ",".join(names)


def _as_list(paths: Iterable[str | Path] | str | Path) -> list[str | Path]:
    return [paths] if isinstance(paths, (str, Path)) else list(paths)


def _hold(data: Any) -> list[str | Path | InMemory]:
    """Return the paths and objects of ``data``, one or several, the objects as they will be stored."""
    from genbench.files import hold

    several = list(data) if isinstance(data, (list, tuple, set, Iterator)) else [data]
    found: list[str | Path | InMemory] = []
    for value in several:
        if isinstance(value, (str, Path)):
            found.append(value)
        elif isinstance(value, (list, tuple, int, float, complex, type(None))):
            kind = type(value).__name__
            raise UserError(
                f"data holds a {kind}: expected a file's path, an array, a data frame or a table, or a list"
            )
        else:
            n = sum(not isinstance(each, (str, Path)) for each in found)
            found.append(hold(value, f"data_{n + 1}" if n else "data"))
    return found


def _setting(path: str, value: Any) -> Setting:
    target, _, option = path.rpartition(".")
    return Setting(target, option, value, f"settings[{path!r}] = {value!r}")


def prepare(
    request: Request,
    data: Iterable[str | Path | InMemory] = (),
    data_options: Mapping[str, Any] | None = None,
    *,
    resolve_device: bool = True,
    remote: bool = False,
    describe: bool = False,
    folder: Path | None = None,
    within: Within | None = None,
) -> tuple[Plan, Registry]:
    """Return the plan of a request and the registry of plugins that it was made with.

    ``data`` are the user's own files and objects, which become datasets of the plan; objects will be stored in
    ``folder``. ``resolve_device=False`` leaves the device ``auto`` as it is; ``remote`` means that the plan is for
    other machines; ``describe`` adds what will be modelled to the plan, and estimates its time from earlier records of
    this machine. ``within`` reduces the plan to a time. Raises UserError; nothing is written, and torch is not imported
    here.
    """
    from genbench.files import open_data
    from genbench.plan.absent_files import check_files
    from genbench.plan.plan import make_plan
    from genbench.plan.precision import kinds_in_bf16
    from genbench.plan.presets import PRESETS
    from genbench.registry.registry import Registry

    DeviceName.parse(request.device)
    if request.precision != "auto":
        request = replace(request, bf16=kinds_in_bf16(request.precision, native=False))
    if within is not None:
        within.check(request)
    if remote:
        request, resolve_device = replace(request, device=remote_device(request.device)), False
    registry = Registry.discover(request.plugin_files)
    notes: list[str] = []
    files, described, data = [], [], list(data)
    if not data and (given := (data_options or {}).get("given")):
        request = replace(request, settings=(*request.settings, *_given_settings(request, registry, given)))
        data_options = {name: value for name, value in (data_options or {}).items() if name != "given"}
    for each in data:  # one after the other, so that one only is in memory
        opened = open_data(each, folder=folder, **(data_options or {}))
        notes += opened.notes
        files.append((opened.spec, opened.config))
        if (describe or within is not None) and request.preset in PRESETS:
            described.append(opened.describe(PRESETS[request.preset].sizes))
    names = [spec.name for spec, _ in files]
    if duplicate := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"--data: two files are called {duplicate!r}; rename one, or run them separately")
    if data_options and not files:
        raise UserError(f"--{next(iter(data_options))} describes your own file; name it with --data FILE")
    request = replace(request, files=tuple(files))
    costs = _costs_here() if describe and within is None else None

    def plan_of(request: Request) -> Plan:
        return replace(make_plan(request, registry, costs), notes=tuple(notes), data=tuple(described))

    plan = plan_of(request)  # finds the user's mistakes before a device is probed
    if not remote:
        check_files(plan)
    if resolve_device:
        from genbench.process.probe_device import device_of, has_bf16

        device, bf16 = device_of(request.device), request.bf16
        if bf16 is None:
            bf16 = kinds_in_bf16(request.precision, native=has_bf16(device))
        request = replace(request, device=device, bf16=bf16)
        plan = plan_of(request)
    return (plan if within is None else within.fit(request, registry, plan_of)), registry


def _costs_here() -> Costs:
    from genbench.plan.measured_costs import costs_from, earlier_records

    return costs_from(earlier_records(None))


def _given_settings(request: Request, registry: Registry, given: Any) -> list[Setting]:
    """Return the settings that make datasets conditional; raises UserError for one that has no option ``given``."""
    value = _join(given)
    if not request.datasets:
        raise UserError(f"--given {value}: name the datasets with -d, or your own file with --data")
    entries = [entry for entry, _ in registry.select("dataset", request.datasets)]
    for entry in entries:
        if entry.spec.config is None or "given" not in option_types(entry.spec.config):
            raise UserError(f"--given {value}: the rows of {entry.spec.name} cannot be drawn given anything")
    return [Setting(f"dataset:{entry.key}", "given", value, f"--given {value}") for entry in entries]


def execute(plan: Plan, registry: Registry, options: RunOptions) -> tuple[NotebookResults, Path, int]:
    """Run a plan; return the results, their directory, and the number of the signal that stopped the run, else 0.

    A second signal raises KeyboardInterrupt.
    """
    if options.isolation == "none":
        set_library_environment()
    from rich.console import Console

    from genbench.session.displays import display_for
    from genbench.session.executors import executor_for
    from genbench.session.session import Session
    from genbench.text import plain

    options.check()
    if not plan.cells:
        raise UserError(f"nothing to run: {'; '.join(map(str, plan.skips))}")
    options = options.with_out()
    directory = Path(str(options.out))
    console = Console(stderr=True)

    def print_line(line: str) -> None:
        console.print(plain(line), markup=False, highlight=False, soft_wrap=True)

    observer = display_for(console, options)
    with closing(executor_for(plan, options, observer, print_line)) as executor:
        session = Session(plan, registry, options, executor=executor, observer=observer)
        with observer:
            # imported during the run, so that an interrupted run shows its table at once
            records = session.run(meanwhile=lambda: import_module("genbench.report"))
    for damage in session.damaged:
        print_line(f"set aside: {damage}")
    if session.failure:
        print_line(f"{session.failure}; when it is back, the same run with --out {directory} goes on")
    for damage in session.overwritten:
        print_line(f"damaged: {damage}")
    from genbench.record.store import read_run
    from genbench.report.notebook import NotebookResults
    from genbench.table.suites import suites_of

    info: Mapping[str, Any] = {}
    with suppress(UserError):  # the directory may have been removed meanwhile
        info = read_run(directory, [])
    if options.keep == "best" and not session.stopped:
        _remove_other_models(directory, records)
    results = NotebookResults(tuple(records), tuple(session.overwritten), suites_of(info), runs=(directory,))
    return results, directory, session.stopped


def _remove_other_models(run: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Remove the trained models of all seeds but the best one of each model on each dataset."""
    from genbench.record.store import MODEL_FILE, cell_folder
    from genbench.table.best_seed import best_seeds

    best = {record["key"] for record in best_seeds(records)}
    for record in records:
        if record["key"] not in best:
            with suppress(OSError):
                (cell_folder(run, record["key"]) / MODEL_FILE).unlink(missing_ok=True)


def set_library_environment() -> None:
    """Set the variables that numpy and torch read on import, so that this process computes what a child would."""
    from genbench.process.launch import ENVIRONMENT

    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def load(*paths: str | Path) -> NotebookResults:
    """Return the results of the runs in these directories; raises UserError for a directory without a run."""
    from genbench.report.notebook import NotebookResults
    from genbench.table.results import load as load_results

    return NotebookResults.of(load_results(*paths))


def score(
    *,
    real: Any,
    fake: Any,
    train: Any = None,
    reference: Any = None,
    metrics: Names = "all",
    space: str = "standardised",
    settings: Mapping[str, Any] | None = None,
    data_options: Mapping[str, Any] | None = None,
    seed: int = 0,
    plugins: Iterable[str | Path] | str | Path = (),
    max_rows: int | None = 20_000,
) -> list[dict[str, Any]]:
    """Score samples ``fake`` against held-out data ``real``, without training, and return one dict for each metric.

    Samples and data are arrays (n, d) or (n, channels, height, width), or anything else that ``run`` takes as ``data``,
    read with the same ``data_options``. The floor of a score, its
    value for real data, comes from ``reference`` (more real data), else from random halves of ``real``. ``metrics`` may
    name a space, as ``"frechet@pca"``; all others are taken in ``space``: ``standardised`` (by ``train`` if given, else
    by ``real``), ``raw`` (the numbers as they are), or any that ``genbench list spaces`` shows. The keys of each dict
    are ``metric label value low high level floor floor_sd floor_from z suspect copying replicates better ranked unit
    best n_real n_fake space params detail version seconds warnings``; a value that does not exist is None, with the
    reason in ``warnings``. ``z`` is value - floor in standard errors of that difference; a value that states no error
    is given that of the floor. ``suspect`` is true if the samples score better than fresh real data by over three of
    them, ``copying`` if they are as much worse in a metric of copying: they repeat training rows. ``plugins`` are files
    of one plugin each, loaded too. Metrics whose cost grows with the number of pairs of rows get at most ``max_rows``
    rows of either side, drawn by ``seed``, the floor alike; None for all. Raises UserError for unknown metrics and
    unusable data.
    """
    from genbench.scoring.samples import score_samples

    options = [_setting(path, value) for path, value in (settings or {}).items()]
    given = {"real": real, "fake": fake, "train": train, "reference": reference}
    return score_samples(
        given, _join(metrics), space, options, data_options, seed, plugins=_as_list(plugins), max_rows=max_rows
    )

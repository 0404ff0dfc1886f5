"""genbench from Python: the same plan, session and scores as on the command line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import closing, nullcontext
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genbench.errors import UserError
from genbench.plan.device_names import DeviceName, remote_device
from genbench.record.run_directory import default_directory
from genbench.registry.options import Setting
from genbench.session.options import RunOptions

if TYPE_CHECKING:
    from genbench.plan.plan import Plan, Request
    from genbench.registry.registry import Registry
    from genbench.table.results import Results

__all__ = ["execute", "load", "prepare", "run", "score"]

Names = str | Iterable[str]


def run(
    *,
    models: Names = "all",
    datasets: Names = (),
    metrics: Names = "all",
    preset: str = "default",
    seeds: int | None = None,
    budget: str | None = None,
    device: str = "auto",
    settings: Mapping[str, Any] | None = None,
    data: Iterable[str | Path] | str | Path = (),
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
) -> Results:
    """Run models on datasets under the protocol and return the results, which show as tables in a notebook.

    ``models``, ``datasets`` and ``metrics`` take names, globs, exclusions and options as on the command line
    (``"vae[latent=2|8],gan*,-kde"``); ``settings`` maps ``"vae.beta"`` to a value; ``data`` are files of your own, read
    with ``data_options`` (columns, labels, log, periodic). The run is kept in ``out``, by default a new
    directory under ``results/``; an ``out`` that holds a run is resumed: ``retry="failed"`` runs what failed again,
    ``force`` everything. ``timeout`` (seconds) is the deadline of a cell, training, sampling and scoring together,
    ``memory`` (bytes) the most that its processes may hold at a time.
    ``isolation="none"`` runs all in this process, for debuggers. ``scheduler`` runs the cells on the workers of Dask:
    ``"tcp://127.0.0.1:8786"``, ``"local:2"``, ``"slurm:20"``; ``insecure`` allows other machines without TLS.
    ``progress=None`` shows progress where there is a
    terminal or a notebook. Raises UserError for whatever cannot be meant, before anything is run.
    """
    options = RunOptions(out, jobs, timeout, memory, isolation, force, retry, scheduler, insecure, progress)
    options.check()
    from genbench.plan.plan import Request

    request = Request(
        models=_joined(models), datasets=_joined(datasets), metrics=_joined(metrics), preset=preset, seeds=seeds,
        budget=budget, device=device, settings=tuple(_setting(path, value) for path, value in (settings or {}).items()),
        plugin_files=tuple(Path(path) for path in _listed(plugins)),
    )  # fmt: skip
    plan, registry = prepare(request, _listed(data), data_options or {}, remote=scheduler is not None)
    results, _, _ = execute(plan, registry, options)
    return results


def _joined(names: Names) -> str:
    return names if isinstance(names, str) else ",".join(names)


def _listed(paths: Iterable[str | Path] | str | Path) -> list[str | Path]:
    return [paths] if isinstance(paths, (str, Path)) else list(paths)


def _setting(path: str, value: Any) -> Setting:
    target, _, option = path.rpartition(".")
    return Setting(target, option, value, f"settings[{path!r}] = {value!r}")


def prepare(
    request: Request,
    data: Iterable[str | Path] = (),
    data_options: Mapping[str, Any] | None = None,
    *,
    resolve_device: bool = True,
    remote: bool = False,
) -> tuple[Plan, Registry]:
    """Return the plan of a request, with the user's files of ``data`` in it, and the registry it was made with.

    ``resolve_device=False`` leaves ``auto`` as it is; ``remote`` says that the plan is for other machines. Raises
    UserError; nothing is written and torch is not imported.
    """
    from genbench.plan.plan import make_plan
    from genbench.registry.registry import Registry

    DeviceName.parse(request.device)
    if remote:
        request, resolve_device = replace(request, device=remote_device(request.device)), False
    registry = Registry.discover(request.plugin_files)
    notes: list[str] = []
    files = tuple(_file(path, data_options or {}, notes) for path in data)
    names = [spec.name for spec, _ in files]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"--data: two files are called {twice!r}; rename one, or run them apart")
    if data_options and not files:
        raise UserError(f"--{next(iter(data_options))} describes a file of yours; name it with --data FILE")
    request = replace(request, files=files)
    plan = make_plan(request, registry)  # finds the user's mistakes before a device is asked
    if resolve_device:
        from genbench.process.probe_device import device_of

        plan = make_plan(replace(request, device=device_of(request.device)), registry)
    return replace(plan, notes=tuple(notes)), registry


def _file(path: str | Path, options: Mapping[str, Any], notes: list[str]) -> tuple[Any, Any]:
    from genbench.files import dataset_spec

    return dataset_spec(path, **options, notes=notes)


def execute(plan: Plan, registry: Registry, options: RunOptions) -> tuple[Results, Path, int]:
    """Run a plan; return the results, the directory they are in, and the signal that stopped it, 0 for none.

    A second signal raises KeyboardInterrupt.
    """
    if options.isolation == "none":
        _as_in_a_cell()
    from rich.console import Console

    from genbench.session.executors import executor_for
    from genbench.session.progress import LiveProgress, PlainProgress
    from genbench.session.session import Session
    from genbench.text import plain

    options.check()
    directory = Path(options.out) if options.out is not None else default_directory()
    options = replace(options, out=directory)
    console = Console(stderr=True)

    def say(line: str) -> None:
        console.print(plain(line), markup=False, highlight=False, soft_wrap=True)

    shown = console.is_terminal or console.is_jupyter if options.progress is None else options.progress
    # a debugger has the terminal where there is no isolation
    live = LiveProgress(console) if shown and options.isolation == "process" else None
    observer = live or PlainProgress(console)
    with closing(executor_for(plan, options, observer, say)) as executor:
        session = Session(plan, registry, options, executor=executor, observer=observer)
        with live or nullcontext():  # the report is imported so that a run that is stopped has its table at once
            records = session.run(meanwhile=lambda: import_module("genbench.report"))
    for damage in session.damaged:
        say(f"set aside: {damage}")
    if session.failure:
        say(f"{session.failure}; when it is back: genbench run ... --out {directory}")
    from genbench.table.results import Results

    return Results(tuple(records)), directory, session.stopped


def _as_in_a_cell() -> None:
    """Set what numpy and torch read when they are imported, so that this process gives the numbers of a cell."""
    from genbench.process.launch import ENVIRONMENT

    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def load(*paths: str | Path) -> Results:
    """Return the results of runs from their directories; raises UserError where there is none."""
    from genbench.table.results import load as load_results

    return load_results(*paths)


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
) -> list[dict[str, Any]]:
    """Score samples against held-out real ones; arrays (n, d) or (n, channels, height, width), or paths of files.

    ``reference``, more real data, gives each score its floor; without it random halves of ``real`` do. ``metrics`` may
    name a space, ``"frechet@pca"``; ``space`` is for those that do not: ``standardised`` (by ``train`` where given,
    else by ``real``), ``raw``, the numbers as they are, or any that ``genbench list spaces`` names. Returns one dict a
    metric, as rows of a table: ``metric label value low high level floor floor_sd floor_from z suspect better ranked
    unit best n_real n_fake space params detail version seconds warnings``; what does not exist is None, with the reason
    in ``warnings``. ``z`` is value - floor in standard deviations of the floor. ``suspect`` says that the samples look
    better than fresh real data, by over three standard errors of value and floor together: copies do. The error of a
    value that states none is taken for that of the floor. ``plugins`` are files of one plugin each, loaded too.
    Raises UserError for unknown metrics and unusable data.
    """
    from genbench.scoring.samples import score_samples

    given = [_setting(path, value) for path, value in (settings or {}).items()]
    return score_samples(
        real, fake, train, reference, _joined(metrics), space, given, data_options, seed, plugins=_listed(plugins)
    )

"""What runs in a Dask worker: the check before its first cell, and one task at a time under a supervisor.

The worker imports no plugin: each cell runs in a process of its own with its deadline and memory limit, as on the
user's machine. A cell that hangs is ended, and one that dies does not end the worker.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import multiprocessing
import os
import platform
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from genbench.errors import GenbenchError
from genbench.plan.cell import PROTOCOL
from genbench.plan.device_names import DeviceName
from genbench.plan.limits import Limits
from genbench.plan.plan import Plan
from genbench.process.launch import context_for
from genbench.process.task import PackedTask
from genbench.process.worker import Worker, supervise
from genbench.record.environment import cores, machine, versions
from genbench.registry.source_hash import contents_of, source_hash

PROGRESS_INTERVAL_S = 0.5  # between two progress messages within a phase
ACTIVE_STATES = ("running", "paused")  # of a worker; it closes when the scheduler has ended

Facts = dict[str, Any]


def expectations(plan: Plan) -> Facts:
    """Return what must be the same on every worker: versions, the source of plugins, and the user's files."""
    files = [Path(path).resolve() for path in plan.plugin_files]
    distributions = {each.entry.provenance.distribution for each in _installed(plan)} - {"genbench"}
    return {
        "versions": {**_core(), **versions(), **{name: _version(name) for name in distributions}},
        "sources": {" ".join(each): source_hash(*_located(*each)) for each in _modules(plan)},
        "files": {str(path): contents_of(str(path)) for path in files},
        "data": {path: _size(path) for path in plan.request.get("files", [])},
    }


def _core() -> dict[str, str]:
    return {"python": ".".join(platform.python_version_tuple()[:2]), "protocol": str(PROTOCOL)}


def _installed(plan: Plan) -> list[Any]:
    """Return the components of installed plugins; plugins of one file are compared as files."""
    chosen = [each for cell in plan.cells for each in (cell.model, cell.dataset, *cell.metrics)]
    return [each for each in chosen if each.entry.provenance.version]


def _modules(plan: Plan) -> list[tuple[str, str]]:
    """Return the modules of genbench, of plugins and of their targets."""
    found = {("genbench", "")}
    for each in _installed(plan):
        module, target = each.entry.provenance.module, each.spec.target
        if module.partition(".")[0] not in ("", "genbench"):
            found.add((module, target.partition(":")[0] if isinstance(target, str) else ""))
    return sorted(found)


def _located(module: str, target: str) -> tuple[str, str, str]:
    """Return the arguments of ``source_hash`` for a module of this machine, without importing it."""
    top = module.partition(".")[0]
    found = importlib.util.find_spec(top)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"no module {top!r}")
    return found.origin, top, target


@cache
def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _size(path: str) -> int | str:
    """Return the bytes of a data file, or the number of files in a folder."""
    from genbench.files.source import find

    try:
        found = find(path).path
        return sum(1 for _ in found.iterdir()) if found.is_dir() else found.stat().st_size
    except (OSError, GenbenchError):
        return "absent"


# ------------------------------------------------------------------------------------------------------------ the check


async def check_worker(expected: Mapping[str, Any], folder: str, token: str, device: str) -> Facts:
    """Return the ``problem`` of this worker, one line or empty, and what its slots depend on.

    ``token`` is the name of a file in ``folder``, which both the session and the worker must see.
    """
    import asyncio

    problem = await asyncio.to_thread(problem_of, expected, folder, token, device)
    if not problem:
        context_for("cpu")  # starts the fork server, which imports libraries for seconds
    return {
        "problem": problem,
        "machine": machine()["id"],
        "cores": cores(),
        "visible": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
    }


def problem_of(expected: Mapping[str, Any], folder: str, token: str, device: str) -> str:
    """Return why this worker gets no cells, one line that begins with a verb, or nothing; see ``check_worker``."""
    if multiprocessing.current_process().daemon:
        return "may start no processes; start it with DASK_DISTRIBUTED__WORKER__DAEMON=False dask worker .."
    found = {**_core(), **versions()}
    for name, version in expected["versions"].items():
        here = found[name] if name in found else _version(name)
        if here != version:
            return f"has {name} {here or 'not at all'}, this session {version or 'not at all'}; install the same"
    if not (Path(folder) / token).is_file():
        return f"does not see {folder}; give an --out that all machines share"
    return _difference(expected) or (_device_problem(device) if DeviceName.parse(device).on_gpu else "")


def _difference(expected: Mapping[str, Any]) -> str:
    for each, digest in expected["sources"].items():
        module, _, target = each.partition(" ")
        try:
            same = source_hash(*_located(module, target)) == digest
        except (ModuleNotFoundError, OSError):
            return f"has no {module}; install the same"
        if not same:
            return f"has another source of {module} than this session; install the same, or start it again"
    for path, digest in expected["files"].items():
        if contents_of(path) != digest:
            return f"does not see {path}, or another file of that name"
    for path, size in expected["data"].items():
        if _size(path) != size:
            return f"does not see {path}, or another file of that name; put the data where all machines see them"
    return ""


def _device_problem(device: str) -> str:
    from genbench.process.probe_device import probe_device

    error, _ = probe_device(device)
    return f"offers a GPU, but: {error}" if error else ""


# ------------------------------------------------------------------------------------------------------------- the task


def do_task(task: PackedTask, plugin_files: tuple[Path, ...], limits: Limits, topic: str) -> Facts:
    """Do one task under a supervisor and return its outcome; progress is logged to ``topic``.

    Ends the task when it is cancelled, or when its session or the scheduler has ended.
    """
    import distributed

    worker = distributed.get_worker()
    key = str(worker.get_current_task())
    finished = supervise(
        task, plugin_files, limits, report=_reporter(worker, topic, key), stopped=lambda: not _is_wanted(worker, key)
    )
    return {
        "outcome": finished.outcome,
        "usage": finished.usage,
        "known": finished.known,
        "progress": finished.progress,
        "scores": finished.scores,
        "clock_problem": finished.clock_problem,
        "machine": machine(),
        "address": worker.address,
    }


def _is_wanted(worker: Any, key: str) -> bool:
    state = worker.state.tasks.get(key)
    return worker.status.name in ACTIVE_STATES and state is not None and state.state != "cancelled"


def _reporter(worker: Any, topic: str, key: str) -> Callable[[Worker], None]:
    last_phase, last_time = "", 0.0

    def report(running: Worker) -> None:
        nonlocal last_phase, last_time
        phase = running.progress.get("phase", "")
        if phase != last_phase or time.monotonic() - last_time > PROGRESS_INTERVAL_S:
            last_phase, last_time = phase, time.monotonic()
            worker.log_event(topic, {"key": key, "progress": running.progress, "known": running.known})

    return report

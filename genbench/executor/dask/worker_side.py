"""What runs in a worker of a cluster: the check before its first cell, and one task at a time under its supervisor.

The worker is only a slot. It imports no plugin; the cell is a process of its own with its deadline and its limit of
memory, as on the user's machine, so a cell that hangs ends, and one that dies takes no worker with it.
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

__all__ = ["do_task", "expectations", "look_at", "problem_of"]

EVERY = 0.5  # seconds between two reports of progress within a phase
AWAKE = ("running", "paused")  # states of a worker that stays; it is closing where the scheduler is gone

Facts = dict[str, Any]


def expectations(plan: Plan) -> Facts:
    """Return what must be the same on every worker: versions, the source of plugins, and the user's files."""
    files = [Path(path).resolve() for path in plan.plugin_files]
    return {
        "versions": {**_core(), **versions(), **_distributions(plan)},
        "sources": {" ".join(each): source_hash(*_located(*each)) for each in _modules(plan)},
        "files": {str(path): contents_of(str(path)) for path in files},
        "data": {path: _size(path) for path in plan.request.get("files", [])},
    }


def _core() -> dict[str, str]:
    return {"python": ".".join(platform.python_version_tuple()[:2]), "protocol": str(PROTOCOL)}


def _distributions(plan: Plan) -> dict[str, str | None]:
    names = {each.entry.provenance.distribution for each in _installed(plan)} - {"genbench"}
    return {name: _version(name) for name in names}


def _installed(plan: Plan) -> list[Any]:
    """Return what takes part and was installed; plugins of one file are compared as files."""
    chosen = [each for cell in plan.cells for each in (cell.model, cell.dataset, *cell.metrics)]
    return [each for each in chosen if each.entry.provenance.version]


def _modules(plan: Plan) -> list[tuple[str, str]]:
    """Return the modules of plugins and of what they name; genbench itself goes by its version and its protocol."""
    found = set()
    for each in _installed(plan):
        module, target = each.entry.provenance.module, each.spec.target
        if module.partition(".")[0] not in ("", "genbench"):
            found.add((module, target.partition(":")[0] if isinstance(target, str) else ""))
    return sorted(found)


def _located(module: str, target: str) -> tuple[str, str, str]:
    """Return the arguments of ``source_hash`` for a module of this machine, which is not imported for it."""
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
    """Return the bytes of a file of data; of a folder how many files it has."""
    from genbench.files.source import find

    try:
        found = find(path).path
        return sum(1 for _ in found.iterdir()) if found.is_dir() else found.stat().st_size
    except (OSError, GenbenchError):
        return "absent"


# ------------------------------------------------------------------------------------------------------------ the check


async def look_at(expected: Mapping[str, Any], folder: str, token: str, device: str) -> Facts:
    """Return ``problem``, one line or empty, and what a reader of timings must know of this worker.

    ``token`` is the name of a file in ``folder``, which the session and the worker must both see.
    """
    import asyncio

    problem = await asyncio.to_thread(problem_of, expected, folder, token, device)
    if not problem:
        context_for("cpu")  # the fork server begins to import, which takes seconds
    return {
        "problem": problem,
        "machine": machine()["id"],
        "cores": cores(),
        "visible": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
    }


def problem_of(expected: Mapping[str, Any], folder: str, token: str, device: str) -> str:
    """Return why this worker gets no cells, one line that begins with a verb, or nothing; see ``look_at``."""
    if multiprocessing.current_process().daemon:
        return "may start no processes; start it with DASK_DISTRIBUTED__WORKER__DAEMON=False dask worker .."
    found = {**_core(), **versions()}
    for name, version in expected["versions"].items():
        here = found[name] if name in found else _version(name)
        if here != version:
            return f"has {name} {here or 'not at all'}, this session {version or 'not at all'}; install the same"
    if not (Path(folder) / token).is_file():
        return f"does not see {folder}; give an --out that all machines share"
    return _differing(expected) or (_without_device(device) if DeviceName.parse(device).on_gpu else "")


def _differing(expected: Mapping[str, Any]) -> str:
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


def _without_device(device: str) -> str:
    from genbench.process.probe_device import probe_device

    error, _ = probe_device(device)
    return f"offers a GPU, but: {error}" if error else ""


# ------------------------------------------------------------------------------------------------------------- the task


def do_task(task: PackedTask, plugin_files: tuple[Path, ...], limits: Limits, topic: str) -> Facts:
    """Do one task under its supervisor and return what became of it; ``topic`` is told of the progress.

    Ends the task when nobody wants it any more: it was cancelled, or its session or the scheduler is gone.
    """
    import distributed

    slot = distributed.get_worker()
    key = str(slot.get_current_task())
    running = supervise(
        task, plugin_files, limits, report=_reporter(slot, topic, key), stopped=lambda: not _wanted(slot, key)
    )
    return {
        "outcome": running.outcome,
        "usage": running.usage,
        "known": running.known,
        "progress": running.progress,
        "machine": machine(),
        "address": slot.address,
    }


def _wanted(slot: Any, key: Any) -> bool:
    state = slot.state.tasks.get(key)
    return slot.status.name in AWAKE and state is not None and state.state != "cancelled"


def _reporter(slot: Any, topic: str, key: str) -> Callable[[Worker], None]:
    phase, at = "", 0.0

    def report(running: Worker) -> None:
        nonlocal phase, at
        now = running.progress.get("phase", "")
        if now != phase or time.monotonic() - at > EVERY:
            phase, at = now, time.monotonic()
            slot.log_event(topic, {"key": key, "progress": running.progress, "known": running.known})

    return report

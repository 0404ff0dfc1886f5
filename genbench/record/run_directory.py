"""The directory of a run: read its records, set damaged files aside, and add a session to ``run.json``.

``run.json`` holds the request and the time of the first session; later ones are listed under ``sessions``. Several
sessions may open a directory at once: each adds its cells, under a lock that ends with the process that holds it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from genbench.record.encoding import json_value
from genbench.record.integrity import SCHEMA_VERSION, add_digest
from genbench.record.regular_file import NO_WAIT
from genbench.record.store import Damage, read_records, read_run, write_json

SESSION_FIELDS = ("created", "session", "request", "skipped", "suite", "machine", "versions", "commit", "jobs")


def open_run(
    directory: Path, run_info: Mapping[str, Any], cells: Iterable[str], damaged: list[Damage] | None = None
) -> list[dict[str, Any]]:
    """Create the run in ``directory``, or add a session to it, and return the latest record of each cell.

    ``run_info`` describes the session, ``cells`` are the keys of its plan. Damaged files are renamed to end in
    ``.damaged`` and listed in ``damaged``. Raises OSError if the directory cannot be written, before any cell starts,
    and UserError for records of a newer genbench.
    """
    found: list[Damage] = []
    (directory / "cells").mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        exists = (directory / "run.json").exists() or any(directory.glob("cells/*/*"))
        before = read_records(directory, damaged=found) if exists else []
        found = [set_aside(each) for each in found]
        known = read_run(directory) if (directory / "run.json").exists() else {}
        write_run(directory, _add_session(known, run_info, [*(r["key"] for r in before), *cells]))
    if damaged is not None:
        damaged += found
    return before


def write_run(directory: Path, run_info: Mapping[str, Any]) -> None:
    """Write ``run.json`` with its sha256."""
    write_json(directory / "run.json", add_digest(json_value({**run_info, "schema_version": SCHEMA_VERSION})))


def session_of(run_info: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of ``run.json`` that describe one session."""
    return {name: run_info[name] for name in SESSION_FIELDS if name in run_info}


def set_aside(damage: Damage) -> Damage:
    """Rename a damaged file so that it ends in ``.damaged``, and return its new path; if that fails, the old one."""
    if damage.path.suffix == ".damaged" or not damage.path.is_file():
        return damage
    target = damage.path.with_name(damage.path.name + ".damaged")
    try:
        if target.exists():
            return damage
        damage.path.rename(target)
    except OSError:
        return damage
    return Damage(target, damage.reason)


def _add_session(known: Mapping[str, Any], run_info: Mapping[str, Any], cells: Iterable[str]) -> dict[str, Any]:
    if not known:
        return {**run_info, "cells": list(dict.fromkeys(cells)), "sessions": []}
    return {
        **known,
        "cells": list(dict.fromkeys([*known.get("cells", []), *cells])),
        "sessions": [*known.get("sessions", []), session_of(run_info)],
    }


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the lock of a directory, if the file system has locks; it ends with the process, however that ends."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with os.fdopen(os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | NO_WAIT, 0o666), "wb") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def default_directory(root: Path = Path("results")) -> Path:
    """Return a directory for a new run, named by the current time, that does not exist yet."""
    name = time.strftime("run-%Y%m%d-%H%M%S")
    names = (name, *(f"{name}-{i}" for i in range(2, 10_000)))
    return next(root / each for each in names if not (root / each).exists())

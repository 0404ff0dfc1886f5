"""A run's directory is opened: what is there is read, what is damaged set aside, and ``run.json`` joined.

``run.json`` keeps the request of the first session and when it was; later ones are listed under ``sessions``. Several
sessions may open a directory at once: each adds its cells, under a lock that ends with the process that holds it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from genbench.record.encoding import plain
from genbench.record.integrity import SCHEMA_VERSION, seal
from genbench.record.store import Damage, read_records, read_run, write_json

__all__ = ["default_directory", "open_run", "set_aside", "write_run"]

SESSION = ("created", "session", "request", "skipped", "machine", "versions", "commit", "jobs")


def open_run(
    directory: Path, about: Mapping[str, Any], cells: Iterable[str], damaged: list[Damage] | None = None
) -> list[dict[str, Any]]:
    """Make or join the run in ``directory`` and return the latest records that it has.

    Damaged files are renamed to end in ``.damaged`` and listed in ``damaged``. Raises OSError where the directory
    cannot be written, so that no cell is begun in vain, and UserError for records of a newer genbench.
    """
    found: list[Damage] = []
    (directory / "cells").mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        there = (directory / "run.json").exists() or any(directory.glob("cells/*/*"))
        before = read_records(directory, damaged=found) if there else []
        found = [set_aside(each) for each in found]
        known = read_run(directory) if (directory / "run.json").exists() else {}
        write_run(directory, _joined(known, about, [*(r["key"] for r in before), *cells]))
    if damaged is not None:
        damaged += found
    return before


def write_run(directory: Path, about: Mapping[str, Any]) -> None:
    """Write ``run.json`` with its sha256."""
    write_json(directory / "run.json", seal(plain({**about, "schema_version": SCHEMA_VERSION})))


def set_aside(damage: Damage) -> Damage:
    """Rename a damaged file so that it ends in ``.damaged``, and return where it is now; left alone if that fails."""
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


def _joined(known: Mapping[str, Any], about: Mapping[str, Any], cells: Iterable[str]) -> dict[str, Any]:
    if not known:
        return {**about, "cells": list(dict.fromkeys(cells)), "sessions": []}
    session = {name: about[name] for name in SESSION if name in about}
    return {
        **known,
        "cells": list(dict.fromkeys([*known.get("cells", []), *cells])),
        "sessions": [*known.get("sessions", []), session],
    }


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the directory's lock, where the file system has locks; it ends with the process, however that ends."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with (directory / ".lock").open("a") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def default_directory(root: Path = Path("results")) -> Path:
    """Return a directory for a new run, named by the time and not there yet."""
    name = time.strftime("run-%Y%m%d-%H%M%S")
    names = (name, *(f"{name}-{i}" for i in range(2, 10_000)))
    return next(root / each for each in names if not (root / each).exists())

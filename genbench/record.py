"""What became of a cell: its key, its record, and the immutable files that hold them.

A record is one JSON file an attempt, ``cells/<key[:2]>/<key>/<attempt>.json``, written to a temporary name, synced and
renamed, so that a crash at any moment loses nothing that was finished.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genbench.errors import UserError

__all__ = [
    "SCHEMA_VERSION",
    "STATUSES",
    "cell_folder",
    "key_of",
    "plain",
    "read_records",
    "read_run",
    "to_json",
    "write_json",
    "write_record",
]

SCHEMA_VERSION = 1
STATUSES = ("ok", "invalid", "diverged", "failed", "timeout", "oom", "crashed", "lost", "interrupted", "skipped")


def key_of(parts: Mapping[str, Any]) -> str:
    """Return 24 hexadecimal digits of the sha256 of canonical JSON: sorted keys, no NaN, floats by ``float.hex``."""
    canonical = json.dumps(_exact(parts), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:24]


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(k): _exact(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_exact(v) for v in value]
    return value


def plain(value: Any) -> Any:
    """Return ``value`` as JSON can hold it: numbers that are not finite become null, arrays lists, the rest text."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(v) for v in value]
    if hasattr(value, "tolist"):  # numpy and torch, neither of which is imported here
        return plain(value.tolist())
    return str(value)


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Return strict JSON of ``value``."""
    return json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that the file is either not there or whole, and on the disk when this returns."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(to_json(value, indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def cell_folder(run: Path, key: str) -> Path:
    """Return the folder of a cell's records, log and samples."""
    return run / "cells" / key[:2] / key


def write_record(run: Path, record: Mapping[str, Any]) -> Path:
    """Write one attempt at a cell as the next number that is free, and return its path."""
    folder = cell_folder(run, record["key"])
    folder.mkdir(parents=True, exist_ok=True)
    attempt = 1 + max((int(p.stem) for p in folder.glob("*.json") if p.stem.isdigit()), default=0)
    path = folder / f"{attempt}.json"
    write_json(path, {**record, "attempt": attempt})
    return path


def read_run(path: str | Path) -> dict[str, Any]:
    """Return ``run.json`` of a run's directory; raises UserError where there is none."""
    file = Path(path) / "run.json"
    if not file.is_file():
        raise UserError(f"{path}: no run here (no run.json); give the directory that 'genbench run' printed last")
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{file}: not JSON ({error})") from None
    if not isinstance(about, dict):
        raise UserError(f"{file}: not what a run is described by; expected an object, got {type(about).__name__}")
    return about


def read_records(path: str | Path, *, damaged: list[Path] | None = None) -> list[dict[str, Any]]:
    """Return the latest record of each cell of a run, in the order of its plan.

    Files that are not whole records are left out and listed in ``damaged``. Raises UserError where there is no run, or
    where a record was written by a newer genbench.
    """
    run = Path(path)
    order = {key: i for i, key in enumerate(read_run(run).get("cells", []))}
    latest: dict[str, dict[str, Any]] = {}
    files = sorted((p for p in run.glob("cells/*/*/*.json") if p.stem.isdigit()), key=lambda p: int(p.stem))
    for file in files:
        record = _read_record(file)
        if record is None:
            if damaged is not None:
                damaged.append(file)
        else:
            latest[record["key"]] = record
    return sorted(latest.values(), key=lambda r: (order.get(r["key"], len(order)), r["key"]))


def _read_record(file: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("key"), str) or record.get("status") not in STATUSES:
        return None
    schema = record.get("schema_version", 0)
    if not isinstance(schema, int):
        return None
    if schema > SCHEMA_VERSION:
        raise UserError(f"{file}: schema {schema} is newer than this genbench; try: pip install -U genbench")
    return record

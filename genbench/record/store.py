"""What became of a cell: its key, its record, and the immutable files that hold them.

A record is one JSON file an attempt, ``cells/<key[:2]>/<key>/<attempt>.json``, sealed with the sha256 of its body,
written to a temporary name, synced and linked under a number that nobody has taken: a crash at any moment loses nothing
that was finished, and two runs may share a directory.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbench.errors import UserError
from genbench.record.encoding import canonical_json, plain, to_json
from genbench.record.integrity import SCHEMA_VERSION, DamageError, open_sealed, seal
from genbench.record.status import Status

__all__ = [
    "SCHEMA_VERSION",
    "Damage",
    "Record",
    "attempts",
    "cell_folder",
    "key_of",
    "read_record",
    "read_records",
    "read_run",
    "write_json",
    "write_record",
]

Record = Mapping[str, Any]

LARGEST = 256 * 2**20  # bytes: a larger file is no record
ATTEMPT = re.compile(r"[1-9][0-9]*\.json")
UNLINKABLE = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)  # no hard links here
KEY = re.compile(r"[A-Za-z0-9._+-]{1,64}")  # ours are 24 hexadecimal digits
TEXTS = ("key", "model", "dataset", "status")
SHAPES = {  # what a record's readers take for granted, where it is there
    "seed": int, "timings": dict, "scores": list, "metrics": dict, "provenance": dict, "sizes": dict, "notes": list,
    "model_config": dict, "dataset_config": dict, "identity": dict, "reason": str, "label": str, "dataset_label": str,
}  # fmt: skip
SHAPES_OF_RUN = {"cells": list, "sessions": list, "skipped": list, "request": dict}


def key_of(parts: Mapping[str, Any]) -> str:
    """Return 24 hexadecimal digits of the sha256 of canonical JSON."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:24]


# ------------------------------------------------------------------------------------------------------------ to JSON


# -------------------------------------------------------------------------------------------------------------- writing


def cell_folder(run: Path, key: str) -> Path:
    """Return the folder of a cell's records, log and samples; raises ValueError for a key that is no name of one."""
    if not KEY.fullmatch(key) or key.startswith("."):
        raise ValueError(f"{key!r} is no key of a cell")
    return run / "cells" / key[:2] / key


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that the file is either not there or whole, and on the disk when this returns."""
    with _written(path, to_json(value, indent=1)) as temporary:
        temporary.replace(path)
    _sync(path.parent)


def write_record(run: Path, record: Mapping[str, Any]) -> Path:
    """Write one attempt at a cell under the next number that is free, and return its path; it is on the disk then.

    No attempt ever takes the place of another, however many processes write. Raises OSError, and leaves nothing, where
    it cannot be written.
    """
    folder = cell_folder(run, record["key"])
    _make(folder)
    body = plain(record)
    attempt = 1 + max((number for number, _ in attempts(folder)), default=0)
    while True:
        path = folder / f"{attempt}.json"
        sealed = seal({**body, "schema_version": SCHEMA_VERSION, "attempt": attempt})
        with _written(path, json.dumps(sealed, indent=1, ensure_ascii=False, allow_nan=False)) as temporary:
            if _claim(temporary, path):
                break
        attempt += 1
    _sync(folder)
    return path


@contextlib.contextmanager
def _written(path: Path, text: str) -> Iterator[Path]:
    """Write and sync text under a temporary name beside ``path``, which is gone again afterwards."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with temporary.open("x", encoding="utf-8") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _claim(temporary: Path, path: Path) -> bool:
    """Give the file its name unless that is taken: one of two writers wins, and the other hears of it."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in UNLINKABLE:
            raise
        try:  # an empty file holds the name until the whole one takes its place
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            return False
        temporary.replace(path)
    return True


def _make(folder: Path) -> None:
    """Make a folder and all above it, so that they outlive a loss of power."""
    missing = [each for each in (folder, *folder.parents) if not each.is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        _sync(each.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# -------------------------------------------------------------------------------------------------------------- reading


@dataclass(frozen=True)
class Damage:
    """A file that is no whole record, and why."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def attempts(folder: Path) -> list[tuple[int, Path]]:
    """Return the files of a cell's attempts by number, damaged ones and those set aside among them."""
    names = [path for path in folder.iterdir() if ATTEMPT.fullmatch(path.name.removesuffix(".damaged"))]
    return sorted((int(path.name.partition(".")[0]), path) for path in names)


def read_run(path: str | Path, damaged: list[Damage] | None = None) -> dict[str, Any]:
    """Return ``run.json`` of a run's directory in today's schema; raises UserError where there is none.

    With ``damaged`` a file that is missing beside records, or not whole, is listed there and what it said is empty: the
    records are still good.
    """
    file = Path(path) / "run.json"
    try:
        if not file.is_file() and (damaged is None or not any(Path(path).glob("cells/*/*"))):
            raise UserError(f"{path}: no run here (no run.json); give the directory that 'genbench run' printed last")
        about = open_sealed(_content(file), file)
        _check_shapes(about, SHAPES_OF_RUN)
        return about
    except (DamageError, OSError) as error:
        reason = str(error) if isinstance(error, DamageError) else f"cannot be read ({error.strerror})"
        if damaged is None:
            raise UserError(f"{file}: {reason}") from None
        damaged.append(Damage(file, reason))
        return {}


def read_records(path: str | Path, *, damaged: list[Damage] | None = None) -> list[dict[str, Any]]:
    """Return the latest record of each cell of a run, in the order of its plan; nothing is changed on the disk.

    The latest is the last attempt that came to its own end, or else the last one. Files that are not whole records are
    left out and listed in ``damaged``; those that were set aside before, only where nothing else is known of the cell.
    Raises UserError where there is no run, or where a record was written by a newer genbench.
    """
    run, bad = Path(path), [] if damaged is None else damaged
    order = {key: i for i, key in enumerate(read_run(run, bad).get("cells", []))}
    latest = [record for folder in sorted(run.glob("cells/*/*/")) if (record := _latest(folder, bad)) is not None]
    return sorted(latest, key=lambda r: (order.get(r["key"], len(order)), r["key"]))


def _latest(folder: Path, damaged: list[Damage]) -> dict[str, Any] | None:
    latest, aside = None, list[Damage]()
    try:
        files = attempts(folder)
    except OSError as error:
        damaged.append(Damage(folder, f"cannot be read ({error.strerror})"))
        return None
    for _, file in files:
        try:
            record = read_record(file)
        except (DamageError, OSError) as error:
            reason = str(error) if isinstance(error, DamageError) else f"cannot be read ({error.strerror})"
            (aside if file.suffix == ".damaged" else damaged).append(Damage(file, reason))
            continue
        if latest is None or _counts(record) or not _counts(latest):
            latest = record
    damaged += aside if latest is None else []
    return latest


def _counts(record: Mapping[str, Any]) -> bool:
    """Whether an attempt takes the place of those before it: new scores that went wrong cost no old ones."""
    status = Status(record["status"])
    return status.finished and (status is Status.OK or not record.get("rescored"))


def read_record(file: Path) -> dict[str, Any]:
    """Return one record in today's schema; raises DamageError, OSError, or UserError where it is newer."""
    record = open_sealed(_content(file), file)
    for name in TEXTS:
        if not isinstance(record.get(name), str):
            raise DamageError(f"no record: its {name} is {record.get(name)!r:.60}")
    _check_shapes(record, SHAPES)
    for score in record.get("scores") or ():
        if not isinstance(score, dict) or not isinstance(score.get("metric"), str):
            raise DamageError(f"no record: one of its scores is {score!r:.60}")
    if record["status"] not in set(Status):
        raise DamageError(f"no record: its status is {record['status']!r:.60}")
    if record["key"] != file.parent.name:
        raise DamageError(f"a record of another cell, {record['key']!r:.60}")
    if f"{record.get('attempt')}.json" != file.name.removesuffix(".damaged"):
        raise DamageError(f"a record of another attempt, {record.get('attempt')!r:.60}")
    return record


def _check_shapes(body: Mapping[str, Any], shapes: Mapping[str, type]) -> None:
    for name, kind in shapes.items():
        found = body.get(name)
        if found is not None and (not isinstance(found, kind) or isinstance(found, bool)):
            raise DamageError(f"its {name} is {found!r:.60}, expected {kind.__name__}")
    if not all(isinstance(key, str) for key in body.get("cells") or ()):
        raise DamageError("its cells are not all text")


def _content(file: Path) -> bytes:
    with file.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise DamageError(f"larger than {LARGEST} bytes, which no record is")
    return content

"""Records on disk: the key of a cell, and the files that hold the record of each attempt.

Each attempt has one JSON file, ``cells/<key[:2]>/<key>/<attempt>.json``, which contains the sha256 of its body and is
never changed; in a run that ``genbench merge --compress`` wrote it is ``<attempt>.json.gz``. It is written under a
temporary name, synced, and linked under the next unused number: a crash never loses a finished record, and two sessions
may share a directory.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import os
import re
import secrets
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genbench.errors import UserError
from genbench.record.encoding import canonical_json, indented_json, json_value
from genbench.record.field_types import wrong_type
from genbench.record.index import digest_of_file, known_files
from genbench.record.integrity import SCHEMA_VERSION, DamageError, add_digest, parse_body
from genbench.record.regular_file import open_regular
from genbench.record.status import STATUSES, Status

Record = Mapping[str, Any]

MODEL_FILE = "model.safetensors"  # of a trained model, beside the records of its cell
MAX_FILE_BYTES = 256 * 2**20  # a larger file is not a record
ATTEMPT_NAME = re.compile(r"[1-9][0-9]*\.json(\.gz)?")
NO_HARD_LINK_ERRORS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
KEY = re.compile(r"[A-Za-z0-9._+-]{1,64}")  # those of genbench are 24 hexadecimal digits
REQUIRED_TEXTS = ("key", "model", "dataset", "status")


def key_of(parts: Mapping[str, Any]) -> str:
    """Return the key of a cell: 24 hexadecimal digits of the sha256 of its identity in canonical JSON."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()[:24]


# -------------------------------------------------------------------------------------------------------------- writing


def cell_folder(run: Path, key: str) -> Path:
    """Return the folder of a cell's records, log and samples; raises ValueError for an invalid key."""
    if not KEY.fullmatch(key) or key.startswith("."):
        raise ValueError(f"{key!r} is not a valid key of a cell")
    return run / "cells" / key[:2] / key


def write_json(path: Path, value: Any) -> None:
    """Write a complete JSON file or none, and return when it is on the disk."""
    with _temporary_file(path, indented_json(json_value(value)).encode() + b"\n") as temporary:
        temporary.replace(path)
    _sync(path.parent)


def write_record(run: Path, record: Mapping[str, Any], *, compress: bool = False) -> Path:
    """Write the record of an attempt under the next unused number, and return its path when it is on the disk.

    An attempt never replaces another, however many processes write at once; ``compress``, for a folder that nothing
    else writes to, makes its file a third as large or less. If it cannot be written, raises OSError and leaves no file.
    """
    folder = cell_folder(run, record["key"])
    _make_folder(folder)
    body = json_value(record)
    attempt = 1 + max((number for number, _ in attempts(folder)), default=0)
    while True:
        path = folder / (f"{attempt}.json.gz" if compress else f"{attempt}.json")
        content = add_digest({**body, "schema_version": SCHEMA_VERSION, "attempt": attempt})
        text = indented_json(content).encode() + b"\n"
        with _temporary_file(path, gzip.compress(text, mtime=0) if compress else text) as temporary:
            if _rename_if_unused(temporary, path):
                break
        attempt += 1
    _sync(folder)
    return path


@contextlib.contextmanager
def _temporary_file(path: Path, content: bytes) -> Iterator[Path]:
    """Write and sync a file under a temporary name beside ``path``, which is deleted afterwards if it is left."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _rename_if_unused(temporary: Path, path: Path) -> bool:
    """Give a file its final name and return True; return False if another writer has used that name."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in NO_HARD_LINK_ERRORS:
            raise
        try:  # an empty file reserves the name until the complete one replaces it
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            return False
        temporary.replace(path)
    return True


def _make_folder(folder: Path) -> None:
    """Make a folder and its missing parents, and sync them, so that they survive a loss of power."""
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
    """A file that does not hold a complete record, and the reason."""

    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def attempts(folder: Path) -> list[tuple[int, Path]]:
    """Return the number and file of each attempt at a cell, including damaged files and those set aside."""
    paths = [path for path in folder.iterdir() if ATTEMPT_NAME.fullmatch(path.name.removesuffix(".damaged"))]
    return sorted((int(path.name.partition(".")[0]), path) for path in paths)


def read_run(path: str | Path, damaged: list[Damage] | None = None) -> dict[str, Any]:
    """Return ``run.json`` of a run's directory in the current schema; raises UserError if there is none.

    If ``damaged`` is given, a file that is damaged, or missing although there are records, is added to it, and an empty
    dict is returned: the records are still good.
    """
    file = Path(path) / "run.json"
    try:
        if not file.is_file() and (damaged is None or not any(Path(path).glob("cells/*/*"))):
            raise UserError(f"{path}: no run here (no run.json); give the directory that 'genbench run' printed last")
        run_info = parse_body(read_bytes(file), file)
        if fault := wrong_type("run", run_info):
            raise DamageError(fault)
        return run_info
    except (DamageError, OSError) as error:
        reason = _reason(error)
        if damaged is None:
            raise UserError(f"{file}: {reason}") from None
        damaged.append(Damage(file, reason))
        return {}


def read_records(path: str | Path, *, damaged: list[Damage] | None = None) -> list[dict[str, Any]]:
    """Return the latest record of each cell of a run, in the order of its plan; no file is changed.

    The latest record is that of the last attempt that finished, else of the last attempt; a failed attempt at new
    scores does not replace old ones. Damaged files are left out and listed in ``damaged``; those that were set aside
    before are listed only if their cell has no other record. Raises UserError if there is no run, or if a record was
    written by a newer genbench.
    """
    run, damaged = Path(path), [] if damaged is None else damaged
    order = {key: i for i, key in enumerate(read_run(run, damaged).get("cells", []))}
    folders = sorted(run.glob("cells/*/*/"))
    with known_files("read", run, len(folders)) as known:
        latest = [record for folder in folders if (record := _latest(folder, damaged, known)) is not None]
    return sorted(latest, key=lambda r: (order.get(r["key"], len(order)), r["key"]))


def _latest(folder: Path, damaged: list[Damage], known: set[str]) -> dict[str, Any] | None:
    latest, aside = None, list[Damage]()
    try:
        files = attempts(folder)
    except OSError as error:
        damaged.append(Damage(folder, _reason(error)))
        return None
    for _, file in files:
        try:
            record = read_record(file, known)
        except (DamageError, OSError) as error:
            (aside if file.suffix == ".damaged" else damaged).append(Damage(file, _reason(error)))
            continue
        if latest is None or takes_precedence(record) or not takes_precedence(latest):
            latest = record
    damaged += aside if latest is None else []
    return latest


def _reason(error: DamageError | OSError) -> str:
    return str(error) if isinstance(error, DamageError) else f"cannot be read ({error.strerror})"


def takes_precedence(record: Mapping[str, Any]) -> bool:
    """Return whether an attempt replaces earlier ones; one that failed to compute new scores does not."""
    status = Status(record["status"])
    return status.finished and (status is Status.OK or not record.get("rescored"))


def read_record(file: Path, known: set[str] | None = None) -> dict[str, Any]:
    """Return one record in the current schema; raises DamageError, OSError, or UserError for a newer schema.

    ``known`` are the ``digest_of_file`` of files that were found intact before; the file is added where it is.
    """
    content = read_bytes(file)
    digest = "" if known is None else digest_of_file(file, content)
    if known is not None and digest in known:
        return parse_body(content, file, verify=False)
    record = parse_body(content, file)
    _check_record(record, file)
    if known is not None:
        known.add(digest)
    return record


def _check_record(record: Mapping[str, Any], file: Path) -> None:
    """Raise DamageError for a body that is not the record of the cell and attempt whose file it is in."""
    for name in REQUIRED_TEXTS:
        if not isinstance(record.get(name), str):
            raise DamageError(f"not a record: its {name} is {record.get(name)!r:.60}")
    if fault := wrong_type("record", record):
        raise DamageError(f"not a record: {fault}")
    for score in record.get("scores") or ():
        if not isinstance(score.get("metric"), str):
            raise DamageError(f"not a record: one of its scores is {score!r:.60}")
    if record["status"] not in STATUSES:
        raise DamageError(f"not a record: its status is {record['status']!r:.60}")
    if record["key"] != file.parent.name:
        raise DamageError(f"the record of another cell, {record['key']!r:.60}")
    if f"{record.get('attempt')}.json" != file.name.removesuffix(".damaged").removesuffix(".gz"):
        raise DamageError(f"the record of another attempt, {record.get('attempt')!r:.60}")


def read_bytes(file: Path) -> bytes:
    """Return the content of a file of a run; raises OSError, or DamageError for one too large for a record."""
    with open_regular(file) as stream:
        if file.name.removesuffix(".damaged").endswith(".gz"):
            try:
                with gzip.open(stream) as unpacked:
                    content = unpacked.read(MAX_FILE_BYTES + 1)
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise DamageError(f"not a complete gzip file ({error})") from None
        else:
            content = stream.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise DamageError(f"larger than {MAX_FILE_BYTES} bytes: too large for a record")
    return content

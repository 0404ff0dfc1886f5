"""Validate a run's directory: the JSON Schema, sha256 and keys of its files, and its samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from genbench.budget import RecipeShare
from genbench.record.evidence_file import damage_of, evidence_path
from genbench.record.field_types import schema
from genbench.record.index import digest_of_file, known_files
from genbench.record.integrity import DamageError, add_digest
from genbench.record.store import (
    Damage,
    attempts,
    cell_folder,
    key_of,
    read_bytes,
    read_record,
    read_records,
    read_run,
)

SCHEMAS = ("record", "run")
REPEATED_FIELDS = ("protocol", "seed", "budget")  # stand in a record and in its identity


@dataclass(frozen=True)
class Problem:
    """A problem with a file of a run: its path in the run, a kind (damaged, schema or key), and the reason."""

    path: str
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.kind}: {self.reason}"


@dataclass
class FileCheck:
    """The result of the validation of one run; ``notes`` are not problems."""

    run: str
    cells: int = 0
    records: int = 0
    unsealed: int = 0  # without sha256: a change of them would not be noticed
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no problem was found."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Return the result as values of JSON."""
        return {"ok": self.ok, **asdict(self)}


def validate(run: Path) -> FileCheck:
    """Return the problems of a run's directory, which is not changed; raises UserError if there is no run."""
    damaged: list[Damage] = []
    run_info = read_run(run, damaged)
    latest = read_records(run)
    check = FileCheck(str(run))
    check.problems += [Problem(_relative(run, d.path), "damaged", d.reason) for d in damaged]
    if run_info:
        reasons = _schema_errors("run", _with_digest(run_info))
        check.problems += [Problem("run.json", "schema", reason) for reason in reasons]
    old, aside, folders = 0, 0, sorted(run.glob("cells/*/*/"))
    known = {record["key"] for record in latest}
    with known_files("valid", run, len(folders)) as valid:
        for folder in folders:
            for _, file in attempts(folder):
                if file.suffix == ".damaged" and folder.name in known:
                    aside += 1
                    continue
                check.records += 1
                record, problems = _check_record(run, file, valid)
                check.problems += problems
                old += record is not None and record.get("identity") is None
                check.unsealed += record is not None and "sha256" not in record
    check.cells = len({*run_info.get("cells", []), *(folder.name for folder in folders)})
    without_samples, problems = _check_samples(run, latest)
    check.problems += problems
    pending = check.cells - len(known)
    check.notes = [
        f"{count} {what}"
        for count, what in (
            (check.unsealed, "records are unsealed: they have no sha256, so that no change of them is noticed"),
            (old, "records of schema 1, without the identity that the key is made from"),
            (aside, "damaged files were set aside before, and their cells have run again"),
            (len(without_samples), "cells have no samples and cannot be scored again"),
            (pending, "cells have no record yet"),
        )
        if count
    ]
    return check


def _check_record(run: Path, file: Path, valid: set[str]) -> tuple[dict[str, Any] | None, list[Problem]]:
    """Return a record and its problems; no record where it is damaged, or is one of the ``valid`` files."""
    where = _relative(run, file)
    try:
        if (digest := digest_of_file(file, read_bytes(file))) in valid:
            return None, []
        record = read_record(file)
    except DamageError as error:
        return None, [Problem(where, "damaged", str(error))]
    except OSError as error:
        return None, [Problem(where, "damaged", f"cannot be read ({error.strerror})")]
    problems = [Problem(where, "schema", reason) for reason in _schema_errors("record", _with_digest(record))]
    problems += [Problem(where, "key", reason) for reason in _key_errors(record)]
    if not problems and "sha256" in record and record.get("identity") is not None:
        valid.add(digest)
    return record, problems


def _with_digest(body: dict[str, Any]) -> dict[str, Any]:
    return body if "sha256" in body else add_digest(body)  # files of schema 1 may lack it


def _key_errors(record: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the key does not match the identity, or the identity does not match the record."""
    identity = record.get("identity")
    if not isinstance(identity, Mapping):
        return
    if key_of(identity) != record["key"]:
        yield f"its identity makes the key {key_of(identity)}"
    pairs = [(name, identity.get(name), record.get(name)) for name in REPEATED_FIELDS]
    pairs += [(name, (identity.get(name) or {}).get("name"), record[name]) for name in ("model", "dataset")]
    pairs.append(("device", identity.get("device"), str(record.get("device")).partition(":")[0]))
    for name, in_identity, in_record in pairs:
        waits = name == "budget" and RecipeShare.parse(str(in_identity)) is not None  # for the data, which decide it
        if in_identity != in_record and not waits:
            yield f"its {name} is {in_record!r:.80}, in its identity {in_identity!r:.80}"


def _check_samples(run: Path, latest: list[dict[str, Any]]) -> tuple[list[str], list[Problem]]:
    """Return the keys of scored cells without samples, and the problems with the samples of the others."""
    without_samples, problems = [], []
    for record in latest:
        if record.get("phase") != "score":
            continue
        samples = evidence_path(cell_folder(run, record["key"]))
        if not samples.is_file():
            without_samples.append(record["key"])
            continue
        if reason := damage_of(samples, record):
            problems.append(Problem(_relative(run, samples), "damaged", reason))
    return without_samples, problems


def _relative(run: Path, file: Path) -> str:
    return file.relative_to(run).as_posix()


def _schema_errors(kind: str, body: Mapping[str, Any]) -> list[str]:
    """Return up to three violations of the schema by a body."""
    errors = sorted(_validator(kind).iter_errors(body), key=lambda error: error.json_path)
    return [f"{error.json_path}: {error.message:.200}" for error in errors[:3]]


@cache
def _validator(kind: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema(kind))

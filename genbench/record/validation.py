"""Is a run what it says it is? Its files against the JSON Schema, their sha256, their keys, and what lies beside."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from genbench.record.integrity import DamageError, seal
from genbench.record.store import Damage, attempts, key_of, read_record, read_records, read_run

__all__ = ["KINDS", "FileCheck", "Problem", "schema", "validate"]

KINDS = ("record", "run")
SAME = ("protocol", "seed", "budget")  # what a record says twice: in its identity, and for readers


@dataclass(frozen=True)
class Problem:
    """A file of a run, relative to its directory, and what is wrong with it: damaged, schema, key or samples."""

    path: str
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.kind}: {self.reason}"


@dataclass
class FileCheck:
    """What was found of one run; ``notes`` are no faults."""

    run: str
    cells: int = 0
    records: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"ok": self.ok, **asdict(self)}


def schema(kind: str) -> dict[str, Any]:
    """Return the published JSON Schema (draft 2020-12) of a ``record`` or of a ``run``."""
    text = (Path(__file__).parents[1] / "schema" / f"{kind}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def validate(run: Path) -> FileCheck:
    """Return the verdict on a run's directory, which is only read; raises UserError where there is no run."""
    damaged: list[Damage] = []
    about = read_run(run, damaged)
    latest = read_records(run)
    verdict = FileCheck(str(run))
    verdict.problems += [Problem(_relative(run, d.path), "damaged", d.reason) for d in damaged]
    if about:
        verdict.problems += [Problem("run.json", "schema", reason) for reason in _against("run", _sealed(about))]
    old, aside, folders = 0, 0, sorted(run.glob("cells/*/*/"))
    known = {record["key"] for record in latest}
    for folder in folders:
        for _, file in attempts(folder):
            if file.suffix == ".damaged" and folder.name in known:
                aside += 1
                continue
            verdict.records += 1
            record, problems = _of_record(run, file)
            verdict.problems += problems
            old += record is not None and record["identity"] is None
    verdict.cells = len({*about.get("cells", []), *(folder.name for folder in folders)})
    lacking, problems = _beside(run, latest)
    verdict.problems += problems
    pending = verdict.cells - len(known)
    verdict.notes = [
        f"{count} {what}"
        for count, what in (
            (old, "records of schema 1, which had no sha256 and did not say what the key was made of"),
            (aside, "damaged files were set aside before, and their cells have run again"),
            (len(lacking), "cells have no samples and cannot be scored again"),
            (pending, "cells have no record yet"),
        )
        if count
    ]
    return verdict


def _of_record(run: Path, file: Path) -> tuple[dict[str, Any] | None, list[Problem]]:
    where = _relative(run, file)
    try:
        record = read_record(file)
    except DamageError as error:
        return None, [Problem(where, "damaged", str(error))]
    except OSError as error:
        return None, [Problem(where, "damaged", f"cannot be read ({error.strerror})")]
    problems = [Problem(where, "schema", reason) for reason in _against("record", _sealed(record))]
    return record, problems + [Problem(where, "key", reason) for reason in _of_key(record)]


def _sealed(body: dict[str, Any]) -> dict[str, Any]:
    return body if "sha256" in body else seal(body)  # of schema 1


def _of_key(record: Mapping[str, Any]) -> Iterator[str]:
    """Say where the key is not that of the identity, or the identity not that of the record."""
    identity = record.get("identity")
    if not isinstance(identity, Mapping):
        return
    if key_of(identity) != record["key"]:
        yield f"its identity makes the key {key_of(identity)}"
    pairs = [(name, identity.get(name), record.get(name)) for name in SAME]
    pairs += [(name, (identity.get(name) or {}).get("name"), record[name]) for name in ("model", "dataset")]
    pairs.append(("device", identity.get("device"), str(record.get("device")).partition(":")[0]))
    for name, one, other in pairs:
        if one != other:
            yield f"its {name} is {other!r:.80}, its identity says {one!r:.80}"


def _beside(run: Path, latest: list[dict[str, Any]]) -> tuple[list[str], list[Problem]]:
    """Return the keys of scored cells whose samples are not there, and problems with those that are."""
    lacking, problems = [], []
    for record in latest:
        if record.get("phase") != "score":
            continue
        samples = run / "cells" / record["key"][:2] / record["key"] / "samples.npz"
        if not samples.is_file():
            lacking.append(record["key"])
            continue
        try:
            with zipfile.ZipFile(samples) as archive:
                bad = archive.testzip()
            reason = "" if bad is None else f"its array {bad} is damaged"
        except (OSError, zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
            reason = f"cannot be read: {error}"
        if reason:
            problems.append(Problem(_relative(run, samples), "samples", reason))
    return lacking, problems


def _relative(run: Path, file: Path) -> str:
    return file.relative_to(run).as_posix()


def _against(kind: str, body: Mapping[str, Any]) -> list[str]:
    """Return up to three places where a body is not as the schema wants it."""
    errors = sorted(_validator(kind).iter_errors(body), key=lambda error: error.json_path)
    return [f"{error.json_path}: {error.message:.200}" for error in errors[:3]]


@cache
def _validator(kind: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(schema(kind))

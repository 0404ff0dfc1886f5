"""genbench validate: a whole run passes, and each way of not being whole is found and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from damages import cut
from jsonschema import Draft202012Validator
from run_directories import files_of, folder_of, whole_record, whole_run
from sessions import play

from genbench.cli.main import main
from genbench.record.field_types import schema
from genbench.record.integrity import add_digest
from genbench.record.status import Status
from genbench.record.store import key_of, write_record
from genbench.record.validation import SCHEMAS, validate

RECORD = whole_record()


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_published_schemas_are_schemas(kind: str) -> None:
    Draft202012Validator.check_schema(schema(kind))


def test_the_schema_knows_every_status() -> None:
    assert schema("record")["properties"]["status"]["enum"] == list(Status)


def test_a_whole_run_is_ok_and_left_as_it_was(tmp_path: Path) -> None:
    failed = whole_record("gan", status="failed", phase="fit", reason="ValueError: no", scores=[], metrics={})
    run = whole_run(tmp_path / "run", RECORD, whole_record(seed=1), failed)
    before = files_of(run)
    verdict = validate(run)
    assert (verdict.ok, verdict.cells, verdict.records) == (True, 3, 3)
    assert verdict.notes == []
    assert files_of(run) == before


@pytest.mark.slow
def test_what_a_session_writes_keeps_the_schema(tmp_path: Path) -> None:
    play(tmp_path, models="good,exact")
    play(tmp_path, models="good")  # joins it
    verdict = validate(tmp_path / "run")
    assert verdict.problems == []
    assert (verdict.records, verdict.notes) == (3, [])


def rewritten(change: Callable[[dict], None], *, sealed: bool = True) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        path = folder_of(run, RECORD) / "1.json"
        record = json.loads(path.read_text())
        change(record)
        path.write_text(json.dumps(add_digest(record) if sealed else record))

    return damage


def in_run(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        about = json.loads((run / "run.json").read_text())
        change(about)
        (run / "run.json").write_text(json.dumps(add_digest(about)))

    return damage


def flip_samples(run: Path) -> None:
    path = folder_of(run, RECORD) / "samples.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "a value was changed": (rewritten(lambda r: r.update(seed=3), sealed=False), "damaged", "its sha256 is"),
    "torn": (cut("1.json", 0.5), "damaged", "not JSON"),
    "empty": (cut("1.json", 0), "damaged", "empty"),
    "torn run.json": (cut("run.json", 0.5), "damaged", "not JSON"),
    "a field is missing": (rewritten(lambda r: r.pop("timings")), "schema", "'timings' is a required property"),
    "seed": (rewritten(lambda r: r.update(seed=-1)), "schema", "$.seed: -1 is less than the minimum of 0"),
    "no reason": (rewritten(lambda r: r.update(status="failed", phase="fit")), "schema", "$.reason"),
    "no value and no reason": (rewritten(lambda r: r["scores"][0].update(value=None)), "schema", "warnings"),
    "text for a number": (rewritten(lambda r: r["scores"][0].update(low="0")), "damaged", "scores[0].low"),
    "a name that is a path": (rewritten(lambda r: r.update(model="../x")), "schema", "$.model"),
    "not what its key says": (rewritten(lambda r: r["identity"].update(budget="6steps")), "key", "makes the key"),
    "not what it says": (rewritten(lambda r: r.update(budget="6steps")), "key", "its budget is '6steps'"),
    "another seed": (rewritten(lambda r: r.update(seed=7)), "key", "its seed is 7, in its identity 0"),
    "another protocol": (rewritten(lambda r: r.update(protocol=9)), "key", "its protocol is 9, in its identity 1"),
    "another model": (rewritten(lambda r: r.update(model="gan")), "key", "its model is 'gan'"),
    "another dataset": (rewritten(lambda r: r.update(dataset="grid")), "key", "its dataset is 'grid'"),
    "another device": (rewritten(lambda r: r.update(device="cuda:0")), "key", "its device is 'cuda'"),
    "flipped samples": (flip_samples, "damaged", "cannot be read"),
    "cut samples": (cut("samples.npz", 0.5), "damaged", "cannot be read"),
    "cells that are no keys": (in_run(lambda a: a.update(cells=["../x"])), "schema", "$.cells[0]"),
    "a skip without a reason": (in_run(lambda a: a.update(skipped=[{"model": "a"}])), "schema", "reason"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "kind", "reason"), DAMAGE.values(), ids=DAMAGE.keys())
def test_what_is_wrong_is_named_and_nothing_else(
    damage: Callable[[Path], None], kind: str, reason: str, tmp_path: Path
) -> None:
    run = whole_run(tmp_path / "run", RECORD, whole_record(seed=1))
    damage(run)
    verdict = validate(run)
    found = [problem for problem in verdict.problems if problem.kind == kind and reason in problem.reason]
    assert found, [str(problem) for problem in verdict.problems]
    assert len({problem.path for problem in verdict.problems}) == 1, "the other cell is whole"
    assert main(["validate", str(run)]) == 3


def test_what_is_only_missing_is_a_note(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run", RECORD, whole_record(seed=1))
    (folder_of(run, RECORD) / "samples.npz").unlink()
    aside = folder_of(run, RECORD) / "1.json"
    aside.rename(aside.with_name("1.json.damaged"))
    (aside.with_name("1.json.damaged")).write_text("{")
    write_record(run, RECORD)
    in_run(lambda about: about["cells"].append("0" * 24))(run)
    verdict = validate(run)
    assert verdict.ok
    assert verdict.notes == [
        "1 damaged files were set aside before, and their cells have run again",
        "1 cells have no samples and cannot be scored again",
        "1 cells have no record yet",
    ]


def test_the_key_in_the_schema_is_the_one_that_is_made() -> None:
    Draft202012Validator(schema("record")["properties"]["key"]).validate(key_of({"a": 1}))


def test_samples_are_checked_without_being_loaded(tmp_path: Path) -> None:
    run = whole_run(tmp_path / "run", RECORD)
    np.savez(folder_of(run, RECORD) / "samples.npz", samples=np.array([print], dtype=object))
    assert validate(run).ok, "its bytes are whole; nobody unpickled them"

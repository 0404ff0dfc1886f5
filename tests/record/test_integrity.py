"""The integrity of a record: what was changed, cut short or of another schema is noticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_records import WHOLE, done

from genbench.errors import UserError
from genbench.record import store as records
from genbench.record.integrity import DamageError, add_digest
from genbench.record.store import (
    cell_folder,
    read_record,
    read_records,
    read_run,
    write_record,
)


def test_any_bit_that_flips_in_what_a_record_says_is_noticed(run: Path) -> None:
    path = write_record(run, done("aa11", scores=[{"metric": "gap", "value": 0.125}], reason="é"))
    whole = path.read_bytes()
    read, missed = read_record(path), []
    for place in range(0, len(whole), 3):
        for bit in (0, 2, 5):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
            try:
                changed = read_record(path) != read
            except (DamageError, UserError):  # a flipped digit may make the schema a newer one
                continue
            missed += [place] if changed else []
    assert missed == []


def test_a_record_that_another_tool_indented_anew_is_whole(run: Path) -> None:
    path = write_record(run, done("aa11", x=0.1, y=[1, 2.0, None], z="é"))
    before = read_record(path)
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True, separators=(",", ":")))
    assert read_record(path) == before


def test_every_truncation_is_noticed(run: Path) -> None:
    path = write_record(run, done("aa11"))
    whole = path.read_bytes()
    for length in range(len(whole) - 2):  # without its last newline it is still whole
        path.write_bytes(whole[:length])
        with pytest.raises(DamageError):
            read_record(path)


def test_a_record_of_a_newer_genbench_is_refused_with_the_remedy(run: Path) -> None:
    path = write_record(run, done("aa11"))
    newer = records.SCHEMA_VERSION + 1
    path.write_text(json.dumps(add_digest(json.loads(path.read_text()) | {"schema_version": newer})))
    with pytest.raises(UserError, match=rf"1\.json: schema {newer} is newer .* pip install -U genbench"):
        read_records(run)
    assert path.exists()


def test_records_of_schema_1_are_read_as_todays(run: Path) -> None:
    folder = cell_folder(run, "aa11")
    folder.mkdir(parents=True)
    (folder / "2.json").write_text(json.dumps(WHOLE))
    [record] = read_records(run)
    assert record == WHOLE | {"schema_version": 3, "identity": None}
    assert read_run(run)["sessions"] == []
    assert json.loads((folder / "2.json").read_text()) == WHOLE, "reading changes nothing"


def test_scores_of_schema_2_are_read_without_replicates_and_without_a_word_on_copying(run: Path) -> None:
    old = {**WHOLE, "schema_version": 2, "identity": None, "scores": [{"metric": "energy", "value": 1.0}]}
    folder = cell_folder(run, "aa11")
    folder.mkdir(parents=True)
    (folder / "2.json").write_text(json.dumps(add_digest(old)))
    [record] = read_records(run)
    assert record["schema_version"] == records.SCHEMA_VERSION == 3
    assert record["scores"] == [{"metric": "energy", "value": 1.0, "copying": False, "replicates": None}]

"""Records: keys by content, files that are whole or not there, and damage that costs nothing else."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from genbench import record as records
from genbench.errors import UserError
from genbench.record import cell_folder, key_of, plain, read_records, read_run, to_json, write_json, write_record


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_json(tmp_path / "run.json", {"cells": ["bb22", "aa11"]})
    return tmp_path


def done(key: str, **fields) -> dict:
    return {"schema_version": 1, "key": key, "status": "ok", **fields}


# ------------------------------------------------------------------------------------------------------------------ key


def test_a_key_is_of_the_content_and_not_of_the_order_it_is_told_in() -> None:
    one = key_of({"a": 1, "b": {"c": [1, 2.5], "d": None}})
    assert one == key_of({"b": {"d": None, "c": (1, 2.5)}, "a": 1})
    assert len(one) == 24
    assert set(one) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "other", [{"x": 0.1 + 0.2}, {"x": "0.3"}, {"x": [0.3]}, {"x": 1}, {"x": True}, {"y": 0.3}, {"x": None}, {}]
)
def test_whatever_differs_has_another_key(other: dict) -> None:
    assert key_of(other) != key_of({"x": 0.3})


def test_floats_are_told_apart_to_the_last_bit() -> None:
    assert key_of({"x": 1.0}) != key_of({"x": math.nextafter(1.0, 2)})
    assert key_of({"x": 1e300}) != key_of({"x": math.nextafter(1e300, 0)})


# ----------------------------------------------------------------------------------------------------------------- json


def test_json_is_strict_whatever_it_is_given() -> None:
    value = {
        "nan": math.nan,
        "inf": [-math.inf, 1.5],
        "array": np.arange(3, dtype=np.int16),
        "tensor": torch.tensor([1.0, math.nan]),
        "scalar": np.float32(0.5),
        "flag": np.bool_(True),
        "path": Path("a"),
        "set": {1},
        1: "key",
    }
    read = json.loads(to_json(value), parse_constant=pytest.fail)
    assert read == {
        "nan": None, "inf": [None, 1.5], "array": [0, 1, 2], "tensor": [1.0, None], "scalar": 0.5, "flag": True,
        "path": "a", "set": [1], "1": "key",
    }  # fmt: skip


def test_plain_leaves_what_json_can_hold() -> None:
    value = {"a": [1, 2.5, None, True, "é"]}
    assert plain(value) == value


# ---------------------------------------------------------------------------------------------------------------- files


def test_attempts_are_numbered_and_the_latest_counts(run: Path) -> None:
    write_record(run, done("aa11", n=1))
    first = cell_folder(run, "aa11") / "1.json"
    before = first.read_bytes()
    for n in range(2, 12):  # 10 comes after 9, not after 1
        assert write_record(run, done("aa11", n=n)).name == f"{n}.json"
    assert first.read_bytes() == before
    [latest] = read_records(run)
    assert (latest["n"], latest["attempt"]) == (11, 11)


def test_records_come_in_the_order_of_the_plan(run: Path) -> None:
    for key in ("aa11", "bb22", "cc33"):
        write_record(run, done(key))
    assert [record["key"] for record in read_records(run)] == ["bb22", "aa11", "cc33"]


def test_a_write_that_fails_leaves_what_was_there(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = run / "table.json"
    write_json(path, {"old": True})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_json(path, {"new": True})
    assert json.loads(path.read_text()) == {"old": True}


def test_a_file_left_half_written_by_a_crash_is_no_record(run: Path) -> None:
    write_record(run, done("aa11"))
    (cell_folder(run, "aa11") / ".2.json.4711").write_text('{"key": "aa11", "sta')
    (cell_folder(run, "aa11") / "log.txt").write_text("{}")
    damaged: list[Path] = []
    assert len(read_records(run, damaged=damaged)) == 1
    assert damaged == []
    assert write_record(run, done("aa11")).name == "2.json"


DAMAGE = {
    "empty": "",
    "torn": '{"key": "aa11", "status": "o',
    "not JSON": "\x00\x01",
    "no object": "[1, 2]",
    "no key": '{"status": "ok"}',
    "no status": '{"key": "aa11"}',
    "unknown status": '{"key": "aa11", "status": "fine"}',
    "unhashable status": '{"key": "aa11", "status": ["ok"]}',
    "key is no text": '{"key": [1], "status": "ok"}',
    "schema is no number": '{"key": "aa11", "status": "ok", "schema_version": "one"}',
}


@pytest.mark.parametrize("text", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_listed_and_costs_no_other_record(run: Path, text: str) -> None:
    write_record(run, done("aa11", n=1))
    write_record(run, done("bb22"))
    bad = cell_folder(run, "aa11") / "2.json"
    bad.write_text(text)
    damaged: list[Path] = []
    found = read_records(run, damaged=damaged)
    assert [record["key"] for record in found] == ["bb22", "aa11"]
    assert found[1]["n"] == 1  # the attempt before it
    assert damaged == [bad]
    assert bad.exists()
    assert read_records(run) == found


def test_bytes_that_are_no_text_are_damage_too(run: Path) -> None:
    write_record(run, done("aa11"))
    (cell_folder(run, "aa11") / "2.json").write_bytes(b"\xff\xfe{}")
    damaged: list[Path] = []
    assert len(read_records(run, damaged=damaged)) == 1
    assert len(damaged) == 1


def test_a_record_of_a_newer_genbench_is_refused_with_the_remedy(run: Path) -> None:
    write_record(run, done("aa11") | {"schema_version": records.SCHEMA_VERSION + 1})
    with pytest.raises(UserError, match=r"1\.json: schema 2 is newer .* pip install -U genbench"):
        read_records(run)


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run here"):
        read_run(tmp_path)
    with pytest.raises(UserError, match="no run here"):
        read_records(tmp_path / "absent")
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(UserError, match="not JSON"):
        read_run(tmp_path)
    for text in (b"\xff", b"[]"):
        (tmp_path / "run.json").write_bytes(text)
        with pytest.raises(UserError, match=r"run\.json"):
            read_run(tmp_path)

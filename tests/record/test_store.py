"""Records: keys by content, files that are whole or not there, and damage that costs nothing else."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_records import WHOLE, done

from genbench.errors import UserError
from genbench.record import store as records
from genbench.record.integrity import add_digest
from genbench.record.run_directory import set_aside
from genbench.record.store import (
    Damage,
    cell_folder,
    key_of,
    read_record,
    read_records,
    read_run,
    write_json,
    write_record,
)


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
    damaged: list[Damage] = []
    assert len(read_records(run, damaged=damaged)) == 1
    assert damaged == []
    assert write_record(run, done("aa11")).name == "2.json"


DAMAGE = {
    "empty": ("", "empty"),
    "blank": (" \n", "empty"),
    "torn": (json.dumps(WHOLE)[:-9], "not JSON"),
    "not JSON": ("\x00\x01", "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "not a number of JSON": ('{"key": NaN}', "NaN is not a number in JSON"),
    "no object": ("[1, 2]", "expected an object, got list"),
    "no key": (json.dumps({"status": "ok"}), "its key is None"),
    "no status": (json.dumps(WHOLE | {"status": None}), "its status is None"),
    "no model": (json.dumps(WHOLE | {"model": 3}), "its model is 3"),
    "unknown status": (json.dumps(WHOLE | {"status": "fine"}), "its status is 'fine'"),
    "unhashable status": (json.dumps(WHOLE | {"status": ["ok"]}), "its status is ['ok']"),
    "key is no text": (json.dumps(WHOLE | {"key": [1]}), "its key is [1]"),
    "schema is no number": (json.dumps(WHOLE | {"schema_version": "one"}), "schema_version is 'one'"),
    "schema is a truth value": (json.dumps(WHOLE | {"schema_version": True}), "schema_version is True"),
    "seed is text": (json.dumps(WHOLE | {"seed": "0"}), "its seed is '0', expected integer"),
    "scores are no list": (json.dumps(WHOLE | {"scores": {}}), "its scores is {}, expected array"),
    "a score is no object": (json.dumps(WHOLE | {"scores": [3]}), "its scores[0] is 3, expected object"),
    "a score has no name": (json.dumps(WHOLE | {"scores": [{"metric": 3}]}), "its scores[0].metric is 3"),
    "timings are no object": (json.dumps(WHOLE | {"timings": [1]}), "its timings is [1], expected object"),
    "of another cell": (json.dumps(WHOLE | {"key": "bb22"}), "the record of another cell, 'bb22'"),
    "of another attempt": (json.dumps(WHOLE | {"attempt": 1}), "the record of another attempt, 1"),
    "unsealed": (json.dumps(WHOLE | {"schema_version": 2}), "its sha256 is"),
    "changed": (json.dumps(add_digest(WHOLE) | {"model": "gan"}), "it was changed or damaged"),
    "changed, and called old": (
        json.dumps(add_digest(WHOLE | {"schema_version": 2}) | {"schema_version": 1}),
        "damaged",
    ),
}


@pytest.mark.parametrize(("text", "reason"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_listed_with_its_reason_and_costs_no_other_record(run: Path, text: str, reason: str) -> None:
    write_record(run, done("aa11", n=1))
    write_record(run, done("bb22"))
    bad = cell_folder(run, "aa11") / "2.json"
    bad.write_text(text)
    damaged: list[Damage] = []
    found = read_records(run, damaged=damaged)
    assert [record["key"] for record in found] == ["bb22", "aa11"]
    assert found[1]["n"] == 1  # the attempt before it
    assert [damage.path for damage in damaged] == [bad]
    assert reason in damaged[0].reason
    assert "\n" not in str(damaged[0])
    assert bad.exists()
    assert read_records(run) == found


def test_the_last_attempt_that_came_to_its_own_end_counts(run: Path) -> None:
    for status, latest in [("interrupted", 1), ("lost", 2), ("failed", 3), ("interrupted", 3), ("ok", 5), ("lost", 5)]:
        write_record(run, done("aa11", status=status))
        assert read_records(run)[0]["attempt"] == latest


def test_scores_that_went_wrong_cost_none_of_before(run: Path) -> None:
    write_record(run, done("aa11"))
    write_record(run, done("aa11", status="crashed", rescored=True))
    assert read_records(run)[0]["attempt"] == 1
    write_record(run, done("aa11", status="ok", rescored=True))
    assert read_records(run)[0]["attempt"] == 3


def test_many_writers_never_take_each_others_number(run: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda n: write_record(run, done("aa11", n=n)), range(60)))
    assert sorted(int(path.stem) for path in paths) == list(range(1, 61))
    assert sorted(json.loads(path.read_text())["n"] for path in paths) == list(range(60))
    assert not [path for path in cell_folder(run, "aa11").iterdir() if path.name.startswith(".")]


def test_a_file_system_without_hard_links_keeps_the_promise(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(records.os, "link", refuse)
    assert [write_record(run, done("aa11", n=n)).name for n in (1, 2)] == ["1.json", "2.json"]
    assert read_records(run)[0]["n"] == 2


def test_a_folder_that_cannot_be_read_costs_no_other_cell(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("aa11", "bb22"):
        write_record(run, done(key))
    iterdir = Path.iterdir

    def closed(folder: Path):
        if folder.name == "aa11":
            raise PermissionError(13, "Permission denied")
        return iterdir(folder)

    monkeypatch.setattr(Path, "iterdir", closed)
    damaged: list[Damage] = []
    assert [record["key"] for record in read_records(run, damaged=damaged)] == ["bb22"]
    assert [str(damage.path.name) for damage in damaged] == ["aa11"]
    assert set_aside(damaged[0]) == damaged[0]


@pytest.mark.parametrize("key", ["", ".", "..", "../../etc", "a/b", "a\0b", "a" * 65, ".hidden", "a\n"])
def test_a_key_that_is_no_name_is_no_path(run: Path, key: str) -> None:
    with pytest.raises(ValueError, match="is not a valid key of a cell"):
        cell_folder(run, key)


def test_text_that_cannot_be_written_is_written_as_far_as_it_can(run: Path) -> None:
    write_record(run, done("aa11", reason="half a pair: \ud83d", notes=["\udcff"]))
    [record] = read_records(run)
    assert record["reason"] == "half a pair: ?"


def test_bytes_that_are_no_text_are_damage_too(run: Path) -> None:
    write_record(run, done("aa11"))
    (cell_folder(run, "aa11") / "2.json").write_bytes(b"\xff\xfe{}")
    damaged: list[Damage] = []
    assert len(read_records(run, damaged=damaged)) == 1
    assert len(damaged) == 1


REFERENCE = Path(__file__).parents[2] / "results" / "reference"


def test_the_records_of_the_reference_run_are_whole() -> None:
    damaged: list[Damage] = []
    found = read_records(REFERENCE, damaged=damaged)
    assert damaged == []
    assert len(found) == len(read_run(REFERENCE)["cells"]) > 0
    assert {record["schema_version"] for record in found} == {records.SCHEMA_VERSION}


WRITER = """
import sys
from pathlib import Path
from genbench.record import write_record
run, name = Path(sys.argv[1]), sys.argv[2]
for n in range(100_000):
    record = {"key": f"k{n % 3}", "model": name, "dataset": "ring", "status": "ok", "n": n, "filler": "x" * 3000}
    print(write_record(run, record), flush=True)  # acknowledged
"""


def test_writers_killed_at_random_moments_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    chance, acknowledged = random.Random(0), []
    write_json(tmp_path / "run.json", {"cells": []})
    for _ in range(25):  # two at a time: 50 kills
        writers = [
            subprocess.Popen([sys.executable, "-S", "-c", PATHS + WRITER, tmp_path, name], stdout=subprocess.PIPE)
            for name in "ab"
        ]
        lines = [writer.stdout.readline() for writer in writers if writer.stdout]
        time.sleep(chance.uniform(0, 0.03))
        for writer, first in zip(writers, lines, strict=True):
            writer.kill()
            acknowledged += (first + writer.communicate()[0]).decode().splitlines()
    paths = [Path(line) for line in acknowledged if line.endswith(".json")]
    assert len(paths) > 100
    assert len(set(paths)) == len(paths), "no number was given twice"
    for path in paths:
        read_record(path)
    damaged: list[Damage] = []
    assert len(read_records(tmp_path, damaged=damaged)) == 3
    assert damaged == []


PATHS = f"import sys; sys.path[:0] = {sys.path!r}\n"  # -S starts faster


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


def test_a_file_and_the_folders_that_lead_to_it_are_synced(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a loss of power may take a file that was acknowledged, or the folder it lies in."""
    synced: list[int] = []
    fsync = records.os.fsync

    def spy(handle: int) -> None:
        synced.append(records.os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(records.os, "fsync", spy)
    path = write_record(run, done("aa11"))
    for each in (path, path.parent, path.parent.parent, run / "cells", run):
        assert each.stat().st_ino in synced, each
    assert synced.index(path.stat().st_ino) < len(synced) - 1 - synced[::-1].index(path.parent.stat().st_ino)
    synced.clear()
    write_json(run / "table.json", {})
    assert synced == [(run / "table.json").stat().st_ino, run.stat().st_ino]

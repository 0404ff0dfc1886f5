"""What is derived from records is kept apart from them, and never trusted over them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from run_directories import whole_record

from genbench.cli.compare import compare
from genbench.cli.table import table
from genbench.errors import Inconclusive
from genbench.record import index
from genbench.record.index import digest_of_runs, keep, recall
from genbench.record.store import read_records, write_json, write_record
from genbench.record.validation import validate


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of two records that is large enough for an index, in a folder of the test."""
    monkeypatch.setenv("GENBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "MIN_FILES", 2)
    folder = tmp_path / "run"
    write_json(folder_made(folder) / "run.json", {"schema_version": 1, "cells": []})
    for seed in range(2):
        write_record(folder, whole_record(seed=seed))
    return folder


def folder_made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def changed(run: Path) -> Path:
    """Change a digit of a record, and leave all that the file system says of the file as it was."""
    file = min(run.glob("cells/*/*/1.json"))
    before = file.stat()
    with file.open("r+b") as stream:
        content = stream.read()
        stream.seek(content.index(b"0.25"))
        stream.write(b"0.26")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    return file


def kept(run: Path) -> list[str]:
    return sorted(path.name.partition("-")[0] for path in (run.parent / "cache").glob("*"))


def test_a_record_that_changed_is_damaged_though_it_was_intact_before(run: Path) -> None:
    assert len(read_records(run)) == 2
    assert kept(run) == ["read"]
    assert len(read_records(run)) == 2
    changed(run)
    damaged = []
    assert len(read_records(run, damaged=damaged)) == 1
    assert "it was changed" in damaged[0].reason


def test_a_record_in_the_folder_of_another_cell_is_not_known(run: Path) -> None:
    read_records(run)
    one, other = sorted(run.glob("cells/*/*/1.json"))
    other.write_bytes(one.read_bytes())
    damaged = []
    assert len(read_records(run, damaged=damaged)) == 1
    assert "another cell" in damaged[0].reason


def test_validation_finds_a_change_after_it_found_none(run: Path) -> None:
    before = validate(run)
    assert kept(run) == ["read", "valid"]
    assert validate(run) == before
    changed(run)
    assert [problem.kind for problem in validate(run).problems if problem.path != "run.json"] == ["damaged"]


def test_a_table_is_printed_again_until_a_record_changes(run: Path) -> None:
    def printed() -> str:
        result = CliRunner().invoke(table, [str(run)], standalone_mode=False)
        assert result.exception is None
        return result.stdout

    first = printed()
    assert "table" in kept(run)
    file = next((run.parent / "cache").glob("table-*"))
    other = json.dumps("another text")
    file.write_text(f"{hashlib.sha256(other.encode()).hexdigest()}\n{other}")
    assert printed() == "another text"  # it is read
    file.write_text(file.read_text().replace("another", "a wrong"))
    assert printed() == first
    write_record(run, whole_record("gan", seed=0))
    assert printed() != first


def test_a_comparison_is_printed_again_until_a_record_changes(run: Path) -> None:
    head = run.parent / "head"
    shutil.copytree(run, head)
    write_record(run, whole_record("gan", seed=0))

    def compared() -> tuple[str, BaseException | None]:
        result = CliRunner().invoke(compare, [str(run), str(head), "--strict"], standalone_mode=False)
        return result.stdout, result.exception

    first = compared()
    assert "comparison" in kept(run)
    assert isinstance(first[1], Inconclusive)  # a cell is missing
    again = compared()
    assert again[0] == first[0]
    assert (type(again[1]), str(again[1])) == (type(first[1]), str(first[1]))
    write_record(head, whole_record("gan", seed=0))
    assert compared()[0] != first[0]


def test_nothing_is_kept_of_few_records_of_damaged_ones_or_where_it_is_not_wanted(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert digest_of_runs([run])
    assert not digest_of_runs([run / "absent"])
    monkeypatch.setattr(index, "MIN_FILES", 3)
    assert not digest_of_runs([run])
    monkeypatch.setenv("GENBENCH_CACHE", "")
    keep("table", ["a"], "text")
    assert recall("table", ["a"]) is None
    assert not (run.parent / "cache").exists()


def test_the_oldest_is_deleted(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MAX_BYTES", 3_000)
    for number in range(5):
        keep("table", [number], "x" * 1_000)
    assert recall("table", [0]) is None
    assert recall("table", [4]) == "x" * 1_000

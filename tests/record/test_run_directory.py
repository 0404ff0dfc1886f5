"""Run directories: begun, joined, and cleared of damaged files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiny_records import done

from genbench.record.run_directory import open_run, set_aside
from genbench.record.store import (
    Damage,
    cell_folder,
    read_records,
    read_run,
    write_record,
)

ABOUT = {"schema_version": 2, "created": "first", "request": {"models": "vae"}, "skipped": []}


def test_a_run_that_is_joined_keeps_its_first_request(tmp_path: Path) -> None:
    run = tmp_path / "deep" / "run"
    assert open_run(run, ABOUT, ["aa11", "bb22"]) == []
    write_record(run, done("cc33"))
    before = open_run(run, ABOUT | {"created": "second", "request": {"models": "gan"}}, ["dd44", "aa11"])
    assert [record["key"] for record in before] == ["cc33"]
    about = read_run(run)
    assert (about["created"], about["request"]) == ("first", {"models": "vae"})
    assert about["cells"] == ["aa11", "bb22", "cc33", "dd44"]
    assert [(s["created"], s["request"]) for s in about["sessions"]] == [("second", {"models": "gan"})]


def test_a_damaged_file_is_set_aside_once_and_a_good_run_goes_on(tmp_path: Path) -> None:
    open_run(tmp_path, ABOUT, ["aa11"])
    write_record(tmp_path, done("aa11"))
    bad = cell_folder(tmp_path, "aa11") / "1.json"
    bad.write_text("{")
    damaged: list[Damage] = []
    assert open_run(tmp_path, ABOUT, ["aa11"], damaged) == []
    [damage] = damaged
    assert damage.path == bad.with_name("1.json.damaged")
    assert damage.path.read_text() == "{"
    assert not bad.exists()
    assert write_record(tmp_path, done("aa11")).name == "2.json", "its number is not used again"
    damaged.clear()
    assert len(open_run(tmp_path, ABOUT, ["aa11"], damaged)) == 1
    assert damaged == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema_version": 2, "cells": []}', '{"cells": 3}', '{"cells": [3]}', '{"request": []}']
)
def test_a_damaged_run_json_costs_no_record(tmp_path: Path, text: str) -> None:
    open_run(tmp_path, ABOUT, ["aa11"])
    write_record(tmp_path, done("aa11"))
    (tmp_path / "run.json").write_text(text)
    damaged: list[Damage] = []
    assert len(read_records(tmp_path, damaged=damaged)) == 1
    assert [damage.path.name for damage in damaged] == ["run.json"]
    assert len(open_run(tmp_path, ABOUT | {"created": "again"}, ["bb22"])) == 1
    assert (tmp_path / "run.json.damaged").read_text() == text
    assert read_run(tmp_path)["cells"] == ["aa11", "bb22"]
    (tmp_path / "run.json").unlink()
    assert len(open_run(tmp_path, ABOUT, [])) == 1


def test_a_directory_that_is_not_written_to_is_only_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_run(tmp_path, ABOUT, ["aa11"])
    write_record(tmp_path, done("aa11"))
    bad = cell_folder(tmp_path, "aa11") / "2.json"
    bad.write_text("{")

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "rename", read_only)
    assert set_aside(Damage(bad, "why")) == Damage(bad, "why")


def test_sessions_that_open_a_run_at_once_lose_no_cell_of_each_other(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from genbench.record.run_directory import open_run\n"
        "for i in range(8): open_run(Path(sys.argv[1]), {'created': sys.argv[2]}, [f'{sys.argv[2]}{i}'])"
    )
    writers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), name]) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    about = read_run(tmp_path)
    assert sorted(about["cells"]) == sorted(f"{name}{i}" for name in "abcd" for i in range(8))
    assert len(about["sessions"]) == 4 * 8 - 1

"""``genbench validate``: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from damages import cut
from run_directories import whole_record, whole_run

from genbench.cli.main import main
from genbench.record.field_types import schema

RECORD = whole_record()


def test_the_commands_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = whole_run(tmp_path / "good", RECORD)
    bad = whole_run(tmp_path / "bad", RECORD)
    cut("1.json", 0.5)(bad)
    assert main(["validate", str(good)]) == 0
    assert capsys.readouterr().out == f"{good}: 1 cells, 1 records: ok\n"
    assert main(["validate", str(good), str(bad), "--format", "json"]) == 3
    told = json.loads(capsys.readouterr().out)["runs"]
    assert [run["ok"] for run in told] == [True, False]
    assert told[1]["problems"][0]["kind"] == "damaged"
    assert main(["validate", "--schema", "record"]) == 0
    assert json.loads(capsys.readouterr().out) == schema("record")
    assert main(["validate"]) == 2
    assert main(["validate", str(tmp_path / "absent")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.partition(":")[0] for line in err.splitlines()] == ["genbench", "genbench"]


def test_control_characters_in_a_record_never_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = whole_run(tmp_path / "run", whole_record(status="\x1b[31mfine"))
    assert main(["validate", str(run)]) == 3
    assert "\x1b" not in capsys.readouterr().out

"""The directory of a run that somebody else made: nothing outside it is shown, nothing hangs or breaks a command."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest
from run_directories import files_of, folder_of, whole_record, whole_run

from genbench.cli.main import main
from genbench.record.integrity import add_digest
from genbench.record.merge import IN_PROGRESS
from genbench.report.html.cells import log_of

RECORD = whole_record(
    trace=[[0.1, 1, {"loss": 1.0}]], usage={"fit": {"wall_s": 1.0}}, checks=[{"name": "a", "passed": True}],
    facts={"calls": 1.0}, sizes={"train": 10}, shape=[2], notes=["a note"], session="s", threads=1, shared=False,
)  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return whole_run(tmp_path / "run", RECORD, whole_record(seed=1))


def commands(run: Path) -> dict[str, list[str]]:
    other, new = run.parent / "other", run.parent / f"merged-{len(list(run.parent.iterdir()))}"
    if not other.exists():
        whole_run(other, RECORD)
    return {
        "table": ["table", str(run)],
        "csv": ["table", str(run), "--format", "csv", "--metrics", "all"],
        "validate": ["validate", str(run)],
        "compare": ["compare", str(other), str(run)],
        "history": ["history", str(other), str(run)],
        "merge": ["merge", str(run), str(other), "-o", str(new)],
    }


def refused_or_done(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command that may not break; return what it printed."""
    code = main(arguments)
    out, err = capsys.readouterr()
    assert code != 1, err
    assert "Traceback" not in err
    return out + err


# --------------------------------------------------------------------------------------------------- links and pipes


def test_a_log_that_is_a_link_is_not_followed(run: Path) -> None:
    secret = run.parent / "secret"
    secret.write_text("not for a report")
    log = folder_of(run, RECORD) / "log.txt"
    assert log_of(run, RECORD["key"])[0] != ""
    log.unlink()
    log.symlink_to(secret)
    assert log_of(run, RECORD["key"]) == ("", False)


@pytest.mark.parametrize("name", ["log.txt", "samples.npz", "1.json", "2.json", "run.json", ".lock"])
def test_a_pipe_in_a_run_is_not_waited_for(run: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = run / name if name in ("run.json", ".lock") else folder_of(run, RECORD) / name
    file.unlink(missing_ok=True)
    os.mkfifo(file)
    for arguments in commands(run).values():
        refused_or_done(arguments, capsys)
    assert log_of(run, RECORD["key"])[0] == ("" if name == "log.txt" else "attempt 1 of run")
    if name in ("1.json", "2.json", "run.json"):
        assert main(["validate", str(run)]) == 3
        assert "cannot be read (not a regular file)" in capsys.readouterr().out


# --------------------------------------------------------------------------------------------------- types of fields

FIELDS: tuple[tuple[str, Any], ...] = (
    ("checks", 3), ("machine", "x"), ("session", ["x"]), ("threads", []), ("device", {"a": 1}), ("budget", {"a": 1}),
    ("sizes", {"train": "x"}), ("timings", {"fit_s": {}}), ("notes", [{}]), ("metrics", {"gap": 3}),
    ("usage", {"fit": 3}),
    ("identity", {"device": 3}), ("limits", {"timeout_s": "x"}), ("facts", {"calls": []}), ("trace", {}),
    ("versions", {"torch": 3}), ("ended", 3), ("started", []), ("seed", True), ("phase", 3), ("model_config", []),
    ("provenance", [3]), ("reason", None), ("label", 3), ("density", 3), ("shape", 2),
)  # fmt: skip
SCORE_FIELDS: tuple[tuple[str, Any], ...] = (
    ("value", "0"), ("low", [1]), ("high", {}), ("level", 3), ("level", -1), ("floor", "x"), ("floor_sd", True),
    ("z", []), ("replicates", "x"), ("replicates", ["x"]), ("detail", 3), ("detail", [1]), ("warnings", "x"),
    ("warnings", [3]), ("unit", 3), ("better", 3), ("version", "1"), ("seconds", "x"), ("label", ["x"]), ("space", 3),
    ("suspect", "x"), ("copying", 3), ("params", []), ("n_real", "x"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [*FIELDS, *((f"scores.{name}", value) for name, value in SCORE_FIELDS)])
def test_a_sealed_record_with_an_ill_typed_field_breaks_no_command(
    run: Path, name: str, value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder_of(run, RECORD) / "1.json"
    record = json.loads(file.read_text())
    if name.startswith("scores."):
        record["scores"][0][name.partition(".")[2]] = value
    else:
        record[name] = value
    file.write_text(json.dumps(add_digest(record)))
    for arguments in commands(run).values():
        refused_or_done(arguments, capsys)
    assert main(["validate", str(run)]) == 3
    found = capsys.readouterr().out
    assert name.replace("scores.", "scores[0].") in found


@pytest.mark.parametrize("field", ["cells", "sessions", "skipped", "request", "suite"])
@pytest.mark.parametrize("value", [None, 3, [3]])
def test_an_ill_typed_field_of_run_json_breaks_no_command(
    run: Path, field: str, value: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(add_digest({**info, field: value})))
    for arguments in commands(run).values():
        refused_or_done(arguments, capsys)


# --------------------------------------------------------------------------------------------------- seals and merges


def test_a_record_without_a_seal_is_said_to_be_unsealed(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder_of(run, RECORD) / "1.json"
    record = json.loads(file.read_text())
    del record["sha256"], record["identity"]
    file.write_text(json.dumps(record | {"schema_version": 1}))
    assert main(["validate", str(run)]) == 0
    out = capsys.readouterr().out
    assert "2 cells, 2 records: ok, 1 unsealed\n" in out
    assert "1 records are unsealed: they have no sha256, so that no change of them is noticed" in out
    assert main(["validate", str(run), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["unsealed"] == 1


def test_what_a_killed_merge_left_is_deleted_by_the_next_and_nothing_else(run: Path) -> None:
    abandoned, at_work, mine = (run.parent / name for name in (".out.0123abcd", ".out.4567abcd", ".out.config"))
    for folder in (abandoned, at_work, mine):
        folder.mkdir()
        (folder / IN_PROGRESS).touch()
    with (at_work / IN_PROGRESS).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert main(["merge", str(run), "-o", str(run.parent / "out")]) == 0
    assert not abandoned.exists()
    assert at_work.exists()
    assert mine.exists()
    assert not [name for name in files_of(run.parent / "out") if "merging" in name]

"""What each status of a cell counts as: one partition that resume, tables and comparisons share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import genbench.record.status
from genbench.comparing.fact import decide_status
from genbench.record.status import Status

FAILED = {"invalid", "diverged", "failed", "timeout", "oom", "crashed"}
ABSENT = {"lost", "interrupted", "skipped"}


def test_every_status_is_ok_failed_or_absent() -> None:
    assert {str(status) for status in Status} == {"ok"} | FAILED | ABSENT
    assert {str(status) for status in Status if status.failed} == FAILED
    assert {str(status) for status in Status if not status.finished} == ABSENT
    assert [status for status in Status if status.failed and not status.finished] == []


@pytest.mark.parametrize("status", list(Status))
def test_only_an_end_of_its_own_says_something_of_the_code(status: Status) -> None:
    assert status.says_something_of_the_code == status.finished
    verdict = decide_status(["ok"] * 3, [status] * 3).verdict
    assert (verdict == "not comparable") == (not status.finished)
    assert (verdict == "regressed") == status.failed


def test_a_status_is_its_word_in_a_record() -> None:
    assert Status.TIMEOUT == "timeout"
    assert json.dumps({"status": Status.TIMEOUT}) == '{"status": "timeout"}'
    with pytest.raises(ValueError, match="'fine' is not a valid Status"):
        Status("fine")


def test_the_published_schema_knows_the_same_statuses() -> None:
    folder = Path(genbench.record.status.__file__).parents[1] / "schema"
    assert json.loads((folder / "record.json").read_text())["properties"]["status"]["enum"] == list(Status)

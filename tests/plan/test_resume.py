"""What of an earlier run stands, what only lacks scores, and what runs again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_cells import Truth, cell_of

from genbench.errors import UserError
from genbench.plan.cell import Cell
from genbench.plan.limits import Limits
from genbench.plan.resume import FAILURE_STATUSES, Reusable, parse_retry, select_reusable
from genbench.record.evidence_file import digest_of_evidence
from genbench.record.status import Status
from genbench.record.store import cell_folder
from genbench.spec import MetricSpec

GAP = MetricSpec("gap", len, None, "a metric")
CELL = cell_of(Truth, metrics=[GAP])


def record(status: str = "ok", phase: str = "score", **fields) -> dict:
    scores = [{"metric": "gap", "value": 1.0}] if status == "ok" else []
    return {"key": CELL.key, "status": status, "phase": phase, "metrics": CELL.measures, "scores": scores, **fields}


def sorted_out(found: dict, run: Path, cell: Cell = CELL, retry: str = "", limits: Limits | None = None) -> Reusable:
    statuses = parse_retry(retry) if retry else frozenset[str]()
    return select_reusable([found], [cell], run, retry=statuses, limits=limits or Limits())


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = cell_folder(tmp_path, CELL.key)
    folder.mkdir(parents=True)
    np.savez(folder / "samples.npz", samples=np.zeros((5, 2)))
    return tmp_path


@pytest.mark.parametrize("status", list(Status))
def test_what_came_to_its_own_end_stands_and_nothing_else(tmp_path: Path, status: Status) -> None:
    earlier = sorted_out(record(status, "fit"), tmp_path)
    assert bool(earlier.finished) == status.finished
    assert earlier.sampled == {}


def test_cells_that_are_not_planned_are_left_out(tmp_path: Path) -> None:
    assert sorted_out(record() | {"key": "another"}, tmp_path) == Reusable()


def test_a_failure_is_retried_where_its_status_is_asked_for(tmp_path: Path) -> None:
    assert sorted_out(record("oom", "fit"), tmp_path, retry="oom,timeout").finished == []
    assert sorted_out(record("crashed", "fit"), tmp_path, retry="oom,timeout").finished != []
    assert sorted_out(record("crashed", "fit"), tmp_path, retry="failed").finished == []
    assert sorted_out(record("ok"), tmp_path, retry="failed").finished != []


@pytest.mark.parametrize(
    ("status", "then", "now", "stands"),
    [
        ("timeout", Limits(10), Limits(10), True),
        ("timeout", Limits(10), Limits(5), True),
        ("timeout", Limits(10), Limits(20), False),
        ("timeout", Limits(10), Limits(), False),
        ("timeout", Limits(10), Limits(10, 10**9), True),
        ("oom", Limits(memory=2**20), Limits(memory=2**21), False),
        ("oom", Limits(memory=2**20), Limits(memory=2**20), True),
        ("oom", Limits(), Limits(), True),  # of the machine, not of a limit
        ("failed", Limits(10), Limits(20), True),
    ],
)
def test_a_limit_that_was_raised_since_gives_another_chance(
    tmp_path: Path, status: str, then: Limits, now: Limits, stands: bool
) -> None:
    found = record(status, "fit", limits=then.as_dict())
    assert bool(sorted_out(found, tmp_path, limits=now).finished) == stands


def test_a_cell_with_samples_and_other_scores_is_only_scored(run: Path) -> None:
    known = {"timings": {"fit_s": 1.0}, "fingerprint": "f", "device": "cpu", "reason": "why"}
    found = record(metrics={"gap": "another version"}, **known)
    assert sorted_out(found, run).sampled == {
        CELL.key: {"timings": {"fit_s": 1.0}, "fingerprint": "f", "device": "cpu"}
    }
    (cell_folder(run, CELL.key) / "samples.npz").unlink()
    assert sorted_out(found, run) == Reusable(), "without samples all of it runs again"


def test_samples_that_are_not_what_the_record_states_are_drawn_again(run: Path) -> None:
    file = cell_folder(run, CELL.key) / "samples.npz"
    stated = record(evidence_sha256=digest_of_evidence(file))
    assert sorted_out(stated, run).finished == [stated]
    assert CELL.key in sorted_out(stated | {"metrics": {}}, run).sampled
    np.savez(file, samples=np.ones((5, 2)))
    for each in (stated, stated | {"metrics": {}}):
        assert sorted_out(each, run) == Reusable(), "neither its scores nor its samples are used"


def test_more_scores_than_are_asked_for_stand_and_a_failure_only_with_the_same(run: Path) -> None:
    more = {**CELL.measures, "other": {}}
    assert sorted_out(record(metrics=more), run).finished != []
    assert sorted_out(record("timeout", metrics=more), run).finished == []
    assert sorted_out(record("timeout"), run).finished != []


def test_a_metric_that_raised_is_tried_again_where_failures_are(run: Path) -> None:
    found = record(scores=[{"metric": "gap", "value": None, "warnings": ["failed: no such luck"]}])
    assert sorted_out(found, run).finished != []
    assert list(sorted_out(found, run, retry="crashed").sampled) == [CELL.key]
    unknown = record(scores=[{"metric": "gap", "value": None, "warnings": ["the value is inf"]}])
    assert sorted_out(unknown, run, retry="crashed").finished != []


def test_statuses_are_named_or_all_that_failed() -> None:
    assert parse_retry("failed") == set(FAILURE_STATUSES) == {s for s in Status if s.failed}
    assert parse_retry(" timeout , oom,") == {"timeout", "oom"}
    for text, why in (("ok", "no status 'ok'"), ("timout", "did you mean 'timeout'"), (",", "expected failed")):
        with pytest.raises(UserError, match=why):
            parse_retry(text)

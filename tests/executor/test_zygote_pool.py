"""The process that scored the real row, as the host of those that score the models: same numbers, and no new risks."""

from __future__ import annotations

import multiprocessing.connection
import multiprocessing.forkserver
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from zygote_runs import computed, run

from genbench.executor import zygote_pool

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="hosts are of Linux")


def values(records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    kept = ("metric", "value", "low", "high", "floor", "floor_sd", "z", "detail", "params", "warnings")
    return {name: [{key: s[key] for key in kept} for s in record["scores"]] for name, record in records.items()}


def test_the_real_side_is_made_once_and_the_scores_are_the_same_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = "seen,gap,energy,mmd,equivalent,w1,sliced_w2,precision,c2st,correlation,w1_marginal"
    asked = {"metrics": metrics, "settings": ("dots.n=1500",)}
    shared = run(tmp_path, out="shared", **asked)
    assert {record["status"] for record in shared.values()} == {"ok"}
    assert computed(tmp_path) == 1
    monkeypatch.setattr(zygote_pool, "MAX_ZYGOTES", 0)
    alone = run(tmp_path, out="alone", **asked)
    assert computed(tmp_path) == 1 + len(alone)
    assert values(shared) == values(alone)


def test_a_metric_that_ends_its_process_costs_only_its_own_score(tmp_path: Path) -> None:
    records = run(tmp_path, "exits")
    assert {record["status"] for record in records.values()} == {"ok"}
    scores = {score["metric"]: score for score in records["far"]["scores"]}
    assert "exit code 7" in scores["breaks"]["warnings"][0]
    assert {scores[name]["value"] is None for name in ("seen", "gap")} == {False}
    assert computed(tmp_path) == 1


def test_a_metric_that_hangs_costs_only_its_own_cell(tmp_path: Path) -> None:
    records = run(tmp_path, "hangs", timeout=15.0)
    assert records["far"]["status"] == "timeout"
    assert "ran longer than" in records["far"]["reason"]
    assert records["far"]["reason"].endswith("; the last metric begun: breaks")
    assert {records[name]["status"] for name in ("real", "good", "exact")} == {"ok"}
    assert computed(tmp_path) == 1


def test_where_the_host_is_killed_each_cell_gets_a_process_of_its_own(tmp_path: Path) -> None:
    records = run(tmp_path, "kills its host", jobs=1)
    assert (tmp_path / "killed").exists()
    assert {record["status"] for record in records.values()} == {"ok"}
    assert computed(tmp_path) > 1


def test_nothing_is_left_of_a_host(tmp_path: Path) -> None:
    run(tmp_path)
    server = psutil.Process(multiprocessing.forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]
    assert [each for each in server.children(recursive=True) if each.status() != psutil.STATUS_ZOMBIE] == []


def test_limits_hold_for_what_a_host_forks_and_not_for_a_host_at_rest(tmp_path: Path) -> None:
    """The timeout is of what a cell does: a host that waits for a long training has not used its own."""
    records = run(tmp_path, models="good,exact,far", timeout=60.0, memory=2**30)
    assert {record["status"] for record in records.values()} == {"ok"}
    assert all(record["usage"]["score"]["memory_mb"] < 1024 for record in records.values())
    assert computed(tmp_path) == 1

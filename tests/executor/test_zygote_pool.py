"""The process that scored the real row, as the host of those that score the models: same numbers, and no new risks."""

from __future__ import annotations

import multiprocessing.connection
import multiprocessing.forkserver
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from sessions import make, play, write_plugin

from genbench.executor import zygote_pool
from genbench.executor.zygote_pool import ZygotePool
from genbench.plan.cell import REAL, Cell
from genbench.plan.limits import Limits
from genbench.process.launch import start_server
from genbench.process.task import Task
from genbench.process.worker import Worker, supervise
from genbench.record.store import cell_folder

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="hosts are of Linux")

COUNTS = """
import os, threading, time
from pathlib import Path
import psutil

def seen(evidence):
    def compute():
        with open({folder!r} + "/computed", "a") as file:
            file.write("x")
        return float(evidence.real.rows.sum())
    number = evidence.real.once("seen", compute)
    return Score(number + float(np.random.rand()) + float(torch.rand(())), low=0.0, high=1.0)

class Far(Base):
    def sample(self, n):
        return super().sample(n) + 1e6

def breaks(evidence):
    far = float(evidence.fake.mean()) > 1e3
    marker = Path({folder!r}) / "killed"
    host = psutil.Process(os.getppid()).parent()
    if {how!r} == "exits" and far:
        os._exit(7)
    if {how!r} == "hangs" and far:
        time.sleep(600)
    if {how!r} == "kills its host" and far and not marker.exists():
        marker.touch()
        host.kill()
        time.sleep(60)
    if {how!r} == "changes directory":
        os.chdir("/")
    if {how!r} == "leaves a thread":
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    return Score(0.0, low=0.0, high=1.0)

@hookimpl
def genbench_register():
    return [
        ModelSpec("far", Far, None, "far away", iterative=False),
        MetricSpec("seen", seen, None, "what is computed once"),
        MetricSpec("breaks", breaks, None, "what goes wrong"),
    ]
"""


def run(folder: Path, how: str = "", **asked: Any) -> dict[str, dict[str, Any]]:
    plugin = write_plugin(
        folder / "counts.py", COUNTS.replace("{folder!r}", repr(str(folder))).replace("{how!r}", repr(how))
    )
    asked = {"models": "good,exact,far", "metrics": "seen,breaks,gap", **asked}
    return play(folder, plugin, **asked)


def computed(folder: Path) -> int:
    return len((folder / "computed").read_text())


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


@pytest.mark.parametrize(
    ("how", "status", "reason"), [("exits", "crashed", "exit code 7"), ("hangs", "timeout", "ran longer than")]
)
def test_a_metric_that_fails_costs_only_its_own_cell(tmp_path: Path, how: str, status: str, reason: str) -> None:
    records = run(tmp_path, how, timeout=15.0)
    assert records["far"]["status"] == status
    assert reason in records["far"]["reason"]
    assert records["far"]["reason"].endswith("; the last metric begun: breaks")
    assert {records[name]["status"] for name in ("real", "good", "exact")} == {"ok"}
    assert computed(tmp_path) == 1


def test_where_the_host_is_killed_each_cell_gets_a_process_of_its_own(tmp_path: Path) -> None:
    records = run(tmp_path, "kills its host", jobs=1)
    assert (tmp_path / "killed").exists()
    assert {record["status"] for record in records.values()} == {"ok"}
    assert computed(tmp_path) > 1


@pytest.mark.parametrize(("how", "what"), [("changes directory", "working directory"), ("leaves a thread", "threads")])
def test_a_process_that_metrics_have_changed_is_no_host(tmp_path: Path, how: str, what: str) -> None:
    records = run(tmp_path, how)
    assert {record["status"] for record in records.values()} == {"ok"}
    assert computed(tmp_path) == len(records)
    log = (cell_folder(tmp_path / "run", records["real"]["key"]) / "log.txt").read_text()
    assert f"scored in a fresh process: a metric changed {what}" in log


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


def finished(worker: Worker) -> Worker:
    while not worker.listen():
        multiprocessing.connection.wait(worker.handles, timeout=0.2)
    return worker


@pytest.mark.slow
def test_a_hundred_forks_of_one_host_none_of_which_hangs(tmp_path: Path) -> None:
    plan, _ = make(tmp_path, datasets="dots", metrics="w1,c2st,energy,precision,frechet", settings=("dots.n=300",))
    cells = {cell.model.name: cell for cell in plan.cells}
    for cell in (cells[REAL], cells["good"]):
        supervise(Task("fit", cell, tmp_path), plan.plugin_files)
    held, limits = ZygotePool(plan.plugin_files, Limits(seconds=120)), Limits(seconds=120)
    held.expect([cells[REAL], *[cells["good"]] * 100])

    def score(cell: Cell) -> Worker:
        worker = finished(held.start(start_server(), Task("score", cell, tmp_path)))
        held.take_back(worker)
        assert "result" in (worker.outcome or {}), worker.outcome
        return worker

    try:
        assert score(cells[REAL]).serving
        del limits
        found = [score(cells["good"]) for _ in range(100)]
        assert all(worker.forked for worker in found)
        scores = [[score["value"] for score in (worker.outcome or {})["result"]] for worker in found]
        assert all(each == scores[0] for each in scores)
    finally:
        held.close()

"""A zygote: what it forks, and when it must not."""

from __future__ import annotations

import multiprocessing.connection
import multiprocessing.forkserver
import sys
from pathlib import Path

import pytest
from sessions import make
from zygote_runs import computed, run

from genbench.executor.zygote_pool import ZygotePool
from genbench.plan.cell import REAL, Cell
from genbench.plan.limits import Limits
from genbench.process.launch import start_server
from genbench.process.task import Task
from genbench.process.worker import Worker, supervise
from genbench.record.store import cell_folder

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="hosts are of Linux")


@pytest.mark.parametrize(("how", "what"), [("changes directory", "working directory"), ("leaves a thread", "threads")])
def test_a_process_that_metrics_have_changed_is_no_host(tmp_path: Path, how: str, what: str) -> None:
    records = run(tmp_path, how)
    assert {record["status"] for record in records.values()} == {"ok"}
    assert computed(tmp_path) == len(records)
    log = (cell_folder(tmp_path / "run", records["real"]["key"]) / "log.txt").read_text()
    assert f"scored in a fresh process: a metric changed {what}" in log


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

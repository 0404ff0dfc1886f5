"""A task on a scheduler, from the side of the session: what comes back, what is lost, what is submitted again."""

from __future__ import annotations

import multiprocessing.connection
from pathlib import Path
from typing import Any

import pytest
from tiny_cells import Truth, cell_of

from genbench.executor.dask.remote_task import MAX_RESUBMISSIONS, RemoteTask, one_line
from genbench.process.task import Task

RESULT = {
    "usage": {"wall_s": 1.0}, "known": {"sizes": {}}, "progress": {"phase": "sample"}, "machine": {"id": "far"},
    "address": "tcp://far", "outcome": {"result": {"timings": {}}},
    "scores": [], "clock_problem": "",
}  # fmt: skip


class KilledWorker(Exception):
    """As Dask calls it."""


class Future:
    """A future whose end is decided by the test."""

    def __init__(self, name: str) -> None:
        self.name, self.status, self.found = name, "pending", None
        self.callbacks: list[Any] = []

    def add_done_callback(self, callback: Any) -> None:
        self.callbacks.append(callback)

    def result(self, timeout: float) -> Any:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def done(self) -> bool:
        return self.status != "pending"

    def cancel(self) -> None:
        self.status = "cancelled"

    def end(self, status: str, found: Any = None) -> None:
        self.status, self.found = status, found
        for callback in self.callbacks:
            callback(self)


@pytest.fixture
def futures() -> list[Future]:
    return []


@pytest.fixture
def task(futures: list[Future]) -> RemoteTask:
    def submit(name: str) -> tuple[Future, frozenset[str]]:
        futures.append(Future(name))
        return futures[-1], frozenset([f"worker-{len(futures)}"])

    return RemoteTask(Task("fit", cell_of(Truth), Path("run")), "cell", "cpu", submit)


def ready(task: RemoteTask) -> bool:
    return bool(multiprocessing.connection.wait(task.handles, timeout=0))


def test_its_end_wakes_who_waits_and_brings_the_result(task: RemoteTask, futures: list[Future]) -> None:
    assert not task.listen()
    assert not ready(task)
    assert (task.outcome, task.progress) == (None, {"phase": "start"})
    futures[0].end("finished", RESULT)
    assert ready(task)
    assert task.listen()
    found = {name: getattr(task, name) for name in RESULT}
    assert found == RESULT
    assert not task.disconnected


@pytest.mark.parametrize(
    ("status", "found", "reason", "disconnected"),
    [
        ("cancelled", None, "the connection to the scheduler was lost", True),
        ("error", KilledWorker("..."), "every worker that ran it was lost", False),
        ("error", ValueError("no\nsuch luck"), "its worker failed: ValueError: no such luck", False),
    ],
)
def test_what_does_not_come_back_is_lost(
    task: RemoteTask, futures: list[Future], status: str, found: Any, reason: str, disconnected: bool
) -> None:
    futures[0].end(status, found)
    assert task.listen()
    assert task.outcome == {"error": {"status": "lost", "reason": reason}}
    assert task.disconnected == disconnected


def test_a_result_that_died_with_its_worker_is_waited_for(task: RemoteTask, futures: list[Future]) -> None:
    futures[0].end("finished", TimeoutError())
    assert not task.listen()
    futures[0].end("finished", RESULT)
    assert task.listen()
    assert task.outcome == RESULT["outcome"]


def test_it_is_submitted_again_where_its_workers_left_and_others_are_there(
    task: RemoteTask, futures: list[Future]
) -> None:
    for present in (frozenset(["worker-1", "x"]), frozenset[str]()):
        task.resubmit_if_stranded(present)
        assert len(futures) == 1
    for count in range(MAX_RESUBMISSIONS):
        task.resubmit_if_stranded(frozenset(["other"]))
        assert len(futures) == count + 2
        assert futures[count].status == "cancelled"
    assert len({future.name for future in futures}) == len(futures), "each by a name of its own"
    assert not task.listen()
    task.resubmit_if_stranded(frozenset(["other"]))
    assert task.listen()
    assert task.outcome == {"error": {"status": "lost", "reason": "every worker that ran it was lost"}}


def test_one_that_is_stopped_is_over(task: RemoteTask, futures: list[Future]) -> None:
    task.stop()
    assert futures[0].status == "cancelled"
    assert task.listen()
    assert task.outcome == {"error": {"status": "interrupted", "reason": ""}}
    task.stop(at_once=True)
    assert task.outcome == {"error": {"status": "interrupted", "reason": ""}}


def test_an_exception_is_one_line_of_limited_length() -> None:
    assert one_line(ValueError("a\n  b")) == "ValueError: a b"
    assert len(one_line(ValueError("x" * 1000))) == 500

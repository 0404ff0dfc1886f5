"""Tasks in processes of this machine, and what all executors have in common."""

from __future__ import annotations

import inspect
import multiprocessing.connection
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sessions import make, write_plugin

from genbench.executor.base import Executor
from genbench.executor.in_process import InProcessExecutor, InProcessTask
from genbench.executor.local import LocalExecutor
from genbench.plan.cell import Cell
from genbench.plan.limits import Limits
from genbench.plan.plan import Plan
from genbench.process.task import RunningTask, Task
from genbench.process.worker import Worker
from genbench.record.store import cell_folder

SLEEPS = """
import time

class Sleeps(Base):
    def fit(self, data, run):
        run.log(loss=1.0)
        time.sleep(1000)

@hookimpl
def genbench_register():
    return [ModelSpec("sleeps", Sleeps, None, "never ends")]
"""


def local(plan: Plan, jobs: int = 2) -> LocalExecutor:
    return LocalExecutor(["cpu"], jobs, Limits(seconds=300), plan.plugin_files)


def in_process(plan: Plan) -> InProcessExecutor:
    return InProcessExecutor("cpu", lambda cell, progress: None)


MAKERS: list[Callable[[Plan], Executor]] = [local, in_process]


def ended(running: RunningTask) -> dict[str, Any]:
    until = time.monotonic() + 300
    while not running.listen():
        multiprocessing.connection.wait(running.handles, timeout=0.2)
        assert time.monotonic() < until
    assert running.outcome is not None
    return running.outcome


def played(executor: Executor, cell: Cell, run: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what a cell's training and its scores give on an executor, used as a session uses it."""
    executor.open([cell])
    found: list[Any] = []
    for stage in ("fit", "score"):
        slot = executor.take(stage)
        assert slot is not None
        timings = found[0]["timings"] if found else None
        running = executor.start(Task(stage, cell, run, timings, device="cpu"), slot)
        found.append(ended(running)["result"])
        executor.give(slot)
        assert not running.rerun
    executor.release(cell)
    assert executor.failure() == ""
    executor.close()
    executor.close()
    return found[0], found[1]


# ----------------------------------------------------------------------------------------------------------- structure


def public(kind: type) -> dict[str, Any]:
    return {name: member for name, member in vars(kind).items() if not name.startswith("_") and callable(member)}


def executor_kinds() -> list[type]:
    kinds: list[type] = [LocalExecutor, InProcessExecutor]
    try:
        from genbench.executor.dask.executor import DaskExecutor
    except ImportError:  # an extra
        return kinds
    return [*kinds, DaskExecutor]


@pytest.mark.parametrize("kind", executor_kinds(), ids=lambda kind: kind.__name__)
def test_an_executor_has_each_method_of_the_protocol_with_its_parameters(kind: type) -> None:
    for name, asked in public(Executor).items():
        has = inspect.signature(getattr(kind, name)).parameters
        wanted = inspect.signature(asked).parameters
        assert [(p.name, p.kind, p.default) for p in has.values()] == [
            (p.name, p.kind, p.default) for p in wanted.values()
        ]
    assert "jobs" in Executor.__annotations__
    assert "self.jobs" in inspect.getsource(kind.__init__)  # type: ignore[misc]


@pytest.mark.parametrize("kind", [Worker, InProcessTask])
def test_a_task_that_was_started_has_what_a_session_reads(kind: type, tmp_path: Path) -> None:
    assert issubclass(kind, RunningTask)
    for name, asked in public(RunningTask).items():
        assert inspect.signature(getattr(kind, name)) == inspect.signature(asked)
    assert "super().__init__(task)" in inspect.getsource(kind.__init__)  # type: ignore[misc]
    plan, _ = make(tmp_path)
    started = InProcessTask(Task("fit", plan.cells[0], tmp_path), lambda _: None)
    for name in ("task", "outcome", "usage", "known", "progress", "rerun", "interrupted", "handles"):
        assert hasattr(started, name), name
    assert (started.progress, started.outcome, started.rerun, started.interrupted) == (
        {"phase": "start"}, None, False, False,
    )  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- behaviour


def test_a_cell_is_the_same_to_the_last_bit_in_a_process_of_its_own_and_in_this_one(tmp_path: Path) -> None:
    plan, _ = make(tmp_path, models="exact")
    [cell] = [cell for cell in plan.cells if cell.model.name == "exact"]
    results = {}
    for maker in MAKERS:
        run = tmp_path / maker.__name__
        fitted, scores = played(maker(plan), cell, run)
        samples = np.load(cell_folder(run, cell.key) / "samples.npz")
        results[maker.__name__] = (fitted, scores, {name: samples[name] for name in samples})
    (fit, score, one), (fit_2, score_2, other) = results.values()
    assert fit["samples_sha256"] == fit_2["samples_sha256"]
    assert fit["fingerprint"] == fit_2["fingerprint"]
    assert set(fit) == set(fit_2)
    assert set(fit["timings"]) == set(fit_2["timings"])
    assert [s["value"] for s in score] == [s["value"] for s in score_2]
    assert set(one) == set(other)
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])


@pytest.mark.parametrize("maker", MAKERS)
def test_a_score_without_samples_fails_and_gives_its_slot_back(
    tmp_path: Path, maker: Callable[[Plan], Executor]
) -> None:
    plan, _ = make(tmp_path)
    executor = maker(plan)
    slot = executor.take("score")
    assert slot is not None
    error = ended(executor.start(Task("score", plan.cells[0], tmp_path / "run", device="cpu"), slot))["error"]
    assert error["status"] == "failed"
    assert "FileNotFoundError" in error["reason"]
    executor.give(slot)
    assert executor.take("score") is not None
    executor.close(at_once=False)


def test_there_are_as_many_slots_as_jobs(tmp_path: Path) -> None:
    plan, _ = make(tmp_path)
    executor = local(plan, jobs=3)
    slots = [executor.take("fit") for _ in range(3)]
    assert None not in slots
    assert executor.take("fit") is executor.take("score") is None
    executor.give(slots[1])  # type: ignore[arg-type]
    assert executor.take("score") is slots[1]


def test_a_task_that_never_ends_is_ended_when_it_is_stopped(tmp_path: Path) -> None:
    plan, _ = make(tmp_path, write_plugin(tmp_path / "sleeps.py", SLEEPS), models="sleeps")
    [cell] = [cell for cell in plan.cells if cell.model.name == "sleeps"]
    executor = local(plan)
    executor.open([cell])
    slot = executor.take("fit")
    assert slot is not None
    running = executor.start(Task("fit", cell, tmp_path / "run", device="cpu"), slot)
    until = time.monotonic() + 120
    while running.progress["phase"] != "fit":
        assert not running.listen()
        assert time.monotonic() < until
        time.sleep(0.05)
    running.stop()
    stopped = time.monotonic()
    assert ended(running)["error"]["status"] == "interrupted"
    assert time.monotonic() - stopped < 60, "long before its deadline"
    assert running.usage["left"] == 0, "nothing of it is left"
    executor.give(slot)
    executor.close()

"""Which executor the options ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from sessions import make

from genbench.executor.in_process import InProcessExecutor
from genbench.executor.local import LocalExecutor
from genbench.record.environment import cores
from genbench.session.executors import executor_for
from genbench.session.observers import Observer
from genbench.session.options import RunOptions


def test_processes_of_this_machine_unless_something_else_is_asked_for(tmp_path: Path) -> None:
    plan, _ = make(tmp_path)
    executor = executor_for(plan, RunOptions(), Observer())
    assert isinstance(executor, LocalExecutor)
    assert executor.jobs == cores()
    assert executor_for(plan, RunOptions(jobs=7), Observer()).jobs == 7


def test_no_isolation_is_this_very_process_whose_progress_goes_to_the_observer(tmp_path: Path) -> None:
    plan, _ = make(tmp_path)
    progress = []

    class Noting(Observer):
        def on_progress(self, cell, progress_of_it) -> None:
            progress.append((cell, progress_of_it))

    executor = executor_for(plan, RunOptions(isolation="none"), Noting())
    assert isinstance(executor, InProcessExecutor)
    assert executor.jobs == 1
    executor._on_progress(plan.cells[0], {"phase": "fit"})
    assert progress == [(plan.cells[0], {"phase": "fit"})]


@pytest.mark.parametrize(("scheduler", "opened"), [("local:2", False), ("tcp://127.0.0.1:1", True)])
def test_a_scheduler_is_dasks_and_one_that_is_there_already_is_connected_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheduler: str, opened: bool
) -> None:
    dask = pytest.importorskip("genbench.executor.dask.executor")
    calls = []
    monkeypatch.setattr(dask.DaskExecutor, "open", lambda self, cells: calls.append(list(cells)))
    plan, _ = make(tmp_path)
    executor = executor_for(plan, RunOptions(tmp_path, scheduler=scheduler, insecure=True), Observer())
    assert isinstance(executor, dask.DaskExecutor)
    assert calls == ([list(plan.cells)] if opened else [])

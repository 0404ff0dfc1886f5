"""What runs in a Dask worker: whether it can run cells, and why not."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from sessions import make

from genbench.executor.dask import worker_side


def test_a_worker_that_differs_says_in_what(tmp_path: Path) -> None:
    plan, _ = make(tmp_path)
    expected = worker_side.expectations(plan)
    (tmp_path / "token").touch()

    def problem(token: str = "token", **changed: dict) -> str:
        return worker_side.problem_of({**expected, **changed}, str(tmp_path), token, "cpu")

    assert problem() == ""
    assert "genbench " in expected["sources"], "the core, too"
    assert problem("absent") == f"does not see {tmp_path}; give an --out that all machines share"
    assert problem(versions={"torch": "0.1"}).startswith("has torch 2")
    assert problem(versions={"genbench-absent": "1.0"}).startswith("has genbench-absent not at all")
    assert problem(sources={"genbench ": "0"}).startswith("has another source of genbench")
    assert problem(sources={"genbench_absent ": "0"}).startswith("has no genbench_absent")
    assert problem(data={str(tmp_path / "absent.csv"): 3}).startswith("does not see")
    (tmp_path / "dots.py").write_text("changed")
    assert "dots.py" in problem()


def _tell(folder: str, channel) -> None:
    channel.send(worker_side.problem_of({"versions": {}, "sources": {}, "files": {}, "data": {}}, folder, ".", "cpu"))


def test_a_worker_that_may_start_no_processes_says_how_it_could(tmp_path: Path) -> None:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=_tell, args=(str(tmp_path), theirs), daemon=True)
    process.start()
    assert "DASK_DISTRIBUTED__WORKER__DAEMON=False" in ours.recv()
    process.join()

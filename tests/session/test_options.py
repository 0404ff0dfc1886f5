"""Options of a run: each that cannot be meant is refused before anything is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from genbench.errors import UserError
from genbench.plan.device_names import DeviceName
from genbench.plan.limits import Limits
from genbench.record.environment import cores
from genbench.session.options import MIN_MEMORY_BYTES, RunOptions, jobs_for


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"jobs": 0}, "--jobs 0: expected at least 1"),
        ({"jobs": -1}, "--jobs -1"),
        ({"timeout": 0.0}, "timeout=0.0: expected seconds, more than 0"),
        ({"timeout": float("nan")}, "timeout=nan"),
        ({"memory": MIN_MEMORY_BYTES - 1}, "at least 400MB"),
        ({"isolation": "thread"}, "--isolation thread: expected process or none"),
        ({"isolation": "none", "jobs": 2}, "--isolation none: one cell at a time"),
        ({"isolation": "none", "timeout": 5.0}, "--isolation none: one cell at a time"),
        ({"isolation": "none", "memory": MIN_MEMORY_BYTES}, "--isolation none: one cell at a time"),
        ({"isolation": "none", "scheduler": "local:2"}, "which --scheduler has run elsewhere"),
        ({"retry": "fine"}, "--retry fine: no status 'fine'"),
        ({"retry": ""}, "--retry '': expected failed"),
        ({"keep": "some"}, "--keep some: expected best, all or none"),
        ({"scheduler": "slrum:3"}, "did you mean 'slurm'"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RunOptions(**given).check()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"jobs": 1, "timeout": 0.1, "memory": MIN_MEMORY_BYTES},
        {"isolation": "none"},
        {"isolation": "none", "jobs": 1},
        {"retry": "failed"},
        {"retry": "oom,timeout", "force": True},
        {"scheduler": "local:2"},
        {"scheduler": "tcp://10.0.0.5:8786", "insecure": True},
    ],
)
def test_what_can_be_meant_passes(given: dict[str, Any]) -> None:
    RunOptions(**given).check()


def test_a_folder_that_cannot_be_written_is_refused_and_none_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    RunOptions(tmp_path / "new" / "deep").check()
    RunOptions(str(tmp_path)).check()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=f"--out {out}: {tmp_path / 'file'} is not a directory"):
            RunOptions(out).check()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match="cannot be written; choose another directory"):
        RunOptions(tmp_path / "new").check()


def test_limits_and_statuses_to_retry_follow_from_the_options() -> None:
    assert RunOptions(timeout=3.0, memory=10**9).limits == Limits(3.0, 10**9)
    assert RunOptions().retried == frozenset()
    assert RunOptions(retry="oom").retried == {"oom"}


@pytest.mark.parametrize(
    ("device", "jobs"),
    [("auto", cores()), ("cpu", cores()), ("mps", 1), ("cuda", 1), ("cuda:3", 1), ("cuda:0,cuda:2,cuda:5", 3)],
)
def test_cells_run_one_a_core_or_one_an_accelerator(device: str, jobs: int) -> None:
    assert jobs_for(DeviceName.parse(device)) == jobs

"""Every fault against the real command line, each between two good cells: its row, and no harm to others."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import psutil
import pytest
from faults.runs import Run, between_goods, goods, scores

from genbench.process.supervisor import LOG_HEAD_BYTES, LOG_TAIL_BYTES, STOP_GRACE_S

pytestmark = pytest.mark.slow

TIMEOUT, MEMORY = 5.0, 10**9
LATE = f"ran longer than {TIMEOUT:g} s"
EXPECTED = {
    "raises": ("failed", "fit", "ValueError: two lines"),
    "raises_when_made": ("failed", "fit", "ValueError: not to be made"),
    "raises_in_sample": ("failed", "sample", "ValueError: no samples today"),
    "raises_oddly": ("failed", "fit", "OddError"),
    "raises_at_length": ("failed", "fit", "ValueError: xxx"),
    "exits": ("failed", "fit", "SystemExit: enough"),
    "interrupts": ("failed", "fit", "KeyboardInterrupt"),
    "diverges": ("diverged", "fit", "loss is nan at step 5"),
    "leaves": ("crashed", "fit", "exit code 0 and no result"),
    "leaves_with_7": ("crashed", "fit", "exit code 7"),
    "leaves_in_sample": ("crashed", "sample", "exit code 0 and no result"),
    "segfaults": ("crashed", "fit", "SIGSEGV"),
    "aborts": ("crashed", "fit", "SIGABRT"),
    "kills_itself": ("crashed", "fit", "SIGKILL"),
    "kills_its_parent": ("lost", "fit", "the supervisor of the cell was killed"),
    "closes_everything": ("crashed", "fit", "no result"),
    "sleeps": ("timeout", "fit", LATE),
    "sleeps_in_sample": ("timeout", "sample", LATE),
    "ignores_sigterm": ("timeout", "fit", LATE),
    "holds_the_gil": ("timeout", "fit", LATE),
    "stops_itself": ("timeout", "fit", LATE),
    "leaves_a_daemon": ("ok", "score", ""),
    "leaves_threads": ("ok", "score", ""),
    "forks": ("ok", "score", ""),
    "raises_memory_error": ("oom", "fit", "MemoryError: no room"),
    "grows_in_python": ("oom", "fit", "M"),
    "grows_in_torch": ("oom", "fit", "M"),
    "grows_in_a_child": ("oom", "fit", "MiB, more than its 954 MiB"),
    "asks_for_much": ("oom", "fit", "80000000000 bytes"),
    "evil_samples": ("invalid", "sample", "sample returned Evil"),
    "unpicklable_samples": ("invalid", "sample", "sample returned function"),
    "huge_samples": ("invalid", "sample", "samples have shape (30, 100000000000), expected (30, 2)"),
    "huge_trace": ("invalid", "sample", "larger than 64 MiB"),
    "not_finite": ("invalid", "sample", "of 30 samples are not finite"),
    "infinite": ("invalid", "sample", "30 of 30 samples are not finite"),
    "wrong_shape": ("invalid", "sample", "samples have shape (30, 3), expected (30, 2)"),
    "flat": ("invalid", "sample", "samples have shape (30,), expected (30, 2)"),
    "too_few": ("invalid", "sample", "samples have shape (15, 2), expected (30, 2)"),
    "empty": ("invalid", "sample", "samples have shape (0, 2), expected (30, 2)"),
    "gradient": ("invalid", "sample", "samples carry a gradient"),
    "complex": ("invalid", "sample", "dtype torch.complex64"),
    "integers": ("invalid", "sample", "dtype torch.int64"),
    "sparse": ("invalid", "sample", "torch.sparse"),
    "elsewhere": ("invalid", "sample", "on meta, expected cpu"),
    "array": ("invalid", "sample", "sample returned ndarray, expected a tensor of shape (30, 2)"),
    "overflows": ("invalid", "sample", "30 of 30 samples"),
    "bad_density": ("invalid", "density", "30 of 30 log-densities are nan"),
    "column_density": ("invalid", "density", "log_prob returned shape (30, 1), expected (30,)"),
    "cannot_be_sent": ("failed", "start", "TypeError: not to be pickled"),
    "exits_at_import": ("failed", "fit", "gone while imported"),
    "cannot_be_imported": ("failed", "fit", "absent_module"),
    "has_no_such_class": ("failed", "fit", "Model"),
    "rude": ("ok", "score", ""),
}
HANGING = [name for name, (status, _, _) in EXPECTED.items() if status == "timeout"]


class Played:
    """The one run of all faults, what came back from it and what was left of it."""

    def __init__(self, folder: Path) -> None:
        self.run = Run(folder, between_goods(list(EXPECTED)), f"--timeout={TIMEOUT:g}s", f"--memory={MEMORY}")
        self.done: subprocess.CompletedProcess[str] = self.run.finish()
        self.left = self.run.left()
        self.records = self.run.records


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return Played(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fault_is_a_row_with_its_status_phase_and_reason(played: Played, name: str) -> None:
    status, phase, reason = EXPECTED[name]
    record = played.records[name]
    # a supervisor that is killed may not have passed on that its child had gone from loading to fitting
    phases = {"load", phase} if name == "kills_its_parent" else {phase}
    assert record["status"] == status, record["reason"]
    assert record["phase"] in phases, record["reason"]
    assert reason in record["reason"]
    assert "\n" not in record["reason"]
    assert len(record["reason"]) <= 2000
    assert bool(record["scores"]) == (status == "ok")


def test_the_run_ends_with_its_table_and_nothing_is_left(played: Played) -> None:
    assert played.done.returncode == 3, played.done.stderr[-2000:]
    assert "Traceback" not in played.done.stderr
    rows = {line.split(" ")[0] for line in played.done.stdout.splitlines()}
    assert {*EXPECTED, *goods(len(EXPECTED) + 1), "real"} <= rows
    assert played.left == []
    for name in ("ignores_sigterm", "holds_the_gil", "stops_itself", "leaves_a_daemon", "kills_its_parent"):
        for pid in (played.run.folder / name).read_text().split():
            assert not psutil.pid_exists(int(pid)) or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE
    assert not (played.run.folder / "evil").exists(), "nothing was unpickled"
    assert len(played.run.files) == len(played.records) == 2 * len(EXPECTED) + 2


def test_good_cells_between_the_faults_are_as_if_they_were_alone(played: Played, tmp_path: Path) -> None:
    names = [goods(99)[i] for i in (0, 7, len(EXPECTED) - 1, len(EXPECTED))]
    alone = Run(tmp_path, ",".join(names), "--jobs=1")
    assert alone.finish().returncode == 0
    for name in ("real", *goods(len(EXPECTED) + 1)):
        assert played.records[name]["status"] == "ok", name
    expected = scores(alone.records)
    assert {name: row for name, row in scores(played.records).items() if name in expected} == expected
    for name in names:
        assert np.array_equal(played.run.samples(name), alone.samples(name))


def test_the_same_command_again_runs_nothing_but_what_was_lost(played: Played) -> None:
    before = {name: record["attempt"] for name, record in played.records.items()}
    done = played.run.finish()
    assert done.returncode == 3
    failed = sum(status not in ("ok", "lost") for status, _, _ in EXPECTED.values())
    told = f"{len(before) - 1} of {len(before)} cells were finished before and are reused; {failed} of them had failed"
    assert told in done.stderr
    after = {name: record["attempt"] for name, record in played.run.records.items()}
    assert after == {**before, "kills_its_parent": 2}
    assert played.run.left() == []


def test_what_hangs_is_ended_in_time_and_says_where_it_stood(played: Played) -> None:
    for name in HANGING:
        record = played.records[name]
        assert TIMEOUT <= record["usage"]["fit"]["wall_s"] < TIMEOUT + STOP_GRACE_S + 5, "the 5 is for a busy machine"
        if name != "stops_itself":  # a process that is stopped writes nothing
            assert "hostile.py" in played.run.log(name)
            assert "most recent call first" in played.run.log(name)


def test_memory_never_grows_far_beyond_its_limit(played: Played) -> None:
    for name in ("grows_in_python", "grows_in_torch", "asks_for_much"):
        assert 0 < played.records[name]["usage"]["fit"]["memory_mb"] < MEMORY / 2**20 + 100, name
        assert played.records[name]["limits"] == {"timeout_s": TIMEOUT, "memory_mb": MEMORY / 2**20}


def test_the_log_of_a_fault_holds_what_was_printed_and_the_traceback(played: Played) -> None:
    assert played.run.log("raises").startswith("about to raise\nTraceback")
    assert "hostile.py" in played.run.log("raises")
    assert "Segmentation fault" in played.run.log("segfaults")
    assert "Aborted" in played.run.log("aborts")
    loud = played.run.log("rude")
    assert len(loud) <= LOG_HEAD_BYTES + LOG_TAIL_BYTES + 100
    assert loud.startswith("the first line")
    assert loud.endswith("the last line\n")
    assert "bytes left out" in loud


def test_a_failure_keeps_what_was_known_until_then(played: Played) -> None:
    for name in ("raises", "sleeps_in_sample", "leaves_in_sample", "grows_in_torch"):
        record = played.records[name]
        assert record["sizes"] == {"train": 140, "test": 30, "reference": 30}
        assert record["fingerprint"] == played.records["good[number=1]"]["fingerprint"]
    for name in ("sleeps_in_sample", "leaves_in_sample"):
        assert played.records[name]["timings"]["fit_s"] >= 0

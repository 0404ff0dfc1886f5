"""The load of the machine: what is read of /proc, and what makes timings those of a busy machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sessions import play

from genbench.process.machine_load import INTERVAL_S, MachineLoad, is_busy

PID = 4711
CORES = os.cpu_count() or 1


def write(
    proc: Path, running: int = 1, steal: int = 0, idle: int = 1000, ran: int = 9, waited: int = 0, siblings: int = 1
) -> None:
    parent = proc / str(os.getppid()) / "task" / str(os.getppid())
    for folder in (proc / str(PID), parent):
        folder.mkdir(parents=True, exist_ok=True)
    (proc / "loadavg").write_text(f"0.10 0.20 0.30 {running}/160 4711\n")
    (proc / "stat").write_text(f"cpu  100 0 50 {idle} 5 0 5 {steal} 70 0\ncpu0 1 1\nintr {'0 ' * 5000}\n")
    (proc / str(PID) / "schedstat").write_text(f"{ran} {waited} 12\n")
    (parent / "children").write_text(" ".join(map(str, range(siblings))) + " ")


def test_runnable_processes_of_others_are_counted_per_core(tmp_path: Path) -> None:
    write(tmp_path, siblings=3)
    load = MachineLoad(PID, tmp_path)
    write(tmp_path, running=4 + 3 * CORES, siblings=3)  # 3 cells, this process, and 3 others a core
    load.sample(0.0)
    write(tmp_path, running=4 + 5 * CORES, siblings=3)
    load.sample(INTERVAL_S / 2)  # too early to be read again
    load.sample(INTERVAL_S)
    assert load.usage()["runnable"] == 4.0
    assert is_busy(load.usage())


@pytest.mark.parametrize("siblings", [1, 8])
def test_the_cells_of_the_run_itself_keep_no_machine_busy(tmp_path: Path, siblings: int) -> None:
    write(tmp_path)
    load = MachineLoad(PID, tmp_path)
    write(tmp_path, running=1 + siblings, siblings=siblings, idle=2000, ran=1000, waited=10)
    load.sample(0.0)
    assert load.usage() == {"runnable": 0.0, "stolen": 0.0, "waited": 0.01}
    assert is_busy(load.usage()) is False


def test_stolen_time_is_that_of_the_task_and_the_time_of_guests_counts_once(tmp_path: Path) -> None:
    write(tmp_path, steal=500)
    load = MachineLoad(PID, tmp_path)
    write(tmp_path, steal=600, idle=1300)
    assert load.usage() == {"stolen": 0.25}
    assert is_busy(load.usage())


def test_a_cell_that_waits_for_a_core_is_on_a_busy_machine(tmp_path: Path) -> None:
    write(tmp_path)
    load = MachineLoad(PID, tmp_path)
    write(tmp_path, ran=600, waited=400)
    load.sample(0.0)
    assert load.usage()["waited"] == 0.4
    assert is_busy(load.usage())


def test_a_task_of_less_than_a_second_is_not_judged() -> None:
    busy = {"runnable": 4.0, "stolen": 0.0, "waited": 0.4}
    assert is_busy({**busy, "wall_s": 3.0})
    assert is_busy({**busy, "wall_s": 0.2}) is False


def test_nothing_is_said_where_nothing_can_be_read(tmp_path: Path) -> None:
    load = MachineLoad(PID, tmp_path / "no proc here")
    load.sample(0.0)
    assert load.usage() == {}
    assert is_busy(load.usage()) is None
    for name in ("loadavg", "stat"):
        (tmp_path / name).write_text("what is this\n")
    load = MachineLoad(PID, tmp_path)
    load.sample(0.0)
    assert load.usage() == {}


@pytest.mark.skipif(not Path("/proc/loadavg").exists(), reason="the system has no /proc")
def test_a_record_says_whether_the_machine_was_busy(tmp_path: Path) -> None:
    record = play(tmp_path, models="exact", datasets="dots", metrics="energy")["exact"]
    assert record["busy"] is is_busy(record["usage"]["fit"])
    assert record["usage"]["fit"]["runnable"] >= 0

"""What a process of its own costs a cell: CPU seconds beside its own, as a ratio to a bare process of the server.

CPU seconds do not see who else is at work on the machine. They are read from the fork server, which waits for them all.
"""

from __future__ import annotations

import multiprocessing.forkserver
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from sessions import make

from genbench.process.launch import launch_environment, start_server
from genbench.process.task import Task
from genbench.process.worker import supervise

ROUNDS = 20

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the CPU time of buried children")


def server_cpu() -> float:
    """Return the CPU seconds of the fork server and all that it has waited for."""
    times = psutil.Process(multiprocessing.forkserver._forkserver._forkserver_pid).cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def each(function: Callable[[], float]) -> float:
    """Return the CPU seconds of one call, without the part that the call says was not overhead."""
    function()
    before = server_cpu()
    own = sum(function() for _ in range(ROUNDS))
    time.sleep(0.1)  # the last is buried a moment after it has ended
    return (server_cpu() - before - own) / ROUNDS


def test_overhead_of_a_process_of_its_own(tmp_path: Path, benchmark: Any) -> None:
    plan, _ = make(tmp_path)
    [cell] = [cell for cell in plan.cells if cell.model.name == "exact"]

    def bare() -> float:
        process = start_server().Process(target=os.getpid)
        with launch_environment():
            process.start()
        process.join()
        return 0.0

    def supervised() -> float:
        worker = supervise(Task("fit", cell, tmp_path), plan.plugin_files)
        assert "result" in (worker.outcome or {})
        return float(worker.usage["cpu_s"])

    least, found = each(bare), each(supervised)
    benchmark.extra_info |= {"bare process, ms": 1e3 * least, "overhead, ms": 1e3 * found, "ratio": found / least}
    benchmark.pedantic(supervised, rounds=1)
    print(
        f"a stage of a cell costs {1e3 * found:.0f} ms of CPU beside its own work, a bare process {1e3 * least:.0f} ms"
    )
    assert found < 5 * least

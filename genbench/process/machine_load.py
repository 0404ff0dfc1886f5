"""What else the machine was doing while a task ran: other runnable processes, stolen time, and waiting for a core.

The supervisor of a cell imports this, so nothing here needs a machine-learning library.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

INTERVAL_S = 0.5  # between two samples, each of which reads three small files of /proc: about 0.3 ms
MAX_RUNNABLE = 1.0  # processes of others that are runnable, per core
MAX_STOLEN = 0.05  # of the time of all cores, taken by the hypervisor
MAX_WAITED = 0.2  # of the time in which the cell could have run
MIN_SECONDS = 1.0  # of a task that is judged
FIRST_LINE_BYTES = 512
STEAL, GUEST = 7, 8  # fields of the line ``cpu`` of /proc/stat, see proc(5); the time of guests is in that of users


class MachineLoad:
    """Samples of the load of this machine while the process ``pid`` runs; ``proc`` is the mounted /proc.

    Where the system does not have such files, nothing is measured.
    """

    def __init__(self, pid: int, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._schedule = proc / str(pid) / "schedstat"
        self._siblings = proc / str(os.getppid()) / "task" / str(os.getppid()) / "children"
        self._next = 0.0
        self._runnable: list[int] = []
        self._waited: float | None = None
        self._before = self._times()

    def sample(self, now: float) -> None:
        """Take a sample at ``now`` (seconds), unless the last one was just taken."""
        if now < self._next:
            return
        self._next = now + INTERVAL_S
        with contextlib.suppress(OSError, ValueError, IndexError):
            running = int((self._proc / "loadavg").read_text().split()[3].partition("/")[0])
            self._runnable.append(max(0, running - self._own()))
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            ran, waited = map(int, self._schedule.read_text().split()[:2])
            self._waited = waited / (ran + waited)

    def _own(self) -> int:
        """Return how many processes of the run may be runnable: this one, and one for each supervisor beside it."""
        with contextlib.suppress(OSError):
            return 1 + max(1, len(self._siblings.read_text().split()))
        return 2

    def _times(self) -> tuple[int, int] | None:
        """Return the stolen time of all cores and all their time, in ticks."""
        with contextlib.suppress(OSError, ValueError, IndexError):
            with (self._proc / "stat").open("rb") as stream:
                fields = stream.read(FIRST_LINE_BYTES).split(b"\n")[0].split()[1:]
            return int(fields[STEAL]), sum(map(int, fields[:GUEST]))
        return None

    def usage(self) -> dict[str, float]:
        """Return what was measured, for the usage of a task in its record.

        ``runnable`` is the mean number of processes of others that were runnable, per core; ``stolen`` the share of the
        cores' time that the hypervisor gave to others; ``waited`` the share of the time in which the cell could have
        run but waited for a core.
        """
        found: dict[str, float] = {}
        if self._runnable:
            found["runnable"] = round(sum(self._runnable) / len(self._runnable) / (os.cpu_count() or 1), 2)
        after = self._times()
        if self._before is not None and after is not None and after[1] > self._before[1]:
            found["stolen"] = round((after[0] - self._before[0]) / (after[1] - self._before[1]), 3)
        if self._waited is not None:
            found["waited"] = round(self._waited, 3)
        return found


def is_busy(usage: Mapping[str, Any]) -> bool | None:
    """Return whether others kept the machine so busy that timings are too long; None where nothing was measured.

    That is: more than one process a core beyond the run's own was runnable, or more than 5 % of the time was stolen, or
    the cell waited for a core in more than a fifth of the time in which it could have run. A task of less than a second
    is not judged: its first samples are of its own start.
    """
    if usage.get("wall_s") is not None and usage["wall_s"] < MIN_SECONDS:
        return False
    limits = {"runnable": MAX_RUNNABLE, "stolen": MAX_STOLEN, "waited": MAX_WAITED}
    found = [float(usage[name]) > limit for name, limit in limits.items() if usage.get(name) is not None]
    return any(found) if found else None

"""The clocks of a cell's process, which a plugin may patch, against those that are out of its reach."""

from __future__ import annotations

import math
import time
from time import monotonic, process_time  # bound before any plugin runs, which may patch the module
from typing import Any

READ_S = 0.01  # that one reading may take; a process that was halted meanwhile reads again
MAX_READINGS = 5
SLACK_S, SLACK_SHARE = 0.1, 0.01  # by which two clocks of one process may differ
DELAY_S, DELAY_SHARE = 1.0, 0.1  # by which a message may reach the supervisor of a busy machine later than another

Reading = tuple[float, ...]


def read_clocks() -> list[float | None]:
    """Return the clocks by which a cell is timed and the same ones as they were when genbench was imported, in seconds.

    They are ``[perf_counter, monotonic, process_time, process_time]``, None for one that gives no number.
    """
    for _ in range(MAX_READINGS):
        start, cpu = monotonic(), process_time()
        patchable = _number(time.perf_counter), _number(time.process_time)
        if monotonic() - start < READ_S:
            break
    return [patchable[0], start, patchable[1], cpu]


def _number(clock: Any) -> float | None:
    try:
        return float(clock())
    except Exception:  # of a plugin
        return None


class ClockCheck:
    """Compares what the clocks of a cell's process showed with each message with the clock of its supervisor.

    ``problem`` is why they cannot be right, empty while they can.
    """

    def __init__(self) -> None:
        self._first: Reading | None = None
        self._least_delay = math.inf  # of a message, plus the unknown difference between the zeros of the two clocks
        self._patched = ""
        self._behind = ""

    @property
    def problem(self) -> str:
        """Why the clocks cannot be right; a message that arrived late is forgiven once a later one has not."""
        return self._patched or self._behind

    def take(self, clocks: object, arrived: object) -> None:
        """Take a reading of ``read_clocks``, and when it arrived by the supervisor's monotonic clock, in seconds."""
        if not isinstance(clocks, list) or len(clocks) != 4 or not isinstance(arrived, float):
            return
        if not all(isinstance(each, (int, float)) for each in clocks):
            self._patched = "they give no number"
            return
        reading = (*clocks, arrived)
        self._first = self._first or reading
        wall, true_wall, cpu, true_cpu, passed = (now - then for now, then in zip(reading, self._first, strict=True))
        for name, shown, true in (("perf_counter", wall, true_wall), ("process_time", cpu, true_cpu)):
            if not abs(shown - true) <= SLACK_S + SLACK_SHARE * true:
                self._patched = f"time.{name} went on by {shown:.6g} s in {true:.6g} s"
        delay = arrived - clocks[1]
        self._least_delay = min(self._least_delay, delay)
        late = not delay - self._least_delay <= DELAY_S + DELAY_SHARE * passed
        self._behind = f"they went on by {true_wall:.6g} s in {passed:.6g} s by that of the supervisor" if late else ""

"""What a cell's process reports against what others know: the clock of its supervisor, the data of other cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genbench.plan.cell import Cell, data_of

CLOCK_SLACK_S = 0.1  # of clocks that are read one after the other
CPU_TIMES = ("fit_cpu_s",)


def contradictory_clock(timings: Mapping[str, Any], usage: Mapping[str, Any]) -> str:
    """Return why the timings of a training cannot be those of its process, empty if they can be.

    No time is negative, or longer than the process existed by the clock of its supervisor.
    """
    for name, seconds in timings.items():
        if not name.endswith("_s") or name.endswith("_per_s") or not isinstance(seconds, (int, float)):
            continue
        cpu = name in CPU_TIMES
        limit = usage.get("cpu_s" if cpu else "wall_s")
        if limit is not None and not 0.0 <= seconds <= 1.01 * limit + CLOCK_SLACK_S:
            kind = "CPU time of its process was" if cpu else "process existed for"
            return f"{name} is {seconds:.6g} s, its {kind} {limit:.6g} s"
    rate = timings.get("samples_per_s")
    if isinstance(rate, (int, float)) and rate <= 0:
        return f"samples_per_s is {rate:.6g}"
    return ""


class KnownData:
    """The fingerprint of each dataset and seed, as the first cell of the session found it on each machine."""

    def __init__(self) -> None:
        self._first: dict[tuple[Any, ...], tuple[str, str]] = {}

    def difference(self, cell: Cell, fingerprint: str, machine: str) -> str:
        """Return why a cell's data are not those of the others on its machine, empty if they are.

        On another processor, the last digits may differ.
        """
        first, label = self._first.setdefault((data_of(cell), machine), (fingerprint, cell.model.label))
        if first == fingerprint:
            return ""
        return (
            f"dataset {cell.dataset.label!r} gives other rows in each process: fingerprint {fingerprint[:12]}.., for "
            f"{label} {first[:12]}..; draw all random numbers from the generator that load is given"
        )

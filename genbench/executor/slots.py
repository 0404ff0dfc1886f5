"""Which cell may run where and when: places on devices, and which timings were taken in company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genbench.plan.device_names import DeviceName

__all__ = ["Slot", "Slots"]


@dataclass(eq=False)
class Slot:
    """One place for one cell; ``shared`` tells, once it is given back, whether its device had others at work.

    ``machine`` says what it is on where that is another machine.
    """

    device: str
    stage: str = ""
    shared: bool = False
    machine: Mapping[str, Any] | None = None


class Slots:
    """Places for ``jobs`` cells at a time on devices of one kind, on a machine with ``cores``.

    On the processor a cell has a core for itself as long as no more are at work than there are cores, and scoring takes
    a place like a training, so that it disturbs none. On accelerators a cell has its device for itself unless there are
    more jobs than devices; the processor scores beside them if it has cores to spare, else scoring takes a place too.
    """

    def __init__(self, devices: Sequence[str], jobs: int, cores: int) -> None:
        self._cores = cores
        self._on_processor = DeviceName.parse(devices[0]).kind == "cpu"
        self._places = [Slot(devices[i % len(devices)]) for i in range(jobs)]
        spare = 0 if self._on_processor else max(0, min(cores - jobs, jobs))
        self._scorers = [Slot("cpu") for _ in range(spare)]
        self._busy: list[Slot] = []

    def take(self, stage: str) -> Slot | None:
        """Return a place for a ``fit`` or a ``score``, where the fewest are at work; None where all are taken."""
        places = self._scorers if stage == "score" and self._scorers else self._places
        free = [place for place in places if place not in self._busy]
        if not free:
            return None
        slot = min(free, key=lambda place: sum(busy.device == place.device for busy in self._busy))
        slot.stage, slot.shared = stage, False
        self._busy.append(slot)
        self._note_company(slot)
        return slot

    def _note_company(self, slot: Slot) -> None:
        if self._on_processor:
            company, most = self._busy, self._cores
        else:
            company, most = [busy for busy in self._busy if (busy.device, busy.stage) == (slot.device, "fit")], 1
        if len(company) > most:
            for each in company:
                each.shared = True

    def give(self, slot: Slot) -> None:
        """Take a place back."""
        self._busy.remove(slot)

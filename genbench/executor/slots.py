"""Slots for tasks on the devices of a machine, and which timings were taken on a contended device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genbench.plan.device_names import DeviceName


@dataclass(eq=False)
class Slot:
    """A place for one task on a device; ``shared`` is whether other tasks contended for the device meanwhile.

    ``machine`` describes the machine of the slot where that is another one.
    """

    device: str
    stage: str = ""
    shared: bool = False
    machine: Mapping[str, Any] | None = None


class Slots:
    """Slots for ``jobs`` tasks at a time on devices of one kind, on a machine with ``cores``.

    On the CPU a task has a core for itself as long as there are no more tasks than cores, and scoring takes a slot like
    training, so that it disturbs no timing. On accelerators a task has its device for itself unless there are more jobs
    than devices; scoring runs on spare cores of the CPU if there are any, else it takes a slot of a device.
    """

    def __init__(self, devices: Sequence[str], jobs: int, cores: int) -> None:
        self._cores = cores
        self._on_cpu = DeviceName.parse(devices[0]).kind == "cpu"
        self._slots = [Slot(devices[i % len(devices)]) for i in range(jobs)]
        spare = 0 if self._on_cpu else max(0, min(cores - jobs, jobs))
        self._score_slots = [Slot("cpu") for _ in range(spare)]
        self._busy: list[Slot] = []

    def take(self, stage: str) -> Slot | None:
        """Return a slot for a ``fit`` or a ``score`` task on the least busy device; None where all are taken."""
        slots = self._score_slots if stage == "score" and self._score_slots else self._slots
        free = [slot for slot in slots if slot not in self._busy]
        if not free:
            return None
        slot = min(free, key=lambda slot: sum(busy.device == slot.device for busy in self._busy))
        slot.stage, slot.shared = stage, False
        self._busy.append(slot)
        self._mark_contended(slot)
        return slot

    def _mark_contended(self, slot: Slot) -> None:
        if self._on_cpu:
            neighbours, limit = self._busy, self._cores
        else:
            neighbours, limit = [busy for busy in self._busy if (busy.device, busy.stage) == (slot.device, "fit")], 1
        if len(neighbours) > limit:
            for each in neighbours:
                each.shared = True

    def give(self, slot: Slot) -> None:
        """Take back a slot."""
        self._busy.remove(slot)

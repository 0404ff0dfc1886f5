"""Places for cells: who trains where, who scores meanwhile, and whose timings were taken in company."""

from __future__ import annotations

from genbench.executor.slots import Slot, Slots


def take(slots: Slots, stage: str) -> Slot:
    slot = slots.take(stage)
    assert slot is not None
    return slot


def test_no_more_cells_are_at_work_than_there_are_jobs() -> None:
    slots = Slots(["cpu"], jobs=2, cores=4)
    first, _ = take(slots, "fit"), take(slots, "score")
    assert slots.take("fit") is None
    assert slots.take("score") is None, "on the processor, scoring takes the place of a training"
    slots.give(first)
    assert take(slots, "score").device == "cpu"


def test_each_device_has_one_cell_and_the_emptiest_comes_first() -> None:
    slots = Slots(["cuda:0", "cuda:1"], jobs=2, cores=16)
    a, b = take(slots, "fit"), take(slots, "fit")
    assert {a.device, b.device} == {"cuda:0", "cuda:1"}
    assert slots.take("fit") is None
    slots.give(b)
    assert take(slots, "fit").device == b.device
    assert not a.shared
    assert not b.shared


def test_more_jobs_than_devices_share_them_and_say_so() -> None:
    slots = Slots(["cuda:0", "cuda:1"], jobs=3, cores=16)
    taken = [take(slots, "fit") for _ in range(3)]
    assert sorted(slot.device for slot in taken) == ["cuda:0", "cuda:0", "cuda:1"]
    assert {slot.device for slot in taken if slot.shared} == {"cuda:0"}
    assert sum(slot.shared for slot in taken) == 2, "the one that was there first is no longer alone"


def test_a_place_forgets_the_company_it_was_in() -> None:
    slots = Slots(["cuda:0"], jobs=2, cores=16)
    taken = [take(slots, "fit") for _ in range(2)]
    for slot in taken:
        slots.give(slot)
    assert not take(slots, "fit").shared


def test_the_processor_scores_while_a_gpu_trains_if_it_has_a_core_to_spare() -> None:
    slots = Slots(["cuda:0"], jobs=1, cores=2)
    training = take(slots, "fit")
    assert take(slots, "score").device == "cpu"
    assert slots.take("score") is None
    assert not training.shared, "the device is still its own"
    busy = Slots(["cuda:0"], jobs=1, cores=1)
    take(busy, "fit")
    assert busy.take("score") is None, "the only core feeds the device"


def test_more_cells_than_cores_share_the_processor() -> None:
    slots = Slots(["cpu"], jobs=3, cores=2)
    first, second = take(slots, "fit"), take(slots, "score")
    assert not first.shared
    third = take(slots, "fit")
    assert first.shared
    assert second.shared
    assert third.shared

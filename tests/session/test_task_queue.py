"""Which task begins next: scores before trainings, and a floor before what stands beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_cells import Truth, Uniform, cell_of

from genbench.executor.slots import Slot
from genbench.plan.cell import REAL, Cell
from genbench.plan.plan import REAL_ENTRY
from genbench.registry.component import Component
from genbench.session.cell_state import CellState
from genbench.session.task_queue import TaskQueue

ONE, OTHER, SEED_1 = cell_of(Truth), cell_of(Uniform), cell_of(Truth, seed=1)
FLOOR = Cell(Component(REAL_ENTRY, None), ONE.dataset, 0, "none", "cpu", ONE.sizes)
SCORED = {"scores": [{"metric": "gap", "value": 0.5}, {"metric": "frechet", "space": "pca", "value": 7.0}]}


def slot(stage: str) -> Slot:
    return Slot("cuda:1", stage)


def fitted(cell: Cell, spent: float = 0.0) -> CellState:
    return CellState(cell, "fitted", fit={"timings": {"fit_s": 2.0}}, spent=spent)


@pytest.fixture
def queue() -> TaskQueue:
    return TaskQueue([FLOOR, ONE, OTHER, SEED_1], Path("run"))


def test_an_empty_queue_is_false_and_gives_nothing(queue: TaskQueue) -> None:
    assert not queue
    assert queue.take(slot) is None


def test_trainings_begin_in_the_order_of_the_plan_on_the_device_of_their_slot(queue: TaskQueue) -> None:
    states = [CellState(cell) for cell in (FLOOR, ONE, OTHER)]
    for state in states:
        queue.put(state)
    assert queue
    for state in states:
        begun = queue.take(slot)
        assert begun is not None
        task, place = begun
        assert (task.stage, task.cell, task.run, task.device) == ("fit", state.cell, Path("run"), "cuda:1")
        assert (place.stage, state.phase) == ("fit", "fitting")
    assert not queue


@pytest.mark.parametrize("keep", [False, True])
def test_trainings_keep_their_model_where_the_queue_is_asked_to(keep: bool) -> None:
    asked = TaskQueue([ONE], Path("run"), keep=keep)
    asked.put(CellState(ONE))
    begun = asked.take(slot)
    assert begun is not None
    assert begun[0].keep is keep


def test_a_score_comes_before_a_training_and_on_the_processor(queue: TaskQueue) -> None:
    training, scoring = CellState(ONE), fitted(SEED_1, spent=1.5)
    queue.put(training)
    queue.put(scoring)
    begun = queue.take(slot)
    assert begun is not None
    assert (begun[0].stage, begun[0].cell, begun[0].device, begun[0].spent) == ("score", SEED_1, "cpu", 1.5)
    assert begun[0].timings == {"fit_s": 2.0}
    assert begun[0].floors is None, "its data have no floor in this plan"
    assert (scoring.phase, training.phase) == ("scoring", "planned")


def test_a_model_waits_for_the_floor_of_its_data_and_is_given_it_by_column(queue: TaskQueue) -> None:
    queue.put(fitted(ONE))
    assert queue.take(slot) is None
    assert queue, "it waits"
    queue.put_floor(SCORED, OTHER)
    assert queue.take(slot) is None, "the scores of a model are no floor"
    queue.put(fitted(FLOOR))
    begun = queue.take(slot)
    assert begun is not None
    assert begun[0].cell.model.name == REAL
    queue.put_floor(SCORED, FLOOR)
    begun = queue.take(slot)
    assert begun is not None
    assert begun[0].cell == ONE
    assert begun[0].floors is not None
    assert {name: score["value"] for name, score in begun[0].floors.items()} == {"gap": 0.5, "frechet@pca": 7.0}


def test_where_scores_have_no_slot_a_training_may_begin_and_nothing_is_lost(queue: TaskQueue) -> None:
    queue.put(fitted(SEED_1))
    queue.put(CellState(ONE))
    begun = queue.take(lambda stage: slot(stage) if stage == "fit" else None)
    assert begun is not None
    assert begun[0].stage == "fit"
    assert queue.take(lambda stage: None) is None
    begun = queue.take(slot)
    assert begun is not None
    assert begun[0].cell == SEED_1
    assert not queue

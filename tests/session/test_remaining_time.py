"""The time left of a run."""

from __future__ import annotations

import pytest

from genbench.session.remaining_time import RemainingTime


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_is_known_from_the_second_cell_on_and_counted_down() -> None:
    clock = Clock()
    remaining = RemainingTime(dict.fromkeys("abcd", 10.0), clock=clock)
    assert remaining.seconds is None
    clock.now += 10
    remaining.finish("a")
    assert remaining.seconds == pytest.approx(30)
    clock.now += 4
    assert remaining.seconds == pytest.approx(26)
    assert remaining.elapsed == 14
    for key in "bcd":
        remaining.finish(key)
    assert remaining.seconds == 0.0


def test_what_was_measured_corrects_the_estimates() -> None:
    clock = Clock()
    remaining = RemainingTime(dict.fromkeys("abcd", 100.0), clock=clock)
    clock.now += 50
    remaining.finish("a")
    assert remaining.seconds == pytest.approx(300 * 60 / 110)


def test_a_share_of_a_running_cell_counts_and_the_last_cell_runs_alone() -> None:
    clock = Clock()
    remaining = RemainingTime({"a": 10.0, "b": 90.0}, jobs=2, clock=clock)
    remaining.progress("b", 1 / 3)
    clock.now += 10
    remaining.progress("b", 1 / 3)
    remaining.finish("a")
    assert remaining.seconds == pytest.approx(60 * (10 * 2 + 10) / (40 + 10))


def test_a_cell_that_takes_longer_than_expected_leaves_time() -> None:
    clock = Clock()
    remaining = RemainingTime({"a": 10.0, "b": 10.0}, clock=clock)
    clock.now += 10
    remaining.finish("a")
    clock.now += 50
    seconds = remaining.seconds
    assert seconds is not None
    assert seconds > 10


def test_a_cell_that_is_not_of_the_run_is_ignored() -> None:
    remaining = RemainingTime({})
    remaining.progress("x", 0.5)
    remaining.finish("x")
    assert remaining.seconds == 0.0

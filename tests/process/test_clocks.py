"""The clocks of a cell: honest ones agree however late a message is, patched and slow ones do not."""

from __future__ import annotations

import itertools
import time

import pytest

from genbench.process.clocks import DELAY_S, SLACK_S, ClockCheck, read_clocks


def checked(*readings: tuple[float, float, float, float, float]) -> ClockCheck:
    """Return the check after readings (perf_counter, monotonic, process_time twice, arrival)."""
    check = ClockCheck()
    for *clocks, arrived in readings:
        check.take(clocks, arrived)
    return check


def honest(at: float, delay: float = 0.0) -> tuple[float, float, float, float, float]:
    """Return a reading ``at`` seconds, whose message is late; the zeros of all clocks differ."""
    return (70.0 + at, 3.0 + at, at / 2, at / 2, 900.0 + at + delay)


def test_clocks_of_this_process_agree_with_themselves() -> None:
    check = ClockCheck()
    for _ in range(3):
        check.take(read_clocks(), time.monotonic())
    assert check.problem == ""


def test_late_messages_are_no_contradiction() -> None:
    assert checked(honest(0), honest(50), honest(100)).problem == ""
    assert checked(honest(0, delay=5), honest(1), honest(2, delay=0.5)).problem == "", "the first one was late"
    assert checked(honest(0), honest(1, delay=30), honest(40)).problem == "", "one was late, the next was not"
    assert checked(honest(0), (70.09, 3.0, 0.09, 0.0, 900.0)).problem == "", "halted between two readings"


@pytest.mark.parametrize(
    ("reading", "problem"),
    [
        ((71.0, 5.0, 1.0, 1.0, 902.0), "time.perf_counter went on by 1 s in 2 s"),
        ((74.0, 5.0, 1.0, 1.0, 902.0), "time.perf_counter went on by 4 s in 2 s"),
        ((69.0, 5.0, 1.0, 1.0, 902.0), "time.perf_counter went on by -1 s in 2 s"),
        ((72.0, 5.0, 0.5, 1.0, 902.0), "time.process_time went on by 0.5 s in 1 s"),
        ((72.0, 5.0, 1.0, 1.0, 904.0), "they went on by 2 s in 4 s by that of the supervisor"),
        ((None, 5.0, 1.0, 1.0, 902.0), "they give no number"),
        ((float("nan"), 5.0, 1.0, 1.0, 902.0), "time.perf_counter went on by nan s in 2 s"),
    ],
)
def test_a_clock_at_another_speed_is_a_contradiction(reading: tuple[float, ...], problem: str) -> None:
    assert problem in checked(honest(0), reading).problem


def test_what_was_patched_meanwhile_stays_a_contradiction() -> None:
    assert "perf_counter" in checked(honest(0), (70.0, 4.0, 0.5, 0.5, 901.0), honest(2)).problem


def test_small_differences_are_within_the_slack() -> None:
    assert checked(honest(0), (71.0 + SLACK_S, 4.0, 0.5, 0.5, 901.0 + DELAY_S)).problem == ""


def test_a_reading_is_of_the_patched_clocks_and_of_those_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, shown in ((-5.0, -5.0), ("now", None)):
        monkeypatch.setattr(time, "perf_counter", lambda value=value: value)
        monkeypatch.setattr(time, "process_time", lambda: 7)
        wall, true_wall, cpu, true_cpu = read_clocks()
        assert (wall, cpu) == (shown, 7.0)
        assert true_wall == pytest.approx(time.monotonic(), abs=60)
        assert true_cpu != 7.0


def test_a_reading_that_was_halted_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.chain([0.0, 5.0], itertools.repeat(5.0))
    monkeypatch.setattr("genbench.process.clocks.monotonic", lambda: next(ticks))
    assert read_clocks()[1] == 5.0


@pytest.mark.parametrize("clocks", [None, 5, [1.0], [1.0] * 5])
def test_what_a_plugin_writes_instead_is_no_reading(clocks: object) -> None:
    check = ClockCheck()
    check.take(clocks, 1.0)
    check.take([1.0] * 4, "now")
    assert check.problem == ""

"""Which of two sides is slower."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.comparing import decide_speed

TIGHT = [1.00, 1.01, 0.99, 1.02, 1.01]


def test_speed_needs_both_a_ratio_of_the_fastest_and_a_test():
    assert decide_speed(TIGHT, [1.2 * t for t in TIGHT]).verdict == "regressed"
    assert decide_speed([1.2 * t for t in TIGHT], TIGHT).verdict == "improved"
    assert decide_speed(TIGHT, [1.05 * t for t in TIGHT]).verdict == "unchanged"  # sure, and too small to count
    noisy = decide_speed([1.0, 1.5, 1.3, 2.0, 1.1], [1.1, 1.4, 1.9, 1.3, 1.0])
    assert noisy.verdict == "inconclusive"
    assert noisy.more_runs > 0


def test_few_processes_settle_nothing_and_say_how_many_are_missing():
    found = decide_speed([1.0, 1.0], [3.0, 3.0])
    assert (found.verdict, found.more_runs) == ("inconclusive", 3)


def test_a_process_that_failed_is_the_slowest_and_is_not_dropped():
    assert decide_speed(TIGHT, [*TIGHT[:4], None]).verdict == "regressed"
    assert decide_speed([*TIGHT[:4], None], [*TIGHT[:4], None]).verdict == "inconclusive"


def test_pairs_see_through_a_drift_that_sides_as_a_whole_do_not():
    drift = [1.0, 1.3, 1.7, 2.2, 2.9]
    base, head = drift, [1.15 * t * wobble for t, wobble in zip(drift, [1.0, 1.01, 0.99, 1.0, 1.005], strict=True)]
    assert decide_speed(base, head).verdict != "regressed"
    assert decide_speed(base, head, paired=True).verdict == "regressed"


def test_times_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="positive"):
        decide_speed([0.0] * 5, TIGHT)
    with pytest.raises(ValueError, match="cannot be paired"):
        decide_speed(TIGHT, TIGHT[:4], paired=True)


@given(st.floats(1e-6, 1e6))
def test_the_unit_of_time_changes_no_verdict(unit):
    head = [1.13, 1.2, 1.15, 1.18, 1.11]
    for paired in (False, True):
        found = decide_speed([unit * t for t in TIGHT], [unit * t for t in head], paired=paired)
        assert found.verdict == decide_speed(TIGHT, head, paired=paired).verdict


def test_an_improvement_needs_both_the_fastest_and_the_typical_pair_to_be_faster():
    base = [1.0 + 0.001 * (i % 5) for i in range(20)]
    head = [0.97 * time for time in base]
    head[7] *= 0.85  # one lucky process
    found = decide_speed(base, head, paired=True)
    assert found.verdict == "unchanged"
    assert decide_speed(base, [0.85 * time for time in base], paired=True).verdict == "improved"
    assert decide_speed(head, base, paired=True).verdict != "regressed", "nor a slowdown"

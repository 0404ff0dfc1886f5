"""Facts and how cells ended, compared exactly."""

import pytest

from genbench.comparing import decide_fact, decide_status


def test_facts_are_compared_exactly():
    assert decide_fact(100, 100).verdict == "unchanged"
    assert decide_fact(100, 101).verdict == "changed"
    assert decide_fact(100, 101, better="lower").verdict == "regressed"
    assert decide_fact(101, 100, better="lower").verdict == "improved"
    assert decide_fact("ab", "cd", better="lower").verdict == "changed"


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        (["ok"] * 3, ["ok"] * 3, "unchanged"),
        (["ok"] * 3, ["ok", "ok", "timeout"], "regressed"),
        (["failed"] * 3, ["failed"] * 3, "unchanged"),
        (["ok", "failed"], ["ok", "ok"], "improved"),
        (["ok", "ok", "failed"], ["ok", "failed", "failed"], "inconclusive"),
        (["ok"] * 9 + ["failed"], ["failed"] * 10, "regressed"),
        (["ok"] * 3, ["ok", "interrupted", "lost"], "unchanged"),
        (["ok"] * 3, ["interrupted"] * 3, "not comparable"),
    ],
)
def test_how_cells_ended(base, head, verdict):
    assert decide_status(base, head).verdict == verdict


def test_shares_that_cannot_be_told_apart_say_how_many_more_runs_would():
    base, head = ["ok", "ok", "failed"], ["ok", "failed", "failed"]
    more = decide_status(base, head).more_runs
    assert more % 3 == 0
    times = 1 + more // 3
    assert decide_status(times * base, times * head).verdict == "regressed"
    assert decide_status((times - 1) * base, (times - 1) * head).verdict == "inconclusive"

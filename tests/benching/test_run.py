"""A benchmark from beginning to end: no hit that does not repeat, facts compared exactly."""

from __future__ import annotations

from typing import Any

import pytest
from bench_labs import Scripted

from genbench.benching.run import _compare_facts, _decide_speed, _repeat_doubtful
from genbench.comparing import Verdict


@pytest.mark.parametrize(
    ("first", "later", "expected", "rounds"),
    [
        ("unchanged", [], "unchanged", 0),
        ("regressed", [1.2], "regressed", 1),
        ("regressed", [1.0], "unchanged", 1),
        ("inconclusive", [1.2, 1.2], "regressed", 2),
        ("inconclusive", [1.2, 1.0], "unchanged", 2),
        ("improved", [1.2, 0.8], "inconclusive", 2),
    ],
)
def test_no_hit_counts_that_does_not_repeat(first: str, later: list[float], expected: str, rounds: int) -> None:
    lab: Any = Scripted(*later)
    known = Verdict("metric/x", "cpu_s", first, kind="speed", base_runs=(1.0,), head_runs=(1.0,))
    found = _repeat_doubtful(
        lab, {"metric/x": known}, (0, 1), lambda name, got: _decide_speed(name, got[0], got[1]), lambda _: None
    )
    assert found["metric/x"].verdict == expected
    assert lab.asked == rounds * lab.effort.repeat_pairs


def test_facts_are_compared_exactly_and_names_one_by_one() -> None:
    base = {"modules": ["a", "b"], "parameters": 3, "old": 1, "value": 0.1}
    head = {"modules": ["a", "c"], "parameters": 3, "new": 1, "value": 0.1 + 1e-16}
    found = {each.metric: each for each in _compare_facts("start/help", base, head)}
    assert found.keys() == {"modules", "parameters", "value"}
    assert (found["modules"].verdict, found["modules"].reason) == ("changed", "+c, -b")
    assert found["parameters"].verdict == "unchanged"
    assert found["value"].verdict == ("unchanged" if base["value"] == head["value"] else "changed")

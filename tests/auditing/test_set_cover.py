"""The smallest set of metrics that sees most."""

from __future__ import annotations

from genbench.auditing.set_cover import smallest_cover


def test_the_smallest_set_beats_the_greedy_one() -> None:
    strengths = {
        "large": dict.fromkeys("abcd", 9.0),  # greedy begins here, and then needs two more
        "left": dict.fromkeys("abe", 6.0),
        "right": dict.fromkeys("cdf", 6.0),
    }
    assert smallest_cover(strengths) == ("left", "right")


def test_of_equal_sets_the_strongest_is_taken() -> None:
    strengths = {"weak": {"a": 5.1, "b": 99.0}, "strong": {"a": 8.0, "b": 8.0}, "blind": {}}
    assert smallest_cover(strengths) == ("strong",)
    assert smallest_cover({"blind": {}}) == ()
    many = {f"m{i}": {str(i): 6.0} for i in range(12)}
    assert smallest_cover(many) == tuple(many)

"""genbench beside the tightest alternatives: the ratios of ``docs/speed.md``, each with a margin.

Nothing here asserts a time: only ratios of two ways that take turns in one process.
"""

from __future__ import annotations

from typing import Any

import pytest
from metric_pairs import DENSITIES, METRICS, SAMPLERS, comparison_of
from ratios import Comparison, Ratio, one_thread, ratio_of
from speed import number, sections_of, table
from steps import LOOP, PEERS, STEPS

RECIPES = [comparison_of(recipe) for recipe in (*METRICS, *DENSITIES, *SAMPLERS)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "comparison", [*LOOP, *STEPS, *PEERS, *RECIPES], ids=lambda each: f"{each.what}, beside {each.against}"
)
def test_ratio(comparison: Comparison, benchmark: Any) -> None:
    try:
        with one_thread():
            ratio = ratio_of(comparison, rounds=3)
    except ImportError as error:
        pytest.skip(str(error))
    benchmark.extra_info |= {"times faster, least": ratio.least, "times faster, median": ratio.median}
    benchmark.pedantic(lambda: None, rounds=1)
    assert ratio.best > comparison.least


def test_goals_lie_above_what_tests_ask_for() -> None:
    for each in (*LOOP, *STEPS, *PEERS, *RECIPES):
        assert 0 < each.least < each.goal, each.what


def turns(mine: float, theirs: float, taken: list[str], *, slow: bool = False) -> Comparison:
    def timed(name: str, seconds: float) -> Any:
        return lambda: taken.append(name) or seconds

    return Comparison("a", "b", 2.0, 1.0, lambda: (timed("a", mine), timed("b", theirs)), slow)


def test_both_ways_take_turns_and_a_slow_one_has_one() -> None:
    taken: list[str] = []
    assert ratio_of(turns(1.0, 3.0, taken), 3) == Ratio(3.0, 3.0, 1.0, 3.0)
    assert taken == ["a", "b", "b", "a", "a", "b"]
    taken.clear()
    ratio_of(turns(1.0, 3.0, taken, slow=True), 5)
    assert taken == ["a", "b", "a", "a"]


def test_a_row_says_whether_a_goal_is_reached_and_what_is_not_installed() -> None:
    def absent() -> Any:
        raise ImportError("no module named peer")

    missing = Comparison("a", "peer", 2.0, 1.0, absent)
    rows = table([turns(1.0, 3.0, []), turns(2.0, 3.0, []), missing], 2, lambda _: None)[2:]
    assert rows[0] == "| a | b | 3.00 | 3.00 | 2.00 | reached |"
    assert rows[1] == "| a | b | 1.50 | 1.50 | 2.00 | not reached |"
    assert rows[2] == "| a | peer | | | 2.00 | not measured: no module named peer |"


def test_numbers_have_three_digits() -> None:
    assert [number(value) for value in (0.9512, 1.0, 15.26, 611.4)] == ["0.95", "1.00", "15.3", "611"]


def test_sections_are_found_by_their_titles() -> None:
    page = "# Speed\n\nAbout.\n\n## Start\n\nOne.\n\n| a |\n\n## On a GPU\n\nTwo.\n"
    assert sections_of(page) == {"Start": "One.\n\n| a |", "On a GPU": "Two."}

"""A score beside its floor: z, suspicion, and what is not compared."""

from __future__ import annotations

import pytest
from evidences import GOOD, evidence, scorer

from genbench.protocol import Score
from genbench.scoring.evaluation import evaluate
from genbench.scoring.floor_test import Floors


def test_z_is_the_distance_from_the_floor_in_the_floors_spread_whatever_the_error_of_the_value() -> None:
    floors = {"asked": {"value": 0.5, "low": 0.5 - 1.96 * 0.3, "high": 0.5 + 1.96 * 0.3}}
    sharp = Score(2.5)
    wide = Score(2.5, low=2.5 - 1.96 * 0.4, high=2.5 + 1.96 * 0.4)
    for answer in (sharp, wide):
        [score] = evaluate(evidence(), [scorer(answer)], floors)
        assert (score["floor"], score["floor_sd"]) == (0.5, pytest.approx(0.3))
        assert score["z"] == pytest.approx(2 / 0.3)


def test_suspicion_counts_both_errors_though_z_does_not() -> None:
    floors = {"asked": {"value": 5.0, "floor_sd": 0.3}}
    for width, suspect in ((0.4, True), (0.7, False)):  # two below the floor: 4 and 2.6 standard errors of both
        answer = Score(3.0, low=3 - 1.96 * width, high=3 + 1.96 * width)
        [score] = evaluate(evidence(), [scorer(answer)], floors)
        assert (score["z"], score["suspect"]) == (pytest.approx(-2 / 0.3), suspect)


@pytest.mark.parametrize(
    "floor",
    [
        {},
        {"other": {"value": 0.5, "low": 0.0, "high": 1.0}},
        {"asked": {"value": None, "low": None, "high": None}},
        {"asked": {"value": 0.5, "low": None, "high": None}},
        {"asked": {"value": 0.5, "low": 0.5, "high": 0.5}},
    ],
)
def test_without_a_floor_of_known_width_there_is_no_z(floor: dict) -> None:
    [score] = evaluate(evidence(), [scorer(GOOD)], floor)
    assert score["z"] is None
    assert score["value"] == 1.5


@pytest.mark.parametrize(("value", "floor"), [(True, False), (False, True), (True, True)])
def test_a_lower_limit_is_not_held_against_a_floor_nor_a_value_against_such_a_floor(value: bool, floor: bool) -> None:
    floors = {"asked": {"value": 0.0, "low": -1.0, "high": 1.0, "floor_sd": 0.1, "detail": {"at_least": floor}}}
    answer = Score(9.0, low=9.0, detail={"at_least": value})
    [score] = evaluate(evidence(), [scorer(answer, better="higher")], floors)
    assert (score["floor"], score["z"], score["suspect"]) == (0.0, None, False)
    assert any(text.startswith("no z: the ") and "lower limit" in text for text in score["warnings"])


def test_a_failed_metric_still_shows_its_floor() -> None:
    [score] = evaluate(evidence(), [scorer(ValueError("x"))], {"asked": {"value": 0.5, "low": 0.0, "high": 1.0}})
    assert (score["floor"], score["z"], score["value"]) == (0.5, None, None)


@pytest.mark.parametrize(
    ("better", "ranked", "value", "suspect"),
    [
        ("lower", True, -5, True), ("lower", True, -2, False), ("lower", True, 9, False),
        ("lower", True, -4, False),  # the value has no error of its own: 2.8 times that of the floor, twice
        ("higher", True, 5, True), ("higher", True, -9, False),
        ("higher", False, -5, True), ("higher", False, 9, False),  # two-sided: low is copying, high is far away
    ],
)  # fmt: skip
def test_what_beats_the_floor_by_three_standard_errors_is_suspect(
    better: str, ranked: bool, value: float, suspect: bool
) -> None:
    floor = {"value": 0.0, "low": -1.96, "high": 1.96}
    [score] = evaluate(evidence(), [scorer(Score(value), better=better, ranked=ranked)], {"asked": floor})
    assert (score["z"], score["suspect"], score["ranked"]) == (pytest.approx(value), suspect, ranked)


def test_a_value_of_another_quantity_than_the_floors_is_not_held_against_it() -> None:
    floor = {"asked": {"value": 0.0, "low": -1, "high": 1, "params": {"quantity": "KL(truth||model), upper bound"}}}
    same = Score(-9.0, params={"quantity": "KL(truth||model)"})
    other = Score(-9.0, params={"quantity": "cross-entropy gap"}, ranked=False)
    [held], [free] = (evaluate(evidence(), [scorer(answer)], floor) for answer in (same, other))
    assert held["suspect"]
    assert (free["floor"], free["z"], free["suspect"], free["ranked"]) == (None, None, False, False)
    assert any(text.startswith("no floor: that of real data is KL") for text in free["warnings"])


def test_a_floor_of_copies_makes_nobody_suspect() -> None:
    floor = {"asked": {"value": 1.0, "floor_sd": 0.01, "warnings": ["suspect copies: 9 of 9 samples"]}}
    [score] = evaluate(evidence(), [scorer(Score(0.0, low=0.0, high=0.01))], floor)
    assert (score["z"], score["suspect"]) == (pytest.approx(-100), False)
    assert "of the floor: suspect copies: 9 of 9 samples" in score["warnings"]


def test_floors_of_fewer_rows_are_compared_with_as_many_samples() -> None:
    floor = {"value": 1.0, "floor_sd": 0.5, "low": 0.0, "high": 2.0}
    like = {"asked": {"value": 2.0, "low": None, "high": None, "n_real": 3, "n_fake": 2}}
    [score] = evaluate(evidence(), [scorer(Score(0.2))], Floors({"asked": floor}, "halves", like))
    assert (score["value"], score["floor"], score["floor_sd"], score["z"]) == (0.2, 1.0, 0.5, 2.0)
    assert score["floor_from"] == "halves"
    assert score["detail"]["compared_with_floor"] == {"value": 2.0, "n_real": 3, "n_fake": 2}


def test_a_floor_that_never_varies_gives_no_z_and_leaves_the_noise_of_the_samples() -> None:
    floor = {"asked": {"value": 9.0, "floor_sd": 0.0}}
    [score] = evaluate(evidence(), [scorer(Score(3.0, low=3 - 1.96, high=3 + 1.96))], floor)
    assert (score["floor_sd"], score["z"], score["suspect"]) == (0.0, None, True)
    assert "no z: the floor never varies" in score["warnings"]
    [score] = evaluate(evidence(), [scorer(Score(3.0))], floor)
    assert (score["floor_sd"], score["z"], score["suspect"]) == (0.0, None, False)

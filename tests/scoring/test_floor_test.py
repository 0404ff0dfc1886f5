"""A score beside its floor: z, better than real, copying, and what is not compared."""

from __future__ import annotations

import math

import numpy as np
import pytest
from evidences import GOOD, evidence, scorer

from genbench.protocol import Score
from genbench.scoring.evaluation import evaluate
from genbench.scoring.floor_test import Floors


def test_z_is_the_distance_from_the_floor_in_the_errors_of_both() -> None:
    floors = {"asked": {"value": 0.5, "low": 0.5 - 1.96 * 0.3, "high": 0.5 + 1.96 * 0.3}}
    without_error = Score(2.5)  # is given that of the floor
    wide = Score(2.5, low=2.5 - 1.96 * 0.4, high=2.5 + 1.96 * 0.4)
    for answer, error in ((without_error, math.hypot(0.3, 0.3)), (wide, 0.5)):
        [score] = evaluate(evidence(), [scorer(answer)], floors)
        assert (score["floor"], score["floor_sd"]) == (0.5, pytest.approx(0.3))
        assert score["z"] == pytest.approx(2 / error)


def test_suspicion_counts_both_errors() -> None:
    floors = {"asked": {"value": 5.0, "floor_sd": 0.3}}
    for width, suspect in ((0.4, True), (0.7, False)):  # two below the floor: 4 and 2.6 standard errors of both
        answer = Score(3.0, low=3 - 1.96 * width, high=3 + 1.96 * width)
        [score] = evaluate(evidence(), [scorer(answer)], floors)
        assert (score["z"], score["suspect"]) == (pytest.approx(-2 / math.hypot(0.3, width)), suspect)


def test_what_both_sides_share_cancels_in_z() -> None:
    rng = np.random.default_rng(1)
    shared, own, fresh = (rng.standard_normal((20, 1000)).mean(1) for _ in range(3))  # by group of the jackknife

    def without(groups: np.ndarray) -> list[float]:
        return ((groups.sum() - groups) / 19).tolist()

    floor = {"value": 0.0, "floor_sd": 1.0, "replicates": without(3 * shared + fresh)}
    related = Score(0.02, low=-2.0, high=2.0, replicates=without(3 * shared + own))
    unrelated = Score(0.02, low=-2.0, high=2.0, replicates=without(own))
    alike, apart = (evaluate(evidence(), [scorer(each)], {"asked": floor})[0]["z"] for each in (related, unrelated))
    error = math.sqrt((own - fresh).var(ddof=1) / 20)
    assert alike == pytest.approx(0.02 / error, rel=0.15), "the t of 19 degrees of freedom, as a normal quantile"
    assert alike > 1.5 * apart > 0


def test_replicates_that_never_vary_leave_the_stated_errors() -> None:
    floor = {"value": 0.0, "floor_sd": 0.01, "replicates": [0.0] * 20}
    [score] = evaluate(
        evidence(), [scorer(Score(1.0, low=1 - 1.96 * 0.01, high=1 + 1.96 * 0.01, replicates=[1.0] * 20))],
        {"asked": floor},
    )  # fmt: skip
    assert score["z"] == pytest.approx(1 / math.hypot(0.01, 0.01))
    far = Score(1e30, low=0.0, high=2e30, replicates=[float(k) for k in range(20)])
    [score] = evaluate(evidence(), [scorer(far)], {"asked": floor})
    assert 30 < score["z"] < 100, "finite, although the probability of the t vanishes"


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
        ("higher", False, -9, False), ("higher", False, 9, False),  # neither direction is better than real
    ],
)  # fmt: skip
def test_what_beats_the_floor_by_three_standard_errors_is_suspect(
    better: str, ranked: bool, value: float, suspect: bool
) -> None:
    floor = {"value": 0.0, "low": -1.96, "high": 1.96}
    [score] = evaluate(evidence(), [scorer(Score(value), better=better, ranked=ranked)], {"asked": floor})
    assert (score["z"], score["suspect"], score["ranked"]) == (pytest.approx(value / 2**0.5), suspect, ranked)
    assert score["copying"] is False, "it is no metric of copying"


@pytest.mark.parametrize(
    ("better", "value", "copying"),
    [("lower", 5, True), ("lower", 4, False), ("lower", -9, False), ("higher", -5, True), ("higher", 9, False)],
)
def test_a_metric_of_copying_that_is_worse_than_real_says_copying_and_never_better_than_real(
    better: str, value: float, copying: bool
) -> None:
    floor = {"value": 0.0, "low": -1.96, "high": 1.96}
    for ranked in (True, False):
        subject = scorer(Score(value), better=better, ranked=ranked, copying=True)
        [score] = evaluate(evidence(), [subject], {"asked": floor})
        assert (score["copying"], score["suspect"]) == (copying, False)
    [score] = evaluate(evidence(), [subject])
    assert score["copying"] is False, "without a floor nothing says how often real rows repeat each other"


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
    for value in (0.0, 2.0):
        [score] = evaluate(evidence(), [scorer(Score(value, low=value, high=value + 0.01), copying=True)], floor)
        assert abs(score["z"]) > 90
        assert (score["suspect"], score["copying"]) == (False, False)
    assert "of the floor: suspect copies: 9 of 9 samples" in score["warnings"]


def test_floors_of_fewer_rows_are_compared_with_as_many_samples() -> None:
    floor = {"value": 1.0, "floor_sd": 0.5, "low": 0.0, "high": 2.0}
    like = {"asked": {"value": 2.0, "low": None, "high": None, "n_real": 3, "n_fake": 2}}
    [score] = evaluate(evidence(), [scorer(Score(0.2))], Floors({"asked": floor}, "halves", like))
    assert (score["value"], score["floor"], score["floor_sd"], score["z"]) == (
        0.2, 1.0, 0.5, pytest.approx(1 / math.hypot(0.5, 0.5)),
    )  # fmt: skip
    assert score["floor_from"] == "halves"
    assert score["detail"]["compared_with_floor"] == {"value": 2.0, "n_real": 3, "n_fake": 2}


def test_a_floor_that_never_varies_leaves_the_noise_of_the_samples_and_without_that_no_z() -> None:
    floor = {"asked": {"value": 9.0, "floor_sd": 0.0}}
    [score] = evaluate(evidence(), [scorer(Score(3.0, low=3 - 1.96, high=3 + 1.96))], floor)
    assert (score["floor_sd"], score["z"], score["suspect"]) == (0.0, pytest.approx(-6.0), True)
    [score] = evaluate(evidence(), [scorer(Score(3.0))], floor)
    assert (score["floor_sd"], score["z"], score["suspect"]) == (0.0, None, False)
    assert "no z: the floor never varies" in score["warnings"]

"""Scores: each metric on its own, whatever another one does; floors, and distances from them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from genbench.protocol import Evidence, LogDensity, Modes, RealSide, Score, Simulator
from genbench.record.encoding import to_json
from genbench.record.score import standard_error
from genbench.scoring.evaluation import evaluate
from genbench.scoring.floor_test import Floors
from genbench.scoring.scorer import Scorer, missing
from genbench.spec import MetricSpec


def evidence(**fields) -> Evidence:
    return Evidence(RealSide(np.zeros((5, 2))), np.ones((5, 2)), **fields)


def scorer(answer, name: str = "asked", **declared) -> Scorer:
    def metric(_: Evidence) -> object:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return Scorer(MetricSpec(name, metric, None, "a metric", **declared), metric)


GOOD = Score(1.5, low=1.0, high=2.0, level=0.95, n_real=5, n_fake=5, params={"k": 3}, detail={"x": np.arange(2)})


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("an exception that cannot say what it is")


BAD = {
    "raises": (ZeroDivisionError("by nought"), "failed: ZeroDivisionError: by nought"),
    "exits": (SystemExit(3), "failed: SystemExit: 3"),
    "cannot say": (Mute(), "failed: Mute"),
    "nan": (Score(math.nan), "the value is nan"),
    "inf": (Score(-math.inf), "the value is -inf"),
    "a number": (1.5, "returned float, expected Score"),
    "nothing": (None, "returned NoneType, expected Score"),
    "text": (Score("good"), "the value is 'good', expected a number"),
    "an array": (Score(np.ones(3)), "expected a number"),
    "complex": (Score(1j), "expected a number"),
    "text for a bound": (Score(1.0, low="a", high="b"), "expected a number"),
}


@pytest.mark.parametrize(("answer", "reason"), BAD.values(), ids=BAD.keys())
def test_a_metric_that_fails_has_no_value_says_why_and_harms_no_other(answer: object, reason: str) -> None:
    scores = evaluate(evidence(), [scorer(GOOD, "before"), scorer(answer), scorer(GOOD, "after")])
    assert [score["metric"] for score in scores] == ["before", "asked", "after"]
    assert [score["value"] for score in scores] == [1.5, None, 1.5]
    assert reason in " ".join(scores[1]["warnings"])
    assert reason not in " ".join(scores[0]["warnings"] + scores[2]["warnings"])


def test_a_user_who_stops_the_program_is_heard_though_a_metric_is_at_work() -> None:
    with pytest.raises(KeyboardInterrupt):
        evaluate(evidence(), [scorer(KeyboardInterrupt())])


def test_a_score_says_all_that_a_row_of_a_table_needs_and_can_be_written() -> None:
    [score] = evaluate(evidence(space="raw"), [scorer(GOOD, better="higher", unit="nats", best=2.0, version=7)])
    assert json.loads(to_json(score)) == score
    expected = {
        "metric": "asked", "value": 1.5, "low": 1.0, "high": 2.0, "level": 0.95, "better": "higher", "unit": "nats",
        "best": 2.0, "n_real": 5, "n_fake": 5, "space": "raw", "params": {"k": 3}, "detail": {"x": [0, 1]},
        "version": 7, "floor": None, "floor_sd": None, "floor_from": None, "z": None, "suspect": False, "ranked": True,
        "label": "asked", "warnings": ["no floor: no other real rows were scored"],
    }  # fmt: skip
    assert {name: score[name] for name in expected} == expected
    assert score["seconds"] >= 0


@pytest.mark.parametrize("number", [np.float32(1.5), np.int64(2), torch.tensor(1.5), True])
def test_a_value_may_be_any_kind_of_number(number: object) -> None:
    [score] = evaluate(evidence(), [scorer(Score(number))])
    assert score["value"] == float(number)
    json.loads(to_json(score))


def test_an_interval_is_in_order_and_of_a_number() -> None:
    [turned] = evaluate(evidence(), [scorer(Score(1.0, low=2.0, high=0.0))])
    assert (turned["value"], turned["low"], turned["high"]) == (None, None, None)
    assert turned["warnings"][0].endswith("the interval runs from 2 down to 0")
    [endless] = evaluate(evidence(), [scorer(Score(np.inf, low=0.0, high=2.0, level=0.95))])
    assert (endless["value"], endless["low"], endless["high"], endless["level"]) == (None, None, None, None)


# --------------------------------------------------------------------------------------------------------------- floors


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


def test_an_interval_that_is_not_finite_is_none() -> None:
    [score] = evaluate(
        evidence(), [scorer(Score(1.0, low=math.nan, high=math.inf))], {"asked": {"value": 0, "low": -1, "high": 1}}
    )
    assert (score["low"], score["high"], score["value"]) == (None, None, 1.0)


def test_the_standard_error_of_an_interval() -> None:
    assert standard_error({"low": -1.96, "high": 1.96}) == pytest.approx(1)
    assert standard_error({"low": None, "high": 1.0}) is None
    assert standard_error({}) is None


# ---------------------------------------------------------------------------------------------------------------- needs

LOG = LogDensity(np.zeros(5), "exact")
HAVING = {
    "train": {"train": np.zeros((5, 2))},
    "density": {"density_test": LOG},
    "truth": {"truth_test": np.zeros(5)},
    "modes": {"modes": Modes(np.zeros((1, 2)), 1.0, np.ones(1))},
    "labels": {"labels_test": np.zeros(5, int)},
    "observables": {"observables_test": {"mass": np.zeros(5)}},
    "simulator": {"simulator": Simulator(1.0, "slow")},
    "timing": {"timing": {"fit_s": 1.0}},
}


@pytest.mark.parametrize("need", HAVING)
def test_a_metric_is_not_asked_without_what_it_needs(need: str) -> None:
    asked = scorer(GOOD, needs=(need,))
    [without] = evaluate(evidence(), [asked])
    assert without["value"] is None
    assert [text for text in without["warnings"] if not text.startswith("no ")] == without["warnings"][:1]
    [with_it] = evaluate(evidence(**HAVING[need]), [asked])
    assert with_it["value"] == 1.5


def test_what_lacks_is_told_in_words() -> None:
    spec = MetricSpec("m", "a:b", None, "m", needs=("density", "truth", "train"))
    assert missing(spec, evidence()) == (
        "the model has no likelihood; the density of the data is not known; needs train"
    )
    assert missing(MetricSpec("m", "a:b", None, "m", data=("image",)), evidence()) == "needs image data"
    assert missing(MetricSpec("m", "a:b", None, "m"), evidence()) == ""


@dataclass(frozen=True)
class Config:
    power: int = 2


def test_a_metric_with_options_is_given_them() -> None:
    spec = MetricSpec("m", "a:b", Config, "m")
    [score] = evaluate(evidence(), [Scorer(spec, lambda _, config: Score(float(config.power)), Config(5))])
    assert score["value"] == 5


def test_the_listener_hears_each_name_before_its_metric_runs() -> None:
    heard: list[str] = []

    def metric(_: Evidence) -> Score:
        return Score(float(len(heard)))

    specs = [MetricSpec(name, metric, None, "m") for name in ("a", "b")]
    scores = evaluate(evidence(), [Scorer(spec, metric) for spec in specs], listener=heard.append)
    assert heard == ["a", "b"]
    assert [score["value"] for score in scores] == [1, 2]


# ---------------------------------------------------------------------------------------------------- better than real


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


def test_sizes_that_do_not_exist_have_their_reason() -> None:
    [score] = evaluate(evidence(), [scorer(Score(1.0, n_fake=5))])
    assert (score["n_real"], score["n_fake"]) == (None, 5)
    assert "no n_real: no real rows enter it" in score["warnings"]
    assert not any(text.startswith("no n_fake") for text in score["warnings"])


def test_whatever_does_not_exist_has_its_reason() -> None:
    for answer in (Score(1.0), Score(None), Score(1.0, low=0.0, high=2.0), ValueError("x")):
        [score] = evaluate(evidence(), [scorer(answer)])
        told = " ".join(score["warnings"])
        assert "no floor" in told
        assert "no best value" in told
        assert ("no interval" in told) == (score["value"] is not None and score["low"] is None)
        assert score["value"] is not None or score["warnings"][0]


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

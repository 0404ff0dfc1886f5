"""Scores: each metric on its own, whatever another one does; floors, and distances from them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from evidences import GOOD, evidence, scorer

from genbench.protocol import Evidence, Score
from genbench.record.encoding import to_json
from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer
from genbench.spec import MetricSpec


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


def test_an_interval_that_is_not_finite_is_none() -> None:
    [score] = evaluate(
        evidence(), [scorer(Score(1.0, low=math.nan, high=math.inf))], {"asked": {"value": 0, "low": -1, "high": 1}}
    )
    assert (score["low"], score["high"], score["value"]) == (None, None, 1.0)


def test_the_listener_hears_each_name_before_its_metric_runs() -> None:
    heard: list[str] = []

    def metric(_: Evidence) -> Score:
        return Score(float(len(heard)))

    specs = [MetricSpec(name, metric, None, "m") for name in ("a", "b")]
    scores = evaluate(evidence(), [Scorer(spec, metric) for spec in specs], listener=heard.append)
    assert heard == ["a", "b"]
    assert [score["value"] for score in scores] == [1, 2]


def test_the_seconds_of_a_metric_are_its_own_though_it_waits_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("genbench.scoring.evaluation.time.perf_counter", lambda: clock[0])

    def inner(_: Evidence) -> Score:
        clock[0] += 5.0
        return Score(1.0)

    def outer(seen: Evidence) -> Score:
        assert seen.score_of is not None
        found = seen.score_of("inner")
        clock[0] += 2.0
        return Score(None if found is None else found.value)

    scorers = [Scorer(MetricSpec(f.__name__, f, None, "m"), f) for f in (inner, outer)]
    for order in (scorers, scorers[::-1]):
        scores = {score["metric"]: score for score in evaluate(evidence(), order)}
        assert {name: score["seconds"] for name, score in scores.items()} == {"inner": 5.0, "outer": 2.0}
        assert scores["outer"]["value"] == 1.0


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

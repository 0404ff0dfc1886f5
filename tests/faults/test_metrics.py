"""Metrics that end their process, or return what cannot be written: they lose their own score and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from sessions import play, write_plugin

from genbench.record.score import column_of
from genbench.record.validation import validate

FAULTS = """
import os, signal

def kills(evidence):
    os.kill(os.getpid(), signal.SIGKILL)

def leaves(evidence):
    if evidence.fake.mean() != evidence.reference.mean():  # with models only
        os._exit(7)
    return Score(0.0)

def deep(evidence):
    detail = {}
    for _ in range(5000):
        detail = {"inner": detail}
    return Score(1.0, detail=detail)

def mean(evidence):
    return Score(float(evidence.fake.mean()))

@hookimpl
def genbench_register():
    return [MetricSpec(each.__name__, each, None, "a metric") for each in (kills, leaves, deep, mean)]
"""


@pytest.mark.slow
def test_a_metric_that_fails_in_any_way_costs_its_own_score_only(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "metrics.py", FAULTS)
    records = play(tmp_path, plugin, models="good,exact", metrics="gap,kills,deep,leaves,mean")
    (tmp_path / "alone").mkdir()
    alone = play(tmp_path / "alone", plugin, models="good,exact", metrics="gap,mean")
    assert set(records) == {"real", "good", "exact"}
    for label, record in records.items():
        assert record["status"] == "ok", record["reason"]
        scores = {column_of(score): score for score in record["scores"]}
        assert list(scores) == ["gap", "kills", "deep", "leaves", "mean"]
        expected = {column_of(score): score for score in alone[label]["scores"]}
        for name in ("gap", "mean"):
            assert scores[name]["value"] == expected[name]["value"]
            assert scores[name]["floor"] == expected[name]["floor"]
        assert scores["kills"]["warnings"][0] == "failed: its process ended: crashed, killed by SIGKILL"
        assert "nested more than 50 deep" in scores["deep"]["warnings"][0]
        if label != "real":
            assert "failed: its process ended: crashed" in scores["leaves"]["warnings"][0]
    assert validate(tmp_path / "run").problems == []


def test_a_message_that_is_nested_too_deep_is_an_invalid_result() -> None:
    from genbench.process.messages import INVALID_OUTCOME, outcome_of
    from genbench.record.encoding import MAX_DEPTH, is_deep

    value: object = 0
    for _ in range(MAX_DEPTH):
        value = [value]
    assert not is_deep(value)
    assert is_deep([value])
    assert is_deep({"a": {"b": value}})
    cycle: list[object] = []
    cycle.append(cycle)
    assert is_deep(cycle)
    assert outcome_of("score", {"result": None}) == INVALID_OUTCOME


SLOW = """
import time

def sleeps(evidence):
    if evidence.fake.mean() != evidence.reference.mean():  # with models only
        time.sleep(600)
    return Score(0.0, low=0.0, high=1.0)

def mean(evidence):
    return Score(float(evidence.fake.mean()))

@hookimpl
def genbench_register():
    return [MetricSpec(each.__name__, each, None, "a metric") for each in (sleeps, mean)]
"""


def test_scores_that_were_made_before_the_deadline_are_kept(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "metrics.py", SLOW)
    records = play(tmp_path, plugin, models="good", metrics="gap,sleeps,mean", timeout=6.0)
    (tmp_path / "alone").mkdir()
    alone = play(tmp_path / "alone", plugin, models="good", metrics="gap,mean")
    good = records["good"]
    assert (records["real"]["status"], good["status"], good["phase"]) == ("ok", "timeout", "score")
    gap, sleeps, mean = good["scores"]
    [expected, _] = alone["good"]["scores"]
    assert (gap["value"], gap["floor"], gap["z"]) == (expected["value"], expected["floor"], expected["z"])
    assert gap["z"] is not None
    for score, name in ((sleeps, "sleeps"), (mean, "mean")):
        assert (score["label"], score["value"]) == (name, None)
        assert score["warnings"][0].startswith("not computed: ran longer than 6 s")
    assert validate(tmp_path / "run").problems == []
    wider = play(tmp_path, plugin, models="good", metrics="gap,mean", timeout=60.0)["good"]
    assert (wider["status"], wider["session"]) == ("ok", good["session"]), "scored again, and not trained"
    assert [score["value"] for score in wider["scores"]] == [score["value"] for score in alone["good"]["scores"]]

"""What a model saves of a simulator: the arithmetic, and where there is none."""

import numpy as np
import pytest
from sessions import make, play, write_plugin

from genbench.protocol import Evidence, RealSide, Simulator
from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer
from genbench_economics import genbench_register
from genbench_economics.metric import break_even, speedup

ROWS = np.zeros((3, 1))


def evidence(seconds=2.0, timing=None, **fields):
    timing = {"fit_s": 100.0, "samples_per_s": 10.0} if timing is None else timing
    return Evidence(RealSide(ROWS), ROWS, simulator=Simulator(seconds, "showers"), timing=timing, **fields)


def test_a_model_that_samples_twenty_times_faster() -> None:
    score = speedup(evidence())
    assert score.value == pytest.approx(20)
    assert score.params == {"simulator": "showers", "seconds_per_sample": 2.0}


def test_training_has_paid_for_itself_when_both_ways_cost_the_same() -> None:
    n = break_even(evidence()).value
    assert 100.0 + n / 10.0 == pytest.approx(2.0 * n)


def test_the_simulation_of_the_training_events_is_in_the_detail() -> None:
    score = break_even(evidence(train=np.zeros((50, 1))))
    n = score.detail["with_training_events"]
    assert 100.0 + 50 * 2.0 + n / 10.0 == pytest.approx(2.0 * n)
    assert n > score.value


@pytest.mark.parametrize("rate", [0.5, 0.4])
def test_a_model_no_faster_than_the_simulator_never_pays(rate) -> None:
    score = break_even(evidence(timing={"fit_s": 1.0, "samples_per_s": rate}))
    assert score.value is None
    assert score.warnings[0].startswith("never")
    assert speedup(evidence(timing={"samples_per_s": rate})).value == pytest.approx(2 * rate)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"timing": {"fit_s": 1.0, "samples_per_s": None}}, "sampling was not timed"),
        ({"seconds": 0.0}, "no cost"),
    ],
)
def test_what_is_not_known_says_why(fields, reason) -> None:
    for metric in (speedup, break_even):
        score = metric(evidence(**fields))
        assert score.value is None
        assert reason in score.warnings[0]
    assert "not timed" in break_even(evidence(timing={"samples_per_s": 1.0})).warnings[0]


def test_no_simulator_no_economics() -> None:
    scorers = [Scorer(spec, {"speedup": speedup, "break_even": break_even}[spec.name]) for spec in genbench_register()]
    scores = evaluate(Evidence(RealSide(ROWS), ROWS, timing={"samples_per_s": 1.0}), scorers)
    assert [score["value"] for score in scores] == [None, None]
    assert all("needs simulator" in score["warnings"][0] for score in scores)


SHOWERS = """
class Showers:
    def load(self, sizes, rng):
        from genbench.protocol import Simulator
        rows = rng.normal(size=(300, 2))
        return Data(rows[:100], rows[100:200], rows[200:], simulator=Simulator(5.0, "showers"))

@hookimpl
def genbench_register():
    return [DatasetSpec("showers", Showers, None, "normal numbers at five seconds each", simulator=True)]
"""


def test_a_run_tells_what_a_model_saves_where_a_simulator_is_declared(tmp_path) -> None:
    plugin = write_plugin(tmp_path / "showers.py", SHOWERS)
    records = play(tmp_path, plugin, models="exact", datasets="showers", metrics="speedup,break_even")
    scores = {score["metric"]: score for score in records["exact"]["scores"]}
    timings = records["exact"]["timings"]
    assert scores["speedup"]["value"] == pytest.approx(5.0 * timings["samples_per_s"])
    assert scores["break_even"]["value"] == pytest.approx(timings["fit_s"] / (5.0 - 1 / timings["samples_per_s"]))
    assert {score["value"] for score in records["real"]["scores"]} == {None}  # no model, no clock
    plan, _ = make(tmp_path, plugin, models="exact", datasets="showers,dots", metrics="all")
    asked = {cell.dataset.name: {choice.name for choice in cell.metrics} for cell in plan.cells}
    assert {"speedup", "break_even", "equivalent", "amplification"} <= asked["showers"]
    assert not {"speedup", "break_even"} & asked["dots"]
    assert {"equivalent", "amplification"} <= asked["dots"]

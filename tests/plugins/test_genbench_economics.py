"""What a model saves of a simulator: the arithmetic, and where there is none."""

import numpy as np
import pytest
from sessions import make, play, write_plugin

from genbench.protocol import Evidence, RealSide, Score, Simulator
from genbench.scoring.evaluation import evaluate
from genbench.scoring.scorer import Scorer
from genbench.spec import MetricSpec
from genbench_economics import genbench_register
from genbench_economics.metric import break_even, speedup
from genbench_equivalent import genbench_register as equivalent_specs
from genbench_equivalent.metric import equivalent

ROWS = np.zeros((3, 1))


def evidence(seconds=2.0, timing=None, n_train=50, worth=None, at_least=False, **fields):
    timing = {"fit_s": 100.0, "samples_per_s": 10.0} if timing is None else timing
    beside = {} if worth is None else {"equivalent": Score(worth, detail={"at_least": at_least})}
    return Evidence(
        RealSide(ROWS), ROWS, simulator=Simulator(seconds, "showers"), timing=timing, train=np.zeros((n_train, 1)),
        score_of=beside.get, **fields,
    )  # fmt: skip


def test_a_model_that_samples_twenty_times_faster() -> None:
    score = speedup(evidence())
    assert score.value == pytest.approx(20)
    assert score.params == {"simulator": "showers", "seconds_per_sample": 2.0}


@pytest.mark.parametrize("n_train", [1, 50, 10_000])
def test_training_has_paid_for_itself_when_both_ways_cost_the_same(n_train) -> None:
    score = break_even(evidence(n_train=n_train))
    n = score.value
    assert n_train * 2.0 + 100.0 + n / 10.0 == pytest.approx(2.0 * n)
    assert n > n_train, "they had to be simulated first"
    free = score.detail["training_only"]
    assert 100.0 + free / 10.0 == pytest.approx(2.0 * free)
    assert "score equivalent" in " ".join(score.warnings)


def test_samples_that_are_worth_less_than_was_simulated_never_pay() -> None:
    score = break_even(evidence(n_train=10_000, worth=568.4))
    assert score.value is None
    assert score.warnings == ("never pays: worth 568 of 10,000 simulated training events",)
    assert score.detail["worth"] == 568.4


def test_the_worth_that_pays_is_where_the_gain_is_above_zero() -> None:
    value = break_even(evidence()).value
    for worth in (50.5, 0.999 * value, 1.001 * value, 1e6):
        gain = max(
            min(n, worth) * 2.0 - (50 * 2.0 + 100.0 + n / 10.0) for n in [*np.geomspace(1, 1e7, 2000).tolist(), worth]
        )
        score = break_even(evidence(worth=worth))
        assert (score.value == value) == (gain > 0)
        if gain <= 0:
            assert score.warnings[0].startswith(f"never pays: worth {worth:,.0f} events, and training cost as much as")


def test_a_lower_bound_of_the_worth_decides_nothing() -> None:
    score = break_even(evidence(worth=10.0, at_least=True))
    assert score.value == break_even(evidence()).value
    assert score.detail["worth_at_least"]


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
    return [DatasetSpec("slow_showers", Showers, None, "normal numbers at five seconds each", simulator=True)]
"""


def test_a_run_tells_what_a_model_saves_where_a_simulator_is_declared(tmp_path) -> None:
    plugin = write_plugin(tmp_path / "slow_showers.py", SHOWERS)
    records = play(tmp_path, plugin, models="exact", datasets="slow_showers", metrics="speedup,break_even")
    scores = {score["metric"]: score for score in records["exact"]["scores"]}
    timings = records["exact"]["timings"]
    assert scores["speedup"]["value"] == pytest.approx(5.0 * timings["samples_per_s"])
    expected = (timings["fit_s"] + 100 * 5.0) / (5.0 - 1 / timings["samples_per_s"])
    assert scores["break_even"]["value"] == pytest.approx(expected)
    assert {score["value"] for score in records["real"]["scores"]} == {None}  # no model, no clock
    plan, _ = make(tmp_path, plugin, models="exact", datasets="slow_showers,dots", metrics="all")
    asked = {cell.dataset.name: {choice.name for choice in cell.metrics} for cell in plan.cells}
    assert {"speedup", "break_even", "equivalent", "amplification"} <= asked["slow_showers"]
    assert not {"speedup", "break_even"} & asked["dots"]
    assert {"equivalent", "amplification"} <= asked["dots"]


@pytest.mark.parametrize("order", ["break_even,equivalent", "equivalent,break_even"])
def test_the_worth_is_that_of_the_score_beside_whichever_comes_first(order) -> None:
    rng = np.random.default_rng(0)
    real, train = rng.normal(size=(400, 2)), rng.normal(size=(500, 2))
    shown = Evidence(
        RealSide(real), rng.normal(0.8, 1.0, (400, 2)), train=train, simulator=Simulator(5.0, "showers"),
        timing={"fit_s": 1.0, "samples_per_s": 1e6},
    )  # fmt: skip
    known = {"break_even": genbench_register(), "equivalent": equivalent_specs()}
    functions = {"break_even": break_even, "equivalent": equivalent}
    scorers = [
        Scorer(next(spec for spec in known[name] if spec.name == name), functions[name]) for name in order.split(",")
    ]
    scores = {score["metric"]: score for score in evaluate(shown, scorers)}
    assert scores["equivalent"]["value"] < 100
    assert scores["break_even"]["value"] is None
    worth = scores["equivalent"]["value"]
    assert scores["break_even"]["warnings"][0] == f"never pays: worth {worth:,.0f} of 500 simulated training events"
    assert all(score["seconds"] >= 0 for score in scores.values())


def test_metrics_that_wait_for_each_other_get_none() -> None:
    def first(evidence):
        other = evidence.score_of("second")
        return Score(1.0 if other is None or other.value is None else other.value)

    def second(evidence):
        other = evidence.score_of("first")
        return Score(2.0 if other is None else other.value)

    scorers = [Scorer(MetricSpec(f.__name__, f, None, "a test"), f) for f in (first, second)]
    scores = evaluate(Evidence(RealSide(ROWS), ROWS), scorers)
    assert [score["value"] for score in scores] == [2.0, 2.0]
    assert evaluate(Evidence(RealSide(ROWS), ROWS), scorers[:1])[0]["value"] == 1.0

"""Sessions: every cell of a plan ends as a record, whatever its model does, and harms no other."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sessions import make, play, samples, write_plugin

from genbench.errors import UserError
from genbench.plan.cell import REAL
from genbench.record.environment import commit
from genbench.record.store import cell_folder, read_records
from genbench.record.validation import validate
from genbench.session.options import RunOptions
from genbench.session.session import Session

# ------------------------------------------------------------------------------ a few faults; tests/faults has them all

FAULTS = """
import os

class Raises(Base):
    def fit(self, data, run):
        print("about to raise")
        raise ValueError("two\\nlines")

class NotFinite(Base):
    def sample(self, n):
        return super().sample(n) * float("nan")

class LeavesInSample(Base):
    def sample(self, n):
        os._exit(0)

@hookimpl
def genbench_register():
    for name, target in {"raises": Raises, "not_finite": NotFinite, "leaves_in_sample": LeavesInSample}.items():
        yield ModelSpec(name, target, None, "a fault", steps=10)
"""

EXPECTED = {
    "raises": ("failed", "fit", "ValueError: two lines"),
    "not_finite": ("invalid", "sample", "30 of 30 samples are not finite"),
    "leaves_in_sample": ("crashed", "sample", "exit code 0 and no result"),
}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict]]:
    """All faults in one run, between two good models."""
    folder = tmp_path_factory.mktemp("faults")
    plugin = write_plugin(folder / "faults.py", FAULTS)
    return folder, play(folder, plugin, models=f"good,{','.join(EXPECTED)},exact")


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fault_is_a_row_with_its_status_phase_and_reason(faulty: tuple[Path, dict[str, dict]], name: str) -> None:
    status, phase, reason = EXPECTED[name]
    record = faulty[1][name]
    assert (record["status"], record["phase"]) == (status, phase)
    assert reason in record["reason"]
    assert "\n" not in record["reason"]
    assert bool(record["scores"]) == (status == "ok")


def test_every_cell_of_the_plan_has_a_record_on_disk(faulty: tuple[Path, dict[str, dict]]) -> None:
    folder, records = faulty
    assert set(records) == {REAL, "good", "exact", *EXPECTED}
    stored = {record["label"]: record for record in read_records(folder / "run")}
    assert set(stored) == set(records)
    assert all(stored[name]["status"] == record["status"] for name, record in records.items())


def test_good_models_beside_the_faults_are_as_if_they_were_alone(
    faulty: tuple[Path, dict[str, dict]], tmp_path: Path
) -> None:
    folder, records = faulty
    alone = play(tmp_path, jobs=1)
    for name in (REAL, "good", "exact"):
        assert records[name]["status"] == "ok"
        assert [s["value"] for s in records[name]["scores"]] == [s["value"] for s in alone[name]["scores"]]
        assert np.array_equal(samples(folder / "run", records[name]), samples(tmp_path / "run", alone[name]))


def test_a_failure_keeps_what_was_known_until_then(faulty: tuple[Path, dict[str, dict]]) -> None:
    for name in ("raises", "not_finite", "leaves_in_sample"):
        record = faulty[1][name]
        assert record["sizes"] == {"train": 140, "test": 30, "reference": 30}
        assert record["fingerprint"] == faulty[1]["good"]["fingerprint"]
    assert faulty[1]["leaves_in_sample"]["timings"]["fit_s"] >= 0


def test_a_good_record_says_what_it_cost(faulty: tuple[Path, dict[str, dict]]) -> None:
    timings = faulty[1]["good"]["timings"]
    assert timings["steps"] == 5
    assert timings["peak_mb"] >= 0
    for name in ("fit_s", "fit_cpu_s", "steps_per_s", "first_sample_s", "samples_per_s", "score_s"):
        assert timings[name] > 0, name
    assert faulty[1][REAL]["timings"].keys() <= {"score_s"}
    assert faulty[1]["good"]["trace"][-1][1] == 5


def test_scores_stand_beside_the_floor_of_fresh_real_data(faulty: tuple[Path, dict[str, dict]]) -> None:
    [floor], [score] = faulty[1][REAL]["scores"], faulty[1]["good"]["scores"]
    assert floor["floor"] is None
    assert score["floor"] == floor["value"] is not None
    assert score["floor_sd"] > 0


# ------------------------------------------------------------------------------------------------- same cell, same bits


def test_order_and_number_of_jobs_change_nothing(tmp_path: Path) -> None:
    one = play(tmp_path, models="good,exact,good[rate=0.5]", jobs=1, out="a")
    two = play(tmp_path, models="good[rate=0.5],exact,good", jobs=2, out="b")
    assert one.keys() == two.keys()
    for name in one:
        assert one[name]["key"] == two[name]["key"]
        assert np.array_equal(samples(tmp_path / "a", one[name]), samples(tmp_path / "b", two[name]))
        assert [s["value"] for s in one[name]["scores"]] == [s["value"] for s in two[name]["scores"]]
    assert not np.array_equal(samples(tmp_path / "a", one["good"]), samples(tmp_path / "a", one["good[rate=0.5]"]))


@pytest.mark.slow
def test_fresh_interpreters_give_what_the_fork_server_gives(tmp_path: Path) -> None:
    forked = play(tmp_path, models="good", out="a", method="forkserver")
    spawned = play(tmp_path, models="good", out="b", method="spawn")
    assert np.array_equal(samples(tmp_path / "a", forked["good"]), samples(tmp_path / "b", spawned["good"]))
    assert [s["z"] for s in forked["good"]["scores"]] == [s["z"] for s in spawned["good"]["scores"]]


def test_all_models_of_a_seed_see_the_same_data_and_each_seed_others(tmp_path: Path) -> None:
    plan, registry = make(tmp_path, seeds=2)
    records = Session(plan, registry, RunOptions(tmp_path / "run", jobs=2)).run()
    prints = {seed: {r["fingerprint"] for r in records if r["seed"] == seed} for seed in (0, 1)}
    assert all(len(each) == 1 for each in prints.values())
    assert prints[0] != prints[1]
    a, b = (samples(tmp_path / "run", r) for r in records if r["label"] == "good")
    assert not np.array_equal(a, b)


# --------------------------------------------------------------------------------------------------------------- resume


class Ears:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.reused = -1
        self.ended: list[str] = []
        self.phases: list[str] = []

    def on_start(self, plan, reused, jobs=1, folder=None) -> None:
        self.reused = len(reused)

    def on_progress(self, cell, progress) -> None:
        self.phases.append(progress["phase"])

    def on_finish(self, record) -> None:
        self.ended.append(record["label"])


ONCE = """
import pathlib

class Once(Base):
    def fit(self, data, run):
        super().fit(data, run)
        if not pathlib.Path(SECOND).exists():
            raise RuntimeError("not yet")

@hookimpl
def genbench_register():
    return [ModelSpec("once", Once, None, "fails the first time")]
"""


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    second = tmp_path / "second"
    plugin = write_plugin(tmp_path / "once.py", ONCE.replace("SECOND", repr(str(second))))
    first, ears = Ears(), Ears()
    before = play(tmp_path, plugin, models="good,once", observer=first)
    assert (first.reused, sorted(first.ended)) == (0, ["good", "once", REAL])
    assert before["once"]["status"] == "failed"

    second.touch()
    kept = play(tmp_path, plugin, models="good,once", observer=ears)
    assert (ears.reused, ears.ended) == (3, [])  # it would fail again, as far as anybody knows
    assert kept["once"]["status"] == "failed"
    ears = Ears()
    after = play(tmp_path, plugin, models="good,once,exact", observer=ears, retry="failed")
    assert (ears.reused, sorted(ears.ended)) == (2, ["exact", "once"])
    assert {record["status"] for record in after.values()} == {"ok"}
    assert after["good"]["ended"] == before["good"]["ended"]
    assert after["once"]["key"] == before["once"]["key"]
    assert after["exact"]["scores"][0]["floor"] == after[REAL]["scores"][0]["value"]
    folder = cell_folder(tmp_path / "run", after["once"]["key"])
    assert [json.loads((folder / f"{n}.json").read_text())["status"] for n in (1, 2)] == ["failed", "ok"]
    assert len(read_records(tmp_path / "run")) == 4

    ears = Ears()
    play(tmp_path, plugin, models="good,once,exact", observer=ears)
    assert (ears.reused, ears.ended) == (4, [])


def test_forced_cells_run_again_and_give_the_same(tmp_path: Path) -> None:
    before, ears = play(tmp_path, models="good"), Ears()
    after = play(tmp_path, models="good", force=True, observer=ears)
    assert (ears.reused, sorted(ears.ended)) == (0, ["good", REAL])
    assert [s["value"] for s in after["good"]["scores"]] == [s["value"] for s in before["good"]["scores"]]
    assert after["good"]["session"] != before["good"]["session"]
    folder = cell_folder(tmp_path / "run", after["good"]["key"])
    assert sorted(path.name for path in folder.glob("*.json")) == ["1.json", "2.json"]


SLOW = """
import time

class Slow(Base):
    def fit(self, data, run):
        super().fit(data, run)
        time.sleep(3)

@hookimpl
def genbench_register():
    return [ModelSpec("slow", Slow, None, "takes three seconds")]
"""


def test_a_cell_that_ran_into_a_limit_is_run_again_under_a_wider_one(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "slow.py", SLOW)

    def status(timeout: float | None) -> tuple[str, int]:
        ears = Ears()
        record = play(tmp_path, plugin, models="slow", timeout=timeout, observer=ears)["slow"]
        return record["status"], len(ears.ended)

    assert status(1.0) == ("timeout", 2)
    assert status(1.0) == ("timeout", 0)
    assert status(0.5) == ("timeout", 0)
    assert status(None) == ("ok", 1)


SPENDS = """
import time

class Late(Base):
    def fit(self, data, run):
        super().fit(data, run)
        time.sleep(3)

    def sample(self, n):
        return super().sample(n) + 1000

def lazy(evidence):
    time.sleep(3 * (evidence.fake.mean() > 500))
    return Score(1.0)

@hookimpl
def genbench_register():
    return [ModelSpec("late", Late, None, "takes its time"), MetricSpec("lazy", lazy, None, "takes its time, too")]
"""


@pytest.mark.slow
def test_the_deadline_is_one_for_training_and_scoring(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "spends.py", SPENDS)
    asked = {"models": "late,good", "metrics": "lazy", "jobs": 1}
    records = play(tmp_path, plugin, timeout=5.0, **asked)
    assert {name: record["status"] for name, record in records.items()} == {
        "late": "timeout", "good": "ok", REAL: "ok",
    }, "what waits its turn spends nothing"  # fmt: skip
    late = records["late"]
    assert (late["phase"], late["limits"]["timeout_s"]) == ("score", 5.0)
    assert re.fullmatch(
        r"ran longer than 5 s, [34]\.?\d* s of them before it was scored; the last metric begun: lazy", late["reason"]
    )
    assert late["timings"]["fit_s"] >= 3
    assert late["usage"]["score"]["wall_s"] < 3
    assert samples(tmp_path / "run", late).shape == (30, 2), "nothing of the training is lost"

    def again(timeout: float, **how: Any) -> tuple[str, bool]:
        record = play(tmp_path, plugin, timeout=timeout, **asked, **how)["late"]
        return record["status"], record["session"] == late["session"]

    assert again(5.0, retry="timeout") == ("timeout", True), "it is the same cell: it takes as long as before"
    assert again(60.0) == ("ok", True), "scored under a wider deadline, and not trained again"


def test_what_a_finished_cell_took_is_not_of_its_new_scores(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "slow.py", SLOW)
    first = play(tmp_path, plugin, models="slow", metrics="gap")["slow"]
    second = play(tmp_path, plugin, models="slow", metrics="gap,energy", timeout=2.0)["slow"]
    assert (second["status"], second["session"]) == ("ok", first["session"])


def test_timings_tell_the_session_and_the_company_they_were_taken_in(tmp_path: Path) -> None:
    first = play(tmp_path, models="good", metrics="gap")
    plugin = write_plugin(tmp_path / "wider.py", WIDER)
    second = play(tmp_path, plugin, models="good,exact", metrics="gap,spread", jobs=1)
    assert second["good"]["session"] == first["good"]["session"], "it was scored anew and not trained"
    assert second["exact"]["session"] != first["good"]["session"]
    assert second["exact"]["shared"] is False
    assert second["exact"]["threads"] == 1
    crowd = play(tmp_path, models=",".join(f"good[rate={i}]" for i in range(1, 9)), jobs=8, out="crowd")
    assert any(record["shared"] for record in crowd.values()), "more at work than there are cores"


def test_a_resumed_run_equals_one_that_never_stopped(tmp_path: Path) -> None:
    play(tmp_path, models="good", out="resumed")
    resumed = play(tmp_path, models="good,exact", out="resumed")
    straight = play(tmp_path, models="good,exact", out="straight")
    for name, record in straight.items():
        assert np.array_equal(samples(tmp_path / "resumed", resumed[name]), samples(tmp_path / "straight", record))
        assert [s["z"] for s in resumed[name]["scores"]] == [s["z"] for s in record["scores"]]


WIDER = """
@dataclass(frozen=True)
class Config:
    power: float = 1.0

def spread(evidence, config):
    return Score(float(evidence.fake.std() ** config.power))

@hookimpl
def genbench_register():
    return [MetricSpec("spread", spread, Config, "how wide")]
"""


def test_scores_that_were_asked_for_with_other_options_are_not_reused(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "wider.py", WIDER)

    def spread(**request) -> float:
        [score] = play(tmp_path, plugin, models="good", **request)["good"]["scores"]
        return score["value"]

    one = spread(metrics="spread")
    assert spread(metrics="spread") == one
    assert spread(metrics="spread", settings=("spread.power=3",)) == pytest.approx(one**3)


def test_a_metric_that_was_added_is_scored_and_what_was_there_is_kept(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "wider.py", WIDER)
    before = play(tmp_path, plugin, models="good", metrics="gap")
    ears = Ears()
    records = play(tmp_path, plugin, models="good", metrics="gap,spread", observer=ears)
    assert set(ears.phases) == {"score"}  # nothing is trained again
    gap, spread = records["good"]["scores"]
    assert (gap["metric"], spread["metric"]) == ("gap", "spread")
    assert spread["floor"] is not None
    assert gap["value"] == before["good"]["scores"][0]["value"]
    timings = records["good"]["timings"]
    assert timings.pop("score_s") != before["good"]["timings"].pop("score_s")
    assert timings == before["good"]["timings"]


def test_a_damaged_record_is_run_again(tmp_path: Path) -> None:
    before = play(tmp_path)
    (cell_folder(tmp_path / "run", before["good"]["key"]) / "1.json").write_text('{"key"')
    ears = Ears()
    after = play(tmp_path, observer=ears)
    assert ears.ended == ["good"]
    assert {record["status"] for record in after.values()} == {"ok"}


# ------------------------------------------------------------------------------------------------- metrics and datasets

BAD_METRICS = """
import os

def raises(evidence):
    raise ValueError("no score")

def exits(evidence):
    raise SystemExit(1)

def nothing(evidence):
    return None

def dies(evidence):
    os._exit(3)

class NoData:
    def load(self, sizes, rng):
        raise OSError("the disk is gone")

class Numbers:
    def load(self, sizes, rng):
        return np.zeros((5, 2))

class Holes:
    def load(self, sizes, rng):
        rows = rng.normal(size=(40, 2))
        rows[3, 1] = np.nan
        return Data(rows, rows, rows)

@hookimpl
def genbench_register():
    metrics = {"raises": raises, "exits": exits, "nothing": nothing, "dies": dies, "absent": "no_such_module:metric"}
    yield from (MetricSpec(name, target, None, "a fault") for name, target in metrics.items())
    datasets = {"no_data": NoData, "numbers": Numbers, "holes": Holes}
    yield from (DatasetSpec(name, target, None, "a fault") for name, target in datasets.items())
"""


def test_a_metric_that_fails_costs_its_own_number(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "bad.py", BAD_METRICS)
    records = play(tmp_path, plugin, models="good", metrics="gap,raises,exits,nothing,absent")
    assert records["good"]["status"] == "ok"
    scores = {score["metric"]: score for score in records["good"]["scores"]}
    assert scores["gap"]["value"] is not None
    for name, reason in {
        "raises": "no score",
        "exits": "SystemExit",
        "nothing": "NoneType",
        "absent": "import",
    }.items():
        assert scores[name]["value"] is None
        assert reason in scores[name]["warnings"][0]


def test_a_metric_that_kills_its_process_costs_no_samples(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "bad.py", BAD_METRICS)
    records = play(tmp_path, plugin, models="good", metrics="gap,dies")
    assert (records["good"]["status"], records["good"]["phase"]) == ("ok", "score")
    scores = {score["metric"]: score for score in records["good"]["scores"]}
    assert "exit code 3" in scores["dies"]["warnings"][0]
    assert scores["gap"]["value"] is not None
    assert records["good"]["timings"]["fit_s"] > 0
    assert samples(tmp_path / "run", records["good"]).shape == (30, 2)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("no_data", "the disk is gone"), ("numbers", "load returned ndarray"), ("holes", "must be finite")],
)
def test_a_dataset_that_fails_is_a_row_for_each_model(tmp_path: Path, name: str, reason: str) -> None:
    plugin = write_plugin(tmp_path / "bad.py", BAD_METRICS)
    records = play(tmp_path, plugin, models="good", datasets=name)
    assert records.keys() == {REAL, "good"}
    for record in records.values():
        assert (record["status"], record["phase"]) == ("failed", "load")
        assert reason in record["reason"]


# ----------------------------------------------------------------------------------------------- observers, directories

TELLS = """
HEARD = []

@hookimpl
def genbench_register():
    return []

@hookimpl
def genbench_cell_finished(record):
    HEARD.append(record["label"])
    raise RuntimeError("I object")

@hookimpl
def genbench_session_finished(records):
    HEARD.append(len(records))
"""


def test_observers_hear_of_everything_and_change_nothing(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "tells.py", TELLS)
    ears = Ears()
    records = play(tmp_path, plugin, models="good", observer=ears)
    from genbench.registry.discovery import load_file

    assert sorted(load_file(plugin).HEARD, key=str) == [2, "good", REAL]
    assert {record["status"] for record in records.values()} == {"ok"}
    assert "I object" in (tmp_path / "run" / "observers.log").read_text()
    assert {"score"} <= set(ears.phases) <= {"start", "load", "fit", "sample", "density", "score"}


def test_a_run_describes_itself(tmp_path: Path) -> None:
    records = play(tmp_path, models="good")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    assert sorted(about["cells"]) == sorted(record["key"] for record in records.values())
    assert about["request"]["models"].startswith("good")
    assert about["versions"]["torch"]
    assert {record["commit"] for record in records.values()} == {about["commit"]} == {commit()}
    assert about["machine"]["cores"] == os.cpu_count()


def test_a_directory_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    plan, registry = make(tmp_path)
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=r"--out .* cannot be written"):
            Session(plan, registry, RunOptions(out, jobs=1)).run()


def test_a_recipe_by_size_is_asked_in_the_cell_and_its_steps_are_recorded(tmp_path: Path) -> None:
    plugin = write_plugin(
        tmp_path / "sized.py",
        """
        def by_size(rows, dimensions):
            return 5 * rows / dimensions

        def wrong(rows, dimensions):
            return "many"

        class Sized(Base):
            def fit(self, data, run):
                super().fit(data, run)
                for _ in run.batches(data.train, 32):
                    pass

        @hookimpl
        def genbench_register():
            return [
                ModelSpec("sized", Sized, None, "a recipe by size", steps=by_size),
                ModelSpec("wrong", Sized, None, "no recipe", steps=wrong),
            ]
        """,
    )
    records = play(tmp_path, plugin, models="sized,wrong", budget=None)
    sized = records["sized"]
    assert (sized["status"], sized["sizes"]["train"], sized["shape"]) == ("ok", 140, [2])
    assert (sized["recipe_steps"], sized["budget"], sized["timings"]["steps"]) == (350, "4steps", 4)
    assert sized["identity"]["budget"] == "recipe x 0.01, at most 50steps"
    assert records["wrong"]["status"] == "failed"
    assert "steps(rows=140, dimensions=2) returned 'many'" in records["wrong"]["reason"]
    assert validate(tmp_path / "run").problems == []
    assert play(tmp_path, plugin, models="sized", budget=None)["sized"]["ended"] == sized["ended"]

"""Sessions: every cell of a plan ends as a record, whatever its model does, and harms no other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sessions import make, play, samples, write_plugin

from genbench.errors import UserError
from genbench.plan import REAL
from genbench.record import cell_folder, read_records
from genbench.session import Session

# ----------------------------------------------------------------------------------------------------------- the faults

FAULTS = '''
import ctypes, os, signal, sys, time

class Raises(Base):
    def fit(self, data, run):
        print("about to raise")
        raise ValueError("two\\nlines")

class RaisesWhenMade(Base):
    def __init__(self):
        raise ValueError("not to be made")

class RaisesInSample(Base):
    def sample(self, n):
        raise ValueError("no samples today")

class OddError(Exception):
    def __init__(self, a, b):
        self.a = a

    def __str__(self):
        raise RuntimeError

class RaisesOddly(Base):
    def fit(self, data, run):
        raise OddError(1, 2)

class Exits(Base):
    def fit(self, data, run):
        sys.exit("enough")

class Interrupts(Base):
    def fit(self, data, run):
        raise KeyboardInterrupt

class NoMemory(Base):
    def fit(self, data, run):
        raise MemoryError("no room")

class Diverges(Base):
    def fit(self, data, run):
        super().fit(data, run)
        for batch in run.batches(data.train, 32):
            run.log(loss=batch.mean() * float("nan"))

class NotFinite(Base):
    def sample(self, n):
        x = super().sample(n)
        x[n // 2 :] = float("nan")
        return x

class WrongShape(Base):
    def sample(self, n):
        return torch.randn(n, 3)

class Flat(Base):
    def sample(self, n):
        return torch.randn(n)

class TooFew(Base):
    def sample(self, n):
        return super().sample(max(1, n // 2))

class Empty(Base):
    def sample(self, n):
        return super().sample(0)

class Gradient(Base):
    def sample(self, n):
        return super().sample(n).requires_grad_()

class Complex(Base):
    def sample(self, n):
        return super().sample(n).to(torch.complex64)

class Array(Base):
    def sample(self, n):
        return super().sample(n).numpy()

class Overflows(Base):
    def sample(self, n):
        return torch.full((n, *self.shape), 1e308, dtype=torch.float64)

class BadDensity(Base):
    def log_prob(self, x):
        return x.sum(1) * float("nan")

class ColumnDensity(Base):
    def log_prob(self, x):
        return x.sum(1, keepdim=True)

class Leaves(Base):
    def fit(self, data, run):
        os._exit(0)

class LeavesWith7(Base):
    def fit(self, data, run):
        os._exit(7)

class LeavesInSample(Base):
    def sample(self, n):
        os._exit(0)

class Segfaults(Base):
    def fit(self, data, run):
        ctypes.string_at(0)

class KillsItself(Base):
    def fit(self, data, run):
        os.kill(os.getpid(), signal.SIGKILL)

class Rude(Base):
    """Leaves everything global in another state."""

    def fit(self, data, run):
        super().fit(data, run)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        torch.manual_seed(0)
        np.seterr(all="raise")
        os.chdir("/")
        os.environ["OMP_NUM_THREADS"] = "7"
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

class Unsendable:
    __qualname__ = "Unsendable"

    def __call__(self):
        return Base()

    def __reduce__(self):
        raise TypeError("not to be pickled")

FAULTS = {
    "raises": Raises, "raises_when_made": RaisesWhenMade, "raises_in_sample": RaisesInSample,
    "raises_oddly": RaisesOddly, "exits": Exits, "interrupts": Interrupts, "no_memory": NoMemory,
    "diverges": Diverges, "not_finite": NotFinite, "wrong_shape": WrongShape, "flat": Flat, "too_few": TooFew,
    "empty": Empty, "gradient": Gradient, "complex": Complex, "array": Array, "overflows": Overflows,
    "bad_density": BadDensity, "column_density": ColumnDensity, "leaves": Leaves, "leaves_with_7": LeavesWith7,
    "leaves_in_sample": LeavesInSample, "segfaults": Segfaults, "kills_itself": KillsItself, "rude": Rude,
    "cannot_be_sent": Unsendable(),
}

@hookimpl
def genbench_register():
    known = {"bad_density": "exact", "column_density": "bound"}
    for name, target in FAULTS.items():
        yield ModelSpec(name, target, None, "a fault", density=known.get(name, "none"), steps=10)
    yield ModelSpec("cannot_be_imported", "faults_absent:Model", None, "a fault")
    yield ModelSpec("has_no_such_class", "json:Model", None, "a fault")
'''

EXPECTED = {
    "raises": ("failed", "fit", "ValueError: two lines"),
    "raises_when_made": ("failed", "fit", "ValueError: not to be made"),
    "raises_in_sample": ("failed", "sample", "ValueError: no samples today"),
    "raises_oddly": ("failed", "fit", "OddError"),
    "exits": ("failed", "fit", "SystemExit: enough"),
    "interrupts": ("failed", "fit", "KeyboardInterrupt"),
    "no_memory": ("oom", "fit", "MemoryError: no room"),
    "diverges": ("diverged", "fit", "loss is nan at step 5"),
    "not_finite": ("invalid", "sample", "of 30 samples are not finite"),
    "wrong_shape": ("invalid", "sample", "samples have shape (30, 3), expected (30, 2)"),
    "flat": ("invalid", "sample", "samples have shape (30,), expected (30, 2)"),
    "too_few": ("invalid", "sample", "samples have shape (15, 2), expected (30, 2)"),
    "empty": ("invalid", "sample", "samples have shape (0, 2), expected (30, 2)"),
    "gradient": ("invalid", "sample", "samples carry a gradient"),
    "complex": ("invalid", "sample", "dtype torch.complex64"),
    "array": ("invalid", "sample", "sample returned ndarray, expected a tensor of shape (30, 2)"),
    "overflows": ("invalid", "sample", "30 of 30 samples"),
    "bad_density": ("invalid", "density", "30 of 30 log-densities are nan"),
    "column_density": ("invalid", "density", "log_prob returned shape (30, 1), expected (30,)"),
    "leaves": ("crashed", "fit", "exit code 0 and no result"),
    "leaves_with_7": ("crashed", "fit", "exit code 7"),
    "leaves_in_sample": ("crashed", "sample", "exit code 0 and no result"),
    "segfaults": ("crashed", "fit", "SIGSEGV"),
    "kills_itself": ("crashed", "fit", "SIGKILL"),
    "rude": ("ok", "score", ""),
    "cannot_be_sent": ("failed", "start", "TypeError: not to be pickled"),
    "cannot_be_imported": ("failed", "fit", "faults_absent"),
    "has_no_such_class": ("failed", "fit", "Model"),
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


def test_the_log_of_a_fault_holds_what_was_printed_and_the_traceback(faulty: tuple[Path, dict[str, dict]]) -> None:
    folder, records = faulty

    def log(name: str) -> str:
        return (cell_folder(folder / "run", records[name]["key"]) / "log.txt").read_text()

    assert "about to raise" in log("raises")
    assert "faults.py" in log("raises")
    assert "Segmentation fault" in log("segfaults")


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


def test_no_process_is_left(faulty: tuple[Path, dict[str, dict]]) -> None:
    import psutil

    server = [p for p in psutil.Process().children() if "forkserver" in " ".join(p.cmdline())]
    assert [child for parent in server for child in parent.children() if child.status() != "zombie"] == []


# -------------------------------------------------------------------------------------------------------------- hanging

HANGS = """
import os, signal, subprocess, sys, time

class Sleeps(Base):
    def fit(self, data, run):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "1000"])
        with open(os.environ["GENBENCH_TEST_PIDS"], "w") as file:
            file.write(f"{os.getpid()} {child.pid}")
        time.sleep(1000)

class Leaves(Base):
    def fit(self, data, run):
        super().fit(data, run)
        child = subprocess.Popen(["sleep", "1000"])
        with open(os.environ["GENBENCH_TEST_PIDS"] + ".left", "w") as file:
            file.write(str(child.pid))

@hookimpl
def genbench_register():
    return [ModelSpec("sleeps", Sleeps, None, "never ends"), ModelSpec("leaves", Leaves, None, "leaves a process")]
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_what_hangs_is_ended_with_all_that_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENBENCH_TEST_PIDS", str(tmp_path / "pids"))
    text = HANGS.replace('os.environ["GENBENCH_TEST_PIDS"]', repr(str(tmp_path / "pids")))
    records = play(tmp_path, write_plugin(tmp_path / "hangs.py", text), models="sleeps,leaves,good", timeout=3)
    assert (records["sleeps"]["status"], records["sleeps"]["phase"]) == ("timeout", "fit")
    assert records["sleeps"]["reason"] == "ran longer than 3 s"
    assert records["good"]["status"] == records["leaves"]["status"] == "ok"
    pids = [*(tmp_path / "pids").read_text().split(), (tmp_path / "pids.left").read_text()]
    assert len(pids) == 3
    assert not any(alive(int(pid)) for pid in pids)


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


def test_all_models_of_a_seed_see_the_same_data_and_each_seed_others(tmp_path: Path) -> None:
    plan, registry = make(tmp_path, seeds=2)
    records = Session(plan, registry, tmp_path / "run", jobs=2).run()
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

    def began(self, plan, reused) -> None:
        self.reused = len(reused)

    def progressed(self, cell, progress) -> None:
        self.phases.append(progress["phase"])

    def finished(self, record) -> None:
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
    assert (records["good"]["status"], records["good"]["phase"]) == ("crashed", "score")
    assert "exit code 3" in records["good"]["reason"]
    assert records["good"]["timings"]["fit_s"] > 0
    assert samples(tmp_path / "run", records["good"]).shape == (30, 2)
    ears = Ears()
    assert play(tmp_path, plugin, models="good", observer=ears)["good"]["status"] == "ok"
    assert set(ears.phases) == {"score"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [("no_data", "the disk is gone"), ("numbers", "load returned ndarray"), ("holes", "must be finite")],
)
def test_a_dataset_that_fails_is_a_row_for_each_model(tmp_path: Path, name: str, reason: str) -> None:
    plugin = write_plugin(tmp_path / "bad.py", BAD_METRICS)
    records = play(tmp_path, plugin, models="good", datasets=name)
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
    from genbench.registry import load_file

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
    assert about["machine"]["cores"] == os.cpu_count()


def test_a_directory_that_cannot_be_written_is_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    plan, registry = make(tmp_path)
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=r"--out .* cannot be written"):
            Session(plan, registry, out).run()


# ------------------------------------------------------------------------------------------------------------- stopping

STOPPED = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from sessions import make
from genbench.session import Session
plan, registry = make(Path({folder!r}), Path({plugin!r}), models="waits,good")
session = Session(plan, registry, Path({folder!r}) / "run", jobs=2)
records = session.run()
print(session.interrupted, sorted((r["label"], r["status"]) for r in records))
"""
WAITS = """
import pathlib, time

class Waits(Base):
    def fit(self, data, run):
        pathlib.Path(HERE).touch()
        time.sleep(1000)

@hookimpl
def genbench_register():
    return [ModelSpec("waits", Waits, None, "never ends")]
"""


@pytest.mark.slow
def test_ctrl_c_ends_the_cells_and_returns_what_there_is(tmp_path: Path) -> None:
    here = tmp_path / "here"
    plugin = write_plugin(tmp_path / "waits.py", WAITS.replace("HERE", repr(str(here))))
    script = STOPPED.format(tests=str(Path(__file__).parent), folder=str(tmp_path), plugin=str(plugin))
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    while not here.exists() or not any(r["label"] == "good" for r in read_records(tmp_path / "run")):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert out == f"True {[('good', 'ok'), (REAL, 'ok'), ('waits', 'interrupted')]}\n"
    assert {r["status"] for r in read_records(tmp_path / "run")} == {"ok", "interrupted"}

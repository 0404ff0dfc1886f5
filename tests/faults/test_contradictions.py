"""Datasets that differ by process and clocks that lie: rows that say so, never numbers in a table."""

from __future__ import annotations

from pathlib import Path

import pytest
from sessions import play, write_plugin

DIFFERS = """
import os

class Differs:
    def load(self, sizes, rng):
        own = np.random.default_rng(os.getpid())
        rows = rng.normal(size=(200, 2))
        part = {"train": rows[:100], "test": rows[100:150], "reference": rows[150:]}
        return Data(**{**part, NAME: own.normal(size=part[NAME].shape)})

@hookimpl
def genbench_register():
    return [DatasetSpec("differs", Differs, None, "other rows in each process")]
"""

CLOCKS = """
import time
import genbench.process.clocks as clocks

class Lies(Base):
    def fit(self, data, run):
        super().fit(data, run)
        now = time.perf_counter
        time.perf_counter = lambda: now() - 999_999

def halve(owner, name):
    now = getattr(owner, name)
    start = now()
    setattr(owner, name, lambda: start + (now() - start) / 2)

class HalfSpeed(Base):
    def fit(self, data, run):
        super().fit(data, run)
        halve(time, "perf_counter")
        time.sleep(1)

class HalfWork(Base):
    def __init__(self):
        halve(time, "process_time")

    def fit(self, data, run):
        super().fit(data, run)
        end = time.perf_counter() + 1
        while time.perf_counter() < end:
            pass

class AllAtHalfSpeed(Base):
    def fit(self, data, run):
        super().fit(data, run)
        halve(time, "perf_counter")
        halve(clocks, "monotonic")
        time.sleep(4)

@hookimpl
def genbench_register():
    models = {"lies": Lies, "half_speed": HalfSpeed, "half_work": HalfWork, "all_at_half_speed": AllAtHalfSpeed}
    return [ModelSpec(name, model, None, "patches a clock", iterative=False) for name, model in models.items()]
"""


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "reference"])
def test_a_dataset_that_differs_by_process_is_invalid(tmp_path: Path, split: str) -> None:
    plugin = write_plugin(tmp_path / "differs.py", DIFFERS.replace("NAME", repr(split)))
    records = play(tmp_path, plugin, models="good", datasets="differs", jobs=1)
    assert {record["status"] for record in records.values()} == {"invalid"}
    reasons = " ".join(record["reason"] for record in records.values())
    assert "dataset 'differs' gives other" in reasons


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("lies", "fit_s is -99999"),
        ("half_speed", "time.perf_counter went on by"),
        pytest.param("half_work", "time.process_time went on by", marks=pytest.mark.slow),
        pytest.param("all_at_half_speed", "by that of the supervisor", marks=pytest.mark.slow),
    ],
)
def test_a_clock_that_was_patched_is_invalid(tmp_path: Path, model: str, reason: str) -> None:
    plugin = write_plugin(tmp_path / "clocks.py", CLOCKS)
    records = play(tmp_path, plugin, models=f"good,{model}")
    assert (records[model]["status"], records[model]["scores"]) == ("invalid", [])
    assert records[model]["reason"].startswith("its clocks contradict each other: ")
    assert reason in records[model]["reason"]
    assert records["good"]["status"] == "ok"

"""Datasets that differ by process and clocks that lie: rows that say so, never numbers in a table."""

from __future__ import annotations

from pathlib import Path

import pytest
from sessions import play, write_plugin

PLUGIN = """
import os, time

class Differs:
    def load(self, sizes, rng):
        own = np.random.default_rng(os.getpid())
        rows = rng.normal(size=(200, 2))
        part = {"train": rows[:100], "test": rows[100:150], "reference": rows[150:]}
        return Data(**{**part, NAME: own.normal(size=part[NAME].shape)})

class Lies(Base):
    def fit(self, data, run):
        super().fit(data, run)
        now = time.perf_counter
        time.perf_counter = lambda: now() - 999_999

@hookimpl
def genbench_register():
    return [DatasetSpec("differs", Differs, None, "other rows in each process"),
            ModelSpec("lies", Lies, None, "patches the clock", iterative=False)]
"""


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "reference"])
def test_a_dataset_that_differs_by_process_is_invalid(tmp_path: Path, split: str) -> None:
    plugin = write_plugin(tmp_path / "differs.py", PLUGIN.replace("NAME", repr(split)))
    records = play(tmp_path, plugin, models="good", datasets="differs", jobs=1)
    assert {record["status"] for record in records.values()} == {"invalid"}
    reasons = " ".join(record["reason"] for record in records.values())
    assert "dataset 'differs' gives other" in reasons


def test_a_clock_that_was_patched_is_invalid(tmp_path: Path) -> None:
    plugin = write_plugin(tmp_path / "lies.py", PLUGIN.replace("NAME", "'train'"))
    records = play(tmp_path, plugin, models="good,lies")
    assert records["lies"]["status"] == "invalid"
    assert "its clocks contradict each other: fit_s is -99999" in records["lies"]["reason"]
    assert records["good"]["status"] == "ok"

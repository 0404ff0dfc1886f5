"""Clocks and data that contradict each other are found; those that agree, within rounding, are not."""

from __future__ import annotations

import pytest
from tiny_cells import Truth, Uniform, cell_of

from genbench.session.contradictions import KnownData, contradictory_clock

USAGE = {"wall_s": 2.0, "cpu_s": 1.0}


@pytest.mark.parametrize(
    ("timings", "reason"),
    [
        ({"fit_s": -999999.0}, "fit_s is -999999 s, its process existed for 2 s"),
        ({"fit_s": 60.0}, "fit_s is 60 s"),
        ({"log_prob_s": 3.0}, "log_prob_s is 3 s"),
        ({"fit_cpu_s": 1.5}, "fit_cpu_s is 1.5 s, its CPU time of its process was 1 s"),
        ({"samples_per_s": -1.0}, "samples_per_s is -1"),
        ({"fit_s": float("nan")}, "fit_s is nan"),
    ],
)
def test_times_that_cannot_be(timings: dict[str, float], reason: str) -> None:
    assert reason in contradictory_clock(timings, USAGE)


def test_times_that_can_be() -> None:
    fine = {
        "fit_s": 2.0,
        "fit_cpu_s": 1.0,
        "steps_per_s": 9e9,
        "samples_per_s": 1e9,
        "steps": 100,
        "first_sample_s": None,
    }
    assert contradictory_clock(fine, USAGE) == ""
    assert contradictory_clock({"fit_s": 60.0}, {}) == "", "nobody measured"


def test_data_are_compared_for_each_dataset_seed_and_machine() -> None:
    known, cell = KnownData(), cell_of(Truth)
    assert known.difference(cell, "a" * 64, "here") == ""
    assert known.difference(cell_of(Uniform), "a" * 64, "here") == ""
    assert "Truth aaaaaaaaaaaa.." in known.difference(cell_of(Uniform), "b" * 64, "here")
    assert known.difference(cell_of(Uniform, seed=1), "b" * 64, "here") == ""
    assert known.difference(cell, "b" * 64, "another") == ""

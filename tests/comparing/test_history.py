"""genbench history: runs in the order of their time, and the runs from which on a metric is another."""

import numpy as np
import pytest
from histories import at, write
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genbench.cli.main import main
from genbench.comparing.history import Change, Series, change_points, history, runs_in
from genbench.errors import UserError
from genbench.record.run_directory import write_run


def test_repeated_values_step_exactly_and_need_no_test():
    assert change_points([1.0, 1.0, 2.0, 2.0, 2.0]) == [(2, None)]
    assert change_points([1.0, 1.0, 2.0]) == [(2, None)]  # the newest run is another
    assert change_points([1.0, 1.0, 2.0, 2.0, 1.0, 1.0]) == [(2, None), (4, None)]
    assert change_points([1.0, 1.00000001, 1.0]) == []
    assert change_points([1.0, 2.0]) == []  # neither is repeated: noise for all that is known
    assert change_points([]) == change_points([3.0]) == []


def test_a_shift_in_noise_is_found_where_it_is_and_no_other():
    rng = np.random.default_rng(0)
    found = [at([*rng.normal(0, 1, 15), *rng.normal(5, 1, 15)]) for _ in range(40)]
    assert sum(len(each) == 1 and abs(each[0] - 15) <= 1 for each in found) >= 36


def test_two_shifts_are_found_one_after_the_other():
    rng = np.random.default_rng(1)
    assert at([*rng.normal(0, 1, 15), *rng.normal(9, 1, 15), *rng.normal(0, 1, 15)]) == [15, 30]


def test_noise_alone_changes_as_rarely_as_promised():
    rng = np.random.default_rng(2)
    alarms = sum(bool(at(list(rng.normal(size=20)))) for _ in range(300))
    assert alarms <= stats.binom.ppf(0.999, 300, 0.01)


@given(st.floats(0.01, 100.0), st.floats(-10.0, 10.0))
def test_units_and_origin_move_no_change(scale, origin):
    values = np.array([0.1, 0.4, 0.2, 0.3, 0.25, 0.1, 0.2, 5.3, 5.1, 5.2, 5.0, 5.4, 5.3, 5.1])
    assert at(list(origin + scale * values)) == at(list(values)) == [7]


@pytest.fixture
def runs(tmp_path):
    for day in range(1, 8):
        name = f"{'zyxwvut'[day - 1]}-run"  # the order of names is not that of time
        write(tmp_path / "runs" / name, day, [0.1, 0.2] if day < 5 else [0.3, 0.4])
    return tmp_path / "runs"


def test_a_series_is_in_the_order_of_time_and_knows_the_run_that_changed_it(runs):
    (series,) = history(runs, metrics=["energy"])
    assert [point.run[0] for point in series.points] == list("zyxwvut")
    assert series.points[0].value == pytest.approx(0.15)
    assert series.points[0].seeds == 2
    assert series.points[0].sd == pytest.approx(np.std([0.1, 0.2], ddof=1))
    (change,) = series.changes
    assert (change.run, change.p) == ("v-run", None)
    assert (change.before, change.after) == (pytest.approx(0.15), pytest.approx(0.35))
    assert series.worsened


@pytest.mark.parametrize(
    ("better", "rises", "worsened"),
    [("lower", True, True), ("lower", False, False), ("higher", True, False), ("higher", False, True),
     (None, True, False), (None, False, False)],
)  # fmt: skip
def test_the_last_change_is_for_the_worse_by_the_direction_of_the_metric(better, rises, worsened):
    up, down = (0.5, 0.8), (0.8, 0.5)
    changes = [Change(at, "run", "", *ends, None) for at, ends in enumerate((down, up) if rises else (up, down), 2)]
    assert Series("vae x ring", "energy", better, "", (), tuple(changes)).worsened == worsened
    assert not Series("vae x ring", "energy", better, "", ()).worsened


def test_a_run_with_a_failed_seed_or_of_another_size_has_no_point(runs, capsys):
    write(runs / "failed", 9, [0.1, 0.2], status="failed")
    (series,) = history(runs, metrics=["energy"])
    assert len(series.points) == 7
    write(runs / "small", 10, [0.5, 0.6], sizes={"train": 9, "test": 9, "reference": 9})
    (series,) = history(runs, metrics=["energy"])
    assert (len(series.points), series.left_out) == (1, 7)  # what the newest run measured
    assert main(["history", str(runs)]) == 0
    assert "up to 7 runs are left out of a series" in capsys.readouterr().out


def test_a_run_without_a_finished_cell_harms_no_other(runs):
    (runs / "begun").mkdir()
    write_run(runs / "begun", {"created": "2026-01-08T00:00:00+00:00", "cells": []})
    (series,) = history(runs)
    assert len(series.points) == 7


def test_a_name_that_no_run_has_is_told_with_what_is_near(runs):
    for wanted, near in (
        ({"metrics": ["enrgy"]}, "energy"),
        ({"models": ["va"]}, "vae"),
        ({"datasets": ["rng"]}, "ring"),
    ):
        with pytest.raises(UserError, match=f"in these runs named .*did you mean '{near}'"):
            history(runs, **wanted)


def test_times_are_of_one_machine_and_only_where_they_are_asked_for(tmp_path):
    for day, machine in enumerate(["a", "a", "b", "b"], start=1):
        write(tmp_path / str(day), day, [0.1], timings={"fit_s": 1.0 * day}, machine={"id": machine})
    assert {each.metric for each in history(tmp_path)} == {"energy"}
    (series,) = history(tmp_path, metrics=["fit_s"])
    assert [point.value for point in series.points] == [3.0, 4.0]


def test_runs_are_found_in_folders_and_their_absence_is_told(runs, tmp_path):
    assert len(runs_in([tmp_path])) == 7
    assert len(runs_in([runs / "z-run", runs / "z-run"])) == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no run here"):
        runs_in([tmp_path / "empty"])

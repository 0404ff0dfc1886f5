"""Scores over seeds: their mean, error and distance from the floor."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic import by_label, record, score, seeds

from genbench.record.score import SUSPECT_STANDARD_ERRORS
from genbench.table.aggregate import score_aggregate
from genbench.table.columns import ColumnInfo
from genbench.table.frame import to_frame
from genbench.table.ranking import compared_groups


def test_a_score_that_some_seeds_lack_is_no_mean_over_the_others():
    records = [*seeds("m", [1.0, 2.0]), record("m", 2, [score("energy", None, warnings=["the value is inf"])])]
    row = by_label(records).loc["m"]
    assert pd.isna(row["energy"])
    assert row["energy_missing"] == "missing in 1 of 3 seeds: the value is inf"


@pytest.mark.parametrize(
    ("larger", "smaller", "told"),
    [
        ((412.0, 229.0, 1090.0), (32.1, 24.9, 45.0), True),
        ((47.0, 16.0, 196.0), (5.1, 3.4, 8.2), True),
        ((47.0, 16.0, 196.0), (20.0, 8.0, 50.0), False),
        ((0.004, 0.0, 0.01), (0.001, 0.0, 0.007), False),
        ((3.0, 1.0, 3.1), (1.0, 0.9, 3.0), False),  # a debiased interval, at whose end each lies
    ],
)
def test_single_seeds_are_told_apart_by_the_ends_of_their_intervals_that_face_each_other(larger, smaller, told):
    third = (1000.0, 200.0, 9000.0)  # of which no error is small changes nothing between the others
    for others in ([], [third]):
        info = ColumnInfo("equivalent", "higher", metric="equivalent")
        column = {
            name: score_aggregate([record(name, 0, [score("equivalent", v, low=low, high=high)])], info, "")
            for name, (v, low, high) in zip("abc", [larger, smaller, *others], strict=False)
        }
        ((_, differences),) = compared_groups(column, info)
        assert (differences.adjusted()["a", "b"] < 0.05) == told


@pytest.mark.parametrize("logarithmic", ["equivalent", "energy"])
def test_an_open_interval_states_no_error_that_could_tell_it_from_another(logarithmic):
    info = ColumnInfo(logarithmic, "higher", metric=logarithmic)
    column = {
        name: score_aggregate([record(name, 0, [score(logarithmic, v, low=low, high=high, floor_sd=1.0)])], info, "")
        for name, v, low, high in (("open", 3164.0, 918.7, None), ("closed", 50_000.0, 40_000.0, 60_000.0))
    }
    ((_, differences),) = compared_groups(column, info)
    assert math.isnan(differences.adjusted()["open", "closed"])


def test_better_than_real_beyond_noise_is_suspect():
    def of(value, **fields):
        return [record("m", i, [score("energy", value, floor=1.0, floor_sd=0.1, **fields)]) for i in range(3)]

    assert by_label(of(0.5)).loc["m", "energy_suspect"]
    assert by_label(of(0.5)).loc["m", "energy_z"] == pytest.approx(-3 * 0.5 / math.sqrt(3 * 0.01))
    assert by_label(of(0.5)).loc["m", "energy_floor"] == 1.0
    assert not by_label(of(0.95)).loc["m", "energy_suspect"]
    assert not by_label(of(2.0)).loc["m", "energy_suspect"]
    assert by_label(of(2.0, better="higher")).loc["m", "energy_suspect"]
    assert not by_label(of(0.5, low=-1.0, high=2.0)).loc["m", "energy_suspect"]  # its own error counts as well
    assert SUSPECT_STANDARD_ERRORS == 3.0


def test_without_stated_errors_the_spread_over_seeds_is_the_noise():
    def of(values):
        return by_label([record("m", i, [score("energy", v, floor=1.0)]) for i, v in enumerate(values)]).loc["m"]

    gap = stats.ttest_1samp([-0.5, -0.51, -0.49], 0.0)
    assert of([0.5, 0.49, 0.51])["energy_z"] == pytest.approx(-stats.norm.isf(gap.pvalue / 2))
    assert of([0.5, 0.49, 0.51])["energy_suspect"]
    assert not of([0.5, 0.9, 0.7])["energy_suspect"]
    assert pd.isna(of([0.5])["energy_z"])


def test_stated_z_of_several_seeds_are_added_up():
    def of(*z):
        return by_label([record("m", i, [score("energy", 1.0, floor=1.0, z=each)]) for i, each in enumerate(z)])

    assert of(-2.0, -2.0, -2.0).loc["m", "energy_z"] == pytest.approx(-6 / math.sqrt(3))
    assert of(-2.0, -2.0, -2.0).loc["m", "energy_suspect"]
    assert not of(-2.0, 2.0, -2.0).loc["m", "energy_suspect"]


def test_the_error_of_a_floor_is_that_of_its_mean_over_seeds_and_of_one_seed_its_own():
    def of(*floors):
        records = [record("m", i, [score("energy", 2.0, floor=f, floor_sd=0.3)]) for i, f in enumerate(floors)]
        return score_aggregate(records, ColumnInfo("energy", "lower"), "")

    assert of(1.0, 1.1, 1.5).floor == pytest.approx(1.2)
    assert of(1.0, 1.1, 1.5).floor_error == pytest.approx(np.std([1.0, 1.1, 1.5], ddof=1) / math.sqrt(3))
    assert of(1.0).floor_error == 0.3


def test_z_over_seeds_is_of_the_floors_spread_and_suspicion_of_both_errors():
    def of(width, **detail):
        each = {"z": -5.0, "floor": 1.0, "floor_sd": 0.1, "low": 0.5 - 1.96 * width, "high": 0.5 + 1.96 * width}
        return by_label([record("m", i, [score("energy", 0.5, **each, detail=detail)]) for i in range(2)]).loc["m"]

    for width, suspect in ((0.1, True), (0.3, False)):  # 5 and 2.2 standard errors
        assert of(width)["energy_z"] == pytest.approx(-10 / math.sqrt(2))
        assert of(width)["energy_suspect"] == suspect
    unknown = {"floor": 1.0, "floor_sd": 0.1}  # no interval: its error is taken for that of the floor
    for value, suspect in ((0.5, True), (0.6, False)):  # 3.5 and 2.8 standard errors
        frame = by_label([record("m", 0, [score("energy", value, **unknown)])])
        assert frame.loc["m", "energy_suspect"] == suspect
    like = {"value": 0.9, "standard_error": 0.05}
    assert not of(0.1, compared_with_floor=like)["energy_suspect"]  # as many samples as the floor has rows


def test_a_single_seed_has_the_interval_of_its_score():
    row = by_label([record("m", 0, [score("equivalent", 300.0, low=200.0, high=700.0, level=0.95)])]).loc["m"]
    assert (row["equivalent_low"], row["equivalent_high"]) == (200.0, 700.0)


def test_nothing_is_suspect_for_being_worth_more_than_a_floor_that_is_a_lower_limit():
    why = ["no z: the floor is a lower limit"]
    fields = {"better": "higher", "low": 8000.0, "high": 9999.0, "floor": 1000.0, "floor_sd": 10.0}
    for warnings, suspect in (([], True), (why, False)):
        records = [record("vae", i, [score("equivalent", 9000.0 + i, **fields, warnings=warnings)]) for i in range(3)]
        [row] = to_frame(records).to_dict("records")
        assert row["equivalent_suspect"] is suspect
        assert (row["equivalent_z"] > 3) is suspect

"""Intervals, ranks, the best and unstable models of a column."""

import math

import pytest
from synthetic import by_label, record, score

from genbench.table.aggregate import Aggregate
from genbench.table.column_statistics import with_intervals, with_ranks
from genbench.table.columns import ColumnInfo
from genbench.table.estimate import Estimate
from genbench.table.scales import Values


def entry(*values, ends=(), limit=False, **fields):
    by_seed = dict(enumerate(map(float, values)))
    return Aggregate(
        Estimate(by_seed, limit=limit, logarithmic=bool(ends)), values=Values(by_seed, by_seed),
        ends=dict(enumerate(ends)), **fields,
    )  # fmt: skip


ENERGY = ColumnInfo("energy", "lower")


def ranked(column=ENERGY, failed=(), **entries):
    return with_ranks(entries, failed, column)


def test_models_far_apart_have_one_rank_each_and_the_first_is_the_best():
    found = ranked(a=entry(1.0, 1.1, 0.9), b=entry(9.0, 9.2, 9.1), c=entry(80.0, 81.0, 79.0))
    assert [e.ranks for e in found.values()] == [(1, 1), (2, 2), (3, 3)]
    assert [e.best for e in found.values()] == [True, False, False]


def test_an_unstable_model_is_never_the_best_beside_a_steady_one():
    shares = ColumnInfo("coverage", "higher", metric="coverage")
    steady = {"steady": entry(0.80, 0.81, 0.79), "low": entry(0.70, 0.72, 0.71), "lower": entry(0.60, 0.60, 0.62)}
    found = ranked(shares, erratic=entry(0.96, 0.95, 0.10), **steady)
    assert found["erratic"].unstable
    assert not found["erratic"].best
    assert found["steady"].best


def test_what_is_better_than_real_is_not_the_best_and_takes_the_place_of_nobody():
    found = ranked(copy=entry(0.1, 0.1, 0.1, suspect=True), good=entry(1.0, 1.1, 0.9), bad=entry(9.0, 9.1, 9.2))
    assert [e.best for e in found.values()] == [False, True, False]


def test_failed_models_have_the_last_ranks_and_no_model_is_the_best_where_kinds_mix():
    found = ranked(failed=["x"], x=Aggregate(None, "diverged"), a=entry(1.0, 1.1, 0.9), b=entry(5.0, 5.1, 5.2))
    assert found["x"].ranks == (3, 3)
    mixed = ranked(a=entry(1.0, 1.1, 0.9, kind="exact"), b=entry(5.0, 5.1, 5.2, kind="bound"))
    assert not any(e.best for e in mixed.values())


def test_each_mean_is_inside_its_own_interval():
    energy = ColumnInfo("energy", "lower", metric="energy", best=0.0)
    entries = {"a": entry(0.001, 0.002, 0.004), "b": entry(1.0, 2.0, 4.0), "zero": entry(0.0, 0.0, 0.0)}
    for found in with_intervals(entries, energy).values():
        assert found.interval[0] <= found.estimate.mean <= found.interval[1]


def test_shares_stay_between_zero_and_one_and_times_above_zero():
    share = with_intervals({"m": entry(0.9, 1.0, 0.4)}, ColumnInfo("coverage", "higher", metric="coverage"))["m"]
    assert share.interval[0] >= 0.0
    assert share.interval[1] == 1.0
    time = with_intervals({"m": entry(1.0, 10.0, 90.0)}, ColumnInfo("fit_s", "lower", timing=True))["m"]
    assert time.interval[0] > 0.0


def test_percentages_reach_to_a_hundred():
    column = ColumnInfo("high_quality", "higher", unit="percent", metric="high_quality")
    low, high = with_intervals({"m": entry(90.0, 94.0, 97.0)}, column)["m"].interval
    assert low < 90.0
    assert 98.0 < high <= 100.0


def test_the_interval_of_a_worth_is_open_where_one_seed_is_and_of_limits_always():
    worth = ColumnInfo("equivalent", "higher", metric="equivalent")
    ends = [(919.0, math.inf), (800.0, 9000.0)]
    found = with_intervals({"m": entry(3164.0, 2000.0, ends=ends)}, worth)["m"]
    assert found.interval[0] > 0
    assert found.interval[1] == math.inf
    limits = entry(231.0, 512.0, ends=[(231.0, math.inf), (512.0, math.inf)], limit=True)
    assert with_intervals({"m": limits}, worth)["m"].interval == (231.0, math.inf)


def test_a_single_seed_has_the_interval_of_its_score_even_where_it_is_open():
    row = by_label([record("m", 0, [score("equivalent", 3164.0, better="higher", low=918.7)])]).loc["m"]
    assert row["equivalent_low"] == 918.7
    assert math.isnan(row["equivalent_high"])


def test_a_limit_is_never_beaten():
    worth = ColumnInfo("equivalent", "higher", metric="equivalent")
    found = ranked(
        worth, exact=entry(5000.0, 5100.0, 5050.0), limit=entry(900.0, 910.0, 905.0, limit=True),
        small=entry(10.0, 11.0, 10.5),
    )  # fmt: skip
    assert [e.ranks for e in found.values()] == [(1, 2), (1, 2), (3, 3)]
    assert found["limit"].best


def test_nothing_is_best_where_nothing_can_be_tested():
    assert not any(e.best for e in ranked(a=entry(1.0), b=entry(2.0)).values())
    assert ranked() == {}


def test_the_spread_of_all_models_narrows_an_interval_that_three_seeds_would_leave_wide():
    energy = ColumnInfo("nll", "lower", metric="nll")
    values = {"a": (1.0, 1.2, 1.1), "b": (2.0, 2.2, 2.1), "c": (3.0, 3.2, 3.1)}
    alone = with_intervals({"a": entry(*values["a"])}, energy)["a"].interval
    beside = with_intervals({name: entry(*each) for name, each in values.items()}, energy)["a"].interval
    assert beside[1] - beside[0] == pytest.approx((alone[1] - alone[0]) * 2.776 / 4.303, rel=1e-3)

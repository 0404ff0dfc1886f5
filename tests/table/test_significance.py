"""Which differences are called real: the tests of pairs, their errors and power by simulation, intervals for ranks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genbench.table.significance import Estimate, difference_p, holm, pair_p_values, rank_intervals

TABLES = 400


def column(rows):
    return {str(i): Estimate(dict(enumerate(row))) for i, row in enumerate(rows)}


def tied(rows, better="lower"):
    return {name for name, place in rank_intervals(column(rows), better).items() if place.tied}


# ------------------------------------------------------------------------------------------------------------- pairs


def test_welch_agrees_with_scipy():
    rng = np.random.default_rng(0)
    for n, m in ((3, 3), (3, 7), (10, 2)):
        a, b = rng.normal(0, 1, n), rng.normal(1, 3, m)
        mine = difference_p(Estimate(dict(enumerate(a))), Estimate(dict(enumerate(b))))
        assert mine == pytest.approx(stats.ttest_ind(a, b, equal_var=False).pvalue)


def test_single_seeds_are_told_apart_by_their_sampling_error():
    p = difference_p(Estimate({0: 0.0}, 1.0), Estimate({0: 3.0}, 1.0))
    assert p == pytest.approx(2 * stats.norm.sf(3 / math.sqrt(2)))
    assert math.isnan(difference_p(Estimate({0: 0.0}), Estimate({0: 3.0}, 1.0)))


def test_two_models_are_compared_by_welch_on_the_logarithms():
    a, b = [1.0, 2.0, 1.5], [3.0, 4.0, 6.0]
    expected = stats.ttest_ind(np.log(a), np.log(b), equal_var=False).pvalue
    assert pair_p_values(column([a, b]))["0", "1"] == pytest.approx(expected)


@pytest.mark.parametrize("shared", [0.0, 2.0])
def test_with_many_seeds_the_moderated_test_is_the_paired_t_of_the_logarithms(shared):
    rng = np.random.default_rng(2)
    rows = np.exp(rng.normal([[0.0], [0.1], [0.2]], 1.0, (3, 4000)) + rng.normal(0.0, shared, 4000))
    p_values = pair_p_values(column(rows))
    for (one, other), p in p_values.items():
        expected = stats.ttest_rel(np.log(rows[int(one)]), np.log(rows[int(other)])).pvalue
        assert math.log(p) == pytest.approx(math.log(expected), rel=0.1, abs=0.05)


def test_what_all_models_share_in_a_seed_does_not_count():
    rng = np.random.default_rng(3)
    shared, own = rng.normal(0, 2.0, 5), rng.normal(0, 0.1, (4, 5))
    rows = np.exp(np.array([[0.0], [0.0], [1.0], [1.0]]) + own + shared)
    assert tied(rows) == {"0", "1"}
    assert tied(np.exp(np.log(rows) + rng.normal(0, 2.0, (4, 5)))) == {"0", "1", "2", "3"}  # nothing shared, as wide


def test_the_scale_and_the_order_of_models_and_seeds_change_nothing():
    rows = np.exp(np.random.default_rng(4).normal(0, 1, (4, 3)))
    p = pair_p_values(column(rows))
    assert pair_p_values(column(1e-9 * rows)) == pytest.approx(p)
    assert pair_p_values(column(rows[:, ::-1])) == pytest.approx(p)
    flipped = pair_p_values(column(rows[::-1]))
    assert all(flipped[str(3 - int(b)), str(3 - int(a))] == pytest.approx(p[a, b]) for a, b in p)


def test_other_seeds_in_one_model_than_in_another_are_not_paired():
    estimates = {"a": Estimate({0: 1.0, 1: 2.0}), "b": Estimate({0: 1.0, 2: 2.0}), "c": Estimate({0: 5.0, 1: 9.0})}
    expected = difference_p(Estimate({0: math.log(1.0), 1: math.log(2.0)}), Estimate({0: math.log(5), 1: math.log(9)}))
    assert pair_p_values(estimates)["a", "c"] == pytest.approx(expected)


def test_holm_is_the_textbook_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.02, math.nan])[0] == pytest.approx(0.04)  # a test that could not be made counts


# --------------------------------------------------------------------------------- errors and power, by simulation


def simulated(models, seeds, spread, shared, worse=()):
    """Yield columns of equal models, those in ``worse`` three times as bad.

    Logarithms are normal; the models' standard deviations are 0.3, times exp(``spread`` normal); ``shared`` is the
    correlation that the data of a seed bring about.
    """
    rng = np.random.default_rng([models, seeds, int(10 * spread), int(10 * shared), len(worse)])
    means = np.array([math.log(3.0) if i in worse else 0.0 for i in range(models)])
    for _ in range(TABLES):
        sd = 0.3 * np.exp(spread * rng.normal(size=(models, 1)))
        noise = math.sqrt(1 - shared) * rng.normal(size=(models, seeds)) + math.sqrt(shared) * rng.normal(size=seeds)
        yield column(np.exp(means[:, None] + sd * noise))


def told_apart(tables, pairs):
    """Return the share of tables in which any of these pairs is called different, and the share of these pairs."""
    found = []
    for table in tables:
        p_values = pair_p_values(table)
        adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
        found.append([adjusted[str(a), str(b)] < 0.05 for a, b in pairs])
    return np.any(found, axis=1).mean(), np.mean(found)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_equal_models_are_called_different_in_at_most_five_percent_of_columns(seeds):
    rates = []
    for models in (2, 3, 6):
        for spread, shared in ((0.0, 0.0), (0.0, 0.5), (0.5, 0.0)):
            pairs = [(a, b) for a in range(models) for b in range(a + 1, models)]
            rates.append(told_apart(simulated(models, seeds, spread, shared), pairs)[0])
    assert np.mean(rates) <= 0.05
    assert max(rates) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / TABLES)


def test_equal_models_beside_worse_ones_too():
    equal = [(0, 1), (0, 2), (1, 2)]
    for seeds in (3, 5):
        rate, _ = told_apart(simulated(6, seeds, 0.0, 0.0, worse=(3, 4, 5)), equal)
        assert rate <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / TABLES)


def test_where_spreads_differ_much_the_rate_stays_below_a_tenth_and_the_quiet_ones_are_told():
    rng, pairs = np.random.default_rng(7), [(a, b) for a in range(6) for b in range(a + 1, 6)]
    sd = 0.05 * np.array([1, 1, 1, 1, 5, 5])[:, None]
    equal = [column(np.exp(sd * rng.normal(size=(6, 3)))) for _ in range(TABLES)]
    assert told_apart(equal, pairs)[0] <= 0.10
    means = np.array([0.0, 0.0, 0.25, 0.25, 0.0, 0.0])[:, None]
    apart = [column(np.exp(means + sd * rng.normal(size=(6, 5)))) for _ in range(TABLES)]
    assert told_apart(apart, [(0, 2), (0, 3), (1, 2), (1, 3)])[1] >= 0.95


@pytest.mark.parametrize(("seeds", "power"), [(3, 0.6), (5, 0.95), (10, 0.99)])
def test_three_times_worse_is_told_with_this_power(seeds, power):
    """Six models, three of them three times worse, 30 % spread over seeds: the share of true differences told."""
    different = [(a, b) for a in range(3) for b in range(3, 6)]
    _, found = told_apart(simulated(6, seeds, 0.0, 0.0, worse=(3, 4, 5)), different)
    assert found >= power


def test_moderation_tells_three_times_what_welch_tells_at_three_seeds():
    hits, welch, pairs = 0, 0, 0
    for table in simulated(6, 3, 0.0, 0.0, worse=(3, 4, 5)):
        logs = {name: Estimate({s: math.log(v) for s, v in e.by_seed.items()}) for name, e in table.items()}
        mine = pair_p_values(table)
        theirs = {(a, b): difference_p(logs[a], logs[b]) for a, b in mine}
        for p_values in (mine, theirs):
            adjusted = dict(zip(p_values, holm(list(p_values.values())), strict=True))
            found = sum(adjusted[str(a), str(b)] < 0.05 for a in range(3) for b in range(3, 6))
            hits, welch = (hits + found, welch) if p_values is mine else (hits, welch + found)
        pairs += 9
    assert hits > 3 * welch > 0
    assert welch < 0.3 * pairs


def test_intervals_for_ranks_hold_the_true_ranks():
    true = {"0": (1, 2), "1": (1, 2), "2": (3, 4), "3": (3, 4)}  # equals share their ranks
    covered = []
    for table in simulated(4, 3, 0.0, 0.0, worse=(2, 3)):
        found = rank_intervals(table, "lower")
        covered.append(all(found[name].low <= low and high <= found[name].high for name, (low, high) in true.items()))
    assert np.mean(covered) >= 0.95 - 3 * math.sqrt(0.05 * 0.95 / TABLES)


# ---------------------------------------------------------------------------------------------------- rank intervals


def test_models_far_apart_have_one_rank_each():
    rng = np.random.default_rng(1)
    rows = np.exp(rng.normal(0, 0.1, (4, 5)) + 3.0 * np.arange(4)[:, None])
    assert [(p.rank, p.low, p.high) for p in rank_intervals(column(rows), "lower").values()] == [
        (1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4)]  # fmt: skip
    assert tied(rows, "higher") == {"3"}


def test_models_that_cannot_be_told_apart_share_their_ranks():
    found = rank_intervals(column([[1.0, 1.4, 0.6], [1.1, 1.5, 0.9], [9.0, 9.1, 9.2]]), "lower")
    assert [(p.rank, p.low, p.high, p.tied) for p in found.values()] == [
        (1, 1, 2, True), (2, 1, 2, True), (3, 3, 3, False)]  # fmt: skip


def test_nothing_is_best_where_nothing_can_be_tested():
    untested = rank_intervals({"a": Estimate({0: 1.0}), "b": Estimate({0: 2.0})}, "lower")
    assert [(p.rank, p.low, p.high, p.tied) for p in untested.values()] == [(1, 1, 2, False), (2, 1, 2, False)]
    assert not rank_intervals({"a": Estimate({0: 1.0}, 0.1)}, "lower")["a"].tied
    assert rank_intervals({}, "lower") == {}


def test_seeds_that_agree_exactly_tie_only_with_the_same_value():
    assert tied([[8.0, 8.0], [8.0, 8.0], [7.0, 7.0]], "higher") == {"0", "1"}
    assert tied([[25.0] * 3, [25.0] * 3, [25.0] * 3, [12.0, 13.0, 12.0]], "higher") == {"0", "1", "2"}


def test_a_lower_limit_is_never_called_smaller():
    found = rank_intervals(
        {
            "exact": Estimate(dict(enumerate([5000.0, 5100.0, 5050.0]))),
            "limit": Estimate(dict(enumerate([900.0, 910.0, 905.0])), limit=True),
            "small": Estimate(dict(enumerate([10.0, 11.0, 10.5]))),
        },
        "higher",
    )
    assert [(p.low, p.high, p.tied) for p in found.values()] == [(1, 2, True), (1, 2, True), (3, 3, False)]


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3), min_size=1, max_size=6))
def test_every_column_has_places(rows):
    found = rank_intervals(column(rows), "lower").values()
    assert all(1 <= p.low <= p.rank <= p.high <= len(rows) for p in found)
    assert min(p.low for p in found) == 1


def test_single_seeds_are_compared_by_their_ratios_where_each_is_clear_of_its_error() -> None:
    """28 with an error of 11 and 5.6 with an error of 2.2 are five times apart, and two errors apart."""
    column = {"one": Estimate({0: 28.0}, 11.0), "other": Estimate({0: 5.6}, 2.2)}
    assert difference_p(*column.values()) > 0.04
    found = pair_p_values(column)["one", "other"]
    assert found == pytest.approx(2 * stats.norm.sf(np.log(5) / np.hypot(11 / 28, 2.2 / 5.6)))
    near_zero = {"one": Estimate({0: 0.001}, 0.002), "other": Estimate({0: 0.01}, 0.002)}
    assert pair_p_values(near_zero)["one", "other"] == pytest.approx(difference_p(*near_zero.values()))


def test_the_scale_of_single_seeds_is_chosen_for_each_pair() -> None:
    """A value near zero takes nothing from the others, and is itself compared on the linear scale."""
    clear = {"one": Estimate({0: 28.0}, 11.0), "other": Estimate({0: 5.6}, 2.2)}
    alone = pair_p_values(clear)["one", "other"]
    beside = pair_p_values({**clear, "near zero": Estimate({0: 0.001}, 0.003)})
    assert beside["one", "other"] == alone
    near = Estimate({0: 0.001}, 0.003)
    assert beside["other", "near zero"] == pytest.approx(difference_p(clear["other"], near))


def test_a_single_seed_is_compared_by_its_error_towards_the_other() -> None:
    column = {
        "larger": Estimate({0: 412.0}, 220.0, sides=(93.0, 346.0)),
        "smaller": Estimate({0: 32.0}, 20.0, sides=(4.0, 24.0)),
    }
    expected = 2 * stats.norm.sf(380 / np.hypot(93, 24))
    assert pair_p_values(column)["larger", "smaller"] == pytest.approx(expected)
    assert pair_p_values(dict(reversed(column.items())))["smaller", "larger"] == pytest.approx(expected)


def test_equal_single_seeds_with_skewed_intervals_are_called_different_in_at_most_five_percent() -> None:
    rng, wrong = np.random.default_rng(7), 0
    for _ in range(2000):  # each is its truth times a factor of e^(0.7 x normal), and its interval says so
        column = {}
        for name in "ab":
            value = 100 * np.exp(0.7 * rng.normal())
            low, high = value * np.exp(-1.96 * 0.7), value * np.exp(1.96 * 0.7)
            sides = ((value - low) / 1.96, (high - value) / 1.96)
            column[name] = Estimate({0: value}, (high - low) / 3.92, sides=sides)
        wrong += pair_p_values(column)["a", "b"] < 0.05
    assert wrong / 2000 <= 0.055


def test_a_limit_beats_what_lies_below_it_and_is_never_beaten() -> None:
    column = {"limit": Estimate({0: 250.0}, 0.0, limit=True), "low": Estimate({0: 30.0}, 5.0)}
    found = rank_intervals(column, "higher")
    assert (found["limit"].high, found["low"].low) == (1, 2)
    above = {"limit": Estimate({0: 250.0}, 0.0, limit=True), "high": Estimate({0: 3000.0}, 100.0)}
    assert (rank_intervals(above, "higher")["limit"].rank, rank_intervals(above, "higher")["limit"].low) == (2, 1)

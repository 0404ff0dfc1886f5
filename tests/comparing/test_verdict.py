"""How sides are decided: each verdict, the units, what is missing, and what runs could have shown."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from genbench.comparing import Comparison, Pair, Verdict, decide_fact, decide_quality, decide_speed, decide_status
from genbench.comparing.power import runs_for, runs_to_exclude, smallest_shift
from genbench.errors import Inconclusive, Regression

TIGHT = [1.00, 1.01, 0.99, 1.02, 1.01]


def one(base, head, **fields):
    sides = [dict(enumerate(values)) if isinstance(values, list) else values for values in (base, head)]
    return decide_quality([Pair("vae x ring", "energy", *sides, **fields)])[0]


# --------------------------------------------------------------------------------------------------------------- power


@pytest.mark.parametrize(("seeds", "seen"), [(3, 0.36), (5, 0.22), (10, 0.14)])
def test_the_smallest_effect_is_the_published_one_at_a_spread_of_9_percent(seeds, seen):
    assert smallest_shift(0.09, seeds) == pytest.approx(seen, abs=0.005)


def test_so_large_a_shift_is_indeed_seen_four_times_in_five():
    rng = np.random.default_rng(0)
    base = rng.normal(0.0, 1.0, (20_000, 5))
    head = rng.normal(smallest_shift(1.0, 5), 1.0, (20_000, 5))
    assert np.mean(stats.ttest_ind(head, base, axis=1, alternative="greater").pvalue < 0.01) == pytest.approx(
        0.8, abs=0.01
    )


@given(st.floats(0.05, 3.0), st.floats(0.01, 1.0))
def test_the_number_of_runs_advised_is_the_first_that_is_enough(shift, sd):
    runs = runs_for(shift, sd)
    if runs is None:
        assert smallest_shift(sd, 1000) > shift
    else:
        assert smallest_shift(sd, runs) <= shift
        assert runs == 2 or smallest_shift(sd, runs - 1) > shift


def test_no_number_of_runs_excludes_a_margin_that_is_not_there():
    assert runs_to_exclude(0.0, 1.0) is None
    assert runs_to_exclude(1e-9, 1.0) is None
    assert runs_to_exclude(1.0, 0.1) == 2 or runs_to_exclude(1.0, 0.1) == 3


# --------------------------------------------------------------------------------------------------------------- speed


def test_speed_needs_both_a_ratio_of_the_fastest_and_a_test():
    assert decide_speed(TIGHT, [1.2 * t for t in TIGHT]).verdict == "regressed"
    assert decide_speed([1.2 * t for t in TIGHT], TIGHT).verdict == "improved"
    assert decide_speed(TIGHT, [1.05 * t for t in TIGHT]).verdict == "unchanged"  # sure, and too small to count
    noisy = decide_speed([1.0, 1.5, 1.3, 2.0, 1.1], [1.1, 1.4, 1.9, 1.3, 1.0])
    assert noisy.verdict == "inconclusive"
    assert noisy.more_runs > 0


def test_few_processes_settle_nothing_and_say_how_many_are_missing():
    found = decide_speed([1.0, 1.0], [3.0, 3.0])
    assert (found.verdict, found.more_runs) == ("inconclusive", 3)


def test_a_process_that_failed_is_the_slowest_and_is_not_dropped():
    assert decide_speed(TIGHT, [*TIGHT[:4], None]).verdict == "regressed"
    assert decide_speed([*TIGHT[:4], None], [*TIGHT[:4], None]).verdict == "inconclusive"


def test_pairs_see_through_a_drift_that_sides_as_a_whole_do_not():
    drift = [1.0, 1.3, 1.7, 2.2, 2.9]
    base, head = drift, [1.15 * t * wobble for t, wobble in zip(drift, [1.0, 1.01, 0.99, 1.0, 1.005], strict=True)]
    assert decide_speed(base, head).verdict != "regressed"
    assert decide_speed(base, head, paired=True).verdict == "regressed"


def test_times_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="positive"):
        decide_speed([0.0] * 5, TIGHT)
    with pytest.raises(ValueError, match="cannot be paired"):
        decide_speed(TIGHT, TIGHT[:4], paired=True)


@given(st.floats(1e-6, 1e6))
def test_the_unit_of_time_changes_no_verdict(unit):
    head = [1.13, 1.2, 1.15, 1.18, 1.11]
    for paired in (False, True):
        found = decide_speed([unit * t for t in TIGHT], [unit * t for t in head], paired=paired)
        assert found.verdict == decide_speed(TIGHT, head, paired=paired).verdict


# ------------------------------------------------------------------------------------------------------------- quality


def test_the_same_seeds_with_the_same_values_pass_at_once_even_a_single_one():
    assert one([0.3], [0.3]).verdict == "unchanged"
    assert one([0.3, 0.5], [0.3 * (1 + 3e-7), 0.5]).verdict == "unchanged"
    assert one([0.3], [0.31]).verdict == "inconclusive"
    assert one({0: 0.3}, {7: 0.3}).verdict == "inconclusive"  # another seed: chance


def test_seeds_of_one_side_alone_are_no_change_where_the_others_drew_the_same():
    assert one([0.3, 0.5, 0.4], {1: 0.5}).verdict == "inconclusive"  # as modes might be, by chance
    found = one([0.3, 0.5, 0.4], {1: 0.5}, same_samples=True)
    assert (found.verdict, found.reason) == ("unchanged", "equal at every seed that both sides have")
    assert one([0.3], [0.3, 0.9], same_samples=True).verdict == "unchanged"
    assert one([0.3, 0.5, 0.4], {1: 0.5, 2: 0.41}, same_samples=True).verdict == "inconclusive"
    assert one([0.3, math.inf], [0.3], same_samples=True).verdict != "unchanged"  # a failure is never left out
    assert one([0.3], [0.3, None], same_samples=True).verdict == "regressed"


def test_the_direction_of_the_metric_decides_what_is_worse():
    low, high = [0.50, 0.51, 0.49, 0.50, 0.52], [0.80, 0.81, 0.79, 0.80, 0.82]
    assert one(low, high, better="lower").verdict == "regressed"
    assert one(low, high, better="higher").verdict == "improved"
    assert one(high, low, better="higher").verdict == "regressed"


def test_a_change_within_the_resolution_of_the_floor_does_not_count_however_sure():
    base, head = [0.0100, 0.0101, 0.0099, 0.0100, 0.0102], [0.0120, 0.0121, 0.0119, 0.0120, 0.0122]
    assert one(base, head, floor=0.0, floor_sd=1e-4).verdict == "regressed"
    assert one(base, head, floor=0.0, floor_sd=1e-3).verdict == "unchanged"  # two of its deviations


def test_nats_are_a_logarithm_already():
    base, head = [100.0, 100.001, 99.999, 100.0, 100.002], [100.1, 100.101, 100.099, 100.1, 100.102]
    assert one(base, head, unit="nats per dimension").verdict == "regressed"  # 0.1 nats, though 0.1 %
    assert one(base, head, unit="").verdict == "unchanged"


def test_a_value_that_got_lost_is_a_regression_and_one_that_always_is_counts_as_the_worst():
    assert one([0.5, 0.5, 0.5], [0.5, None, 0.4]).verdict == "regressed"
    values = [0.5, 0.51, 0.52, 0.49, 0.5, 0.51, 0.48, 0.5]
    with_failure = one([*values, math.inf], [*(v / 10 for v in values), math.inf])
    assert with_failure.base is None  # no mean over survivors
    worse = one([math.inf, *values], [*[math.inf] * 8, 0.5])
    assert worse.verdict == "regressed"
    assert one([*values, None], [*[3 * v for v in values], None]).verdict == "regressed"


def test_values_without_spread_are_no_proof():
    assert one([25.0] * 3, {5: 20.0, 6: 20.0, 7: 20.0}, better="higher", floor_sd=0.01).verdict == "inconclusive"
    seeds = {100 + i: 20.0 for i in range(8)}
    assert one([25.0] * 8, seeds, better="higher", floor_sd=0.01).verdict == "regressed"


def test_zero_everywhere_is_equal_and_negative_scores_are_no_trouble():
    assert one([0.0] * 3, [0.0] * 3).verdict == "unchanged"
    assert one([-1e-4, 2e-4, 1e-4], {5: 1e-4, 6: -2e-4, 7: 0.0}, floor_sd=2e-4).verdict in ("unchanged", "inconclusive")
    assert one([0.0] * 3, {5: 0.0, 6: 0.0, 7: 0.0}).verdict == "unchanged"


def test_the_number_of_metrics_is_paid_for():
    rng = np.random.default_rng(1)
    hit = Pair("a", "m", dict(enumerate([1.0, 1.1, 0.9, 1.0])), dict(enumerate([1.5, 1.6, 1.4, 1.55], start=9)))
    noise = [
        Pair("a", f"m{i}", dict(enumerate(rng.normal(5, 1, 4))), dict(enumerate(rng.normal(5, 1, 4), start=9)))
        for i in range(300)
    ]
    assert decide_quality([hit])[0].verdict == "regressed"
    assert decide_quality([hit, *noise])[0].verdict == "inconclusive"
    settled = [Pair("a", f"s{i}", {0: 1.0}, {0: 1.0}) for i in range(300)]  # what did not change costs nothing
    assert decide_quality([hit, *settled])[0].verdict == "regressed"


def test_seeds_that_agree_are_paired_in_whatever_order_they_come():
    offsets = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    base = dict(enumerate(offsets))
    head = {seed: 1.2 * base[seed] * (1 + 1e-3 * (-1) ** seed) for seed in reversed(range(6))}
    assert one(base, head).verdict == "regressed"
    assert one(base, {seed + 50: value for seed, value in head.items()}).verdict == "inconclusive"


def test_what_is_advised_settles_it():
    rng = np.random.default_rng(2)
    base, head = rng.normal(1.0, 0.1, 3), rng.normal(1.3, 0.1, 3)
    first = one(list(base), dict(enumerate(head, start=9)))
    assert first.verdict == "inconclusive"
    n = 3 + first.more_runs
    settled = [
        one(list(rng.normal(1.0, 0.1, n)), dict(enumerate(rng.normal(1.3, 0.1, n), start=99))).verdict
        for _ in range(50)
    ]
    assert settled.count("regressed") > 25


# ---------------------------------------------------------------------------------------------------- facts and status


def test_facts_are_compared_exactly():
    assert decide_fact(100, 100).verdict == "unchanged"
    assert decide_fact(100, 101).verdict == "changed"
    assert decide_fact(100, 101, better="lower").verdict == "regressed"
    assert decide_fact(101, 100, better="lower").verdict == "improved"
    assert decide_fact("ab", "cd", better="lower").verdict == "changed"


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        (["ok"] * 3, ["ok"] * 3, "unchanged"),
        (["ok"] * 3, ["ok", "ok", "timeout"], "regressed"),
        (["failed"] * 3, ["failed"] * 3, "unchanged"),
        (["ok", "failed"], ["ok", "ok"], "improved"),
        (["ok", "ok", "failed"], ["ok", "failed", "failed"], "inconclusive"),
        (["ok"] * 9 + ["failed"], ["failed"] * 10, "regressed"),
        (["ok"] * 3, ["ok", "interrupted", "lost"], "unchanged"),
        (["ok"] * 3, ["interrupted"] * 3, "not comparable"),
    ],
)
def test_how_cells_ended(base, head, verdict):
    assert decide_status(base, head).verdict == verdict


def test_shares_that_cannot_be_told_apart_say_how_many_more_runs_would():
    base, head = ["ok", "ok", "failed"], ["ok", "failed", "failed"]
    more = decide_status(base, head).more_runs
    assert more % 3 == 0
    times = 1 + more // 3
    assert decide_status(times * base, times * head).verdict == "regressed"
    assert decide_status((times - 1) * base, (times - 1) * head).verdict == "inconclusive"


def test_an_inconclusive_score_that_no_number_of_runs_settles_says_so():
    found = one([1.0, 1.1, 0.9], {seed: value + 0.0499 for seed, value in enumerate([1.0, 1.1, 0.9], 9)}, unit="nats")
    assert (found.verdict, found.more_runs) == ("inconclusive", None)
    assert "nor would 1000" in found.reason


# ----------------------------------------------------------------------------------------------------------- the whole


def verdicts(*names):
    return Comparison(tuple(Verdict(f"cell {i}", "energy", name) for i, name in enumerate(names)))


def test_exit_codes():
    assert verdicts("unchanged", "improved", "new").exit_code(strict=True) == 0
    assert verdicts("unchanged", "inconclusive").exit_code() == 0
    assert verdicts("unchanged", "inconclusive").exit_code(strict=True) == 5
    assert verdicts("unchanged", "missing").exit_code(strict=True) == 5
    assert verdicts("not comparable").exit_code(strict=True) == 5  # nothing was decided: that is no pass
    assert verdicts("inconclusive", "regressed").exit_code(strict=True) == 4
    verdicts("inconclusive").check()
    with pytest.raises(Inconclusive):
        verdicts("inconclusive").check(strict=True)
    with pytest.raises(Regression, match="cell 1, energy"):
        verdicts("unchanged", "regressed").check()


def test_the_worst_comes_first_and_the_summary_names_it():
    found = verdicts("unchanged", "improved", "regressed", "inconclusive")
    assert [each.verdict for each in found.verdicts] == ["regressed", "inconclusive", "improved", "unchanged"]
    assert found.summary.startswith("Regressed: cell 2, energy")
    assert list(found.to_frame()["verdict"]) == [each.verdict for each in found.verdicts]


def test_a_verdict_of_another_name_is_refused():
    with pytest.raises(ValueError, match="expected one of"):
        Verdict("a", "b", "fine")


SIDE = st.dictionaries(
    st.integers(0, 8),
    st.one_of(st.none(), st.just(math.inf), st.just(0.0), st.just(25.0), st.floats(-1e12, 1e12)),
    min_size=1,
    max_size=6,
)


@given(
    SIDE, SIDE, st.sampled_from(["lower", "higher"]), st.sampled_from(["", "nats"]), st.sampled_from([None, 0.0, 1e-6])
)
@example({0: 0.0, 1: 5e-73}, {0: 25.0, 1: 5e-73}, "lower", "", None)  # the shift that could be seen is infinite
def test_whatever_the_scores_there_is_one_verdict_that_mirrors(base, head, better, unit, floor_sd):
    found = one(base, head, better=better, unit=unit, floor_sd=floor_sd)
    assert found.p is None or 0.0 <= found.p <= 1.0
    back = one(head, base, better=better, unit=unit, floor_sd=floor_sd)
    if not {None, math.inf} & {*base.values(), *head.values()} and found.verdict == "regressed":
        assert back.verdict != "regressed"
    if unit == "nats":  # nothing but the sign of the metric differs
        other = "higher" if better == "lower" else "lower"
        assert one(turned(base), turned(head), better=other, unit=unit, floor_sd=floor_sd).verdict == found.verdict


def turned(side):
    return {seed: value if value in (None, math.inf) else -value for seed, value in side.items()}

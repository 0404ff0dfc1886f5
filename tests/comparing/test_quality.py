"""Which of two sides scores worse: gates, units, missing values, and the advice."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from genbench.comparing import Pair, decide_quality


def one(base, head, **fields):
    sides = [dict(enumerate(values)) if isinstance(values, list) else values for values in (base, head)]
    return decide_quality([Pair("vae x ring", "energy", *sides, **fields)])[0]


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


def test_an_inconclusive_score_that_no_number_of_runs_settles_says_so():
    found = one([1.0, 1.1, 0.9], {seed: value + 0.0499 for seed, value in enumerate([1.0, 1.1, 0.9], 9)}, unit="nats")
    assert (found.verdict, found.more_runs) == ("inconclusive", None)
    assert "nor would 1000" in found.reason


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


def paired(spread, gaps):
    """Return two sides of seeds that differ much from each other, and by these logarithms between sides."""
    base = np.exp(spread * np.linspace(-1, 1, len(gaps)))
    return base, base * np.exp(gaps)


def test_the_smaller_p_of_two_tests_is_doubled():
    gaps = np.array([0.10, 0.06, 0.12, 0.09, 0.08, 0.11, 0.07])
    for spread in (0.01, 3.0):  # where seeds differ little and where they differ much
        base, head = paired(spread, gaps)
        welch = stats.ttest_ind(np.log(head), np.log(base), equal_var=False, alternative="greater").pvalue
        pairs = stats.ttest_rel(np.log(head), np.log(base), alternative="greater").pvalue
        assert one(list(base), list(head)).p == pytest.approx(2 * min(welch, pairs), rel=1e-9)


@pytest.mark.parametrize(("size", "verdict"), [(0.043, "unchanged"), (0.048, "inconclusive")])
def test_a_bound_is_at_half_of_alpha_where_it_is_the_better_of_two(size, verdict):
    """Ten gaps of this size up and down have the error size / 3; the margin of 5 % is 0.0488 as a logarithm.

    Student's t with 9 degrees of freedom is 3.25 at 0.005 and 2.82 at 0.01: the larger gap would pass at 0.01.
    """
    base, head = paired(5.0, size * np.array([1, -1] * 5))
    mean = float(base.mean())
    base, head = base / mean, head / mean
    sides = [dict(enumerate(map(float, side))) for side in (base, head)]
    assert decide_quality([Pair("vae x ring", "energy", *sides)], alpha=0.01)[0].verdict == verdict

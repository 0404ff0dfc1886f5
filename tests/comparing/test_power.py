"""What a number of runs could have shown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from genbench.comparing.power import runs_for, runs_to_exclude, smallest_shift


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
    assert runs_to_exclude(1.0, 0.1) == 2

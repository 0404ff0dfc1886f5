"""The equivalent sample on what is known: memorisers, fresh real data, faults of known size, closed forms, odd data."""

import warnings
from functools import cache

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist

from genbench.protocol import Evidence, RealSide, jackknife_groups
from genbench_equivalent.kernels import FACTORS, Scale, grouped, kernel_sums, scale_of, spread
from genbench_equivalent.metric import amplification, equivalent
from genbench_equivalent.worth import smallest
from genbench_equivalent.worth import worth as numbers
from genbench_toys import GridConfig, MixtureConfig, MoonsConfig
from genbench_toys.curves import Moons
from genbench_toys.mixtures import Grid, Mixture

ROWS = 10_000
GRID, MOONS, MIXTURE = Grid(GridConfig()), Moons(MoonsConfig()), Mixture(MixtureConfig(dim=8))


def generator(seed):
    return np.random.default_rng(seed)


@cache
def moments(toy):
    train = toy.sample(ROWS, generator(99))
    return train.mean(0), train.std(0)


def placed(rows, toy):
    """Return rows in the space that 10,000 training rows of the toy define."""
    mean, std = moments(toy)
    return (rows - mean) / std


def standardised(toy, n, rng):
    return placed(toy.sample(n, rng), toy)


def memoriser(toy, n, rows, rng):
    return standardised(toy, n, rng)[rng.integers(0, n, rows)]


def worth(real, fake, **fields):
    side = real if isinstance(real, RealSide) else RealSide(np.asarray(real, float))
    return equivalent(Evidence(side, np.asarray(fake, float), **fields))


@pytest.fixture(scope="module")
def real():
    return RealSide(standardised(GRID, ROWS, generator(0)))


# -------------------------------------------------------------------------------------------------- what must come out


@pytest.mark.slow
@pytest.mark.parametrize("n", [50, 200, 1000, 2000])
def test_a_memoriser_of_n_events_is_worth_n(real, n) -> None:
    found = [worth(real, memoriser(GRID, n, ROWS, generator((1, n, draw)))) for draw in range(10)]
    assert np.median([score.value for score in found]) == pytest.approx(n, rel=0.25)
    assert not any(score.detail["at_least"] for score in found)
    assert sum(score.low <= n <= score.high for score in found) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("toy", [GRID, MOONS, MIXTURE], ids=["grid", "moons", "mixture"])
@pytest.mark.parametrize("n", [30, 150])
def test_the_interval_covers_the_events_of_a_memoriser_nearly_always(toy, n) -> None:
    draws, rows = 40, 800
    found = []
    for draw in range(draws):
        rng = generator((2, n, draw))
        found.append(worth(standardised(toy, rows, rng), memoriser(toy, n, rows, rng)))
    covered = [score.low <= n <= (np.inf if score.high is None else score.high) for score in found]
    assert sum(covered) >= 0.9 * draws
    assert np.median([score.value for score in found]) == pytest.approx(n, rel=0.25)
    widths = [score.high / score.low for score in found if score.high is not None]
    assert len(widths) > draws / 2
    assert np.median(widths) < 9  # an interval that covers because it says nothing would be wider


def test_fresh_real_data_have_a_lower_bound(real) -> None:
    distinguished = 0
    for draw in range(3):
        score = worth(real, standardised(GRID, ROWS, generator((3, draw))))
        distinguished += not score.detail["at_least"]
        if score.detail["at_least"]:
            assert score.value == score.low > 1000
            assert score.high is None
            assert "as far as 10000 held-out rows can tell" in score.warnings[0]
            assert score.replicates == ()
    assert distinguished <= 1


def test_fresh_real_data_are_rarely_distinguished_from_real_data() -> None:
    distinguished = 0
    for draw in range(80):
        rng = generator((4, draw))
        score = worth(standardised(MOONS, 400, rng), standardised(MOONS, 400, rng))
        distinguished += not score.detail["at_least"]
        assert 0 < score.low <= 400
    assert distinguished <= 6


@pytest.mark.parametrize(
    ("n", "m", "shift", "width"), [(1500, 1100, (0.2, 0.0), (1.2, 0.9)), (750, 750, (0.3, 0.0), (1.0, 1.0))], ids=str
)
def test_faults_are_found_even_if_nothing_bounds_the_distance(n, m, shift, width) -> None:
    found = []
    for draw in range(6):
        rng = generator((19, draw))
        found.append(worth(rng.standard_normal((n, 2)), np.array(shift) + width * rng.standard_normal((m, 2))))
    assert not any(score.detail["at_least"] for score in found)
    assert np.median([score.value for score in found]) < m / 5
    unbounded = [score for score in found if score.high is None]
    assert unbounded
    for score in unbounded:
        assert score.low < score.value < np.inf
        assert score.detail["standard_error"] > 0
        assert "no upper bound" in score.warnings[0]


def test_a_mode_that_is_missing_makes_ten_thousand_samples_worth_a_few_hundred(real) -> None:
    rng = generator(5)
    rows = GRID.sample(2 * ROWS, rng)
    nearest = cdist(rows, GRID.centres).argmin(1)
    found = [worth(real, placed(rows[nearest != mode][:ROWS], GRID)) for mode in (0, 7, 12)]  # corner, inside, centre
    assert 370 < np.median([score.value for score in found]) < 620
    assert max(score.high for score in found) < ROWS / 4


def test_modes_that_are_too_wide_are_seen_on_the_smallest_bandwidth_and_not_on_the_largest(real) -> None:
    wide = Grid(GridConfig(sigma=0.1))
    score = worth(real, placed(wide.sample(ROWS, generator(6)), GRID))
    assert score.detail["values"][-1] == pytest.approx(190, rel=0.15)
    assert score.detail["values"][0] is None
    assert score.value == pytest.approx(score.detail["values"][-1])
    assert score.detail["bandwidth"] == pytest.approx(score.detail["bandwidths"][-1])


def test_a_shift_is_worth_what_the_closed_form_says_at_every_bandwidth() -> None:
    shift, rng = 0.5, generator(7)
    score = worth(rng.standard_normal((6000, 1)), shift + rng.standard_normal((6000, 1)))
    for h, value in zip(score.detail["bandwidths"][:5], score.detail["values"], strict=False):
        inside = h / np.sqrt(h * h + 2)  # E k(X, X') of standard normal numbers
        distance = 2 * inside * (1 - np.exp(-shift * shift / (2 * (h * h + 2))))
        assert value == pytest.approx((1 - inside) / distance, rel=0.15)
    energy = 2 / np.sqrt(np.pi)  # E|X - X'|
    gap = (
        2 * (np.sqrt(4 / np.pi) * np.exp(-(shift**2) / 4) + shift * (1 - 2 * _normal(-shift / np.sqrt(2)))) - 2 * energy
    )
    assert score.detail["energy"]["value"] == pytest.approx(energy / gap, rel=0.15)


def test_what_samples_are_worth_at_least_they_are_worth() -> None:
    shift, wrong, limits = 0.06, 0, 0
    for draw in range(60):
        rng = generator((18, draw))
        score = worth(rng.standard_normal((400, 1)), shift + rng.standard_normal((400, 1)))
        if score.detail["at_least"]:
            h = np.array(score.detail["bandwidths"])
            inside = h / np.sqrt(h * h + 2)
            truth = (1 - inside) / (2 * inside * (1 - np.exp(-shift * shift / (2 * (h * h + 2)))))
            limits += 1
            wrong += score.value > truth.min()
    assert limits > 40
    assert wrong <= 0.1 * limits


def _normal(x):
    from scipy.special import ndtr

    return ndtr(x)


def test_rows_closer_to_the_held_out_rows_than_fresh_ones_are_are_not_called_copies(real) -> None:
    score = worth(real, real.rows + 1e-9)
    assert score.detail["at_least"]
    assert ROWS / 3 < score.value <= ROWS
    assert any("closer to the held-out rows than fresh real rows" in text for text in score.warnings)
    assert not any("cop" in text for text in score.warnings)


def test_fresh_real_rows_are_rarely_too_close() -> None:
    closer = 0
    for draw in range(40):
        rng = generator((20, draw))
        closer += any("closer" in text for text in worth(*rng.standard_normal((2, 200, 2))).warnings)
    assert closer <= 4


# ------------------------------------------------------------------------------------------------- over all bandwidths


def test_the_value_and_its_interval_are_the_smallest_over_all_bandwidths(real) -> None:
    rng = generator(21)
    score = worth(real, memoriser(GRID, 200, ROWS, rng) + 0.03 * rng.standard_normal((ROWS, 2)))
    at = score.detail["bandwidths"].index(score.detail["bandwidth"])
    values, highs = ([np.inf if each is None else each for each in score.detail[name]] for name in ("values", "high"))
    assert score.value == values[at]
    assert score.value < 1.3 * min(values)
    assert score.low <= score.detail["low"][at]
    assert min(highs) <= score.high  # which holds at all bandwidths together


def test_the_smallest_worth_is_of_a_scale_that_distinguishes_and_within_its_interval() -> None:
    distance, error = np.array([0.10, 0.05, 0.04]), np.array([0.06, 0.005, 0.03])
    found = numbers(distance, error, np.array([2.0, 50.0, 100.0]), 500, 500, together=3)
    least = smallest(found, 500)
    assert least.at == 1  # the first is farther only because it is noisier
    assert least.value == pytest.approx(20)
    assert not least.is_limit
    assert least.low < least.value < least.high
    assert least.low == pytest.approx(min(found.low[1], found.low_of_all.min()))
    assert least.high == found.high_of_all.min()
    certain = smallest(numbers(distance, error / 10, np.array([2.0, 50.0, 100.0]), 500, 500, together=3), 500)
    assert certain.at == 0


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize(("error", "wider"), [(1e-6, "few events"), (0.02, "jackknife")])
def test_the_wider_of_both_intervals_counts_by_hand(error, wider, together) -> None:
    """Of 20 groups, 40 degrees of freedom, 500 rows of either side, and a distance of 0.1: worth 10 events."""
    distance, floor, degrees = 0.1, 2 / 500, 40.0

    def events(probability):
        """Return the numbers of events by the chi-square of few events, and by Student's t of the jackknife."""
        biased = (distance + floor) / (stats.chi2.ppf(probability, degrees) / degrees) - floor
        return 1 / biased, 1 / (distance - stats.t.ppf(probability, 19) * error)

    found = numbers(np.array([distance]), np.array([error]), np.array([degrees]), 500, 500, together=together)
    low, high, high_of_all = events(0.025), events(0.975), events(1 - 0.025 / together)
    assert (max(high) == high[1]) == (wider == "jackknife")
    assert found.value[0] == pytest.approx(10)
    assert found.low[0] == pytest.approx(min(low))
    assert found.high[0] == pytest.approx(max(high))
    assert found.high_of_all[0] == pytest.approx(max(high_of_all))


def test_no_scale_that_distinguishes_leaves_the_smallest_lower_limit_and_at_most_the_number_of_real_rows() -> None:
    degrees = np.array([2.0, 50.0])
    found = numbers(np.array([0.001, 0.0]), np.array([0.004, 0.001]), degrees, 300, 300, together=2)
    least = smallest(found, 300)
    assert least.is_limit
    assert least.value == least.low == pytest.approx(found.limit.min())
    assert least.high == np.inf
    none = numbers(np.array([-0.006, -0.006]), np.array([1e-5, 1e-5]), np.array([50.0, 90.0]), 300, 300, together=2)
    assert smallest(none, 300).value == 300
    assert none.closer.any()


def test_replicates_are_the_worth_without_each_group_at_the_same_bandwidth() -> None:
    rng = generator(22)
    x, y = rng.standard_normal((400, 2)), rng.standard_normal((300, 2)) + np.array([1.0, 0.0])
    score = worth(x, y)
    assert len(score.replicates) == 20
    assert min(score.replicates) > 0
    for group in (0, 7):
        kept = x[jackknife_groups(400) != group], y[jackknife_groups(300) != group]
        h = score.detail["bandwidth"]
        within, inside, between = (np.exp(-0.5 * (cdist(a, b) / h) ** 2) for a, b in (kept[:1] * 2, kept[1:] * 2, kept))
        n, m = map(len, kept)
        distance = (within.sum() - n) / (n * (n - 1)) + (inside.sum() - m) / (m * (m - 1)) - 2 * between.mean()
        c = 1 - (np.exp(-0.5 * (cdist(x, x) / h) ** 2).sum() - 400) / (400 * 399)
        assert score.replicates[group] == pytest.approx(c / distance, rel=1e-4)


# -------------------------------------------------------------------------------------------------------- amplification


def test_amplification_is_the_equivalent_sample_for_each_training_event(real) -> None:
    train = standardised(GRID, 200, generator(8))
    evidence = Evidence(real, train[generator(9).integers(0, 200, ROWS)], train=train)
    whole, share = equivalent(evidence), amplification(evidence)
    assert [share.value, share.low, share.high] == pytest.approx(
        [x / 200 for x in (whole.value, whole.low, whole.high)]
    )
    assert share.value == pytest.approx(1, rel=0.5)
    assert share.replicates == pytest.approx([each / 200 for each in whole.replicates])
    fresh = amplification(Evidence(real, standardised(GRID, ROWS, generator(10)), train=train))
    assert fresh.detail["at_least"]
    assert fresh.value > 4
    assert fresh.high is None


# ------------------------------------------------------------------------------------------------------- the arithmetic


@pytest.mark.parametrize("d", [1, 2, 3, 5, 40])
@pytest.mark.parametrize("outlier", [0.0, 1e6])
def test_sums_in_one_pass_are_those_of_all_pairs(d, outlier) -> None:
    rng = generator(d)
    x, y = rng.standard_normal((300, d)), rng.standard_normal((170, d)) + 0.3
    x[0] += outlier
    y[:20] = x[:20]  # copies, whose distance is 0
    scale = Scale(np.zeros(d), 1.7 * np.sqrt(d))
    left, right = grouped(x, scale, 6), grouped(y, scale, 5)
    for sums, a, b in ((kernel_sums(left, right), x, y), (kernel_sums(left), x, x)):
        distances = cdist(a, b)
        assert sums[0].sum() == pytest.approx(distances.sum() / scale.median, rel=1e-5)
        for at, factor in enumerate(FACTORS, start=1):
            expected = np.exp(-0.5 * (distances / (scale.median * factor)) ** 2).sum()
            assert sums[at].sum() == pytest.approx(expected, rel=1e-3)
    assert kernel_sums(left) == pytest.approx(kernel_sums(left).transpose(0, 2, 1))


def test_the_spread_of_a_pair_is_that_of_the_centred_kernel() -> None:
    x = generator(11).standard_normal((900, 2))
    mean, variance = spread(grouped(x, Scale(np.zeros(2), 1.0), 20))
    distances = cdist(x, x)
    off = ~np.eye(len(x), dtype=bool)
    for at, kernel in enumerate([distances, *(np.exp(-0.5 * (distances / factor) ** 2) for factor in FACTORS)]):
        centred = kernel - kernel.mean(0) - kernel.mean(1)[:, None] + kernel.mean()
        expected = abs(kernel[off].mean() - (at > 0))
        assert mean[at] == pytest.approx(expected, rel=1e-4)
        assert variance[at] == pytest.approx((centred[off] ** 2).mean(), rel=0.02)


def test_the_scale_is_the_median_distance() -> None:
    rows = generator(12).standard_normal((400, 3))
    assert scale_of(rows).median == pytest.approx(np.median(cdist(rows, rows)[np.triu_indices(400, 1)]))
    assert scale_of(np.repeat(rows[:2], [398, 2], axis=0)).median > 0  # nearly all are equal
    assert scale_of(np.ones((50, 2))).median == 0


@pytest.mark.parametrize(
    ("scale", "offset"), [(1e-30, 0.0), (1e30, 0.0), (1e-250, 0.0), (1e250, 0.0), (1.0, 1e4), (1e-12, 1.0)]
)
def test_units_and_origin_change_nothing(scale, offset) -> None:
    rng = generator(13)
    x, y = rng.standard_normal((500, 4)), rng.standard_normal((400, 4)) * 1.5
    before, after = worth(x, y), worth(x * scale + offset, y * scale + offset)
    assert after.value == pytest.approx(before.value, rel=1e-2)
    assert after.detail["bandwidth"] == pytest.approx(before.detail["bandwidth"] * scale, rel=1e-2)


# -------------------------------------------------------------------------------------------------------- awkward data


@pytest.mark.parametrize(
    ("n", "m", "d"), [(10, 10, 1), (11, 700, 1), (700, 11, 3), (30, 20, 200), (257, 513, 7)], ids=str
)
def test_any_sizes_have_a_value_between_its_bounds(n, m, d) -> None:
    rng = generator((14, n, m, d))
    score = worth(rng.standard_normal((n, d)), rng.standard_normal((m, d)))
    assert score.low <= score.value
    assert score.high is None or score.high >= score.value
    assert (score.n_real, score.n_fake) == (n, m)
    assert len(score.detail["values"]) == len(score.detail["bandwidths"]) == len(FACTORS)


@pytest.mark.parametrize("kind", ["ties", "constant column", "one point", "far away", "heavy tails"])
def test_awkward_rows_are_scored(kind) -> None:
    rng = generator(15)
    x, y = rng.standard_normal((300, 2)), rng.standard_normal((300, 2))
    if kind == "ties":
        x, y = x.round(), y.round()
    elif kind == "constant column":
        x[:, 1] = y[:, 1] = 3.0
    elif kind == "one point":
        y[:] = y[0]
    elif kind == "far away":
        y += 1e8
    else:
        x, y = rng.standard_cauchy((300, 2)), rng.standard_cauchy((300, 2)) ** 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score = worth(x, y)
    assert np.isfinite([score.value, score.low]).all()
    if kind in ("one point", "far away"):
        assert score.value < 5


def test_what_cannot_be_scored_says_why() -> None:
    rows = generator(16).standard_normal((50, 2))
    assert worth(rows[:9], rows).value is None
    assert "at least 10 rows" in worth(rows[:9], rows).warnings[0]
    score = worth(np.ones((50, 2)), rows)
    assert score.value is None
    assert "all equal" in score.warnings[0]
    assert amplification(Evidence(RealSide(rows[:9]), rows, train=rows)).value is None


def test_the_same_evidence_has_the_same_score() -> None:
    rng = generator(17)
    x, y = rng.standard_normal((300, 2)), rng.standard_normal((200, 2))
    assert worth(x, y) == worth(x, y)

"""The faults of all data and the list of them: the facts that define each, on rows whose law is known."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from fault_rows import image_ground, images, table, table_ground
from scipy.spatial.distance import cdist

from genbench.auditing.faults import FAULTS, MAX_REPEATED_POINTS, NEAR_COPY_DISTANCE, OUTLIER_SDS
from genbench.auditing.workspace import RealRows
from genbench.protocol import Array
from genbench.spec import FAULTS as NAMES

N = 600
CENTRES = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0], [20.0, 20.0], [10.0, 40.0]])
WEIGHTS = np.array([0.3, 0.1, 0.2, 0.25, 0.15])


def mixture(n: int, rng: np.random.Generator, correlation: float = 0.8) -> Array:
    """Return n rows of five correlated Gaussians far apart."""
    own = rng.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], n)
    rows: Array = CENTRES[rng.choice(5, n, p=WEIGHTS)] + own
    return rows


@pytest.fixture
def ground() -> RealRows:
    train, spare = (mixture(n, np.random.default_rng(seed)) for seed, n in ((1, N), (2, 5 * N)))
    return RealRows(train, spare, CENTRES, train.std(0))


@pytest.fixture
def rows() -> Array:
    return mixture(N, np.random.default_rng(3))


def inject(name: str, size: float, rows: Array, ground: RealRows, seed: int = 0) -> Array:
    return FAULTS[name](rows, size, np.random.default_rng(seed), ground)


def shares(rows: Array, ground: RealRows) -> Array:
    found: Array = np.bincount(ground.label(rows), minlength=5) / len(rows)
    return found


def held_by(rows: Array, others: Array) -> Array:
    """Return which rows are rows of others, to the last bit."""
    known = set(map(bytes, np.ascontiguousarray(others)))
    return np.array([bytes(row) in known for row in np.ascontiguousarray(rows)])


def test_the_faults_are_those_that_metrics_may_declare() -> None:
    assert tuple(FAULTS) == NAMES
    assert len(NAMES) == 31


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in NAMES for kind in FAULTS[name].data])
def test_each_keeps_the_number_of_rows_and_its_random_numbers(name: str, kind: str) -> None:
    fault = FAULTS[name]
    made, ground = (images, image_ground()) if kind == "image" else (table, table_ground())
    rows = made(len(ground.train), np.random.default_rng(3))
    before = rows.copy()
    for size in (fault.low, fault.size, fault.high):
        faulty = fault(rows, size, np.random.default_rng(0), ground)
        assert faulty.shape == rows.shape
        assert np.isfinite(faulty).all()
        assert (rows == before).all(), "the rows that were given are not touched"
        assert (faulty == fault(rows, size, np.random.default_rng(0), ground)).all()
    assert (fault(rows, fault.size, np.random.default_rng(0), ground) != rows).any()
    assert fault.summary.endswith(".")
    for size in (fault.low / 2, fault.high * 2):
        with pytest.raises(ValueError, match=f"{name}: size must be in"):
            fault(rows, size, np.random.default_rng(0), ground)


@pytest.mark.parametrize("name", NAMES)
def test_the_sizes_tried_are_in_the_range_and_change_a_row(name: str) -> None:
    fault = FAULTS[name]
    for n in (50, 800, 100_000):
        sizes = [*reversed(fault.smaller(n, 2)), fault.size, *fault.larger(2)]
        assert sizes == sorted(set(sizes))
        assert sizes[-1] == fault.high
        assert all(fault.low <= size <= fault.high for size in sizes)
        assert max(b / a for a, b in pairwise(sizes)) < 2 + 1e-9
        assert sizes[0] == (max(fault.low, min(1 / n, fault.size)) if "rows" in fault.unit else fault.low)


@pytest.mark.parametrize("name", ["outliers", "ridges", "exact_copies", "repeated_points", "lost_correlation"])
def test_a_share_is_a_share_of_the_rows(name: str, rows: Array, ground: RealRows) -> None:
    for size in (0.05, 0.2, 0.4):
        changed = (inject(name, size, rows, ground) != rows).any(1).sum()
        assert round(size * N) * 0.98 <= changed <= round(size * N)


@pytest.mark.parametrize(
    "name", ["outliers", "ridges", "exact_copies", "near_copies", "jittered_repeats", "lost_correlation"]
)
def test_a_larger_fault_spoils_the_same_rows_and_more(name: str, rows: Array, ground: RealRows) -> None:
    small = (inject(name, 0.1, rows, ground) != rows).any(1)
    large = (inject(name, 0.3, rows, ground) != rows).any(1)
    assert small.sum() < large.sum()
    assert (large[small]).mean() > 0.97  # a shuffled row may fall on its own place


# ------------------------------------------------------------------------------------------------------------- weights


@pytest.mark.parametrize("size", [0.1, 0.25, 0.45])
def test_dropped_modes_are_gone_and_the_rest_keep_their_proportions(size: float, rows: Array, ground: RealRows) -> None:
    many = mixture(20 * N, np.random.default_rng(4))
    wide = replace(ground, spare=mixture(60 * N, np.random.default_rng(5)))
    found = shares(inject("dropped_modes", size, many, wide), wide)
    ratio = found * (1 - size) / wide.weights  # 1 for a mode that is kept whole
    whole = ratio > 0.97
    assert np.count_nonzero(~whole & (ratio > 0.03)) <= 1, "one mode in part, at most"
    assert (1 - np.clip(ratio, 0, 1)) @ wide.weights == pytest.approx(size, abs=0.01)
    assert held_by(inject("dropped_modes", 0.1, rows, ground), np.concatenate([rows, ground.spare])).all()


def test_what_is_kept_of_dropped_modes_repeats_no_row(rows: Array, ground: RealRows) -> None:
    faulty = inject("dropped_modes", 0.45, rows, ground)
    assert len(np.unique(faulty, axis=0)) == N


@pytest.mark.parametrize("size", [0.05, 0.2, 0.45])
def test_uneven_weights_have_this_total_variation(size: float, ground: RealRows) -> None:
    many = mixture(20 * N, np.random.default_rng(4))
    wide = replace(ground, spare=mixture(100 * N, np.random.default_rng(5)))
    for seed in range(3):
        found = shares(inject("uneven_weights", size, many, wide, seed), wide)
        assert 0.5 * np.abs(found - wide.weights).sum() == pytest.approx(size, abs=0.02)
        assert (found > 0).all()


def test_weights_of_two_modes_of_very_unequal_mass(ground: RealRows) -> None:
    mixed = np.random.default_rng(0).permutation(np.repeat(CENTRES[[0, 4]], [5400, 600], axis=0))
    rows, two = mixed[:N], replace(ground, centres=CENTRES[[0, 4]], spare=mixed[N:])
    faulty = inject("uneven_weights", 0.3, rows, replace(two, train=rows))
    assert np.bincount(two.label(faulty))[1] / N == pytest.approx(0.4, abs=0.06)


def test_the_rows_at_the_centre_of_the_rarest_mode_are_lost(ground: RealRows) -> None:
    many = mixture(20 * N, np.random.default_rng(4))
    wide = replace(ground, spare=mixture(60 * N, np.random.default_rng(5)))
    rarest = CENTRES[WEIGHTS.argmin()]
    for size in (0.02, 0.05):
        faulty = inject("lost_rare_mode", size, many, wide)
        near = np.quantile(np.linalg.norm(many - rarest, axis=1), size)
        assert not (np.linalg.norm(faulty - rarest, axis=1) < 0.9 * near).any()
        found = shares(faulty, wide)
        assert found[WEIGHTS.argmin()] == pytest.approx((0.1 - size) / (1 - size), abs=0.01)
        others = np.delete(found, WEIGHTS.argmin())
        assert others / others.sum() == pytest.approx(np.delete(WEIGHTS, WEIGHTS.argmin()) / 0.9, abs=0.02)


@pytest.mark.parametrize("size", [0.3, 1.0])
def test_one_class_is_drawn_less_or_never(size: float, rows: Array, ground: RealRows) -> None:
    known = np.concatenate([rows, ground.spare])
    labels = ground.label(known) // 2  # three classes
    labelled = replace(ground, classes={row.tobytes(): int(k) for row, k in zip(known, labels, strict=True)})
    faulty = inject("lost_class", size, rows, labelled)
    before, after = (np.bincount(labelled.class_of(each), minlength=3) / N for each in (known[: 6 * N : 6], faulty))
    lost = int(np.argmin(after / before))
    assert after[lost] == pytest.approx(before[lost] * (1 - size) / (1 - size * before[lost]), abs=0.06)
    assert size < 1 or after[lost] == 0
    assert held_by(faulty, known).all()


# --------------------------------------------------------------------------------------------------------------- shape


def test_shift_moves_all_rows_alike(rows: Array, ground: RealRows) -> None:
    moved = inject("shift", 0.3, rows, ground) - rows
    assert np.allclose(moved, moved[0])
    assert np.linalg.norm(moved[0] / ground.scale) == pytest.approx(0.3)


def test_shift_is_as_large_as_said_beside_columns_that_are_constant(rows: Array, ground: RealRows) -> None:
    still = np.zeros((1, 30))
    wide = replace(
        ground,
        train=np.hstack([ground.train, np.repeat(still, len(ground.train), 0)]),
        scale=np.hstack([ground.scale, still[0]]),
    )
    held = np.hstack([rows, np.repeat(still, len(rows), 0)])
    moved = FAULTS["shift"](held, 0.3, np.random.default_rng(1), wide) - held
    assert np.linalg.norm(moved[0][: rows.shape[1]] / ground.scale) == pytest.approx(0.3)
    assert not moved[:, rows.shape[1] :].any()


def test_width_widens_each_mode_around_its_centre(rows: Array, ground: RealRows) -> None:
    labels = ground.label(rows)
    faulty = inject("width", 0.5, rows, ground)
    assert np.allclose(faulty - CENTRES[labels], 1.5 * (rows - CENTRES[labels]))


def test_heavy_tails_keep_directions_and_the_median_and_have_the_tails_of_t(ground: RealRows) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((20_000, 1))
    one = replace(ground, centres=np.zeros((1, 1)))
    for size in (0.05, 0.5, 1.0):
        faulty = inject("heavy_tails", size, rows, one)
        assert (np.sign(faulty) == np.sign(rows)).all()
        far = np.quantile(np.abs(faulty), 0.99) / np.quantile(np.abs(faulty), 0.5)
        from scipy.stats import t

        assert far == pytest.approx(t.ppf(0.995, 1 / size) / t.ppf(0.75, 1 / size), rel=0.1)
        assert np.quantile(np.abs(faulty), 0.5) == pytest.approx(0.6745, rel=0.15)


def test_quantisation_leaves_multiples_and_moves_by_half_a_step_at_most(rows: Array, ground: RealRows) -> None:
    step = 0.1 * ground.scale
    faulty = inject("quantisation", 0.1, rows, ground)
    assert np.allclose(np.round(faulty / step) * step, faulty)
    assert (np.abs(faulty - rows) <= step / 2 * (1 + 1e-9)).all()
    constant = replace(ground, scale=np.array([0.0, 1.0]))
    assert (inject("quantisation", 0.1, rows, constant)[:, 0] == rows[:, 0]).all()


def test_noise_is_as_wide_as_said_and_leaves_constant_columns(rows: Array, ground: RealRows) -> None:
    noise = inject("added_noise", 0.05, rows, ground) - rows
    assert noise.std(0) == pytest.approx(0.05 * ground.scale, rel=0.1)
    assert inject("added_noise", 0.1, rows, ground) - rows == pytest.approx(2 * noise), "the same noise, wider"
    still = inject("added_noise", 0.05, rows, replace(ground, scale=np.array([0.0, 1.0])))
    assert (still[:, 0] == rows[:, 0]).all()


# ---------------------------------------------------------------------------------------------------------- dependence


def test_lost_correlation_keeps_every_marginal_exactly(rows: Array, ground: RealRows) -> None:
    for size in (0.2, 1.0):
        faulty = inject("lost_correlation", size, rows, ground)
        assert (np.sort(faulty, axis=0) == np.sort(rows, axis=0)).all()
    gaussian = np.random.default_rng(0).multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], 20_000)
    for size in (0.3, 1.0):
        lost = inject("lost_correlation", size, gaussian, ground)
        assert np.corrcoef(lost.T)[0, 1] == pytest.approx(0.9 * (1 - size), abs=0.03)


def test_lost_mode_correlation_keeps_every_marginal_of_every_mode(rows: Array, ground: RealRows) -> None:
    faulty = inject("lost_mode_correlation", 1.0, rows, ground)
    labels = ground.label(rows)
    assert (ground.label(faulty) == labels).mean() > 0.99
    for mode in range(5):
        before, after = rows[labels == mode], faulty[labels == mode]
        assert (np.sort(before, axis=0) == np.sort(after, axis=0)).all()
        assert np.corrcoef(before.T)[0, 1] > 0.7
        assert abs(np.corrcoef(after.T)[0, 1]) < 0.35
    assert abs(np.corrcoef(faulty.T)[0, 1] - np.corrcoef(rows.T)[0, 1]) < 0.01, "that of the centres stays"


# ------------------------------------------------------------------------------------------------------ far and between


def test_outliers_are_five_times_as_wide_as_the_data(ground: RealRows) -> None:
    many = mixture(20_000, np.random.default_rng(0))
    faulty = inject("outliers", 0.1, many, ground)
    changed = (faulty != many).any(1)
    assert changed.sum() == 2000
    assert faulty[changed].mean(0) == pytest.approx(ground.train.mean(0), abs=0.3 * OUTLIER_SDS * ground.scale.max())
    assert faulty[changed].std(0) == pytest.approx(OUTLIER_SDS * ground.scale, rel=0.1)


def test_ridges_lie_on_the_way_to_one_of_the_nearest_modes(rows: Array, ground: RealRows) -> None:
    faulty = inject("ridges", 0.5, rows, ground)
    changed = np.flatnonzero((faulty != rows).any(1))
    own = ground.label(rows[changed])
    moved = faulty[changed] - rows[changed]
    for way, mode in zip(moved, own, strict=True):
        nearest = np.argsort(cdist(CENTRES[[mode]], CENTRES)[0])[1:]
        distance = np.sort(cdist(CENTRES[[mode]], CENTRES)[0])[2]
        there = [CENTRES[other] - CENTRES[mode] for other in nearest]
        there = [each for each in there if np.linalg.norm(each) <= distance + 1e-9]
        along = [abs(way[0] * each[1] - way[1] * each[0]) / np.linalg.norm(each) for each in there]
        assert min(along) < 1e-9
        assert np.linalg.norm(way) <= distance + 1e-9


# ------------------------------------------------------------------------------------------------------------- copying


def test_exact_copies_are_training_rows_each_once(rows: Array, ground: RealRows) -> None:
    faulty = inject("exact_copies", 0.3, rows, ground)
    copies = held_by(faulty, ground.train)
    assert copies.sum() == round(0.3 * N)
    assert len(np.unique(faulty[copies], axis=0)) == copies.sum()
    assert held_by(faulty[~copies], rows).all()


def test_near_copies_are_near_and_none_is_exact(rows: Array, ground: RealRows) -> None:
    faulty = inject("near_copies", 0.3, rows, ground)
    changed = (faulty != rows).any(1)
    assert not held_by(faulty, ground.train).any()
    near = cdist(faulty[changed], ground.train)
    moved = NEAR_COPY_DISTANCE * ground.spacing
    assert (near.min(1) <= moved * (1 + 1e-9)).all()
    assert np.median(near.min(1)) == pytest.approx(moved, rel=0.05)


def test_repeated_points_are_few_and_no_training_rows(rows: Array, ground: RealRows) -> None:
    faulty = inject("repeated_points", 0.4, rows, ground)
    changed = (faulty != rows).any(1)
    assert len(np.unique(faulty[changed], axis=0)) == MAX_REPEATED_POINTS
    assert held_by(faulty[changed], ground.spare).all()
    assert not held_by(faulty, ground.train).any()


def test_jittered_repeats_are_near_other_samples_and_none_is_repeated_twice(rows: Array, ground: RealRows) -> None:
    faulty = inject("jittered_repeats", 0.5, rows, ground)
    kept = held_by(faulty, rows)
    assert kept.sum() == N // 2
    distances = cdist(faulty[~kept], faulty[kept])
    at_jitter = np.isclose(distances, NEAR_COPY_DISTANCE * ground.spacing, rtol=1e-6)
    assert at_jitter.any(1).all(), "each repeats a row that is still there"
    assert at_jitter.any(0).sum() == N // 2, "and no row is repeated twice"


def test_a_memorised_half_is_half_of_the_training_rows_again_and_again(rows: Array, ground: RealRows) -> None:
    faulty = inject("memorised_half", 1.0, rows, ground)
    assert held_by(faulty, ground.train[: N // 2]).all()
    distinct = len(np.unique(faulty, axis=0))
    assert distinct / (N // 2) == pytest.approx(1 - np.exp(-2), abs=0.06)  # n draws out of n/2

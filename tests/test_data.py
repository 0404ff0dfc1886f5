"""Splits of data, and their fingerprints."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.budget import Sizes
from genbench.data import copies_between, draw_by_weight, fingerprint, repeated_rows, split, unweighted_count
from genbench.errors import DataError
from genbench.protocol import Array, Data


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@given(n=st.integers(20, 300), train=st.integers(1, 200), test=st.integers(1, 200), reference=st.integers(1, 200))
def test_splits_share_no_row_and_are_never_larger_than_asked(n: int, train: int, test: int, reference: int) -> None:
    rows = np.arange(2 * n, dtype=float).reshape(n, 2)
    parts = split(rows, Sizes(train, test, reference), np.random.default_rng(n))
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
    sizes = [len(part) for part in parts]
    assert all(0 < size <= wanted for size, wanted in zip(sizes, (train, test, reference), strict=True))
    if train + test + reference <= n:
        assert sizes == [train, test, reference]


def test_where_rows_do_not_suffice_they_are_shared_70_15_15(rng: np.random.Generator) -> None:
    parts = split(rng.normal(size=(1000, 2)), Sizes(), rng)
    assert [len(part) for part in parts] == [700, 150, 150]


@given(n=st.integers(14, 100), held=st.integers(6, 100), train=st.integers(1, 120), test=st.integers(1, 120))
def test_a_split_of_the_data_itself_is_kept(n: int, held: int, train: int, test: int) -> None:
    held_out = np.random.default_rng(n).permutation(np.arange(n + held) >= n)
    parts = split(
        np.arange(n + held, dtype=float)[:, None], Sizes(train, test, test), np.random.default_rng(held), held_out
    )
    assert not held_out[parts[0]].any()
    assert held_out[parts[1]].all()
    assert held_out[parts[2]].all()
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
    half = test if 2 * test <= held else min(test, held // 2)
    assert [len(part) for part in parts] == [min(train, n), half, half]


def test_copies_among_held_out_rows_go_to_one_split(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(80, 2))
    rows = np.concatenate([rows, rows[40:60], rows[:3], rows[:3]])  # of held-out rows, and of training rows in both
    held_out = np.arange(len(rows)) >= 40
    held_out[-3:] = False
    train, test, reference = split(rows, Sizes(), rng, held_out)
    assert sorted(train) == np.flatnonzero(~held_out).tolist()
    assert copies_between([rows[test], rows[reference]]) == 0
    assert min(len(test), len(reference)) >= held_out.sum() // 2 - 1  # a pair of copies may not fit


@pytest.mark.parametrize(
    ("held", "words"), [(5, "5 rows are too few for the test split"), (27, "13 .* the train split")]
)
def test_a_split_of_the_data_itself_has_rows_on_both_sides(held: int, words: str, rng: np.random.Generator) -> None:
    with pytest.raises(DataError, match=words):
        split(rng.normal(size=(40, 2)), Sizes(), rng, np.arange(40) < held)


N = 2000


def _fields(rng: np.random.Generator) -> Array:
    """Return images (n, 1, 4, 4) of spins that mostly agree with each other."""
    return (rng.integers(2, size=(N, 1, 1, 1)) ^ (rng.random((N, 1, 4, 4)) < 0.05)).astype(np.uint8)


# rows that are equal because their columns are discrete
DISCRETE: dict[str, Callable[[np.random.Generator], Array]] = {
    "two counts": lambda rng: np.c_[rng.poisson(2, N), rng.poisson(1, N)].astype(float),
    "one count": lambda rng: rng.poisson(3, (N, 1)),
    "a few rows of one count": lambda rng: rng.poisson(3, (60, 1)),
    "a count and its double": lambda rng: rng.poisson(3, (N, 1)) * np.array([1, 2]),
    "counts with a heavy tail": lambda rng: np.floor(rng.pareto(1.5, (N, 2)) + 1),
    "numbers of one digit": lambda rng: rng.normal(size=(N, 2)).round(1),
    "float32 of two digits": lambda rng: rng.normal(size=(N, 1)).round(2).astype(np.float32),
    "a flag": lambda rng: rng.random((N, 1)) < 0.3,
    "a rare flag": lambda rng: (rng.random((N, 1)) < 0.004).astype(float),
    "codes": lambda rng: np.array([10, 20, 35, 999])[rng.integers(4, size=(N, 1))],
    "one-hot": lambda rng: np.eye(5)[rng.choice(5, p=[0.5, 0.3, 0.1, 0.07, 0.03], size=N)],
    "times at the resolution of their type": lambda rng: 1.7e9 + 3e-5 * rng.normal(size=(N, 1)),
    "spins": _fields,
    "half the rows 0, the rest numbers": lambda rng: rng.normal(size=(N, 3)) * (rng.random((N, 1)) < 0.5),
}


@pytest.mark.parametrize("name", DISCRETE)
def test_the_law_of_discrete_columns_is_that_of_the_splits(name: str, rng: np.random.Generator) -> None:
    rows = DISCRETE[name](rng)
    parts = split(rows, Sizes(), rng)
    used = np.concatenate(parts)
    assert len(np.unique(used)) == len(used) >= len(rows) - 10
    flat = rows.reshape(len(rows), -1).astype(float)
    values, index = np.unique(flat, axis=0, return_inverse=True)
    share = np.bincount(index.ravel()) / len(rows)
    for part in parts:  # each value has its share, as in a plain split: the chi-square distance is of its expected size
        found = np.bincount(index.ravel()[part], minlength=len(values))
        expected = share * len(part)
        distance = float(((found - expected) ** 2 / expected).sum())
        assert distance < len(values) + 6 * np.sqrt(2 * len(values)) + 10
    repeats = repeated_rows(rows)
    assert repeats.copies <= 0.01 * len(rows)
    assert "discrete columns" in repeats.note or repeats.copies


def test_two_counts_keep_their_means(rng: np.random.Generator) -> None:
    rows = np.c_[rng.poisson(2, 5000), rng.poisson(1, 5000)].astype(float)
    train, test, reference = split(rows, Sizes(), rng)
    assert [len(train), len(test), len(reference)] == [3500, 750, 750]
    for part in (train, test, reference):
        np.testing.assert_allclose(rows[part].mean(0), [2, 1], atol=6 * np.sqrt(2 / len(part)))


# rows that stand more than once though their columns are not discrete, or oftener than discrete columns repeat
COPIED: dict[str, Callable[[np.random.Generator], Array]] = {
    "all twice": lambda rng: np.tile(rng.normal(size=(N, 3)), (2, 1)),
    "a tenth twice": lambda rng: np.concatenate([x := rng.normal(size=(N, 3)), x[: N // 10]]),
    "drawn with replacement": lambda rng: rng.normal(size=(N, 2))[rng.integers(N, size=N)],
    "one column": lambda rng: np.concatenate([x := rng.normal(size=(N, 1)), x[: N // 10]]),
    "one column of float32": lambda rng: np.concatenate([x := rng.normal(size=(N, 1)), x[:50]]).astype(np.float32),
    "a number and a charge": lambda rng: np.tile(np.c_[rng.normal(size=N), rng.integers(-1, 2, N)], (2, 1)),
    "event numbers": lambda rng: np.tile(np.c_[np.arange(N), rng.normal(size=(N, 2))], (2, 1)),
    "ten integers": lambda rng: np.concatenate([x := rng.integers(50, size=(N, 10)), x[:40]]),
    "three small integers, all twice": lambda rng: np.tile(rng.poisson(9, (N, 3)), (2, 1)),
    "images": lambda rng: np.concatenate([x := rng.integers(256, size=(300, 1, 8, 8), dtype=np.uint8), x[:9]]),
    "a class twenty times": lambda rng: np.concatenate([x := rng.normal(size=(N, 2)), np.tile(x[:30], (19, 1))]),
}


@pytest.mark.parametrize("name", COPIED)
def test_copies_are_kept_and_go_to_one_split(name: str, rng: np.random.Generator) -> None:
    rows = rng.permutation(COPIED[name](rng))
    parts = split(rows, Sizes(), rng)
    used = np.concatenate(parts)
    assert len(np.unique(used)) == len(used) >= len(rows) - 25
    flat = rows.reshape(len(rows), -1)
    _, index = np.unique(flat, axis=0, return_inverse=True)
    sides = [set(index.ravel()[part].tolist()) for part in parts]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]
    assert repeated_rows(rows).copies == len(rows) - len(np.unique(flat, axis=0))
    plain = np.array_split(rng.permutation(len(rows)), 3)  # a broken split is noticed
    assert copies_between([rows[part] for part in parts]) == 0
    assert copies_between([rows[part] for part in plain]) > 0


@given(seed=st.integers(0, 10**6), copies=st.integers(0, 60), train=st.integers(1, 100), test=st.integers(1, 100))
def test_copies_never_make_a_split_larger_than_asked(seed: int, copies: int, train: int, test: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(60, 2))
    rows = np.concatenate([rows, rows[rng.integers(60, size=copies)]])
    parts = split(rows, Sizes(train, test, 10), rng)
    assert all(len(part) <= wanted for part, wanted in zip(parts, (train, test, 10), strict=True))
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))


def test_minus_zero_equals_zero() -> None:
    rows = np.arange(40.0)[:, None]
    rows[1], rows[0] = -0.0, 0.0
    assert repeated_rows(rows).repeats == 1


def test_rows_without_repeats_are_split_as_ever() -> None:
    order = np.random.default_rng(3).permutation(np.arange(100))
    train, test, reference = split(np.arange(200.0).reshape(100, 2), Sizes(), np.random.default_rng(3))
    np.testing.assert_array_equal(np.concatenate([train, test, reference]), order)


def test_the_same_generator_gives_the_same_split_and_another_another() -> None:
    rows = np.arange(100.0)[:, None]
    one, same, other = (split(rows, Sizes(), np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not np.array_equal(one[0], other[0])


def test_too_few_distinct_rows_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(DataError, match=r"19 distinct rows are too few.*at least 20"):
        split(np.repeat(np.arange(19.0), 10)[:, None], Sizes(), rng)


def test_a_fingerprint_tells_values_types_shapes_and_splits_apart() -> None:
    a, b = np.arange(6.0).reshape(3, 2), np.ones((2, 2))
    prints = {
        fingerprint(Data(*parts))
        for parts in [(a, b, b), (b, a, b), (a.astype(np.float32), b, b), (a.reshape(2, 3), b, b), (a + 1e-12, b, b)]
    }
    assert len(prints) == 5
    assert fingerprint(Data(a, b, b)) == fingerprint(Data(np.asfortranarray(a), b.copy(), b))


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.5])
def test_as_many_rows_are_drawn_by_weight_as_are_nearly_all_different(spread):
    weights = np.exp(spread * np.random.default_rng(0).normal(size=5000))
    count = unweighted_count(weights)

    def repeated(n):
        return np.maximum(n * weights / weights.sum() - 1, 0).sum() / n

    assert repeated(count) <= 0.01 + 1e-9
    assert count == 5000 or repeated(count + 1) > 0.01
    index = draw_by_weight(weights, np.random.default_rng(1))
    assert len(index) == count
    assert (np.diff(index) >= 0).all()


def test_rows_are_drawn_in_proportion_to_their_weights():
    weights = np.array([0.0, 1.0, 2.0, 5.0])
    times = [np.bincount(draw_by_weight(weights, np.random.default_rng(i), 4), minlength=4) for i in range(4000)]
    assert np.mean(times, 0) == pytest.approx([0, 0.5, 1, 2.5], abs=0.04)
    assert np.ptp(times, axis=0).max() == 1  # rounded up or down, never further
    assert {len(draw_by_weight(weights, np.random.default_rng(i), 7)) for i in range(50)} == {7}


def test_one_heavy_row_leaves_few():
    assert unweighted_count(np.append(np.ones(999), 1000.0)) == 2
    assert unweighted_count(np.ones(7)) == 7
    assert unweighted_count(np.array([0.0, 3.0])) == 1

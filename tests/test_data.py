"""Splits of data, and their fingerprints."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.budget import Sizes
from genbench.data import fingerprint, split
from genbench.errors import DataError
from genbench.protocol import Data


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


def test_of_equal_rows_only_the_first_is_used(rng: np.random.Generator) -> None:
    rows = np.repeat(np.arange(30.0), 4)[:, None]
    used = np.concatenate(split(rows, Sizes(), rng))
    assert (used % 4 == 0).all()
    assert len(np.unique(rows[used])) == len(used)


def test_images_are_deduplicated_whole(rng: np.random.Generator) -> None:
    images = rng.integers(0, 2, (400, 1, 2, 3), dtype=np.uint8)
    used = images[np.concatenate(split(images, Sizes(), rng))]
    assert len(np.unique(used.reshape(len(used), -1), axis=0)) == len(used)


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

"""Event weights: the law that is trained and scored is that of the weighted rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_cells import Truth, cell_of

from genbench.budget import Sizes
from genbench.errors import DataError
from genbench.protocol import Array, Data
from genbench.training.load import load
from genbench.training.weights import apply_weights, compensate, draw

RNG = np.random.default_rng


def tilted(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return normal rows (n, 2) and weights under which the first column has mean 1/2."""
    rows = rng.normal(size=(n, 2))
    return rows, np.exp(0.5 * rows[:, 0])


def with_negative(n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return the same with a fifth of the weights negative, as generators beyond leading order give them."""
    rows, weights = tilted(n, rng)
    return rows, weights * np.where(rng.random(n) < 0.2, -1, 1)


class Tilted:
    def load(self, sizes: Sizes, rng: np.random.Generator) -> Data:
        parts = {name: with_negative(n, rng) for name, n in vars(sizes).items()}
        return Data(
            *(rows for rows, _ in parts.values()),
            weights={name: weights for name, (_, weights) in parts.items()},
            labels={name: (rows[:, 0] > 0).astype(int) for name, (rows, _) in parts.items()},
        )


def test_negative_weights_are_compensated_by_rows_around_them() -> None:
    rows, weights = with_negative(4000, RNG(0))
    positive, radius = compensate(rows, weights)
    assert positive.min() >= 0
    assert positive.sum() == pytest.approx(weights.sum(), rel=1e-12)
    assert 0 < radius < 2
    for k in range(4):  # means over regions far wider than a cell stay
        region = (rows[:, 0] > 0) == (k % 2) if k < 2 else (rows[:, 1] > 0) == (k % 2)
        assert positive[region].sum() == pytest.approx(weights[region].sum(), rel=0.02)


def test_a_cell_ends_where_its_sum_is_not_negative() -> None:
    rows = np.array([[0.0], [1.0], [3.0], [10.0]])
    positive, radius = compensate(rows, np.array([-1.0, 0.5, 2.0, 7.0]))
    # the cell is the first three rows, of sum 1.5 and absolute sum 3.5
    assert positive.tolist() == pytest.approx([1.5 / 3.5, 0.75 / 3.5, 3 / 3.5, 7.0])
    assert radius == 3.0


def test_weights_that_are_all_positive_stay() -> None:
    rows, weights = tilted(100, RNG(1))
    positive, radius = compensate(rows, weights)
    assert positive.tolist() == weights.tolist()
    assert radius == 0.0


def test_a_single_row_may_outweigh_all_but_one() -> None:
    rows = np.arange(200.0)[:, None]
    weights = np.where(np.arange(200) == 150, 250.0, -1.0)  # far from all others: every cell has to grow to it
    positive, radius = compensate(rows, weights)
    assert positive.min() >= 0
    assert positive.sum() == pytest.approx(51.0)
    assert radius > 49


@pytest.mark.parametrize("weights", [[-1.0, 0.5], [0.0, 0.0], [np.nan, 1.0]], ids=str)
def test_weights_without_a_law_are_refused(weights: list[float]) -> None:
    with pytest.raises(DataError, match="must be positive"):
        compensate(np.array([[0.0], [1.0]]), np.array(weights))


def test_rows_drawn_by_weight_follow_the_weighted_law_and_are_nearly_all_different() -> None:
    rows, weights = with_negative(20_000, RNG(2))
    drawn = draw("test", rows, weights, RNG(3))
    chosen = rows[drawn.index]
    assert chosen.mean(0) == pytest.approx([0.5, 0.0], abs=4 / np.sqrt(len(chosen)))
    assert len(np.unique(drawn.index)) >= 0.98 * len(chosen)
    assert drawn.worth > len(chosen) > 2000
    assert drawn.negative == (weights < 0).sum()


def test_of_more_rows_than_are_asked_for_some_are_drawn_at_random_in_their_order() -> None:
    rows, weights = np.arange(2000.0)[:, None], np.ones(2000)
    index = draw("test", rows, weights, RNG(4), 200).index
    assert len(np.unique(index)) == len(index) == 200
    assert index.tolist() == sorted(index)
    assert index.mean() == pytest.approx(1000, abs=4 * 2000 / np.sqrt(12 * 200)), "from all of the file"
    assert index.tolist() != draw("test", rows, weights, RNG(5), 200).index.tolist()


def test_too_few_rows_are_refused_with_the_reason() -> None:
    weights = np.append(np.ones(999), 1000.0)
    with pytest.raises(DataError, match="only 2 can be drawn by weight, expected 20"):
        draw("test", RNG(0).normal(size=(1000, 2)), weights, RNG(0))


def test_a_cell_trains_on_all_rows_and_scores_rows_drawn_by_weight() -> None:
    data = load(replace(cell_of(Truth, Tilted), sizes=Sizes(3000, 2000, 2000)))
    assert data.weights is None
    assert data.weighted is not None
    assert len(data.weighted.rows) == 3000 > len(data.train)
    assert data.weighted.weights.mean() == pytest.approx(1.0)
    assert data.weighted.weights.min() >= 0
    mean = np.average(data.weighted.rows[:, 0], weights=data.weighted.weights)
    assert mean == pytest.approx(0.5, abs=0.1)
    for name in ("train", "test", "reference"):
        rows = getattr(data, name)
        assert rows[:, 0].mean() == pytest.approx(0.5, abs=0.2)
        assert data.labels is not None
        assert data.labels[name].tolist() == (rows[:, 0] > 0).astype(int).tolist()
    assert any("models are trained on all" in note for note in data.notes)
    assert any("are negative" in note for note in data.notes)


def test_the_same_cell_draws_the_same_rows() -> None:
    cell = cell_of(Truth, Tilted)
    assert load(cell).test.tolist() == load(cell).test.tolist()


def test_equal_weights_change_nothing_but_the_bookkeeping() -> None:
    rows = RNG(0).normal(size=(3, 100, 2))
    weights = {name: np.full(100, 0.3) for name in ("train", "test", "reference")}
    data = apply_weights(Data(*rows, weights=weights), Sizes(100, 100, 100), RNG(0))
    assert [data.train.tolist(), data.test.tolist(), data.reference.tolist()] == rows.tolist()
    assert data.notes == ()


@pytest.mark.parametrize(
    "weights", [{"train": np.ones(100)}, dict.fromkeys(("train", "test", "reference"), np.ones(9))]
)
def test_weights_must_fit_their_rows(weights: dict[str, Array]) -> None:
    rows = RNG(0).normal(size=(3, 100, 2))
    with pytest.raises(DataError, match="expected one for each of 100 rows"):
        apply_weights(Data(*rows, weights=weights), Sizes(100, 100, 100), RNG(0))

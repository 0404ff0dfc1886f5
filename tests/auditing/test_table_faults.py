"""The faults of columns: the facts that define each, on rows whose law is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fault_rows import ANGLE, COUNT, TABLE_ROWS, table, table_ground

from genbench.auditing.faults import FAULTS
from genbench.auditing.table_faults import IMPOSSIBLE_SDS, hard_limit
from genbench.auditing.workspace import RealRows
from genbench.protocol import Array


@pytest.fixture
def ground() -> RealRows:
    return table_ground()


@pytest.fixture
def rows() -> Array:
    return table(TABLE_ROWS, np.random.default_rng(3))


def inject(name: str, size: float, rows: Array, ground: RealRows, seed: int = 0) -> Array:
    return FAULTS[name](rows, size, np.random.default_rng(seed), ground)


def changed_columns(rows: Array, faulty: Array) -> list[int]:
    return np.flatnonzero((rows != faulty).any(0)).tolist()


@pytest.mark.parametrize("size", [0.1, 1.0])
def test_exchanged_columns_have_the_ranks_of_each_other(size: float, rows: Array, ground: RealRows) -> None:
    faulty = inject("exchanged_columns", size, rows, ground)
    first, second = changed_columns(rows, faulty)
    chosen = (faulty != rows).any(1)
    assert chosen.sum() == round(size * TABLE_ROWS)
    relative = (rows - ground.train.mean(0)) / ground.scale
    exchanged = (faulty - ground.train.mean(0)) / ground.scale
    assert np.allclose(exchanged[chosen][:, [first, second]], relative[chosen][:, [second, first]])


def test_a_mirrored_column_is_itself_when_mirrored_again(rows: Array, ground: RealRows) -> None:
    faulty = inject("mirrored_column", 1.0, rows, ground)
    [column] = changed_columns(rows, faulty)
    assert np.allclose(inject("mirrored_column", 1.0, faulty, ground), rows)
    assert np.corrcoef(rows[:, column], faulty[:, column])[0, 1] == pytest.approx(-1)
    middle = np.median(ground.train[:, column])
    assert np.allclose(faulty[:, column] - middle, middle - rows[:, column])


def test_a_rounded_column_has_few_values_and_the_others_keep_theirs(rows: Array, ground: RealRows) -> None:
    faulty = inject("rounded_column", 0.1, rows, ground)
    [column] = changed_columns(rows, faulty)
    step = 0.1 * ground.scale[column]
    assert np.allclose(np.round(faulty[:, column] / step) * step, faulty[:, column])
    assert (np.abs(faulty - rows)[:, column] <= step / 2 * (1 + 1e-9)).all()


def test_angles_are_rounded_to_degrees_from_the_zero_of_the_data(rows: Array, ground: RealRows) -> None:
    faulty = inject("rounded_angle", 1.0, rows, ground)
    assert changed_columns(rows, faulty) == [ANGLE]
    degrees = np.degrees(faulty[:, ANGLE])
    assert np.allclose(degrees, np.round(np.degrees(rows[:, ANGLE])))
    # the same column, standardised: the zero of the data has moved
    assert ground.period is not None
    scaled = replace(ground, period=ground.period / 2, zero=np.full(5, 0.3))
    moved = inject("rounded_angle", 1.0, rows / 2 + 0.3, scaled)
    assert np.allclose(np.degrees((moved[:, ANGLE] - 0.3) * 2), degrees)


def test_clipped_tails_end_at_their_deviation_and_the_rest_stays(rows: Array, ground: RealRows) -> None:
    faulty = inject("clipped_tails", 1 / 3, rows, ground)
    far = np.abs(rows - ground.train.mean(0)) > 3 * ground.scale
    assert far.any()
    assert (faulty[~far] == rows[~far]).all()
    assert np.allclose((np.abs(faulty - ground.train.mean(0)) / ground.scale)[far], 3)
    constant = replace(ground, scale=ground.scale * np.array([1, 1, 1, 1, 0]))
    assert (inject("clipped_tails", 1.0, rows, constant)[:, COUNT] == rows[:, COUNT]).all()


@pytest.mark.parametrize("size", [0.1, 1.0])
def test_a_shuffled_column_keeps_its_values_and_the_others_their_rows(
    size: float, rows: Array, ground: RealRows
) -> None:
    faulty = inject("shuffled_column", size, rows, ground)
    [column] = changed_columns(rows, faulty)
    assert (np.sort(faulty[:, column]) == np.sort(rows[:, column])).all()
    assert 0.95 * size < np.mean(faulty[:, column] != rows[:, column]) <= size


def test_drift_follows_the_ranks_of_a_column_that_stays(rows: Array, ground: RealRows) -> None:
    faulty = inject("drift", 0.5, rows, ground)
    moved = (faulty - rows) / ground.scale
    [along] = set(range(5)) - set(changed_columns(rows, faulty))
    order = np.argsort(rows[:, along])
    assert np.linalg.norm(moved[order[-1]] - moved[order[0]]) == pytest.approx(0.5)
    assert np.allclose(moved[order[0]], -moved[order[-1]])
    assert moved.mean(0) == pytest.approx(0, abs=1e-9)
    assert np.allclose(np.diff(moved[order], n=2, axis=0), 0, atol=1e-9), "in proportion to the ranks"


def test_impossible_values_are_just_beyond_the_hard_limit(rows: Array, ground: RealRows) -> None:
    assert hard_limit(ground) == (COUNT, -1.0)
    faulty = inject("impossible_values", 0.01, rows, ground)
    assert changed_columns(rows, faulty) == [COUNT]
    spoilt = faulty[(faulty != rows).any(1), COUNT]
    lowest = min(each[:, COUNT].min() for each in (ground.train, ground.spare, rows))
    assert len(spoilt) == round(0.01 * TABLE_ROWS)
    assert (spoilt < lowest).all()
    assert (spoilt >= lowest - IMPOSSIBLE_SDS * ground.scale[COUNT]).all()
    upwards = replace(ground, train=-ground.train, spare=-ground.spare)
    assert hard_limit(upwards) == (COUNT, 1.0)
    assert (inject("impossible_values", 0.01, -rows, upwards) == -faulty).all()


def test_the_ends_of_a_normal_tail_and_of_an_angle_are_no_limits(ground: RealRows) -> None:
    rng = np.random.default_rng(0)
    normal = rng.standard_normal((2000, 3))
    assert hard_limit(RealRows(normal, normal, normal[:1], normal.std(0))) is None
    angle = rng.uniform(0, 360, (2000, 1))
    assert hard_limit(RealRows(angle, angle, angle[:1], angle.std(0))) is not None
    assert hard_limit(RealRows(angle, angle, angle[:1], angle.std(0), period=np.array([360.0]))) is None

"""Remarks on columns that are seldom meant to be modelled, and none on others."""

import numpy as np
import pytest
from user_files import says, write

from genbench.files import dataset_spec
from genbench.files.remarks import remarks_on, remarks_on_levels

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(10, 2, 200)


def with_some(value, rows):
    values = NORMAL.copy()
    values[:rows] = value
    return values


@pytest.mark.parametrize(
    ("values", "part"),
    [
        (np.arange(200.0), "counts the rows, like an identifier; --columns=-x leaves it out"),
        (np.arange(200.0, 0.0, -1.0), "counts the rows"),
        (RNG.permutation(np.arange(20240101.0, 20240129.0)), "looks like dates as integers (20240101)"),
        (with_some(-999.0, 12), "is -999 in 12 rows, far from all others: a fill value"),
        (with_some(9999.0, 1), "is 9999 in 1 row, far"),
        (with_some(1e12, 1), "row 1: 1e+12 is"),
        (with_some(-1e9, 1), "row 1: -1e+09 is"),
    ],
)
def test_what_is_odd_is_said_once(values, part):
    [found] = remarks_on("x", values)
    assert part in found


@pytest.mark.parametrize(
    "values",
    [
        NORMAL, np.full(50, 3.0), RNG.integers(0, 2, 100).astype(float), RNG.poisson(3, 200).astype(float),
        RNG.standard_cauchy(500), RNG.lognormal(0, 2, 500), RNG.permutation(np.arange(200.0)),
        np.r_[-999.0, RNG.normal(0, 500, 200)], np.linspace(0, 1, 100),
        RNG.integers(20240101, 20249999, 100).astype(float),
    ],
)  # fmt: skip
def test_other_columns_are_left_in_peace(values):
    assert remarks_on("x", values) == []


def test_they_are_notes_of_a_dataset(tmp_path):
    rows = "".join(f"{i},{i * 0.37 % 5},{-999 if i % 9 == 0 else i % 7 + 0.5}\n" for i in range(60))
    notes = []
    assert dataset_spec(write(tmp_path, "event,x,y\n" + rows), notes=notes)[0].rows == 60
    says(" ".join(notes), "column 'event' counts the rows", "column 'y' is -999 in 7 rows")
    assert not any("'x'" in note for note in notes)


@pytest.mark.parametrize(
    ("levels", "part"),
    [
        (("0 %", "5 %"), "text as '0 %'"),
        (("$1.50", "$2"), "text as '$1.50'"),
        (("0x1f", "0x20"), "text as '0x1f'"),
        (("0", "\u200b1"), "text as '1' (with characters that do not show)"),
        (("1", "2.5"), "numbers; --kinds x=continuous"),
        (("a1", "b2"), None),
        (("low", "5"), None),
    ],
)
def test_levels_that_are_nearly_numbers(levels, part):
    found = remarks_on_levels("x", levels)
    assert [part in note for note in found] == ([True] if part else [])

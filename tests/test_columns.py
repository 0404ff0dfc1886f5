"""Columns of data, as datasets declare them."""

from __future__ import annotations

import math

import pytest

from genbench.columns import Column, DataFacts


def test_an_angle_has_a_period_and_a_category_has_levels() -> None:
    assert Column("phi", kind="angle").period == pytest.approx(2 * math.pi)
    assert Column("phi", kind="angle", period=360.0).period == 360.0
    assert Column("x").period is None
    with pytest.raises(ValueError, match="a category has levels, and no other kind has"):
        Column("kind", kind="category")
    with pytest.raises(ValueError, match="a category has levels, and no other kind has"):
        Column("n", kind="integer", levels=("a",))
    with pytest.raises(ValueError, match="kind 'text', expected continuous, integer, category, angle"):
        Column("x", kind="text")


def test_what_is_not_known_of_data_is_none() -> None:
    facts = DataFacts("vector")
    assert (facts.shape, facts.levels, facts.rows, facts.columns, facts.conditions) == (None, None, None, (), ())

"""Stored scores, read in one place: column, error, limit, failure."""

from __future__ import annotations

import statistics

import pytest

from genbench.record.score import (
    column_of,
    finite_or_none,
    floor_spread,
    interval_error,
    is_limit,
    jackknife_gap_error,
    metric_failed,
    standard_error,
)


def test_the_standard_error_of_an_interval() -> None:
    assert standard_error({"low": -1.96, "high": 1.96}) == pytest.approx(1)
    assert standard_error({"low": None, "high": 1.0}) is None
    assert standard_error({}) is None


@pytest.mark.parametrize(
    ("level", "error"), [(None, 2 / 3.92), (0.95, 2 / 3.92), (0.6827, 1.0), (0.9, 2 / 3.2897), (0.9973, 1 / 3)]
)
def test_the_level_of_an_interval_says_how_many_errors_wide_it_is(level: float | None, error: float) -> None:
    assert interval_error({"low": 4.0, "high": 6.0, "level": level}) == pytest.approx(error, rel=1e-4)


@pytest.mark.parametrize("score", [{}, {"low": 1.0}, {"low": 1.0, "high": None}, {"low": 1.0, "high": float("inf")}])
def test_without_two_ends_there_is_no_error(score: dict) -> None:
    assert interval_error(score) is None
    assert standard_error(score) is None


def test_a_stated_error_comes_before_that_of_the_interval() -> None:
    score = {"low": 0.0, "high": 3.92, "detail": {"standard_error": 0.25}}
    assert standard_error(score) == 0.25
    assert standard_error({**score, "detail": {}}) == pytest.approx(1.0)


def test_the_jackknifed_error_of_a_gap_of_means_is_that_of_the_means_of_groups() -> None:
    """Without one of equal groups, a mean is the sum of the others' means over their number."""
    one, other = [3.0, 5.0, 4.0, 8.0, 7.0, 6.0], [1.0, 2.0, 5.0, 3.0, 4.0, 9.0]

    def without(means: list[float]) -> list[float]:
        return [(sum(means) - mean) / 5 for mean in means]

    gaps = [a - b for a, b in zip(one, other, strict=True)]
    error = statistics.stdev(gaps) / 6**0.5
    assert jackknife_gap_error(without(one), without(other)) == pytest.approx(error, rel=1e-12)
    assert jackknife_gap_error(without(one), without(one)) == 0.0
    assert jackknife_gap_error(without(one), without(other)[:5]) is None
    assert jackknife_gap_error([1.0] * 4, [2.0] * 4) is None, "too few groups"


def test_the_spread_of_a_floor_is_measured_or_that_of_its_interval() -> None:
    assert floor_spread({"floor_sd": 0.5, "low": 0.0, "high": 3.92}) == 0.5
    assert floor_spread({"low": 0.0, "high": 3.92}) == pytest.approx(1.0)
    assert floor_spread({"low": 1.0, "high": 1.0}) is None
    assert floor_spread({}) is None


@pytest.mark.parametrize(
    ("score", "column"),
    [
        ({"metric": "energy"}, "energy"),
        ({"metric": "energy", "space": "standardised"}, "energy"),
        ({"metric": "energy", "space": "pixels"}, "energy"),
        ({"metric": "energy", "space": "raw"}, "energy@raw"),
        ({"metric": "energy@raw", "space": "raw"}, "energy@raw"),
        ({"metric": "mmd", "space": "raw", "label": "mmd[bandwidth=2]"}, "mmd[bandwidth=2]"),
    ],
)
def test_a_column_is_a_label_or_a_metric_in_a_space(score: dict, column: str) -> None:
    assert column_of(score) == column


def test_a_metric_failed_where_it_raised_and_not_where_it_has_no_value() -> None:
    assert metric_failed({"value": None, "warnings": ["failed: ValueError"]})
    assert not metric_failed({"value": None, "warnings": ["the value is inf"]})
    assert not metric_failed({"value": 1.0, "warnings": ["failed: once"]})
    assert not metric_failed({"value": None})


def test_limits_and_finite_numbers() -> None:
    assert is_limit({"detail": {"at_least": True}})
    assert not any(map(is_limit, ({}, {"detail": None}, {"detail": {"at_least": False}})))
    assert [finite_or_none(value) for value in (1, 1.5, float("nan"), float("inf"), None, "1")] == [
        1.0,
        1.5,
        *[None] * 4,
    ]

"""Stored scores, read in one place: column, error, limit, failure."""

from __future__ import annotations

import pytest

from genbench.record.score import standard_error


def test_the_standard_error_of_an_interval() -> None:
    assert standard_error({"low": -1.96, "high": 1.96}) == pytest.approx(1)
    assert standard_error({"low": None, "high": 1.0}) is None
    assert standard_error({}) is None

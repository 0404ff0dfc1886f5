"""Schedules: where they begin, where they end, and what lies between."""

from __future__ import annotations

import math

import pytest

from genbench.training import cosine, warm_up


def test_cosine_is_flat_and_then_falls_to_zero() -> None:
    assert [cosine(p, 0.6) for p in (0.0, 0.6)] == [1, 1]
    assert cosine(0.8, 0.6) == pytest.approx(0.5)
    assert cosine(1.0, 0.6) == pytest.approx(0)
    assert [cosine(p) for p in (0.0, 0.25, 1.0)] == [1, 0.5 + 0.5 * math.cos(math.pi / 4), 0]


def test_warm_up_rises_and_stays() -> None:
    assert [warm_up(p, 0.5) for p in (0.0, 0.125, 0.5, 1.0)] == [0, 0.25, 1, 1]
    assert warm_up(0.05) == 1

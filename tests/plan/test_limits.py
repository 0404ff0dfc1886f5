"""Limits of a cell: what is left of its deadline, and how a record holds them."""

from __future__ import annotations

from genbench.plan.limits import MIN_STAGE_S, Limits


def test_a_deadline_is_less_by_what_was_spent_and_never_over_at_once() -> None:
    assert Limits().left is None
    assert Limits(spent=5.0).left is None
    assert Limits(10.0, spent=4.0).left == 6.0
    assert Limits(10.0, spent=99.0).left == MIN_STAGE_S > 0


def test_a_record_holds_seconds_and_mebibytes() -> None:
    assert Limits().as_dict() == {"timeout_s": None, "memory_mb": None}
    assert Limits(2.5, 3 * 2**20, spent=1.0).as_dict() == {"timeout_s": 2.5, "memory_mb": 3.0}

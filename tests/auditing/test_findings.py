"""Findings: when a metric has missed what it advertises, and how that is said."""

from __future__ import annotations

from dataclasses import replace

import pytest

from genbench.auditing.findings import DETECTION_Z, Finding, complaint

BLIND = Finding(
    "shift", "energy", size=0.5, z=1.0, detected=False, smallest=None, value=0.1, floor=0.1, floor_sd=0.01,
    better="lower", advertised=True, flattered=False, strongest=2.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({}, True),
        ({"advertised": False}, False),
        ({"detected": True}, False),
        ({"smallest": 2.0}, False),  # a larger one is seen
        ({"strongest": None}, True),
        ({"strongest": DETECTION_Z}, False),
        ({"strongest": 2.5, "required": 2.5}, False),  # of few samples less is asked
        ({"strongest": 2.4, "required": 2.5}, True),
    ],
)
def test_what_is_advertised_and_seen_at_no_size_is_missed(changed: dict, missed: bool) -> None:
    assert replace(BLIND, **changed).missed == missed


def test_a_complaint_names_metric_fault_z_size_and_samples() -> None:
    said = complaint(BLIND, 400)
    for part in ("metric 'energy' advertises shift and misses it", "z = 1.0", "size 0.5", "n = 400"):
        assert part in said
    assert "gives no value" in complaint(replace(BLIND, value=None), 400)
    assert "blind" in complaint(replace(BLIND, z=None), 400)

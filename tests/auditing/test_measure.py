"""Measurements of an audit: z, sizes, and the real side that is made once."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from audits import audit, normal

from genbench.auditing.faults import FAULTS
from genbench.auditing.measure import SharedReal


@pytest.mark.parametrize("n", [100, 900])
def test_the_mean_sees_a_shift_as_theory_says(plugin: Path, n: int) -> None:
    found = audit(plugin, normal(30 * n), "t_mean", rows=n).of("shift", "t_mean")
    assert found.floor_sd == pytest.approx(1 / math.sqrt(n), rel=0.45)  # 19 degrees of freedom: 16 % is one sigma
    assert found.z is not None
    assert abs(found.z) == pytest.approx(FAULTS["shift"].size / found.floor_sd, rel=0.05)
    assert found.smallest == pytest.approx(5 * found.floor_sd, rel=0.05), "z grows with the size, so 5 is at five sigma"
    assert found.detected == (abs(found.z) >= 5)
    assert not found.flattered, "a metric that is not ranked has no better side"


def test_the_spread_of_a_small_pool_is_that_of_the_law(plugin: Path) -> None:
    spreads = [
        audit(plugin, normal(400, seed=seed), "t_mean", rows=100, seed=seed).of("shift", "t_mean").floor_sd or 0.0
        for seed in range(8)
    ]
    assert np.mean(spreads) == pytest.approx(0.1, rel=0.2), "half of the pool is drawn: uncorrected it would be 0.07"


def test_copies_are_of_the_training_rows_of_the_evidence(plugin: Path) -> None:
    found = audit(plugin, normal(4000, 2), "t_copied", "exact_copies,near_copies,shift", rows=200)
    exact = found.of("exact_copies", "t_copied")
    assert exact.value == pytest.approx(FAULTS["exact_copies"].size)
    assert exact.floor == 0
    assert exact.z is None, "real data have no copies at all"
    assert exact.detected
    assert "no spread" in exact.warnings[0]
    assert exact.smallest == 1 / 200
    for fault in ("near_copies", "shift"):
        assert not found.of(fault, "t_copied").detected
    assert found.unseen == ("shift", "near_copies")


def test_the_real_side_is_computed_once_and_samples_are_forgotten() -> None:
    real, computed = SharedReal(normal(5)), []

    def ask(key: object) -> None:
        real.once(key, lambda: computed.append(key))

    for number in range(6):
        for key in ("radii", ("held", number), ("held", number)):
            ask(key)
        real.next_sample()
    assert computed.count("radii") == 1
    assert computed.count(("held", 3)) == 1
    assert len(real._found) == 1, "what belongs to one sample goes with it"

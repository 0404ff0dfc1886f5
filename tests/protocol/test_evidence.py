"""What metrics receive: what is computed once, and random numbers that a name and a seed decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from genbench.protocol import Evidence, RealSide

ROWS = np.zeros((4, 2))


def test_what_is_made_of_the_real_side_is_made_once() -> None:
    real, calls = RealSide(ROWS), []
    for key in ("a", "b", "a"):
        assert real.once(key, lambda key=key: calls.append(key) or key) == key
    assert calls == ["a", "b"]
    assert real.once("none", lambda: None) is real.once("none", lambda: 1) is None


def test_a_name_and_a_seed_decide_what_a_metric_draws() -> None:
    evidence = Evidence(RealSide(ROWS), ROWS, seed=3)
    one = evidence.rng("energy").random(5)
    np.testing.assert_array_equal(evidence.rng("energy").random(5), one)
    for other in (evidence.rng("mmd"), replace(evidence, seed=4).rng("energy"), evidence.rng("energyx")):
        assert not np.array_equal(other.random(5), one)

"""Before many rows are scored, the time that it will take is said."""

from __future__ import annotations

import numpy as np
import pytest

from genbench.scoring import expected_time
from genbench.scoring.samples import score_samples


def lines(rows: int, max_rows: int | None) -> list[str]:
    rng = np.random.default_rng(0)
    found: list[str] = []
    given = {name: rng.normal(size=(rows, 2)) for name in ("real", "fake")}
    score_samples(given, "energy,w1_marginal", listener=found.append, max_rows=max_rows)
    return found


def test_many_rows_are_announced_before_they_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expected_time, "MIN_ROWS", 300)
    monkeypatch.setattr(expected_time, "TRIAL_ROWS", 100)
    first, *others = lines(300, None)
    assert first.startswith("expected: ")
    assert "for 300 rows (" in first
    assert others == ["energy", "w1_marginal"]
    assert lines(299, None) == ["energy", "w1_marginal"]


def test_a_cap_bounds_the_time_of_metrics_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    score = {"low": 0.0, "value": 1.0, "seconds": 1.0}
    pairs = SimpleNamespace(config=None, spec=SimpleNamespace(pairs=True))
    other = SimpleNamespace(config=SimpleNamespace(max_rows=2_000), spec=SimpleNamespace(pairs=False))
    assert expected_time._seconds(pairs, score, 1_000_000, 20_000) == 300.0
    assert expected_time._seconds(pairs, score, 1_000_000, None) == 500_000.0
    assert expected_time._seconds(other, score, 1_000_000, None) == 3.0

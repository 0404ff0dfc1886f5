"""Checks: each says what it asks and what to do."""

from __future__ import annotations

from genbench.testing import checks_for


def test_every_check_says_what_it_asks_and_what_to_do() -> None:
    for kind in ("model", "dataset", "metric", "space"):
        checks = checks_for(kind)
        assert len(checks) > 8
        for check in checks:
            assert check.summary
            assert check.remedy
            assert len({each.name for each in checks}) == len(checks)

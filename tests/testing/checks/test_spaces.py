"""Each check of feature spaces finds the one fault it is there for, and no other check does."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench.testing import check_plugin, checks_for

PATH = Path(__file__).parent / "broken_spaces.py"
NAMES = [check.name for check in checks_for("space") if check.function.__module__.endswith("spaces")]


def test_a_sound_space_passes() -> None:
    [report] = check_plugin("space:sound", plugins=[PATH])
    assert {outcome.check.name: outcome.reason for outcome in report.outcomes if outcome.bad} == {}
    assert report.counts["passed"] == len(NAMES) + 2  # its constructor and its methods


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_found_by_its_check_alone(name: str) -> None:
    [report] = check_plugin(f"space:{name}", plugins=[PATH])
    assert {outcome.check.name for outcome in report.outcomes if outcome.bad} == {name}

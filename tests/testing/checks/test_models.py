"""Each check of models finds the one fault it is there for, and no other check does."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench.testing import check_plugin, checks_for

HERE = Path(__file__).parent
SOUND, BROKEN = HERE / "sound_models.py", HERE / "broken_models.py"
ELSEWHERE = {"declared_lightly"}  # of packages, not of one file: tests/testing/test_kit.py
NAMES = [check.name for check in checks_for("model") if check.name not in ELSEWHERE]


def failed(name: str, path: Path) -> dict[str, str]:
    [report] = check_plugin(f"model:{name}", plugins=[path])
    return {outcome.check.name: outcome.reason for outcome in report.outcomes if outcome.bad}


def test_a_sound_model_passes_and_little_is_skipped() -> None:
    [report] = check_plugin("model:sound", plugins=[SOUND])
    skipped = {outcome.check.name for outcome in report.outcomes if outcome.verdict == "skipped"}
    assert {outcome.check.name: outcome.reason for outcome in report.outcomes if outcome.bad} == {}
    assert skipped == {"declared_lightly", "weights_are_used"}
    assert report.ok


def test_a_sound_model_with_weights_passes() -> None:
    assert failed("weighted", SOUND) == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_found_by_its_check_alone(name: str) -> None:
    assert set(failed(name, BROKEN)) == {name}

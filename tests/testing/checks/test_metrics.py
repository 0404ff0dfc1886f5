"""Each check of metrics finds the one fault it is there for, and no other check does."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench.testing import check_plugin, checks_for

PATH = Path(__file__).parent / "broken_metrics.py"
ELSEWHERE = {  # of packages and of options: test_kit.py and test_models.py
    "declared_lightly",
    "options_are_explained",
    "config_survives_a_round_trip",
    "impossible_options_are_refused",
}
NAMES = [check.name for check in checks_for("metric") if check.name not in ELSEWHERE]


def test_a_sound_metric_passes_and_nothing_that_applies_is_skipped() -> None:
    [report] = check_plugin("metric:sound", plugins=[PATH])
    assert {outcome.check.name: outcome.reason for outcome in report.outcomes if outcome.bad} == {}
    skipped = {outcome.check.name for outcome in report.outcomes if outcome.verdict == "skipped"}
    assert skipped == ELSEWHERE | {"copies_alone_count_as_copying"}, "it is no metric of copying"


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_found_by_its_check_alone(name: str) -> None:
    [report] = check_plugin(f"metric:{name}", plugins=[PATH])
    assert {outcome.check.name for outcome in report.outcomes if outcome.bad} == {name}

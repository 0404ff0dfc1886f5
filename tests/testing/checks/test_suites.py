"""Each check of suites finds the one fault it is there for, and no other check does."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench.testing import check_plugin, checks_for

PATH = Path(__file__).parent / "broken_suites.py"
NAMES = [check.name for check in checks_for("suite") if check.function.__module__.endswith("suites")]


@pytest.mark.slow
def test_a_sound_suite_passes() -> None:
    [report] = check_plugin("suite:sound", plugins=[PATH])
    assert {outcome.check.name: outcome.reason for outcome in report.outcomes if outcome.bad} == {}
    assert report.counts["passed"] == len(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_found_by_its_check_alone(name: str) -> None:
    [report] = check_plugin(f"suite:{name}", plugins=[PATH])
    assert {outcome.check.name for outcome in report.outcomes if outcome.bad} == {name}


@pytest.mark.slow
def test_what_is_not_installed_is_a_planned_skip_and_no_fault() -> None:
    [report] = check_plugin("suite:later", plugins=[PATH])
    assert report.ok
    skipped = {outcome.check.name: outcome.reason for outcome in report.outcomes if outcome.verdict == "skipped"}
    assert "no model named 'zoo_of_tomorrow'" in skipped["installed_parts_accept_their_options"]
    assert "metric 'kl' has no option 'of'" in skipped["installed_parts_accept_their_options"]


def test_a_suite_of_which_nothing_is_installed_is_not_run() -> None:
    [report] = check_plugin("suite:nothing", plugins=[PATH])
    assert report.ok
    [smoke] = [outcome for outcome in report.outcomes if outcome.check.name == "smoke_run_works"]
    assert (smoke.verdict, smoke.reason) == ("skipped", "no model of it is installed")

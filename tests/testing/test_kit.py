"""The kit's own promises: verdicts, counts, expected failures, and that a skip is no pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from genbench.testing import Check, Report, Skipped, check_plugin, conformance, kit, subjects

HERE = Path(__file__).parent / "checks"


DATA = str(HERE / "broken_datasets.py")


def verdicts(report: Report) -> dict[str, str]:
    return {outcome.check.name: outcome.verdict for outcome in report.outcomes}


def test_an_expected_failure_needs_a_reason_and_an_unexpected_pass_fails() -> None:
    known = {"origin_is_stated": "the author is still asking"}
    [report] = check_plugin("dataset:origin_is_stated", plugins=[DATA], expected_failures=known)
    assert verdicts(report)["origin_is_stated"] == "expected failure"
    assert report.ok
    [sound] = check_plugin("dataset:sound", plugins=[DATA], expected_failures=known)
    assert verdicts(sound)["origin_is_stated"] == "unexpected pass"
    assert not sound.ok
    with pytest.raises(ValueError, match="needs a reason"):
        check_plugin("dataset:sound", plugins=[DATA], expected_failures={"origin_is_stated": " "})
    with pytest.raises(ValueError, match="no check named 'origin'"):
        check_plugin("dataset:sound", plugins=[DATA], expected_failures={"origin": "why"})


def test_all_skipped_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def skips(_: object) -> None:
        raise Skipped("not today")

    only = Check("only", ("dataset",), "Nothing", "none", skips)
    monkeypatch.setattr(kit, "checks_for", lambda kind: [only])
    [report] = check_plugin("dataset:sound", plugins=[DATA])
    assert report.counts == {"passed": 0, "failed": 0, "skipped": 1, "expected failure": 0, "unexpected pass": 0}
    assert not report.ok


def test_an_expected_failure_of_a_distribution_is_of_the_kinds_that_have_the_check(tmp_path: Path) -> None:
    both = [subject for name in ("model:vae", "dataset:ring") for subject in subjects(name)]
    known = kit.expected_by_kind(both, {"it_learned": "why", "origin_is_stated": "why", "constructor_is_inert": "why"})
    assert set(known["model"]) == {"it_learned", "constructor_is_inert"}
    assert set(known["dataset"]) == {"origin_is_stated", "constructor_is_inert"}
    with pytest.raises(ValueError, match="no check named 'order_of_rows_does_not_matter' for a model or dataset"):
        kit.expected_by_kind(both, {"order_of_rows_does_not_matter": "why"})
    with pytest.raises(ValueError, match="'origin_is_stated' needs a reason"):
        conformance("dataset:sound", plugins=[DATA], expected_failures={"origin_is_stated": ""})


UNBUILDABLE = (
    "import genbench\n\nclass Needs:\n    def __init__(self):\n        raise TypeError('no')\n\n"
    "@genbench.hookimpl\ndef genbench_register():\n"
    "    return [genbench.ModelSpec('needs', Needs, None, 'nothing')]\n"
)


def test_one_cause_has_one_traceback_and_none_of_the_kits_own_frames(tmp_path: Path) -> None:
    path = tmp_path / "unbuildable.py"
    path.write_text(UNBUILDABLE)
    [report] = check_plugin("needs", plugins=[path])
    failures = [outcome for outcome in report.outcomes if outcome.verdict == "failed"]
    assert len(failures) > 5
    assert sum(bool(outcome.traceback) for outcome in failures) == 1
    assert "genbench/testing" not in "".join(outcome.traceback for outcome in failures)
    first = failures[0].check.name
    assert {outcome.same_as for outcome in failures if "TypeError: no" in outcome.reason} == {"", first}


def test_only_the_checks_that_are_named_are_run() -> None:
    names = ["splits_share_no_row", "origin_is_stated"]
    [report] = check_plugin("dataset:sound", plugins=[DATA], only=names)
    assert [outcome.check.name for outcome in report.outcomes] == sorted(names, reverse=True)
    with pytest.raises(ValueError, match="no check named 'origin' for a dataset"):
        check_plugin("dataset:sound", plugins=[DATA], only=["origin"])

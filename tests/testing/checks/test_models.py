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
    of_conditions = {
        "samples_follow_their_conditions", "densities_follow_their_conditions", "capabilities_take_conditions",
    }  # fmt: skip
    assert skipped == {"declared_lightly", "weights_are_used", *of_conditions}
    assert report.ok


@pytest.mark.parametrize("name", ["weighted", "conditional", "given"])
def test_sound_models_with_weights_or_conditions_pass(name: str) -> None:
    assert failed(name, SOUND) == {}


def test_a_sound_model_of_grey_levels_is_checked_on_those_that_it_takes() -> None:
    assert failed("grey", SOUND) == {}


def test_a_model_of_binary_images_alone_is_checked_on_these() -> None:
    skipped = {"it_learned"}  # after one batch its counts are those of all: it does not improve from there
    [report] = check_plugin("model:binary", plugins=[SOUND], fast=True)
    assert {outcome.check.name for outcome in report.outcomes if outcome.bad} <= skipped
    [kinds] = [o.verdict for o in report.outcomes if o.check.name == "every_declared_kind_of_data_works"]
    assert kinds == "passed"


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_found_by_its_check_alone(name: str) -> None:
    assert set(failed(name, BROKEN)) == {name}


FURTHER = {
    "overtime": ("budget_is_honoured", "200 of them whatever the budget"),
    "one_channel": ("every_declared_kind_of_data_works", "only one channel"),
    "no_levels": ("every_declared_kind_of_data_works", "of 4 grey levels, samples are not finite"),
    "exact_and_no_bits": ("masses_of_integer_images_sum_to_one", "the masses of all 81 images sum to 81"),
    "leaking_mask": ("masses_of_integer_images_sum_to_one", "the masses of all 81 images sum to"),
    "wrong_units": ("masses_of_integer_images_sum_to_one", "the masses of all 81 images sum to 0."),
}


@pytest.mark.parametrize("name", FURTHER)
def test_another_fault_is_found_by_its_check_alone(name: str) -> None:
    check, why = FURTHER[name]
    found = failed(name, BROKEN)
    assert set(found) == {check}
    assert why in found[check]


def test_a_fast_check_of_a_sound_model_passes_and_finds_an_overtime_loop() -> None:
    [report] = check_plugin("model:sound", plugins=[SOUND], fast=True)
    assert {outcome.check.name: outcome.reason for outcome in report.outcomes if outcome.bad} == {}
    of_conditions = {
        "samples_follow_their_conditions", "densities_follow_their_conditions", "capabilities_take_conditions",
    }  # fmt: skip
    skipped = {outcome.check.name for outcome in report.outcomes if outcome.verdict == "skipped"}
    assert skipped == {"declared_lightly", "same_seed_in_another_process", "weights_are_used", *of_conditions}
    [report] = check_plugin("model:overtime", plugins=[BROKEN], fast=True, only=["budget_is_honoured", "it_learned"])
    assert [(o.check.name, o.verdict) for o in report.outcomes] == [
        ("budget_is_honoured", "failed"),
        ("it_learned", "passed"),
    ]

"""Each check of datasets finds the one fault it is there for, and no other check does."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from genbench.protocol import Column, Data
from genbench.testing import check_plugin, checks_for
from genbench.testing.checks.datasets import columns_have_their_kinds

PATH = Path(__file__).parent / "broken_datasets.py"


ELSEWHERE = {  # of packages, of options, of methods: test_kit.py and test_models.py
    "declared_lightly",
    "options_are_explained",
    "config_survives_a_round_trip",
    "impossible_options_are_refused",
    "methods_are_there",
}


NAMES = [check.name for check in checks_for("dataset") if check.name not in ELSEWHERE]


def test_a_sound_dataset_passes_and_nothing_that_applies_is_skipped() -> None:
    [report] = check_plugin("dataset:sound", plugins=[PATH])
    assert {outcome.check.name: outcome.reason for outcome in report.outcomes if outcome.bad} == {}
    skipped = {outcome.check.name for outcome in report.outcomes if outcome.verdict == "skipped"}
    assert skipped == ELSEWHERE - {"methods_are_there"}


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_is_found_by_its_check_alone(name: str) -> None:
    [report] = check_plugin(f"dataset:{name}", plugins=[PATH])
    assert {outcome.check.name for outcome in report.outcomes if outcome.bad} == {name}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((Column("n", kind="integer"),), "1 columns are declared, the rows have 2"),
        ((Column("n", kind="integer"), Column("k", kind="category", levels=("a", "b"))), "its codes are 0 to 2"),
        ((Column("n", kind="integer", log=True), Column("k")), "column 'n' is a logarithm, and holds 0"),
        ((Column("n", kind="integer"), Column("k", kind="category", levels=("a", "b", "c"))), ""),
    ],
)
def test_kinds_of_columns_are_held_to_their_values(columns: tuple[Column, ...], message: str) -> None:
    rows = np.arange(6.0).repeat(2).reshape(6, 2) % 3
    data = Data(rows, rows, rows, columns=columns) if len(columns) == 2 else None
    if data is None:
        data = SimpleNamespace(train=rows, test=rows, reference=rows, columns=columns)
    subject = SimpleNamespace(once=lambda name, make: data)
    with pytest.raises(AssertionError, match=message) if message else nullcontext():
        columns_have_their_kinds(subject)

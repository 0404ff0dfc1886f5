"""A run of before jackknife replicates were kept: it loads, is compared unpaired, and is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

import genbench
from genbench.cli.main import main
from genbench.record.store import Damage, read_records
from genbench.record.validation import validate
from genbench.report import render
from genbench.table.results import Results, load

OLD_RUN = Path(__file__).parents[1] / "data" / "run_of_schema_2"


@pytest.fixture(scope="module")
def results() -> Results:
    return load(OLD_RUN)


def test_it_is_whole_and_migrated() -> None:
    damaged: list[Damage] = []
    records = read_records(OLD_RUN, damaged=damaged)
    assert damaged == []
    assert len(records) == 15
    assert {record["schema_version"] for record in records} == {3}
    for record in records:
        assert all(score["replicates"] is None and score["copying"] is False for score in record["scores"])
    assert validate(OLD_RUN).problems == []


def test_it_is_ranked_and_has_a_verdict(results: Results) -> None:
    frame = results.table(details=True).set_index("label")
    assert frame.loc["gan", "rank_low"] == frame.loc["gan", "rank_high"] == 3
    found = results.verdict("grid")
    assert found.take == "kde"
    assert str(found).startswith("Take `kde`: ")


def test_it_says_that_its_models_are_compared_unpaired(results: Results) -> None:
    assert "note: some records hold no jackknife replicates: their models are compared unpaired" in render(
        results.records, "markdown"
    )


def test_it_is_no_worse_than_itself(results: Results) -> None:
    found = genbench.compare(results, results)
    assert set(found.counts) == {"unchanged"}
    assert main(["compare", str(OLD_RUN), str(OLD_RUN), "--strict"]) == 0
